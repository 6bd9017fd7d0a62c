//! Speaking to the identity service: its headers, and the state that every answer changes.
//!
//! Comes in: a call of the sign-in. Goes out: its answer, whatever the status; the tokens that it
//! carried are taken over first (protocol page 1.5). No call is repeated here, so a proof is sent once.

use log::debug;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::{
    auth::{
        secret::Secret,
        session::{Tokens, uuid},
    },
    cloud::{
        answer::Reason,
        http::{Answer, Call, Failure, Transport, USER_AGENT},
    },
    error::{Error, Kind, Result},
};

/// The web client's widget key (protocol page 1.3).
const WIDGET: &str = "d39ba9916b7251055b22c7f910e2ea796ee65e98b2ddecea8f5dde8d9d1a815d";

/// One sign-in at the identity service.
pub(crate) struct Identity<'a> {
    pub(crate) wire: &'a Transport,
    pub(crate) tokens: &'a mut Tokens,
    base: String,
    frame: String,
    /// Bits and challenge of a proof of work, where one was asked for.
    pub(super) work: Option<(u32, String)>,
}

impl<'a> Identity<'a> {
    /// Opens the sign-in page, as a browser does; what an earlier sign-in left is forgotten, except
    /// what spares the second factor.
    ///
    /// # Errors
    /// `Temporary` where the service is away.
    pub(crate) fn open(wire: &'a Transport, tokens: &'a mut Tokens) -> Result<Self> {
        tokens.session_token = None;
        tokens.session_id = None;
        tokens.scnt = None;
        tokens.auth_attributes = None;
        let mut identity = Self {
            wire,
            tokens,
            base: String::new(),
            frame: format!("auth-{}", uuid()?),
            work: None,
        };
        let mut last = Error::new(Kind::Other, "there is no identity service");
        for base in wire.endpoint.identity() {
            identity.base = base;
            match identity.authorize() {
                Ok(()) => return Ok(identity),
                Err(error) if error.kind() == Kind::Stopped => return Err(error),
                Err(error) => {
                    debug!("{}", error.chain());
                    last = error;
                }
            }
        }
        Err(last)
    }

    /// Takes up a sign-in of an earlier run again, to give the code that it waits for.
    pub(crate) fn resume(
        wire: &'a Transport,
        tokens: &'a mut Tokens,
        base: String,
        frame: String,
    ) -> Self {
        Self {
            wire,
            tokens,
            base,
            frame,
            work: None,
        }
    }

    /// Returns what a later run needs to take this sign-in up again: base address and frame.
    pub(crate) fn suspend(&self) -> (String, String) {
        (self.base.clone(), self.frame.clone())
    }

