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

/// A signed-in connection for a bounded number of requests, and a bounded time.
pub(super) struct Bound {
    api: Arc<Api>,
    left: AtomicU32,
    until: Instant,
}

impl Bound {
    pub(super) fn new(api: Arc<Api>, requests: u32, until: Instant) -> Self {
        Self {
            api,
            left: AtomicU32::new(requests),
            until,
        }
    }

    /// Returns whether there is nothing left of one of both.
    pub(super) fn is_used_up(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0 || Instant::now() >= self.until
    }

    /// Takes one request.
    fn take(&self) -> Result<()> {
        let over = |what: &str| {
            Err(Error::new(
                Kind::Other,
                format!("the bound of {what} is reached"),
            ))
        };
        if Instant::now() >= self.until {
            return over("time");
        }
        let took = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        match took {
            Ok(_) => Ok(()),
            Err(_) => over("requests"),
        }
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
