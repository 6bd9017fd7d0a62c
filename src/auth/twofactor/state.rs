//! How a code can be had for an account: the answer of `GET /appleauth/auth` in all its shapes (protocol
//! page 4.1).
//!
//! Pure: bytes in, a state out. What is missing or of another type is taken as not there.

use serde_json::Value;

use crate::{
    auth::prompt::{Phone, Question, Via},
    error::{Error, Kind, Result},
};

/// Digits of a code, where the service does not say.
pub(super) const LENGTH: usize = 6;

/// Numbers that are offered at most; an account has a handful.
const PHONES: usize = 20;

/// How a code can be had for this account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    pub(super) phones: Vec<Phone>,
    pub(super) length: usize,
    pub(super) no_devices: bool,
    /// Hardware keys, and therefore no codes.
    pub(super) has_keys: bool,
    /// Codes are refused for now, in the service's word for it.
    pub(super) locked: Option<&'static str>,
}

impl State {
    /// The question that begins.
    pub(super) fn question(&self, via: Via) -> Result<Question> {
        let phone = match via {
            Via::Push => None,
            Via::Sms | Via::Voice => Some(self.first_phone()?),
        };
        Ok(Question {
            via,
            phone,
            phones: self.phones.clone(),
            length: self.length,
            was_wrong: false,
        })
    }

    /// The number that codes go to where none is chosen.
    pub(super) fn first_phone(&self) -> Result<Phone> {
        self.phones.first().cloned().ok_or_else(|| {
            Error::new(
                Kind::SignIn,
                "the account names no phone number that a code could be sent to",
            )
            .with_hint("sign in without --sms and --voice: the code is shown on your devices")
        })
    }

    /// Reads the state in any of its shapes (4.1).
    pub(super) fn read(body: &[u8]) -> Self {
        let value: Value = match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(_) => boot_args(body).unwrap_or_default(),
        };
        let has_keys = value.get("fsaChallenge").is_some_and(Value::is_object);
        let direct = value.get("direct").unwrap_or(&value);
        let two = direct.get("twoSV").unwrap_or(direct);
        let inner = two
            .get("phoneNumberVerification")
            .or_else(|| {
                two.get("bridgeInitiateData")?
                    .get("phoneNumberVerification")
            })
            .unwrap_or(two);
        let mut phones: Vec<Phone> = inner
            .get("trustedPhoneNumbers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(phone)
            .take(PHONES)
            .collect();
        if phones.is_empty() {
            phones.extend(inner.get("trustedPhoneNumber").and_then(phone));
        }
        let length = inner["securityCode"]["length"]
            .as_u64()
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| (4..=12).contains(length))
            .unwrap_or(LENGTH);
        let says =
            |value: &Value, name: &str, what: bool| value.get(name) == Some(&Value::Bool(what));
        Self {
            no_devices: says(inner, "noTrustedDevices", true)
                || says(direct, "hasTrustedDevices", false),
            locked: locked_word(inner),
            phones,
            length,
            has_keys,
        }
    }
}

fn phone(value: &Value) -> Option<Phone> {
    let id = value.get("id")?.as_i64()?;
    let shown = ["obfuscatedNumber", "numberWithDialCode", "lastTwoDigits"]
        .iter()
        .find_map(|name| value.get(name)?.as_str())
        .unwrap_or("your phone");
    Some(Phone {
        id,
        shown: shown.chars().filter(|c| !c.is_control()).take(40).collect(),
    })
}

/// The JSON that the HTML form of the state carries.
fn boot_args(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, after) = text.split_once("boot_args")?;
    let (_, after) = after.split_once('>')?;
    let (json, _) = after.split_once("</script>")?;
    serde_json::from_str(json.trim()).ok()
}

pub(super) fn too_many(word: &str) -> Error {
    Error::new(
        Kind::SignIn,
        format!("too many codes were asked for or typed wrong ({word})"),
    )
    .with_hint("wait some hours, then run `icloud-sync login`")
}

/// The flag by which codes are refused, if one is set.
pub(super) fn locked_word(value: &Value) -> Option<&'static str> {
    let code = value
        .get("securityCode")
        .or_else(|| value.get("phoneNumberVerification")?.get("securityCode"))?;
    [
        "securityCodeLocked",
        "tooManyCodesValidated",
        "tooManyCodesSent",
        "securityCodeCooldown",
    ]
    .into_iter()
    .find(|flag| code.get(flag) == Some(&Value::Bool(true)))
}
