//! Who is signed in, whether that still holds, and whether it can be renewed unattended.
//!
//! The saved session is only read and used; nothing signs in, and no news of the session is saved.

use jiff::Timestamp;

use super::{Finding, Subject, network, network::Line};
use crate::{
    auth::{
        account::{self, Asked},
        attempts::Attempts,
        gate::Gate,
        pcs,
        prompt::Nobody,
        secret::Keyring,
        session::Session,
        trust,
    },
    error::{Kind, Result},
};

const LOG_IN: &str = "run `icloud-sync login`";

/// What is known of the sign-in.
pub(super) enum Signed {
    /// The session that is to be used.
    In(Box<Session>),
    /// Nobody is signed in, or not any more.
    Out,
}

/// Looks at keyring and session. Without a line the session is not asked for at the service.
pub(super) fn check(subject: &Subject<'_>, line: Option<&Line>) -> (Vec<Finding>, Signed) {
    let gate = match Gate::find(subject.account, &Nobody, subject.stop) {
        Ok(gate) => gate,
        Err(error) => {
            let finding = if error.kind() == Kind::SignIn {
                Finding::sign_in("session", "nobody has signed in", LOG_IN)
            } else {
                network::of_error("session", &error)
            };
            let keyring = Finding::skipped("keyring", "it is asked by account, and none is known");
            return (vec![keyring, finding], Signed::Out);
        }
    };
    let (found, signed) = match session(&gate, line) {
        Ok(found) => found,
        Err(error) => (network::of_error("session", &error), Signed::Out),
    };
    (vec![keyring(&gate), found], signed)
}

/// Is the password to be had without asking?
fn keyring(gate: &Gate) -> Finding {
    const NAME: &str = "keyring";
    let elsewhere = if gate.passwords.given.is_some() {
        Some("the password comes from the settings")
    } else if gate.passwords.file.exists() {
        Some("the password is kept in a private file")
    } else {
        None
    };
    match (gate.passwords.keyring(), elsewhere) {
        (Keyring::Ready, _) => Finding::ok(NAME, "the Secret Service answers"),
        (Keyring::Off, Some(elsewhere)) => {
            Finding::ok(NAME, format!("not used (USE_KEYRING); {elsewhere}"))
        }
        (Keyring::Absent(why), Some(elsewhere)) => Finding::ok(NAME, format!("{why}; {elsewhere}")),
        (Keyring::Off, None) => Finding::warning(
            NAME,
            "not used (USE_KEYRING), and the password is kept nowhere",
            "a session that ends can't be renewed unattended: then run `icloud-sync login`",
        ),
        (Keyring::Absent(why), None) => Finding::warning(
            NAME,
            format!("{why}, and the password is kept nowhere"),
            "a session that ends can't be renewed unattended; `icloud-sync login` offers a private file for it",
        ),
    }
}

fn session(gate: &Gate, line: Option<&Line>) -> Result<(Finding, Signed)> {
    const NAME: &str = "session";
    let signed_out =
        |found: String, way_out: &str| Ok((Finding::sign_in(NAME, found, way_out), Signed::Out));
    let saved = match line {
        Some(line) => gate.resume(&line.wire)?,
        None => (gate.load()?)
            .map(|(session, _)| session)
            .filter(Session::is_signed_in),
    };
    let Some(session) = saved else {
        let found = format!(
            "{} is not signed in at {}",
            gate.account,
            gate.endpoint.key()
        );
        return signed_out(found, LOG_IN);
    };
    let since = described(&session);
    if let Some(waiting) = Attempts::load(&gate.store)?.waiting {
        let found = format!("{}: it waits for a person: {}", gate.account, waiting.why);
        return signed_out(found, LOG_IN);
    }
    let Some(line) = line else {
        let found = format!("{}, {since}; whether it holds can't be asked", gate.account);
        return Ok((Finding::skipped(NAME, found), Signed::In(session.into())));
    };
    let asked = account::validate(&line.wire, &session.services()).map_err(|error| {
        // The host was there a moment ago.
        match error.hint() {
            None => error.with_hint("iCloud is in trouble, or a proxy in between: try again later"),
            Some(_) => error,
        }
    });
    match asked? {
        Asked::Refused(words) => signed_out(
            format!(
                "the session of {} ({since}) has ended: {words}",
                gate.account
            ),
            "the next pass tries to renew it by itself; if that does not help, run `icloud-sync login`",
        ),
        Asked::Known(found) if found.wants_terms => Ok((
            Finding::failed(
                NAME,
                format!("{}: Apple's new terms wait to be accepted", gate.account),
                "sign in at www.icloud.com once and accept them, or run `icloud-sync login`",
            ),
            Signed::Out,
        )),
        Asked::Known(found) if found.wants_code => signed_out(
            format!(
                "{}: iCloud wants the code of the second factor",
                gate.account
            ),
            LOG_IN,
        ),
        Asked::Known(found) if found.drivews.is_none() => Ok((
            Finding::failed(
                NAME,
                format!("{} has no iCloud Drive", gate.account),
                "open iCloud Drive once at www.icloud.com",
            ),
            Signed::Out,
        )),
        // Ordinary accounts are said to need the cookie too, and get it at sign-in.
        Asked::Known(found)
            if found.pcs_required && !pcs::is_unlocked(&line.wire, &session.services()) =>
        {
            signed_out(
                format!(
                    "{}: the data is protected (Advanced Data Protection), and this session gives no access to it",
                    gate.account
                ),
                "run `icloud-sync login` and approve the request on one of your devices",
            )
        }
        Asked::Known(_) => {
            let found = format!("{}, {since}; it holds", gate.account);
            let trusted = (session.trusted_ms).and_then(|ms| Timestamp::from_millisecond(ms).ok());
            let finding = match trusted.and_then(|since| trust::warning(since, Timestamp::now())) {
                Some(words) => Finding::warning(NAME, found, words),
                None => Finding::ok(NAME, found),
            };
            Ok((finding, Signed::In(session.into())))
        }
    }
}

/// Says since when it is there.
fn described(session: &Session) -> String {
    let day =
        |ms: i64| Timestamp::from_millisecond(ms).map(|time| time.strftime("%Y-%m-%d").to_string());
    let mut words = match day(session.signed_in_ms) {
        Ok(day) => format!("signed in {day}"),
        Err(_) => "signed in".to_owned(),
    };
    if let Some(Ok(day)) = session.trusted_ms.map(day) {
        words.push_str(", trusted since ");
        words.push_str(&day);
    }
    words
}
