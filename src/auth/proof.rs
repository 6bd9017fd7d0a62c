//! Proving the password to the identity service: `signin/init` and `signin/complete` (protocol page 2).
//!
//! Comes in: an open sign-in, the account and its password. Goes out: what became of it. The proof is
//! sent once; one that could be wrong though the password is right is not sent at all.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::TimeZone};
use log::debug;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    auth::{
        hashcash,
        identity::{Identity, stumbled},
        prompt::nobody_there,
        secret::Secret,
        session::random,
        srp::{Challenge, Exchange, Proof, Scheme},
    },
    cloud::{
        answer::Reason,
        http::{Answer, Call},
    },
    error::{Error, Kind, Result},
};

/// How often an exchange is begun anew because its proof would be doubtful: each is, with a chance of
/// about one in a hundred.
const EXCHANGES: u32 = 8;

/// What became of a password.
pub(crate) enum Proven {
    /// Right, and this browser is trusted.
    SignedIn,
    /// Right; a second factor is wanted.
    SecondFactor,
    /// Refused; the words are the service's.
    Refused(String),
    /// The service does not know this sign-in any more; nothing was judged.
    Expired,
}

impl Identity<'_> {
    /// Proves the password, once (protocol page 2.4 to 2.8).
    ///
    /// # Errors
    /// `SignIn` where the account is locked; `Temporary` where the service is away or refuses for
    /// load: wait, do not repeat; `Protocol` where it asks for what is out of bounds.
    pub(crate) fn prove(&mut self, account: &str, password: &Secret) -> Result<Proven> {
        for _ in 0..EXCHANGES {
            let exchange = draw()?;
            let (challenge, opaque) = match self.init(account, &exchange)? {
                Begun::Challenge(challenge, opaque) => (challenge, opaque),
                Begun::Expired => return Ok(Proven::Expired),
                Begun::Refused(words) => return Ok(Proven::Refused(words)),
            };
            match exchange.prove(account, password, &challenge)? {
                Some(proof) => return self.complete(account, &opaque, &proof),
                None => debug!("sign-in: a doubtful proof is not sent; another is drawn"),
            }
        }
        Err(Error::new(
            Kind::Temporary,
            "sign-in: the service's numbers gave no proof that is sure to be right",
        )
        .with_hint("try again"))
    }

    fn init(&mut self, account: &str, exchange: &Exchange) -> Result<Begun> {
        let body = json!({
            "a": STANDARD.encode(exchange.public()),
            "accountName": account,
            "protocols": ["s2k", "s2k_fo"],
        });
        let answer = self.work_and_ask("signin/init", &body)?;
        match answer.status {
            200 => {}
            421 => return Ok(Begun::Expired),
            401 | 403 => return refused(&answer).map(Begun::Refused),
            _ => return Err(stumbled("signin/init", &answer)),
        }
        let (challenge, opaque) = challenge(&answer.body)?;
        Ok(Begun::Challenge(challenge, opaque))
    }

    fn complete(&mut self, account: &str, opaque: &str, proof: &Proof) -> Result<Proven> {
        let trust: Vec<&str> = self.tokens.trust_token.iter().map(Secret::expose).collect();
        let body = json!({
            "accountName": account,
            "c": opaque,
            "m1": STANDARD.encode(proof.m1),
            "m2": STANDARD.encode(proof.m2),
            "rememberMe": true,
            "trustTokens": trust,
        });
        let answer = self.work_and_ask("signin/complete?isRememberMeEnabled=true", &body)?;
        match answer.status {
            // Some answers hide the real code in a header.
            200 if answer.header("x-apple-i-rscd") == Some("401") => {
                refused(&answer).map(Proven::Refused)
            }
            200..=299 => Ok(Proven::SignedIn),
            409 => Ok(Proven::SecondFactor),
            412 => self.repair(),
            421 => Ok(Proven::Expired),
            401 | 403 => refused(&answer).map(Proven::Refused),
            423 => Err(nobody_there(&format!(
                "sign-in: {}",
                Reason::read(&answer.body).words(423)
            ))),
            _ => Err(stumbled("signin/complete", &answer)),
        }
    }

    /// The account wants attention; the web client passes by this step, too.
    fn repair(&mut self) -> Result<Proven> {
        let answer = self.ask(
            Method::POST,
            "repair/complete",
            Some(&json!({})),
            "application/json",
        )?;
        match answer.status {
            200..=299 => Ok(Proven::SignedIn),
            409 => Ok(Proven::SecondFactor),
            status => Err(Error::new(
                Kind::SignIn,
                format!(
                    "the account needs attention: {}",
                    Reason::read(&answer.body).words(status)
                ),
            )
            .with_hint("sign in once at https://account.apple.com and follow what it asks")),
        }
    }

    /// A POST of the sign-in proper, with the proof of work where one was asked for.
    fn work_and_ask(&mut self, path_and_query: &str, body: &Value) -> Result<Answer> {
        let label = path_and_query.split('?').next().unwrap_or_default();
        let mut headers = self.headers("application/json");
        if let Some((bits, challenge)) = &self.work {
            let time = Timestamp::now()
                .to_zoned(TimeZone::UTC)
                .strftime("%Y%m%d%H%M%S")
                .to_string();
            if let Some(token) = hashcash::solve(*bits, &time, challenge) {
                headers.push(("x-apple-hc", token));
            }
        }
        let call = Call {
            method: Method::POST,
            url: self.url(path_and_query)?,
            label,
            headers,
            body: Some(body.to_string().into_bytes()),
            limit: self.wire.pace.other,
            at_once: false,
            // It counts as an attempt, and opens the session.
            is_write: label == "signin/complete",
        };
        self.exchange(&call)
    }
}

