//! The second factor: a code shown on a device, sent by SMS or read out, and the trust that spares the
//! next one (protocol page 4).
//!
//! Comes in: a sign-in whose password was right, and somebody to ask. Goes out: the same sign-in,
//! trusted. A code is tried at most three times, since more may lock the account.

mod state;

use log::{debug, warn};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    auth::{
        identity::{Identity, stumbled},
        prompt::{CodeAnswer, Phone, Prompt, Question, Via, nobody_there},
        twofactor::state::{LENGTH, State, locked_word, too_many},
    },
    cloud::{answer::Reason, http::Answer},
    error::{Error, Kind, Result},
};

/// Codes that may be typed wrong in one sign-in.
const TRIES: u32 = 3;

const JSON: &str = "application/json";

/// Gets a code, gives it, and has the browser trusted. `given` is a code from the command line or the
/// environment: it is tried before any other is asked for.
///
/// # Errors
/// `SignIn` where nobody is there to ask, three codes were wrong, or the account gives no codes.
pub(crate) fn run(
    identity: &mut Identity<'_>,
    prompt: &dyn Prompt,
    via: Via,
    given: Option<&str>,
) -> Result<()> {
    let state = state(identity)?;
    let is_attended = prompt.is_attended();
    if given.is_none() && !is_attended {
        return Err(nobody_there(
            "a code of the second factor is needed, and nobody is there to ask",
        ));
    }
    let mut question = state.question(via)?;
    let mut given = given;
    let mut is_sent = false;
    let mut wrong = 0;
    loop {
        let code = if let Some(code) = given.take() {
            digits(code)
        } else {
            if !is_attended {
                return Err(nobody_there("the code of the second factor was refused"));
            }
            if !is_sent {
                send(identity, prompt, &state, &mut question)?;
                is_sent = true;
            }
            match prompt.code(&question)? {
                CodeAnswer::Code(code) => code,
                CodeAnswer::Send(via, phone) => {
                    question.via = via;
                    question.phone = phone;
                    question.was_wrong = false;
                    is_sent = false;
                    continue;
                }
            }
        };
        if check(identity, &question, &code)? {
            break;
        }
        wrong += 1;
        question.was_wrong = true;
        if wrong >= TRIES {
            return Err(nobody_there("the code was wrong three times"));
        }
    }
    trust(identity)
}

/// Has a code sent that a later run will give; returns how it was sent.
///
/// # Errors
/// As [`run`].
pub(crate) fn send_ahead(
    identity: &mut Identity<'_>,
    prompt: &dyn Prompt,
    via: Via,
) -> Result<(Via, Option<Phone>)> {
    let state = state(identity)?;
    let mut question = state.question(via)?;
    send(identity, prompt, &state, &mut question)?;
    Ok((question.via, question.phone))
}

/// Gives the code that an earlier run had sent; false where it is wrong.
///
/// # Errors
/// `SignIn` where the service does not know that sign-in any more.
pub(crate) fn give(
    identity: &mut Identity<'_>,
    via: Via,
    phone: Option<Phone>,
    code: &str,
) -> Result<bool> {
    let question = Question {
        via,
        phone,
        phones: Vec::new(),
        length: LENGTH,
        was_wrong: false,
    };
    if !check(identity, &question, &digits(code))? {
        return Ok(false);
    }
    trust(identity)?;
    Ok(true)
}

/// Asks how a code can be had.
fn state(identity: &mut Identity<'_>) -> Result<State> {
    let answer = identity.ask(Method::GET, "", None, JSON)?;
    if !is_good(&answer) {
        return Err(stumbled("auth", &answer));
    }
    let state = State::read(&answer.body);
    if state.has_keys {
        return Err(Error::new(
            Kind::SignIn,
            "this account is protected by security keys, which this program cannot use",
        )
        .with_hint(
            "Apple sends no codes to such accounts; remove the keys in the account's settings, or use another account",
        ));
    }
    match state.locked {
        Some(locked) => Err(too_many(locked)),
        None => Ok(state),
    }
}

