//! For how long this installation is likely to be trusted, and from when on that is worth a warning.
//!
//! The service says nothing of it. Users report about 30 days, one source two months (protocol page 4.6), and a change of
//! the password ends it at once: what is told here is a guess, and is called one.

use jiff::{Timestamp, ToSpan, tz::TimeZone};

/// Days for which an installation is trusted.
pub(crate) const DAYS: i64 = 30;
/// A warning begins so many days before.
const WARN_DAYS: i64 = 7;

/// Returns until when a trust that began then is likely to last.
pub(crate) fn until(since: Timestamp) -> Option<Timestamp> {
    since.checked_add((DAYS * 24).hours()).ok()
}

/// Returns the warning for a trust that began then, if it is due; a sentence without its first capital and final period.
pub(crate) fn warning(since: Timestamp, now: Timestamp) -> Option<String> {
    let until = until(since)?;
    let begins = until.checked_sub((WARN_DAYS * 24).hours()).ok()?;
    if now < begins {
        return None;
    }
    let day = until.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d");
    let when = if until > now {
        format!("is likely to end about {day} ({})", days(now, until))
    } else {
        format!("has likely ended about {day}")
    };
    Some(format!(
        "the trust of this machine {when}, and a sign-in needs a code then; to renew it before, run `icloud-sync logout` and `icloud-sync login`"
    ))
}

/// Returns how long it is until then, in days.
pub(crate) fn days(now: Timestamp, until: Timestamp) -> String {
    match (until.as_second() - now.as_second()) / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_begins_seven_days_before_and_stays() {
        let since: Timestamp = "2026-09-01T10:00:00Z".parse().unwrap();
        let at = |text: &str| warning(since, text.parse().unwrap());
        assert_eq!(at("2026-09-24T09:59:59Z"), None);
        let first = at("2026-09-24T10:00:00Z").unwrap();
        assert!(
            first.contains("is likely to end about 2026-10-01 (7 days)"),
            "{first}"
        );
        assert!(
            at("2026-10-01T09:00:00Z")
                .unwrap()
                .contains("(less than a day)")
        );
        let late = at("2026-10-03T00:00:00Z").unwrap();
        assert!(late.contains("has likely ended about 2026-10-01"), "{late}");
    }
}
