//! The account session at the set-up host: signing in with tokens, asking whether it still holds, and
//! ending it (protocol page 5).
//!
//! Comes in: the session's tokens. Goes out: the account as the service describes it, with the map of
//! services; cookies go into the jar on the way. Identity data (names, addresses) is not kept.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    auth::session::Session,
    cloud::{
        answer::{self, Reason, Verdict},
        http::{Answer, Call, Failure, Services, Transport, common_headers, common_url},
    },
    error::{Error, Kind, Result},
};

/// What the service says about an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Account {
    pub(crate) dsid: String,
    pub(crate) drivews: Option<String>,
    pub(crate) docws: Option<String>,
    /// Drive wants the cookies for protected data.
    pub(crate) pcs_required: bool,
    /// The second factor is still wanted.
    pub(crate) wants_code: bool,
    /// New terms wait to be accepted.
    pub(crate) wants_terms: bool,
    /// The owner has to unlock it.
    pub(crate) is_locked: bool,
}

/// What came of asking for the account.
pub(crate) enum Asked {
    /// The service knows us.
    Known(Account),
    /// It does not: tokens or cookies are no good (any more). The words are its own.
    Refused(String),
}

/// Signs in with the tokens of the identity service; sets the session's cookies.
///
/// # Errors
/// `SignIn` for the wrong region; `Temporary`; `Protocol`.
pub(crate) fn log_in(wire: &Transport, session: &Session) -> Result<Asked> {
    let tokens = &session.tokens;
    let expose = |token: &Option<crate::auth::secret::Secret>| {
        token
            .as_ref()
            .map(|token| token.expose().to_owned())
            .unwrap_or_default()
    };
    let body = json!({
        "accountCountryCode": tokens.country.as_deref().unwrap_or("USA"),
        "dsWebAuthToken": expose(&tokens.session_token),
        "extended_login": true,
        "trustToken": expose(&tokens.trust_token),
    });
    let ids = Services {
        dsid: String::new(),
        ..session.services()
    };
    let answer = post(wire, &ids, "accountLogin", body.to_string().into_bytes())?;
    asked("accountLogin", &answer)
}

/// Asks whether the session's cookies still hold.
///
/// # Errors
/// `Temporary`; `Protocol`.
pub(crate) fn validate(wire: &Transport, services: &Services) -> Result<Asked> {
    let answer = post(wire, services, "validate", b"null".to_vec())?;
    asked("validate", &answer)
}

/// Ends the session on the service's side; the trust stays where `keep_trust` says so.
///
/// # Errors
/// `Temporary`; anything else that the service says no with.
pub(crate) fn log_out(wire: &Transport, services: &Services, keep_trust: bool) -> Result<()> {
    let body = json!({"trustBrowser": keep_trust, "allBrowsers": false});
    let answer = post(wire, services, "logout", body.to_string().into_bytes())?;
    let reason = Reason::read(&answer.body);
    match answer::judge(answer.status, &reason, None) {
        // A session that is gone already is ended as well.
        Verdict::Good | Verdict::Session => Ok(()),
        Verdict::Pcs
        | Verdict::Busy
        | Verdict::Hold(_)
        | Verdict::Stumbled
        | Verdict::Refused(_) => Err(refusal("logout", &answer)),
    }
}

/// Makes one call of the set-up host, without retries but for connecting.
///
/// # Errors
/// `Temporary` where there is no answer.
pub(crate) fn post(
    wire: &Transport,
    services: &Services,
    path: &str,
    body: Vec<u8>,
) -> Result<Answer> {
    let call = Call {
        method: Method::POST,
        url: common_url(wire, &wire.endpoint.setup(), path, services)?,
        label: path,
        headers: common_headers(wire, true),
        body: Some(body),
        limit: wire.pace.other,
        at_once: false,
        is_write: path == "logout",
    };
    wire.exchange(&call).map_err(Failure::into_error)
}

fn asked(what: &str, answer: &Answer) -> Result<Asked> {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    // With automatic redirects on, this body would be lost (1.2).
    if let Some(domain) = value.get("domainToUse").and_then(Value::as_str) {
        let region = if domain.to_ascii_lowercase().ends_with(".cn") {
            "china"
        } else {
            "global"
        };
        let shown: String = domain
            .chars()
            .filter(|c| !c.is_control())
            .take(40)
            .collect();
        return Err(Error::new(
            Kind::SignIn,
            format!("this account belongs to another region of the service ({shown})"),
        )
        .with_hint(format!("sign in with `--region {region}`")));
    }
    if (200..300).contains(&answer.status) {
        return match Account::read(&value) {
            Some(account) => Ok(Asked::Known(account)),
            None if value.get("success") == Some(&Value::Bool(false)) => Ok(Asked::Refused(
                Reason::read(&answer.body).words(answer.status),
            )),
            None => Err(Error::new(
                Kind::Protocol,
                format!("{what}: the answer describes no account"),
            )),
        };
    }
    match answer.status {
        401 | 421 | 450 => Ok(Asked::Refused(
            Reason::read(&answer.body).words(answer.status),
        )),
        400 | 403 if value.is_object() => Ok(Asked::Refused(
            Reason::read(&answer.body).words(answer.status),
        )),
        // A gateway's page says nothing of the session: a token must not be given up for it.
        400 | 403 => {
            let words = Reason::read(&answer.body).words(answer.status);
            Err(Error::new(Kind::Temporary, format!("{what}: {words}")))
        }
        _ => Err(refusal(what, answer)),
    }
}

