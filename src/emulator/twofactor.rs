//! The second factor: its state, codes to devices and phones, security keys, and the trust of a browser (protocol page 4).
//!
//! A code is good until the next one is asked for; six wrong ones lock it. The bridge over a websocket (4.5) is not offered.

use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::identity::{dress, sign_in_of, text};
use super::log::Host;
use super::switches::{AuthShape, CodeAnswer};
use super::util::hex;
use super::world::World;

/// Codes that may be asked for in one sign-in.
const MOST_CODES: u32 = 8;
/// Wrong codes that are taken.
const MOST_WRONG: u32 = 6;
/// Days that a browser is trusted (protocol page 4.6).
const TRUST_DAYS: i64 = 30;

/// Runs `work` for a sign-in whose password was right.
fn proven(
    world: &mut World,
    call: &Call,
    work: impl FnOnce(&mut World, usize, &str) -> Reply,
) -> Reply {
    let number = match sign_in_of(world, call, false) {
        Ok(number) => number,
        Err(reply) => return reply,
    };
    let sign_in = world
        .sign_ins
        .get(&number)
        .filter(|sign_in| sign_in.password_ok);
    let Some(email) = sign_in.and_then(|sign_in| sign_in.email.clone()) else {
        let refusal = Reply::error(Host::Identity, 412, "-20412", "Sign in first.");
        return dress(world, number, refusal);
    };
    let reply = work(world, number, &email);
    dress(world, number, reply)
}

/// `GET /appleauth/auth`: how a code can be had.
pub(super) fn state(world: &mut World, call: &Call) -> Reply {
    let html = call
        .header("accept")
        .is_some_and(|accept| accept.contains("text/html"));
    proven(world, call, |world, number, email| {
        if keys_only(world, email) {
            return Reply::json(200, &keys(world, number, email));
        }
        let state = describe(world, email);
        if !html {
            return Reply::json(200, &shaped(&state, world.switches.auth_shape));
        }
        let devices = world
            .accounts
            .get(email)
            .is_some_and(|state| state.account.trusted_devices);
        let route = if devices {
            "auth/verify/device"
        } else {
            "auth/verify/phone"
        };
        let boot = json!({"direct": {
            "authInitialRoute": route,
            "authUserType": "hsa2",
            "hasTrustedDevices": devices,
            "twoSV": {
                "authFactors": ["robocall", "sms", "generatedcode"],
                "supportedPushModes": ["voice", "sms"],
                "sourceAppId": "1159",
                "phoneNumberVerification": state,
            },
        }});
        let page = format!(
            "<!DOCTYPE html><html><body><script type=\"application/json\" class=\"boot_args\">{boot}</script></body></html>"
        );
        Reply::html(200, &page)
    })
}

/// `PUT /verify/trusteddevice/securitycode`: shows a code on the devices.
pub(super) fn push(world: &mut World, call: &Call) -> Reply {
    proven(world, call, |world, _, email| {
        if world.switches.push_put_405 {
            return Reply::error(Host::Identity, 405, "-20405", "Method not allowed.");
        }
        ask(world, email, None, Reply::empty(202))
    })
}

/// `GET /verify/trusteddevice`: the older way to the same code.
pub(super) fn push_by_get(world: &mut World, call: &Call) -> Reply {
    proven(world, call, |world, _, email| {
        let state = describe(world, email);
        ask(world, email, None, Reply::json(200, &state))
    })
}

/// `PUT /verify/phone`: sends a code to a number.
pub(super) fn phone(world: &mut World, call: &Call) -> Reply {
    let body = call.json().unwrap_or_default();
    proven(world, call, |world, _, email| {
        let id = phone_id(&body);
        let known = world.accounts.get(email).is_some_and(|state| {
            state
                .account
                .phones
                .iter()
                .any(|phone| Some(phone.id) == id)
        });
        if !known {
            return Reply::error(
                Host::Identity,
                400,
                "-28248",
                "This phone number is not known.",
            );
        }
        let state = describe(world, email);
        ask(world, email, id, Reply::json(200, &state))
    })
}

