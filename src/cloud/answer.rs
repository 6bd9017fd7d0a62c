//! What an answer means: its status and the service's own words, in all the forms it speaks.
//!
//! Pure: status and bytes in, a verdict out. The table is protocol page 11.1; the forms of error
//! bodies are those of page 7. Nothing here waits or asks again.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::error::Kind;

/// What to make of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Take it.
    Good,
    /// The session is gone (401, 421, 450): nothing was done.
    Session,
    /// The cookies for protected data are missing (423, or the docws text): nothing was done.
    Pcs,
    /// Another write held the zone: nothing was done.
    Busy,
    /// Too many requests: nothing was done. With the wait that was asked for.
    Hold(Option<Duration>),
    /// The service stumbled; a write may have been applied.
    Stumbled,
    /// Refused for good, as an error of this kind.
    Refused(Kind),
}

/// The service's own words about an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reason {
    /// A code word or number, as text.
    pub(crate) code: Option<String>,
    /// A sentence.
    pub(crate) text: Option<String>,
}

impl Reason {
    /// Reads an error body of any form.
    pub(crate) fn read(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => Self::of(&value),
            Err(_) => Self {
                code: None,
                text: plain_words(body),
            },
        }
    }

    fn of(value: &Value) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| word(value.get(name)?));
        if let Some(error) = ["serviceErrors", "service_errors"]
            .iter()
            .find_map(|name| value.get(name)?.get(0))
        {
            let within = |name: &str| word(error.get(name)?);
            return Self {
                code: within("code"),
                text: within("message").or_else(|| within("title")),
            };
        }
        if let Some(status) = value.get("status").filter(|status| status.is_object()) {
            return Self {
                code: word(&status["status_code"]),
                text: word(&status["error_message"]),
            };
        }
        let code = first(&["serverErrorCode", "error_code", "errorCode"]);
        let text = first(&["reason", "errorReason", "messageForDeveloper", "message"]);
        let error = value.get("error");
        match error {
            Some(Value::String(words)) if text.is_none() => Self {
                code,
                text: Some(cleaned(words)),
            },
            Some(Value::Object(_)) if text.is_none() && code.is_none() => Self::of(&value["error"]),
            Some(Value::Number(number)) if code.is_none() => Self {
                code: Some(number.to_string()),
                text,
            },
            _ => Self { code, text },
        }
    }

    /// Returns whether code or sentence holds one of these texts.
    pub(crate) fn says(&self, texts: &[&str]) -> bool {
        [&self.code, &self.text]
            .into_iter()
            .flatten()
            .any(|words| texts.iter().any(|text| words.contains(text)))
    }

    /// Returns the words for a message: `status 409: ZONE_BUSY: Sync zone …`.
    pub(crate) fn words(&self, status: u16) -> String {
        let mut words = format!("status {status}");
        for part in [&self.code, &self.text].into_iter().flatten() {
            if !part.is_empty() && !words.contains(part.as_str()) {
                words.push_str(": ");
                words.push_str(part);
            }
        }
        words
    }
}

/// Judges an answer.
pub(crate) fn judge(status: u16, reason: &Reason, retry_after: Option<Duration>) -> Verdict {
    if (200..300).contains(&status) {
        return Verdict::Good;
    }
    if reason.says(&[
        "ZONE_BUSY",
        "CAS Op-Lock",
        "CAS_OP_LOCK",
        "concurrent write",
    ]) {
        return Verdict::Busy;
    }
    if reason.says(&["Uniqueness constraint violation"]) {
        return Verdict::Refused(Kind::Exists);
    }
    match status {
        429 | 503 => Verdict::Hold(retry_after),
        401 | 421 | 450 => Verdict::Session,
        423 => Verdict::Pcs,
        400 if reason.says(&["PCS"]) => Verdict::Pcs,
        404 | 410 | 412 => Verdict::Refused(Kind::NotFound),
        400..=499
            if reason.says(&[
                "ACCESS_DENIED",
                "THROTTLED",
                "TRY_AGAIN_LATER",
                "RETRY_LATER",
            ]) =>
        {
            Verdict::Hold(retry_after)
        }
        408 | 500..=599 => Verdict::Stumbled,
        400..=499 => Verdict::Refused(Kind::Refused),
        // Redirects are never followed with the session's cookies; anything else is no HTTP.
        _ => Verdict::Refused(Kind::Protocol),
    }
}

/// Returns the status that an error inside a 200 stands for, where the body is one (protocol page
/// 7: "an error may also arrive inside HTTP 200"). Bodies of lists and items are none.
pub(crate) fn hidden_error(body: &[u8]) -> Option<(u16, Reason)> {
    const LARGEST: usize = 8192;
    if body.len() > LARGEST || body.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    let is_error = ["errorCode", "error_code", "serverErrorCode", "errorReason"]
        .iter()
        .any(|name| value.get(name).is_some_and(|value| !value.is_null()))
        || value.get("success") == Some(&Value::Bool(false));
    if !is_error {
        return None;
    }
    let status = value
        .get("errorCode")
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (400..600).contains(code))
        .unwrap_or(400);
    Some((status, Reason::of(&value)))
}