/// What came of `signin/init`.
enum Begun {
    Challenge(Challenge, String),
    Expired,
    Refused(String),
}

/// Reads the challenge in the answer of `signin/init`, and the text that goes back with the proof.
fn challenge(body: &[u8]) -> Result<(Challenge, String)> {
    // The label may say HTML; it is JSON all the same.
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Error::new(Kind::Protocol, "signin/init: the answer is no JSON").with_source(error)
    })?;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let decoded = |name: &str| text(name).and_then(|text| STANDARD.decode(text).ok());
    let rounds = value.get("iteration").and_then(Value::as_u64);
    let scheme = text("protocol").and_then(Scheme::parse);
    let (Some(scheme), Some(salt), Some(public), Some(rounds), Some(opaque)) =
        (scheme, decoded("salt"), decoded("b"), rounds, text("c"))
    else {
        return Err(Error::new(
            Kind::Protocol,
            "signin/init: the answer is not one this program understands; no proof was sent",
        ));
    };
    let challenge = Challenge {
        scheme,
        salt,
        rounds: u32::try_from(rounds).unwrap_or(u32::MAX),
        public,
    };
    Ok((challenge, opaque.to_owned()))
}

fn draw() -> Result<Exchange> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    loop {
        random(bytes.as_mut())?;
        if let Some(exchange) = Exchange::new(&bytes) {
            return Ok(exchange);
        }
    }
}

/// The service's words for a refused password.
///
/// # Errors
/// `SignIn` where the account is locked.
fn refused(answer: &Answer) -> Result<String> {
    let reason = Reason::read(&answer.body);
    if reason.says(&["-20209"]) || answer.header("x-apple-i-ercd") == Some("-20209") {
        return Err(Error::new(
            Kind::SignIn,
            format!("the account is locked: {}", reason.words(answer.status)),
        )
        .with_hint("unlock it at https://iforgot.apple.com, then run `icloud-sync login`"));
    }
    Ok(reason.words(answer.status))
}

#[cfg(test)]
mod fuzz;
