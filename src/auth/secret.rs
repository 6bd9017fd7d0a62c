//! A text that must not be shown, and where a password is kept.
//!
//! The keyring is the desktop's Secret Service. Where there is none (a server, a container) that is
//! said, and a file that only the user can read takes its place, if the user wants one.

use std::{fmt, path::PathBuf};

use log::debug;
use zeroize::Zeroizing;

use crate::{
    auth::files,
    error::{Error, Kind, Result},
};

/// A text that must not be shown: no `Display`, a redacted `Debug`, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// Whether passwords can be kept in the keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyring {
    /// Yes.
    Ready,
    /// Not asked for (`USE_KEYRING`).
    Off,
    /// No; the words say why.
    Absent(String),
}

/// Where one account's password is looked for, in this order: what was given, the keyring, the file.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// From the environment.
    pub given: Option<Secret>,
    /// The keyring's service name; `None`: not used.
    pub service: Option<String>,
    /// The account.
    pub account: String,
    /// The file that takes the keyring's place.
    pub file: PathBuf,
}

impl Passwords {
    /// Returns the password, if it is to be had without asking. A keyring that does not answer is
    /// passed over.
    ///
    /// # Errors
    /// `Local` where the password file is there and cannot be read.
    pub fn get(&self) -> Result<Option<Secret>> {
        if let Some(given) = &self.given {
            return Ok(Some(given.clone()));
        }
        if let Some(entry) = self.entry() {
            match entry.get_password() {
                Ok(password) => return Ok(Some(Secret::new(password))),
                Err(keyring::v1::Error::NoEntry) => {}
                Err(error) => debug!("the keyring gives no password: {}", words(&error)),
            }
        }
        let Some(data) = files::read_private(&self.file)? else {
            return Ok(None);
        };
        let data = Zeroizing::new(data);
        let text = std::str::from_utf8(&data).map_err(|_| {
            Error::new(
                Kind::Local,
                format!("\"{}\" is no text", self.file.display()),
            )
        })?;
        // An editor ends a file with a line's end; a password does not.
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        Ok((!text.is_empty()).then(|| Secret::new(text)))
    }

    /// Returns whether the keyring can be used; asks it for the entry to see.
    pub fn keyring(&self) -> Keyring {
        let Some(service) = &self.service else {
            return Keyring::Off;
        };
        let entry = match keyring::v1::Entry::new(service, &self.account) {
            Ok(entry) => entry,
            Err(error) => return Keyring::Absent(words(&error)),
        };
        match entry.get_password() {
            // That there is no entry is a healthy answer.
            Ok(_) | Err(keyring::v1::Error::NoEntry) => Keyring::Ready,
            Err(error) => Keyring::Absent(words(&error)),
        }
    }

    /// Keeps the password in the keyring.
    ///
    /// # Errors
    /// `Other` where the keyring refuses.
    pub fn keep_in_keyring(&self, password: &Secret) -> Result<()> {
        let refused = |why: String| {
            Error::new(
                Kind::Other,
                format!("the keyring does not take the password: {why}"),
            )
        };
        let entry = self
            .entry()
            .ok_or_else(|| refused("it is not there".to_owned()))?;
        entry
            .set_password(password.expose())
            .map_err(|error| refused(words(&error)))
    }

    /// Keeps the password in the file, 0600 in a folder 0700.
    ///
    /// # Errors
    /// `Local`, `DiskFull`.
    pub fn keep_in_file(&self, password: &Secret) -> Result<()> {
        files::write_private(&self.file, password.expose().as_bytes())
    }

    /// Forgets the password, wherever it is kept.
    ///
    /// # Errors
    /// `Local` where the file cannot be removed; `Other` where the keyring holds it and does not let
    /// go of it.
    pub fn forget(&self) -> Result<()> {
        files::remove(&self.file)?;
        let Some(entry) = self.entry() else {
            return Ok(());
        };
        match entry.get_password() {
            Ok(_) => entry.delete_credential().map_err(|error| {
                Error::new(
                    Kind::Other,
                    format!(
                        "the keyring does not forget the password: {}",
                        words(&error)
                    ),
                )
            }),
            // Nothing there, or nothing that answers.
            Err(_) => Ok(()),
        }
    }

    fn entry(&self) -> Option<keyring::v1::Entry> {
        keyring::v1::Entry::new(self.service.as_ref()?, &self.account).ok()
    }
}

/// A server and a container have none; the reason of the connection tells a person nothing more.
const NO_KEYRING: &str = "there is no keyring (Secret Service) here";

/// A keyring error's words; those that could hold what it read are left out.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the enum is not exhaustive, and all other words are plain"
)]
fn words(error: &keyring::v1::Error) -> String {
    use keyring::v1::Error as Problem;
    match error {
        Problem::NoDefaultStore => match keyring::v1::Entry::store_status() {
            Err(why) => {
                debug!("no Secret Service: {why}");
                NO_KEYRING.to_owned()
            }
            Ok(()) => NO_KEYRING.to_owned(),
        },
        Problem::BadEncoding(_) | Problem::BadDataFormat(..) => {
            "what it holds is damaged".to_owned()
        }
        Problem::Ambiguous(_) => "it holds several passwords for this account".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(dir: &std::path::Path) -> Passwords {
        Passwords {
            given: None,
            service: None,
            account: "a@example.com".to_owned(),
            file: dir.join("x/password"),
        }
    }

    #[test]
    fn what_was_given_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut passwords = passwords(dir.path());
        assert_eq!(passwords.get().unwrap(), None);
        assert_eq!(passwords.keyring(), Keyring::Off);
        passwords
            .keep_in_file(&Secret::new("from the file "))
            .unwrap();
        assert_eq!(passwords.get().unwrap().unwrap().expose(), "from the file ");
        passwords.given = Some(Secret::new("given"));
        assert_eq!(passwords.get().unwrap().unwrap().expose(), "given");
        passwords.given = None;
        passwords.forget().unwrap();
        assert_eq!(passwords.get().unwrap(), None);
    }

    #[test]
    fn a_line_s_end_is_no_part_of_a_password() {
        let dir = tempfile::tempdir().unwrap();
        let passwords = passwords(dir.path());
        for (text, password) in [
            ("a b\n", "a b"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            (" a", " a"),
        ] {
            files::write_private(&passwords.file, text.as_bytes()).unwrap();
            assert_eq!(passwords.get().unwrap().unwrap().expose(), password);
        }
        files::write_private(&passwords.file, b"\n").unwrap();
        assert!(passwords.get().unwrap().is_none());
        files::write_private(&passwords.file, &[0xff, 0xfe]).unwrap();
        assert!(passwords.get().is_err());
    }

    #[test]
    fn debug_shows_no_password() {
        let mut passwords = passwords(std::path::Path::new("/x"));
        passwords.given = Some(Secret::new("hush"));
        assert!(!format!("{passwords:?}").contains("hush"));
    }
}