    fn authorize(&mut self) -> Result<()> {
        let home = self.wire.endpoint.home();
        let mut url = self.url("authorize/signin")?;
        url.query_pairs_mut()
            .append_pair("frame_id", &self.frame)
            .append_pair("language", "en_US")
            .append_pair("skVersion", "7")
            .append_pair("iframeId", &self.frame)
            .append_pair("client_id", WIDGET)
            .append_pair("redirect_uri", home)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "web_message")
            .append_pair("state", &self.frame)
            .append_pair("authVersion", "latest");
        let call = Call {
            method: Method::GET,
            url,
            label: "authorize/signin",
            headers: vec![("accept", "*/*".to_owned())],
            body: None,
            limit: self.wire.pace.other,
            at_once: false,
            is_write: false,
        };
        let answer = self.exchange(&call)?;
        if (200..400).contains(&answer.status) {
            return Ok(());
        }
        Err(stumbled("authorize/signin", &answer))
    }

    /// Makes one call below the identity base, with all headers of a sign-in.
    ///
    /// # Errors
    /// `Temporary` where there was no answer. A refusal is an answer.
    pub(crate) fn ask(
        &mut self,
        method: Method,
        path_and_query: &str,
        body: Option<&Value>,
        accept: &str,
    ) -> Result<Answer> {
        let label = path_and_query.split('?').next().unwrap_or_default();
        let label = if label.is_empty() { "auth" } else { label };
        // A code is used up when it is sent, and trust is given once.
        let is_write = method != Method::GET || label == "2sv/trust";
        let body = match (body, method == Method::GET) {
            (Some(value), _) => Some(value.to_string().into_bytes()),
            (None, true) => None,
            // Said to be empty, by a length of 0.
            (None, false) => Some(Vec::new()),
        };
        let call = Call {
            url: self.url(path_and_query)?,
            headers: self.headers(accept),
            method,
            label,
            body,
            limit: self.wire.pace.other,
            at_once: false,
            is_write,
        };
        self.exchange(&call)
    }

    pub(super) fn exchange(&mut self, call: &Call<'_>) -> Result<Answer> {
        let answer = self.wire.exchange(call).map_err(Failure::into_error)?;
        self.absorb(&answer);
        Ok(answer)
    }

    pub(super) fn url(&self, path_and_query: &str) -> Result<Url> {
        let joined = if path_and_query.is_empty() {
            self.base.clone()
        } else {
            format!("{}/{path_and_query}", self.base)
        };
        self.wire.endpoint.service(&joined)
    }

    pub(super) fn headers(&self, accept: &str) -> Vec<(&'static str, String)> {
        let home = self.wire.endpoint.home();
        let origin = self
            .base
            .strip_suffix("/appleauth/auth")
            .unwrap_or(&self.base);
        let info = json!({"U": USER_AGENT, "L": "en-US", "Z": "GMT-05:00", "V": "1.1", "F": ""});
        let mut headers = vec![
            ("accept", accept.to_owned()),
            ("content-type", "application/json".to_owned()),
            ("origin", origin.to_owned()),
            ("referer", format!("{origin}/")),
            ("x-apple-widget-key", WIDGET.to_owned()),
            ("x-apple-oauth-client-id", WIDGET.to_owned()),
            ("x-apple-oauth-client-type", "firstPartyAuth".to_owned()),
            ("x-apple-oauth-redirect-uri", home.to_owned()),
            ("x-apple-oauth-require-grant-code", "true".to_owned()),
            ("x-apple-oauth-response-mode", "web_message".to_owned()),
            ("x-apple-oauth-response-type", "code".to_owned()),
            ("x-apple-oauth-state", self.frame.clone()),
            ("x-apple-frame-id", self.frame.clone()),
            ("x-requested-with", "XMLHttpRequest".to_owned()),
            ("x-apple-mandate-security-upgrade", "0".to_owned()),
            ("x-apple-i-require-ue", "true".to_owned()),
            ("x-apple-i-fd-client-info", info.to_string()),
        ];
        for (name, token) in [
            ("scnt", &self.tokens.scnt),
            ("x-apple-id-session-id", &self.tokens.session_id),
            ("x-apple-auth-attributes", &self.tokens.auth_attributes),
        ] {
            if let Some(token) = token {
                headers.push((name, token.expose().to_owned()));
            }
        }
        headers
    }

    /// Takes over what an answer carries; an absent or empty header keeps the old value.
    fn absorb(&mut self, answer: &Answer) {
        let tokens = &mut *self.tokens;
        for (name, slot) in [
            ("scnt", &mut tokens.scnt),
            ("x-apple-id-session-id", &mut tokens.session_id),
            ("x-apple-session-token", &mut tokens.session_token),
            ("x-apple-twosv-trust-token", &mut tokens.trust_token),
            ("x-apple-auth-attributes", &mut tokens.auth_attributes),
        ] {
            if let Some(value) = answer.header(name) {
                *slot = Some(Secret::new(value));
            }
        }
        if let Some(country) = answer.header("x-apple-id-account-country") {
            tokens.country = Some(country.to_owned());
        }
        let bits = answer
            .header("x-apple-hc-bits")
            .and_then(|bits| bits.parse().ok());
        if let (Some(bits), Some(challenge)) = (bits, answer.header("x-apple-hc-challenge")) {
            self.work = Some((bits, challenge.to_owned()));
        }
    }
}

/// The error of an answer that is neither a yes nor a no.
pub(crate) fn stumbled(what: &str, answer: &Answer) -> Error {
    let words = format!(
        "{what}: {}",
        Reason::read(&answer.body).words(answer.status)
    );
    match answer.status {
        429 | 503 => Error::new(Kind::Temporary, words)
            .with_retry_after(answer.retry_after())
            .with_hint("the service refuses sign-ins for now; wait half an hour or longer before the next one"),
        408 | 500..=599 => Error::new(Kind::Temporary, words),
        _ => Error::new(Kind::Protocol, words),
    }
}
