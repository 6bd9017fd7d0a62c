//! Room in the account's storage: once iCloud has refused a content for lack of it, nothing as large is offered again.
//!
//! How much room there is iCloud does not say in any answer that is documented, so that the first refusal is what there
//! is to know. A smaller content may still fit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{
    error::{Error, Kind, Result},
    report::words,
};

/// What iCloud has taken and refused in this pass.
#[derive(Debug)]
pub(super) struct Quota {
    /// The smallest content that was refused; `u64::MAX` for none.
    refused: AtomicU64,
    has_taken: AtomicBool,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            refused: AtomicU64::new(u64::MAX),
            has_taken: AtomicBool::new(false),
        }
    }
}

impl Quota {
    /// Does what sends so many bytes, unless as many were refused before.
    ///
    /// # Errors
    /// Those of `send`; `DiskFull` where it is not tried.
    pub(super) fn within<T>(&self, bytes: u64, send: impl FnOnce() -> Result<T>) -> Result<T> {
        let refused = self.refused.load(Ordering::SeqCst);
        if bytes >= refused {
            let text = format!(
                "not sent: the account's iCloud storage is full; a content of {} was refused before, and what is as large is not tried",
                words::size(refused)
            );
            return Err(Error::new(Kind::DiskFull, text));
        }
        let done = send();
        match &done {
            Ok(_) => self.has_taken.store(true, Ordering::SeqCst),
            Err(error) if error.kind() == Kind::DiskFull => {
                self.refused.fetch_min(bytes, Ordering::SeqCst);
            }
            Err(_) => {}
        }
        done
    }

    /// Returns whether the account was found full; `None` where nothing was sent.
    pub(super) fn is_full(&self) -> Option<bool> {
        let is_full = self.refused.load(Ordering::SeqCst) != u64::MAX;
        (is_full || self.has_taken.load(Ordering::SeqCst)).then_some(is_full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full<T>() -> Result<T> {
        Err(Error::new(Kind::DiskFull, "full"))
    }

    #[test]
    fn what_is_as_large_as_what_was_refused_is_not_offered_and_what_is_smaller_is() {
        let quota = Quota::default();
        assert_eq!(quota.is_full(), None);
        assert!(quota.within(70, || Ok(())).is_ok());
        assert_eq!(quota.is_full(), Some(false));
        assert!(quota.within(100, full::<()>).is_err());
        let error = quota
            .within::<()>(100, || unreachable!("not offered"))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::DiskFull);
        assert!(quota.within(99, || Ok(())).is_ok());
        assert_eq!(quota.is_full(), Some(true));
    }

    #[test]
    fn another_failure_says_nothing_of_the_room() {
        let quota = Quota::default();
        let refused = quota.within(5, || Err::<(), _>(Error::new(Kind::Refused, "no")));
        assert_eq!(refused.unwrap_err().kind(), Kind::Refused);
        assert_eq!(quota.is_full(), None);
        assert!(quota.within(5, || Ok(())).is_ok());
    }
}
