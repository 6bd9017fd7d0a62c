//! A wire that ends: after so many requests, and after so long.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cloud::{
        Content,
        drive::Wire,
        http::{Api, Effect, Host},
    },
    error::{Error, Kind, Result},
};

/// So many requests, and so long.
struct Allowance {
    left: AtomicU32,
    until: Instant,
}

impl Allowance {
    /// Returns which of both is used up.
    fn is_over(&self) -> Option<&'static str> {
        if Instant::now() >= self.until {
            return Some("time");
        }
        (self.left.load(Ordering::Relaxed) == 0).then_some("requests")
    }

    /// Takes one request.
    fn take(&self) -> Result<()> {
        let over = |what: &str| {
            let words = format!("the bound of {what} is reached");
            Err(Error::new(Kind::Other, words))
        };
        if let Some(what) = self.is_over() {
            return over(what);
        }
        // Another thread may have taken the last one meanwhile.
        let took = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        took.map_or_else(|_| over("requests"), |_| Ok(()))
    }
}

/// A signed-in connection for a bounded number of requests, and a bounded time.
pub(super) struct Bound {
    api: Arc<Api>,
    allowance: Allowance,
}

impl Bound {
    pub(super) fn new(api: Arc<Api>, requests: u32, until: Instant) -> Self {
        let left = AtomicU32::new(requests);
        Self {
            api,
            allowance: Allowance { left, until },
        }
    }

    /// Returns whether there is nothing left of one of both.
    pub(super) fn is_used_up(&self) -> bool {
        self.allowance.is_over().is_some()
    }

    fn take(&self) -> Result<()> {
        self.allowance.take()
    }

    /// Asks by GET and returns the status of a good answer.
    ///
    /// # Errors
    /// As [`Api::get_status`].
    pub(super) fn status(&self, host: Host, path: &str) -> Result<u16> {
        self.take()?;
        self.api.get_status(host, path)
    }
}

impl Wire for Bound {
    fn post<T: DeserializeOwned>(
        &self,
        host: Host,
        path: &str,
        body: &(impl Serialize + ?Sized),
        effect: Effect,
    ) -> Result<T> {
        self.take()?;
        self.api.post(host, path, body, effect)
    }

    fn get<T: DeserializeOwned>(&self, host: Host, path: &str) -> Result<T> {
        self.take()?;
        self.api.get(host, path)
    }

    fn fetch(&self, url: &str, from: u64, until: Option<u64>) -> Result<Content> {
        self.take()?;
        self.api.fetch(url, from, until)
    }

    fn send(
        &self,
        url: &str,
        length: u64,
        content_type: &str,
        body: impl Read + Send + 'static,
    ) -> Result<Vec<u8>> {
        self.take()?;
        self.api.send(url, length, content_type, body)
    }

    fn pause(&self, seconds: u32) -> Result<()> {
        Wire::pause(&self.api, seconds)
    }

    fn again(&self, n: u32, why: Error) -> Result<()> {
        Wire::again(&self.api, n, why)
    }

    fn refusals(&self) -> u64 {
        Wire::refusals(&self.api)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn requests_and_time_end() {
        let far = Instant::now() + Duration::from_secs(3_600);
        let allowance = |left, until| Allowance {
            left: AtomicU32::new(left),
            until,
        };
        let few = allowance(2, far);
        assert!(few.take().is_ok() && few.take().is_ok());
        assert_eq!(few.is_over(), Some("requests"));
        assert!(few.take().unwrap_err().to_string().contains("requests"));
        let late = allowance(2, Instant::now());
        assert!(late.take().unwrap_err().to_string().contains("time"));
        assert_eq!(late.left.load(Ordering::Relaxed), 2);
    }
}