fn phone_id(body: &Value) -> Option<u32> {
    let id = body.get("phoneNumber")?.get("id")?.as_u64()?;
    u32::try_from(id).ok()
}

fn ask(world: &mut World, email: &str, phone: Option<u32>, good: Reply) -> Reply {
    let Some(account) = world.account(email) else {
        return Reply::empty(412);
    };
    if phone.is_none() && !account.account.trusted_devices {
        return Reply::error(
            Host::Identity,
            412,
            "-20412",
            "There are no trusted devices.",
        );
    }
    if account.codes_sent >= MOST_CODES {
        let body = json!({"securityCode": flags(true, false), "service_errors": [
            {"code": "-22981", "message": "Too many codes have been sent. Try again later."}], "hasError": true});
        return Reply::json(423, &body);
    }
    world.new_code(email, phone);
    good
}

/// `POST /verify/trusteddevice/securitycode`.
pub(super) fn check_push(world: &mut World, call: &Call) -> Reply {
    check(world, call, |_| None)
}

/// `POST /verify/phone/securitycode`.
pub(super) fn check_phone(world: &mut World, call: &Call) -> Reply {
    check(world, call, phone_id)
}

fn check(world: &mut World, call: &Call, phone: impl Fn(&Value) -> Option<u32>) -> Reply {
    let body = call.json().unwrap_or_default();
    proven(world, call, |world, number, email| {
        let sent = body
            .get("securityCode")
            .map(|code| text(code, "code").to_owned())
            .unwrap_or_default();
        let Some(account) = world.account(email) else {
            return Reply::empty(412);
        };
        if account.wrong_codes >= MOST_WRONG {
            return Reply::json(
                423,
                &json!({"securityCode": flags(false, true), "hasError": true}),
            );
        }
        let good = account
            .code
            .as_ref()
            .is_some_and(|code| code.value == sent && code.phone == phone(&body));
        if !good {
            account.wrong_codes += 1;
            let error = json!([{"code": "-21669", "title": "Incorrect Verification Code",
                "message": "Incorrect verification code."}]);
            let body = json!({"service_errors": error, "serviceErrors": error, "hasError": true});
            return Reply::json(400, &body).with("x-apple-i-ercd", "-21669");
        }
        account.code = None;
        account.wrong_codes = 0;
        if let Some(sign_in) = world.sign_ins.get_mut(&number) {
            sign_in.second_factor_ok = true;
        }
        let token = world.new_token(email, false);
        let mut valid = flags(false, false);
        valid["valid"] = json!(true);
        valid["code"] = json!(sent);
        match world.switches.code_answer {
            CodeAnswer::NoContent => Reply::empty(204).with("x-apple-session-token", token),
            CodeAnswer::Ok => Reply::json(200, &json!({"securityCode": valid}))
                .with("x-apple-session-token", token),
            CodeAnswer::ConflictWithToken => Reply::json(409, &json!({"securityCode": valid}))
                .with("x-apple-session-token", token),
            CodeAnswer::ConflictWithoutToken => {
                Reply::json(409, &json!({"securityCode": valid})).with("x-apple-edp", "true")
            }
        }
    })
}

/// `POST /verify/security/key`: believes the assertion if it answers the challenge with a known key; the signature itself is
/// not checked, since there is no key to check it with.
pub(super) fn check_key(world: &mut World, call: &Call) -> Reply {
    let body = call.json().unwrap_or_default();
    proven(world, call, |world, number, email| {
        let challenge = world
            .sign_ins
            .get(&number)
            .map(|sign_in| sign_in.challenge.clone())
            .unwrap_or_default();
        let answered = !challenge.is_empty() && text(&body, "challenge") == challenge;
        if !keys_only(world, email) || !answered || text(&body, "signatureData").is_empty() {
            return Reply::error(
                Host::Identity,
                400,
                "-20404",
                "The security key was not recognised.",
            );
        }
        if let Some(sign_in) = world.sign_ins.get_mut(&number) {
            sign_in.second_factor_ok = true;
        }
        let token = world.new_token(email, false);
        Reply::empty(204).with("x-apple-session-token", token)
    })
}

