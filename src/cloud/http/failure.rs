//! Why a request got no answer, and whether it may have been acted on.

use std::{error::Error as StdError, fmt, io};

use reqwest::Url;

use crate::{
    cloud::endpoint::place,
    error::{Error, Kind},
};

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was sent: the connection could not be made. Safe to repeat, whatever was asked.
    Unsent(Error),
    /// Something was sent; whether it was acted on is not known.
    Lost(Error),
    /// An answer that is too long to be held; what was asked may have been acted on. The same question has the same answer, so
    /// it is not asked again; one for fewer things may do, and where none does, the service counts as away.
    Vast(Error),
    /// Not to be tried again: stopped, or the certificate is not trusted.
    Final(Error),
}

impl Failure {
    /// Returns the error itself.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Unsent(error) | Self::Lost(error) | Self::Vast(error) | Self::Final(error) => {
                error
            }
        }
    }
}

/// Sorts an error of the HTTP client. Its own text names no address (`without_url`).
pub(crate) fn failure(error: &reqwest::Error, label: &str, url: &Url) -> Failure {
    let host = place(url);
    let cause = Words(chain(error));
    if is_untrusted(error) {
        let words = format!("{label}: the certificate of {host} is not trusted");
        return Failure::Final(Error::new(Kind::Other, words).with_source(cause).with_hint(
            "behind a company proxy, set SSL_CERT_FILE to a file with its certificate",
        ));
    }
    if error.is_connect() && cause.0.contains("proxy authorization required") {
        let words = format!("{label}: the proxy wants a user name and a password, or others");
        return Failure::Final(Error::new(Kind::Other, words).with_hint(
            "give them in the address: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT (signs in them written as %40 and the like)",
        ));
    }
    let words = if error.is_connect() {
        format!("{label}: cannot connect to {host}")
    } else if error.is_timeout() {
        return Failure::Lost(no_answer(label, url).with_source(cause));
    } else {
        format!("{label}: the connection to {host} broke")
    };
    let full = Error::new(Kind::Temporary, words).with_source(cause);
    if error.is_connect() {
        Failure::Unsent(full)
    } else {
        Failure::Lost(full)
    }
}

/// Makes the error of a request whose answer did not come in time.
pub(super) fn no_answer(label: &str, url: &Url) -> Error {
    let words = format!("{label}: no answer in time from {}", place(url));
    Error::new(Kind::Temporary, words)
}

/// The words of a foreign error, kept without the error itself.
#[derive(Debug)]
struct Words(String);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Words {}

/// The innermost cause's words, which say the most.
fn chain(error: &reqwest::Error) -> String {
    let mut last: &dyn StdError = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

fn is_untrusted(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(_)) = cause.downcast_ref() {
            return true;
        }
        // The TLS error travels inside an I/O error, which does not show it as its source.
        if let Some(inner) = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            && matches!(
                inner.downcast_ref(),
                Some(rustls::Error::InvalidCertificate(_))
            )
        {
            return true;
        }
        next = cause.source();
    }
    false
}
