//! One request as the handlers see it, and the answer that they give.
//!
//! A [`Call`] has its host sorted out, its body read and its endpoint labelled; [`Bases`] are the addresses of the service as this
//! client reaches it. A [`Reply`] becomes an HTTP response in `server`. The error bodies of each host are here (protocol page 7).

use hyper::HeaderMap;
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::blob::Blob;
use super::log::Host;
use super::util::http_date;

/// The service's addresses: one origin for all, or the real hosts through the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bases {
    /// Everything below one origin such as `http://127.0.0.1:8080`.
    Direct(String),
    /// The real host names; true for those of mainland China.
    Proxied(bool),
}

impl Bases {
    pub(super) fn proxied(&self) -> bool {
        matches!(self, Self::Proxied(_))
    }

    fn suffix(cn: bool) -> &'static str {
        if cn { ".cn" } else { "" }
    }

    /// The base of a service such as `drivews` on a partition.
    pub(super) fn service(&self, partition: u16, name: &str) -> String {
        match self {
            Self::Direct(origin) => format!("{origin}/p{partition}-{name}"),
            Self::Proxied(cn) => {
                format!(
                    "https://p{partition}-{name}.icloud.com{}:443",
                    Self::suffix(*cn)
                )
            }
        }
    }

    /// Where content is fetched.
    pub(super) fn download(&self) -> String {
        match self {
            Self::Direct(origin) => format!("{origin}/content"),
            Self::Proxied(cn) => format!("https://cvws.icloud-content.com{}", Self::suffix(*cn)),
        }
    }

    /// Where content is sent to.
    pub(super) fn upload(&self) -> String {
        match self {
            Self::Direct(origin) => format!("{origin}/content"),
            Self::Proxied(cn) => format!("https://cws.icloud-content.com{}:443", Self::suffix(*cn)),
        }
    }

    /// The web client's page.
    pub(super) fn home(&self) -> String {
        match self {
            Self::Direct(origin) => origin.clone(),
            Self::Proxied(cn) => format!("https://www.icloud.com{}", Self::suffix(*cn)),
        }
    }

    /// What follows a cookie's value; in direct mode there is neither a domain nor TLS.
    fn cookie_attributes(&self, host: Host) -> String {
        match (self, host) {
            (Self::Direct(_), _) => ";Path=/".to_owned(),
            (Self::Proxied(cn), Host::Identity) => {
                format!(
                    ";Path=/;Domain=.idmsa.apple.com{};Secure",
                    Self::suffix(*cn)
                )
            }
            (Self::Proxied(cn), _) => {
                format!(";Path=/;Domain=.icloud.com{};Secure", Self::suffix(*cn))
            }
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) host: Host,
    pub(super) method: String,
    /// The path below the host's base, as it came.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) endpoint: &'static str,
    pub(super) bases: Bases,
}

impl Call {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?.to_str().ok()?;
        Some(value).filter(|value| !value.is_empty())
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON, whatever its label says.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The cookies as sent, values without their quotes.
    pub(super) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .get_all("cookie")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .map(|(name, value)| (name, value.trim_matches('"')))
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    Bytes(Bytes),
    /// A part of a content, read as it is sent.
    Blob {
        blob: Blob,
        from: u64,
        length: u64,
    },
}

impl Payload {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob { length, .. } => *length,
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Payload,
}

impl Reply {
    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Payload::Bytes(Bytes::new()),
        }
    }

    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self::raw_json(status, value.to_string().into_bytes())
    }

    pub(super) fn raw_json(status: u16, text: Vec<u8>) -> Self {
        Self::labelled(status, "application/json;charset=UTF-8", text)
    }

    pub(super) fn html(status: u16, text: &str) -> Self {
        Self::labelled(status, "text/html;charset=UTF-8", text.as_bytes().to_vec())
    }

    pub(super) fn labelled(status: u16, label: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![("content-type", label.to_owned())],
            body: Payload::Bytes(body.into()),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets a cookie; `expires` in seconds since 1970, none for a session cookie. An empty value is a tombstone.
    pub(super) fn set_cookie(
        &mut self,
        call: &Call,
        name: &str,
        value: &str,
        expires: Option<i64>,
    ) {
        let attributes = call.bases.cookie_attributes(call.host);
        let expires = expires
            .map(|at| format!(";Expires={}", http_date(at)))
            .unwrap_or_default();
        let value = if value.is_empty() {
            String::new()
        } else {
            format!("\"{value}\"")
        };
        self.headers.push((
            "set-cookie",
            format!("{name}={value}{attributes};HttpOnly{expires}"),
        ));
    }

    /// The body as JSON, if it is some.
    pub(super) fn as_json(&self) -> Option<Value> {
        match &self.body {
            Payload::Bytes(bytes) => serde_json::from_slice(bytes).ok(),
            Payload::Blob { .. } => None,
        }
    }

    /// An error in the form of the host that was called (protocol page 7).
    pub(super) fn error(host: Host, status: u16, code: &str, reason: &str) -> Self {
        let body = match host {
            Host::Identity => json!({"serviceErrors": [
                {"code": code, "title": null, "message": reason, "suppressDismissal": false}], "hasError": true}),
            Host::Setup => json!({"success": false, "error": reason}),
            Host::Drivews => json!({"requestUUID": "0DA2A1B9-5C0B-4D3C-8C6B-7D0C3A6A2A10",
                "errorReason": reason, "errorCode": status}),
            Host::Docws => {
                json!({"uuid": "4C1A2B6E-8C3B-4F5D-9A44-9E2A5C0A7C11", "messageForDeveloper": reason,
                "error_code": code, "serverErrorCode": code, "reason": reason})
            }
            Host::Content | Host::Home => return Self::html(status, reason),
        };
        Self::json(status, &body)
    }
}

/// The loser of the zone lock, word for word (protocol page 11.2).
pub(super) fn zone_busy() -> Reply {
    let text = "Sync zone CAS Op-Lock failed. There was a concurrent write and this operation was rejected. Retry request...";
    Reply::json(
        409,
        &json!({"uuid": "5B0A6C0E-7D34-4E0B-8F2C-21D5A3F0B6D2", "messageForDeveloper": text,
            "error_code": "ZONE_BUSY", "serverErrorCode": "ZONE_BUSY", "reason": text}),
    )
}
