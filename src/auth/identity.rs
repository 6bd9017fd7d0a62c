//! Speaking to the identity service: its headers, and the state that every answer changes.
//!
//! Comes in: a call of the sign-in. Goes out: its answer, whatever the status; the tokens that it
//! carried are taken over first (protocol page 1.5). No call is repeated here, so a proof is sent once.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::TimeZone};
use log::debug;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::{
    auth::{
        hashcash,
        prompt::nobody_there,
        secret::Secret,
        session::{Tokens, random, uuid},
        srp::{Challenge, Exchange, Proof, Scheme},
    },
    cloud::{
        answer::Reason,
        http::{Answer, Call, Failure, Transport, USER_AGENT},
    },
    error::{Error, Kind, Result},
};

/// The web client's widget key (protocol page 1.3).
const WIDGET: &str = "d39ba9916b7251055b22c7f910e2ea796ee65e98b2ddecea8f5dde8d9d1a815d";

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

/// One sign-in at the identity service.
pub(crate) struct Identity<'a> {
    pub(crate) wire: &'a Transport,
    pub(crate) tokens: &'a mut Tokens,
    base: String,
    frame: String,
    /// Bits and challenge of a proof of work, where one was asked for.
    work: Option<(u32, String)>,
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

    /// Takes an earlier sign-in up again, to give the code that it waits for.
    pub(crate) fn resume(wire: &'a Transport, tokens: &'a mut Tokens) -> Result<Self> {
        let base = wire.endpoint.identity().into_iter().next();
        Ok(Self {
            base: base.unwrap_or_default(),
            frame: format!("auth-{}", uuid()?),
            work: None,
            wire,
            tokens,
        })
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
        };
        self.exchange(&call)
    }

    fn exchange(&mut self, call: &Call<'_>) -> Result<Answer> {
        let answer = self.wire.exchange(call).map_err(Failure::into_error)?;
        self.absorb(&answer);
        Ok(answer)
    }

    fn url(&self, path_and_query: &str) -> Result<Url> {
        let joined = if path_and_query.is_empty() {
            self.base.clone()
        } else {
            format!("{}/{path_and_query}", self.base)
        };
        self.wire.endpoint.service(&joined)
    }

    fn headers(&self, accept: &str) -> Vec<(&'static str, String)> {
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
        // The label may say HTML; it is JSON all the same.
        let value: Value = serde_json::from_slice(&answer.body).map_err(|error| {
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
        Ok(Begun::Challenge(challenge, opaque.to_owned()))
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