/// `GET /2sv/trust`.
pub(super) fn trust(world: &mut World, call: &Call) -> Reply {
    proven(world, call, |world, number, email| {
        let sign_in = world.sign_ins.get(&number).cloned().unwrap_or_default();
        if !sign_in.second_factor_ok && !sign_in.trusted {
            return Reply::error(
                Host::Identity,
                412,
                "-20412",
                "A second factor is needed first.",
            );
        }
        let expires = world.now() + TRUST_DAYS * 86_400;
        let trust = format!("HSARMTKNSRVX{}", world.rng.token(100));
        if let Some(account) = world.account(email) {
            account.trust.push((trust.clone(), expires));
        }
        let token = world.new_token(email, true);
        Reply::empty(204)
            .with("x-apple-twosv-trust-token", trust)
            .with("x-apple-session-token", token)
    })
}

fn keys_only(world: &World, email: &str) -> bool {
    world
        .accounts
        .get(email)
        .is_some_and(|state| state.account.security_keys_only)
}

/// Shape D: a challenge for the keys, no phone numbers.
fn keys(world: &mut World, number: usize, email: &str) -> Value {
    let challenge = hex(&world.rng.bytes::<16>());
    if let Some(sign_in) = world.sign_ins.get_mut(&number) {
        sign_in.challenge.clone_from(&challenge);
    }
    json!({
        "accountName": email,
        "cancelled": false,
        "fsaChallenge": {"challenge": challenge, "keyHandles": ["a2V5LW9uZQ"], "rpId": "apple.com"},
        "keyNames": ["Key one"],
        "passkeyAutofill": false,
        "requirePrf": false,
    })
}

fn flags(too_many_sent: bool, locked: bool) -> Value {
    json!({
        "length": 6,
        "tooManyCodesSent": too_many_sent,
        "tooManyCodesValidated": locked,
        "securityCodeLocked": locked,
        "securityCodeCooldown": false,
    })
}

/// Shape A.
fn describe(world: &World, email: &str) -> Value {
    let Some(state) = world.accounts.get(email) else {
        return Value::Null;
    };
    let account = &state.account;
    let phones: Vec<Value> = account
        .phones
        .iter()
        .map(|phone| {
            let last: String = phone
                .number
                .chars()
                .rev()
                .take(2)
                .collect::<Vec<_>>()
                .iter()
                .rev()
                .collect();
            json!({
                "id": phone.id,
                "numberWithDialCode": format!("+1 (•••) •••-••{last}"),
                "obfuscatedNumber": format!("(•••) •••-••{last}"),
                "pushMode": if phone.voice { "voice" } else { "sms" },
                "lastTwoDigits": last,
                "nonFTEU": false,
            })
        })
        .collect();
    json!({
        "trustedPhoneNumber": phones.first(),
        "trustedPhoneNumbers": phones,
        "securityCode": flags(state.codes_sent >= MOST_CODES, state.wrong_codes >= MOST_WRONG),
        "authenticationType": "hsa2",
        "noTrustedDevices": !account.trusted_devices,
        "hsa2Account": true,
        "recoveryUrl": "https://iforgot.apple.com/phone/add",
        "cantUsePhoneNumberUrl": "https://iforgot.apple.com/iforgot/phone/add",
        "recoveryWebUrl": "https://iforgot.apple.com/password/verify/appleid",
        "repairPhoneNumberUrl": "https://gsa.apple.com/appleid/account/manage/repair/verify/phone",
        "autoVerified": false,
        "showAutoVerificationUI": false,
        "supportsCustodianRecovery": false,
        "hideSendSMSCodeOption": false,
        "supportsRecovery": true,
        "managedAccount": false,
        "restrictedAccount": false,
    })
}

fn shaped(state: &Value, shape: AuthShape) -> Value {
    match shape {
        AuthShape::Flat => state.clone(),
        AuthShape::Nested => {
            json!({"authenticationType": "hsa2", "phoneNumberVerification": state})
        }
        AuthShape::Single => {
            let mut state = state.clone();
            if let Some(fields) = state.as_object_mut() {
                fields.remove("trustedPhoneNumbers");
            }
            state
        }
    }
}