/// The error of an answer that is no yes.
pub(crate) fn refusal(what: &str, answer: &Answer) -> Error {
    let words = format!(
        "{what}: {}",
        Reason::read(&answer.body).words(answer.status)
    );
    let kind = match answer.status {
        408 | 429 | 500..=599 => Kind::Temporary,
        401 | 403 | 421 | 450 => Kind::SignIn,
        _ => Kind::Protocol,
    };
    Error::new(kind, words).with_retry_after(answer.retry_after())
}

impl Account {
    /// Reads the answer of `accountLogin` or `validate`; `None` where it describes no account.
    fn read(value: &Value) -> Option<Self> {
        let info = value.get("dsInfo")?;
        let dsid = match info.get("dsid")? {
            Value::String(dsid) => dsid.clone(),
            Value::Number(dsid) => dsid.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        if dsid.is_empty() || !dsid.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let says = |name: &str| value.get(name) == Some(&Value::Bool(true));
        let url = |name: &str| {
            let url = value.get("webservices")?.get(name)?.get("url")?.as_str()?;
            (!url.is_empty()).then(|| url.to_owned())
        };
        let is_protected = info.get("hsaVersion").and_then(Value::as_i64) == Some(2);
        Some(Self {
            dsid,
            drivews: url("drivews"),
            docws: url("docws"),
            pcs_required: value["webservices"]["drivews"]["pcsRequired"] == json!(true),
            wants_code: is_protected
                && (says("hsaChallengeRequired") || !says("hsaTrustedBrowser")),
            wants_terms: says("termsUpdateNeeded"),
            is_locked: info.get("locked") == Some(&Value::Bool(true)),
        })
    }

    /// Puts the account's place into the session.
    ///
    /// # Errors
    /// `SignIn` where Drive is not to be had: terms are pending, or it was never opened; `Protocol`
    /// where the map points elsewhere.
    pub(crate) fn settle_in(self, wire: &Transport, session: &mut Session) -> Result<()> {
        if self.is_locked {
            return Err(Error::new(Kind::SignIn, "the account is locked").with_hint(
                "unlock it at https://iforgot.apple.com, then run `icloud-sync login`",
            ));
        }
        if self.wants_terms {
            return Err(Error::new(
                Kind::SignIn,
                "Apple's terms of use have changed and wait to be accepted",
            )
            .with_hint("sign in once at https://www.icloud.com and accept them"));
        }
        let (Some(drivews), Some(docws)) = (self.drivews, self.docws) else {
            return Err(Error::new(
                Kind::SignIn,
                "the service offers no iCloud Drive for this account",
            )
            .with_hint(
                "open iCloud Drive once at https://www.icloud.com; it may be not set up, or new terms may wait there",
            ));
        };
        wire.endpoint.service(&drivews)?;
        wire.endpoint.service(&docws)?;
        session.dsid = self.dsid;
        session.drivews = drivews;
        session.docws = docws;
        session.pcs_required = self.pcs_required;
        Ok(())
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    const KNOWN: &str = r#"{"dsInfo":{"dsid":"123","hsaVersion":2,"new":null},"hsaTrustedBrowser":true,
        "webservices":{"drivews":{"url":"https://p1-drivews.icloud.com:443","pcsRequired":true},
        "docws":{"url":"https://p1-docws.icloud.com:443"},"mail":{}}}"#;

    #[test]
    fn an_account_is_read_leniently() {
        let Ok(Asked::Known(account)) = asked("validate", &answer(200, KNOWN)) else {
            panic!("not read");
        };
        assert_eq!(account.dsid, "123");
        assert!(account.pcs_required && !account.wants_code && !account.wants_terms);
        let before = KNOWN.replace(
            "\"hsaTrustedBrowser\":true",
            "\"hsaChallengeRequired\":true",
        );
        let Ok(Asked::Known(account)) = asked("x", &answer(200, &before)) else {
            panic!("not read");
        };
        assert!(account.wants_code);
        let bare = r#"{"dsInfo":{"dsid":123},"webservices":{"drivews":{},"docws":{"url":null}}}"#;
        let Ok(Asked::Known(account)) = asked("x", &answer(200, bare)) else {
            panic!("not read");
        };
        assert_eq!(
            (account.dsid.as_str(), account.drivews, account.docws),
            ("123", None, None)
        );
    }

    #[test]
    fn a_session_that_is_gone_is_told_from_a_service_that_is_away() {
        for (status, body) in [
            (400, r#"{"success":false,"error":"Invalid Session Token"}"#),
            (421, "<html>"),
            (401, ""),
            (450, ""),
            (200, r#"{"success":false,"error":1}"#),
        ] {
            assert!(
                matches!(asked("x", &answer(status, body)), Ok(Asked::Refused(_))),
                "{status}"
            );
        }
        for (status, kind) in [
            (503, Kind::Temporary),
            (500, Kind::Temporary),
            (200, Kind::Protocol),
        ] {
            let Err(error) = asked("x", &answer(status, "<html>")) else {
                panic!("{status}");
            };
            assert_eq!(error.kind(), kind);
        }
    }

    #[test]
    fn the_wrong_region_is_named() {
        let Err(error) = asked(
            "accountLogin",
            &answer(302, r#"{"domainToUse":"iCloud.com.cn"}"#),
        ) else {
            panic!("no error");
        };
        assert_eq!(error.kind(), Kind::SignIn);
        assert!(error.hint().unwrap().contains("--region china"));
    }
}