/// Reads a `Retry-After`: seconds, or a date.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let seconds = date.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(cleaned(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::String(_) => {
            None
        }
    }
}

/// Words of a body that is no JSON: none of a web page, the first line of a text.
fn plain_words(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body.get(..600).unwrap_or(body));
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if text.starts_with('<') {
        return Some("an HTML page".to_owned());
    }
    if text.starts_with(['{', '[']) {
        return Some("an answer that was cut off".to_owned());
    }
    text.lines().next().map(cleaned)
}

/// At most 300 characters, none of them a control character.
fn cleaned(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Verdict {
        judge(status, &Reason::read(body.as_bytes()), None)
    }

    #[test]
    fn every_form_of_error_is_read() {
        for (body, words) in [
            (
                r#"{"success":false,"error":"Invalid Session Token"}"#,
                "status 400: Invalid Session Token",
            ),
            (r#"{"success":false,"error":1}"#, "status 400: 1"),
            (
                r#"{"serviceErrors":[{"code":"-20101","message":"wrong"}],"hasError":true}"#,
                "status 400: -20101: wrong",
            ),
            (
                r#"{"service_errors":[{"code":-21669,"title":"bad code"}]}"#,
                "status 400: -21669: bad code",
            ),
            (
                r#"{"requestUUID":"u","errorReason":"Missing PCS cookies from the request","errorCode":423}"#,
                "status 400: 423: Missing PCS cookies from the request",
            ),
            (
                r#"{"uuid":"u","messageForDeveloper":"m","error_code":"ZONE_BUSY","serverErrorCode":"ZONE_BUSY","reason":"r"}"#,
                "status 400: ZONE_BUSY: r",
            ),
            (
                r#"{"status":{"status_code":14,"error_message":"Uniqueness constraint violation"},"results":[]}"#,
                "status 400: 14: Uniqueness constraint violation",
            ),
            (
                r#"{"error":{"errorCode":7,"reason":"deep"}}"#,
                "status 400: 7: deep",
            ),
            (
                "<html><body>gateway</body></html>",
                "status 400: an HTML page",
            ),
            (
                "Service Temporary Unavailable\nmore",
                "status 400: Service Temporary Unavailable",
            ),
            (
                r#"{"items":[{"na"#,
                "status 400: an answer that was cut off",
            ),
            ("", "status 400"),
            ("null", "status 400"),
        ] {
            assert_eq!(Reason::read(body.as_bytes()).words(400), words, "{body}");
        }
    }

    #[test]
    fn the_table_of_statuses() {
        use Verdict::{Busy, Good, Hold, Pcs, Refused, Session, Stumbled};
        let busy = r#"{"error_code":"ZONE_BUSY","reason":"x"}"#;
        let worded = r#"{"reason":"Sync zone CAS Op-Lock failed. There was a concurrent write"}"#;
        for (status, body, verdict) in [
            (200, "", Good),
            (204, "", Good),
            (302, "", Refused(Kind::Protocol)),
            (400, "{}", Refused(Kind::Refused)),
            (
                400,
                r#"{"reason":"Cannot find PCS auth info from request"}"#,
                Pcs,
            ),
            (
                400,
                r#"{"reason":"Uniqueness constraint violation. Rejecting update"}"#,
                Refused(Kind::Exists),
            ),
            (401, "", Session),
            (403, "<html>", Refused(Kind::Refused)),
            (403, r#"{"error_code":"ACCESS_DENIED"}"#, Hold(None)),
            (404, "", Refused(Kind::NotFound)),
            (408, "", Stumbled),
            (409, busy, Busy),
            (409, worded, Busy),
            (409, "{}", Refused(Kind::Refused)),
            (410, "", Refused(Kind::NotFound)),
            (412, "", Refused(Kind::NotFound)),
            (421, "<html>", Session),
            (423, "", Pcs),
            (429, "", Hold(None)),
            (450, "", Session),
            (500, "", Stumbled),
            (503, "", Hold(None)),
            (503, busy, Busy),
            (504, "", Stumbled),
        ] {
            assert_eq!(judged(status, body), verdict, "{status} {body}");
        }
    }

    #[test]
    fn an_error_inside_a_200_is_found() {
        let (status, reason) =
            hidden_error(br#"{"errorReason":"Missing PCS cookies","errorCode":423}"#).unwrap();
        assert_eq!(judge(status, &reason, None), Verdict::Pcs);
        let (status, reason) = hidden_error(br#"{"error_code":"ZONE_BUSY"}"#).unwrap();
        assert_eq!(judge(status, &reason, None), Verdict::Busy);
        assert!(hidden_error(br#"{"success":false,"error":"x"}"#).is_some());
        for fine in [
            r#"{"items":[{"status":"OK"}]}"#,
            r#"[{"errorCode":1}]"#,
            r#"{"errorCode":null,"success":true}"#,
            r#"{"status":{"status_code":0,"error_message":""},"results":[]}"#,
            "",
        ] {
            assert!(hidden_error(fine.as_bytes()).is_none(), "{fine}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-09-30T12:00:00Z".parse().unwrap();
        assert_eq!(retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after("Wed, 30 Sep 2026 12:00:30 GMT", now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            retry_after("Wed, 30 Sep 2026 11:00:00 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("soon", now), None);
    }
}
