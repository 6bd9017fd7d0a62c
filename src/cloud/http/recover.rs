//! What is done about an answer that is not the one hoped for: wait and ask again, sign in again, or give
//! up with an error that says what may be done next (protocol page 11.1).
//!
//! Comes in: the course of one request so far, and what happened now. Goes out: `Ok` to try once more,
//! or the error that ends the request. A write is tried again only where it is sure that nothing was
//! done. Signing in and unlocking are done by one thread for all.

use std::time::{Duration, Instant};

use log::debug;

use super::{Answer, Api, Effect, Session, lock};
use crate::{
    cloud::answer::Reason,
    error::{Error, Kind, Result},
};

/// The last failure of a shared step, so that waiting threads do not each fail for themselves.
#[derive(Default)]
pub(super) struct Failed(Option<(u64, Instant, Error)>);

/// What one request has already been through.
#[derive(Default)]
pub(super) struct Course {
    stumbles: u32,
    holds: u32,
    refusals: u32,
    unlocked: bool,
}

impl Api {
    /// A network error, or an answer that does not say what became of the request.
    pub(super) fn stumbled(&self, course: &mut Course, effect: Effect, error: Error) -> Result<()> {
        match effect {
            Effect::Write | Effect::AtOnce => Err(lost(error)),
            Effect::Read => self.ask_again(course, error),
        }
    }

    /// Counts one more try of a read and waits for it.
    pub(super) fn ask_again(&self, course: &mut Course, error: Error) -> Result<()> {
        debug!("{error}; trying again");
        course.stumbles += 1;
        self.wire.again(course.stumbles - 1, error)
    }

    /// A 2xx whose body is not what was due.
    pub(super) fn unreadable(
        &self,
        course: &mut Course,
        effect: Effect,
        label: &str,
        answer: &Answer,
        why: serde_json::Error,
    ) -> Result<()> {
        let what = match Reason::read(&answer.body).text {
            Some(text) if why.is_syntax() || why.is_eof() => text,
            _ => "an answer of unknown form".to_owned(),
        };
        let is_cut = why.is_eof() || why.is_syntax();
        let error = Error::new(Kind::Protocol, format!("{label}: {what}")).with_source(why);
        match effect {
            Effect::Write | Effect::AtOnce => Err(lost(error)),
            // A whole answer of another form will be the same the next time.
            Effect::Read if is_cut => self.ask_again(course, error),
            Effect::Read => Err(error),
        }
    }

    /// All threads wait: the service has had enough of us, not of one request.
    pub(super) fn hold(
        &self,
        course: &mut Course,
        asked: Option<Duration>,
        error: Error,
    ) -> Result<()> {
        course.holds += 1;
        let error = self.wire.had_enough(error, asked);
        self.wire.again(course.holds - 1, error)
    }

    /// The session is refused: fresh connections first, then one re-login for all threads.
    pub(super) fn refused(
        &self,
        course: &mut Course,
        session: &Session,
        line: u64,
        words: &str,
    ) -> Result<()> {
        course.refusals += 1;
        match course.refusals {
            1 => self.wire.reconnect(line),
            2 => self.renew(session),
            _ => Err(Error::new(
                Kind::SignIn,
                format!("{words}, even after signing in again"),
            )
            .with_hint(if self.wants_attention(session) {
                "the account needs attention: sign in once at https://www.icloud.com and do what is asked there"
            } else {
                "see that \"Access iCloud Data on the Web\" is on in the iCloud settings of your devices"
            })),
        }
    }

    /// Returns whether the service has given the cookie with which it asks for attention; the one for the data may be
    /// missing then (protocol page 5.1, one project's report).
    fn wants_attention(&self, session: &Session) -> bool {
        (self.wire.endpoint.service(&session.services.drivews))
            .is_ok_and(|url| self.wire.jar.has(&url, "X-APPLE-WEBAUTH-REPAIR"))
    }

    fn renew(&self, session: &Session) -> Result<()> {
        let mut failed = lock(&self.renewal);
        let current = self.session();
        if current.number != session.number {
            return Ok(());
        }
        failed.check(session.number)?;
        match self.keeper.renew(&self.wire, &current.services) {
            Ok(services) => {
                self.replace(Session {
                    services,
                    number: current.number + 1,
                    unlocked: current.unlocked,
                });
                Ok(())
            }
            Err(error) => Err(failed.note(session.number, error)),
        }
    }

    /// Protected data is locked: one unlocking for all threads, then once more.
    pub(super) fn locked(&self, course: &mut Course, session: &Session, words: &str) -> Result<()> {
        let refused = || {
            Error::new(Kind::SignIn, words).with_hint(
            "this account protects its data (Advanced Data Protection); run `icloud-sync login` and approve the request on one of your devices",
        )
        };
        if course.unlocked {
            return Err(refused());
        }
        course.unlocked = true;
        let mut failed = lock(&self.unlocking);
        let current = self.session();
        if current.unlocked != session.unlocked || current.number != session.number {
            return Ok(());
        }
        failed.check(session.unlocked)?;
        match self.keeper.unlock(&self.wire, &current.services) {
            Ok(()) => {
                self.replace(Session {
                    services: current.services.clone(),
                    number: current.number,
                    unlocked: current.unlocked + 1,
                });
                Ok(())
            }
            Err(error) => Err(failed.note(session.unlocked, error)),
        }
    }
}

impl Failed {
    /// Returns the failure of the same step, if it is fresh.
    fn check(&self, number: u64) -> Result<()> {
        const FRESH: Duration = Duration::from_secs(30);
        match &self.0 {
            // Later it is tried again: a person, or another process, may have put it right.
            Some((at, when, error)) if *at == number && when.elapsed() < FRESH => {
                Err(error.clone())
            }
            _ => Ok(()),
        }
    }

    fn note(&mut self, number: u64, error: Error) -> Error {
        self.0 = Some((number, Instant::now(), error.clone()));
        error
    }
}

fn lost(error: Error) -> Error {
    let words = error.to_string();
    Error::new(
        Kind::Lost,
        format!("{words}; it is not known whether it was done"),
    )
    .with_source(error)
}