fn digits(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Has a code sent as the question says. Where no device can show one, the first number gets it.
fn send(
    identity: &mut Identity<'_>,
    prompt: &dyn Prompt,
    state: &State,
    question: &mut Question,
) -> Result<()> {
    if question.via == Via::Push && state.no_devices && !state.phones.is_empty() {
        question.via = Via::Sms;
    }
    if question.via == Via::Push {
        let answer = push(identity)?;
        if is_good(&answer) {
            return Ok(());
        }
        refuse_if_locked(&answer)?;
        if state.phones.is_empty() {
            return Err(stumbled("verify/trusteddevice", &answer));
        }
        prompt.tell("The code could not be shown on your devices; it is sent to your phone.");
        question.via = Via::Sms;
    }
    let phone = match &question.phone {
        Some(phone) => phone.clone(),
        None => state.first_phone()?,
    };
    let body = json!({
        "phoneNumber": {"id": phone.id},
        "mode": mode(question.via),
    });
    question.phone = Some(phone);
    let answer = identity.ask(Method::PUT, "verify/phone", Some(&body), JSON)?;
    if is_good(&answer) {
        return Ok(());
    }
    refuse_if_locked(&answer)?;
    Err(stumbled("verify/phone", &answer))
}

/// Since iOS 26.4 the sign-in alone shows nothing any more: it has to be asked for (4.2).
fn push(identity: &mut Identity<'_>) -> Result<Answer> {
    let path = "verify/trusteddevice/securitycode";
    let answer = identity.ask(Method::PUT, path, None, JSON)?;
    if answer.status == 405 {
        return identity.ask(Method::GET, "verify/trusteddevice", None, JSON);
    }
    Ok(answer)
}

fn mode(via: Via) -> &'static str {
    match via {
        Via::Voice => "voice",
        Via::Sms | Via::Push => "sms",
    }
}

/// Gives a code; false where it is wrong.
fn check(identity: &mut Identity<'_>, question: &Question, code: &str) -> Result<bool> {
    let mut body = json!({"securityCode": {"code": code}});
    let path = match (&question.phone, question.via) {
        (Some(phone), Via::Sms | Via::Voice) => {
            body["phoneNumber"] = json!({"id": phone.id});
            body["mode"] = json!(mode(question.via));
            "verify/phone/securitycode"
        }
        _ => "verify/trusteddevice/securitycode",
    };
    let answer = identity.ask(Method::POST, path, Some(&body), JSON)?;
    match judge(&answer) {
        Judged::Accepted => Ok(true),
        Judged::Wrong => Ok(false),
        Judged::TooMany(word) => Err(too_many(word)),
        Judged::Expired => Err(nobody_there(
            "the sign-in has expired while it waited for the code",
        )),
        Judged::Odd => Err(stumbled(path, &answer)),
    }
}

/// What an answer to a code means.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Accepted,
    Wrong,
    TooMany(&'static str),
    Expired,
    Odd,
}

fn judge(answer: &Answer) -> Judged {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_wrong = Reason::read(&answer.body).says(&["-21669"])
        || answer.header("x-apple-i-ercd") == Some("-21669");
    match answer.status {
        200..=299 if !is_wrong => return Judged::Accepted,
        // "Conflict" is a yes for some accounts since mid-2026 (4.2).
        409 if !is_wrong => {
            let is_valid = value["securityCode"]["valid"] == json!(true);
            if is_valid || answer.header("x-apple-session-token").is_some() {
                return Judged::Accepted;
            }
        }
        _ => {}
    }
    if let Some(word) = locked_word(&value) {
        return Judged::TooMany(word);
    }
    match answer.status {
        _ if is_wrong => Judged::Wrong,
        423 => Judged::TooMany("securityCodeLocked"),
        401 | 403 | 412 | 421 => Judged::Expired,
        _ => Judged::Odd,
    }
}

/// Has the service trust this browser. Without it the next sign-in needs a code again.
fn trust(identity: &mut Identity<'_>) -> Result<()> {
    let answer = identity.ask(Method::GET, "2sv/trust", None, JSON)?;
    match answer.status {
        200..=299 => {
            if answer.header("x-apple-twosv-trust-token").is_none() {
                warn!("the service gave no trust token; the next sign-in will need a code again");
            }
            Ok(())
        }
        // Old two-step accounts have no such call (4.6).
        404 => {
            debug!("2sv/trust: not known for this account");
            Ok(())
        }
        _ => Err(stumbled("2sv/trust", &answer)),
    }
}

fn is_good(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

fn refuse_if_locked(answer: &Answer) -> Result<()> {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match locked_word(&value) {
        Some(word) => Err(too_many(word)),
        None if answer.status == 423 => Err(too_many("securityCodeLocked")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
