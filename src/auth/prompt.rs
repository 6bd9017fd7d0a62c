//! What a person is asked while signing in.
//!
//! Logic asks through [`Prompt`]; only [`Terminal`] knows terminals. Questions go to stderr, so that
//! stdout stays what was asked for.

use std::io::{self, BufRead, IsTerminal, Write};

use serde::{Deserialize, Serialize};

use crate::{
    auth::secret::Secret,
    error::{Error, Kind, Result},
};

/// A phone number that codes can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// The service's number for it.
    pub id: i64,
    /// Masked, as the service shows it.
    pub shown: String,
}

/// How a code comes to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Shown on the account's devices.
    #[default]
    Push,
    /// Sent as a text message.
    Sms,
    /// Read out by a call.
    Voice,
}

/// What is known when a code is asked for.
#[derive(Debug, Clone)]
pub struct Question {
    /// How the code was sent.
    pub via: Via,
    /// The number that it was sent to, for SMS and calls.
    pub phone: Option<Phone>,
    /// Numbers that could be chosen.
    pub phones: Vec<Phone>,
    /// Digits of a code.
    pub length: usize,
    /// The code given before was wrong.
    pub was_wrong: bool,
}

/// What a person answered to the question for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeAnswer {
    /// The code.
    Code(String),
    /// Send it (again) this way, to this number.
    Send(Via, Option<Phone>),
}

/// Asks a person.
pub trait Prompt: Send + Sync {
    /// Returns whether there is somebody to ask.
    fn is_attended(&self) -> bool;

    /// Asks for the Apple account.
    ///
    /// # Errors
    /// `SignIn` where nobody answered.
    fn account(&self) -> Result<String>;

    /// Asks for the password.
    ///
    /// # Errors
    /// `SignIn` where nobody answered.
    fn password(&self, account: &str) -> Result<Secret>;

    /// Asks for a code.
    ///
    /// # Errors
    /// `SignIn` where nobody answered.
    fn code(&self, question: &Question) -> Result<CodeAnswer>;

    /// Asks a question to be answered with yes or no.
    ///
    /// # Errors
    /// `SignIn` where nobody answered.
    fn confirm(&self, question: &str) -> Result<bool>;

    /// Tells something, such as what to tap on which device.
    fn tell(&self, text: &str);

    /// Shows how many seconds are left for a person to do what was told; `None` takes it away again.
    fn countdown(&self, _left: Option<u32>) {}

    /// Returns another way to the same person, to be kept for as long as requests are made; `None` where nobody
    /// may be asked later.
    fn for_later(&self) -> Option<Box<dyn Prompt>> {
        None
    }
}

/// Nobody to ask: a run from cron or a service.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

/// The terminal that the program was started from; nobody, if there is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminal;

/// The error of a run that needs a person and has none.
pub(crate) fn nobody_there(why: &str) -> Error {
    Error::new(Kind::SignIn, why).with_hint("run `icloud-sync login` in a terminal")
}

impl Prompt for Nobody {
    fn is_attended(&self) -> bool {
        false
    }

    fn account(&self) -> Result<String> {
        Err(nobody_there("not signed in, and no account is named"))
    }

    fn password(&self, account: &str) -> Result<Secret> {
        Err(nobody_there(&format!(
            "the password of {account} is needed"
        )))
    }

    fn code(&self, _: &Question) -> Result<CodeAnswer> {
        Err(nobody_there("a code of the second factor is needed"))
    }

    fn confirm(&self, _: &str) -> Result<bool> {
        Ok(false)
    }

    fn tell(&self, text: &str) {
        log::warn!("{text}");
    }
}

impl Prompt for Terminal {
    fn is_attended(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn account(&self) -> Result<String> {
        if !self.is_attended() {
            return Nobody.account();
        }
        loop {
            let account = line("Apple account (e-mail address): ")?;
            if could_be_an_account(&account) {
                return Ok(account);
            }
            say("That is no e-mail address.\n");
        }
    }

    fn password(&self, account: &str) -> Result<Secret> {
        if !self.is_attended() {
            return Nobody.password(account);
        }
        say(&format!("Password of {account}: "));
        let password = rpassword::read_password().map_err(|error| {
            // While the letters are hidden, Ctrl-C may come as a letter rather than a signal.
            if error.kind() == io::ErrorKind::Interrupted {
                return Error::new(Kind::Stopped, "stopped at the question for the password");
            }
            nobody_there("no password was given").with_source(error)
        })?;
        if password.is_empty() {
            return Err(nobody_there("no password was given"));
        }
        Ok(Secret::new(password))
    }

    fn code(&self, question: &Question) -> Result<CodeAnswer> {
        if !self.is_attended() {
            return Nobody.code(question);
        }
        let mut complaint = question.was_wrong.then_some("That code was wrong.");
        loop {
            let answer = line(&code_text(question, complaint))?;
            match parse_code(&answer, question) {
                Some(answer) => return Ok(answer),
                None => complaint = Some("That is neither a code nor one of these words."),
            }
        }
    }

    fn confirm(&self, question: &str) -> Result<bool> {
        if !self.is_attended() {
            return Ok(false);
        }
        let answer = line(&format!("{question} [y/N] "))?;
        Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    fn tell(&self, text: &str) {
        say(&format!("{text}\n"));
    }

    fn countdown(&self, left: Option<u32>) {
        // One line, written over and over.
        let line = left.map_or(String::new(), time_left);
        say(&format!("\r\x1b[K{line}"));
    }
}

/// How long there is still, as it is shown.
pub(crate) fn time_left(seconds: u32) -> String {
    format!(
        "{}:{:02} left, Ctrl-C to give up",
        seconds / 60,
        seconds % 60
    )
}

/// Whether an account can be called so: an e-mail address, or where those are in use a phone number. What was
/// typed for another question is not sent to anybody. No answer at all is left to the caller.
fn could_be_an_account(text: &str) -> bool {
    let is_address = text.contains('@') && !text.contains(char::is_whitespace);
    let is_phone = text
        .chars()
        .all(|c| c.is_ascii_digit() || "+-() ".contains(c));
    is_address || is_phone
}

/// The question for a code, as text.
fn code_text(question: &Question, complaint: Option<&str>) -> String {
    let sent = match (question.via, &question.phone) {
        (Via::Push, _) => "A code is shown on your Apple devices (tap Allow there).".to_owned(),
        (Via::Sms, Some(phone)) => format!("A code was sent to {}.", phone.shown),
        (Via::Voice, Some(phone)) => format!("A code is being read out to {}.", phone.shown),
        (Via::Sms | Via::Voice, None) => "A code was sent to your phone.".to_owned(),
    };
    let length = question.length;
    let ask = if question.phones.is_empty() {
        format!("Code ({length} digits; or type push to have it shown again): ")
    } else {
        let numbers: Vec<String> = question
            .phones
            .iter()
            .enumerate()
            .map(|(at, phone)| format!("  {}  {}", at + 1, phone.shown))
            .collect();
        format!(
            "No code there? Type push to have it shown again, or sms or call and the number of a phone:\n{}\nCode ({length} digits): ",
            numbers.join("\n")
        )
    };
    let lines: Vec<&str> = complaint.into_iter().chain([&*sent, &*ask]).collect();
    lines.join("\n")
}

/// Reads what was typed: digits with any blanks, or a way to send the code.
fn parse_code(answer: &str, question: &Question) -> Option<CodeAnswer> {
    let answer = answer.trim().to_ascii_lowercase();
    let digits: String = answer
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect();
    if digits.len() == question.length && digits.chars().all(|c| c.is_ascii_digit()) {
        return Some(CodeAnswer::Code(digits));
    }
    let mut words = answer.split_whitespace();
    let via = match words.next()? {
        "sms" => Via::Sms,
        "call" | "voice" => Via::Voice,
        "push" => return Some(CodeAnswer::Send(Via::Push, None)),
        _ => return None,
    };
    let place = match words.next() {
        Some(word) => word.parse::<usize>().ok()?,
        None => 1,
    };
    let phone = question.phones.get(place.checked_sub(1)?)?;
    Some(CodeAnswer::Send(via, Some(phone.clone())))
}

/// Asks on stderr and reads one line of stdin.
fn line(question: &str) -> Result<String> {
    say(question);
    let mut text = String::new();
    let read = io::stdin()
        .lock()
        .read_line(&mut text)
        .map_err(|error| nobody_there("nothing was answered").with_source(error))?;
    if read == 0 {
        return Err(nobody_there("nothing was answered"));
    }
    Ok(text.trim().to_owned())
}

/// Writes to stderr; where nobody can read it, nothing is lost.
fn say(text: &str) {
    let mut out = io::stderr().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written {
        log::debug!("stderr is gone: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        let phone = |id, shown: &str| Phone {
            id,
            shown: shown.to_owned(),
        };
        Question {
            via: Via::Push,
            phone: None,
            phones: vec![phone(4, "•• 58"), phone(9, "•• 11")],
            length: 6,
            was_wrong: false,
        }
    }

    #[test]
    fn a_code_keeps_its_zeros_and_loses_its_blanks() {
        let question = question();
        for typed in ["012345", " 012 345 ", "012-345"] {
            assert_eq!(
                parse_code(typed, &question),
                Some(CodeAnswer::Code("012345".to_owned()))
            );
        }
        for typed in [
            "", "12345", "1234567", "12345a", "hello", "sms 3", "sms 0", "sms x",
        ] {
            assert_eq!(parse_code(typed, &question), None, "{typed}");
        }
    }

    #[test]
    fn an_account_is_an_address_or_a_phone_number() {
        for account in ["anna@example.com", "+86 10 5555 0100", ""] {
            assert!(could_be_an_account(account), "{account}");
        }
        for other in ["icloud-sync login", "anna", "anna @example.com"] {
            assert!(!could_be_an_account(other), "{other}");
        }
    }

    #[test]
    fn another_way_can_be_chosen() {
        let question = question();
        let sent = |typed| match parse_code(typed, &question) {
            Some(CodeAnswer::Send(via, phone)) => (via, phone.map(|phone| phone.id)),
            other => panic!("{typed}: {other:?}"),
        };
        assert_eq!(sent("sms"), (Via::Sms, Some(4)));
        assert_eq!(sent("SMS 2"), (Via::Sms, Some(9)));
        assert_eq!(sent("call 1"), (Via::Voice, Some(4)));
        assert_eq!(sent("push"), (Via::Push, None));
    }

    #[test]
    fn the_question_names_what_can_be_typed() {
        let text = code_text(&question(), Some("That code was wrong."));
        assert!(text.starts_with("That code was wrong.\n"), "{text}");
        assert!(text.contains("\n  2  •• 11\n"), "{text}");
    }

    #[test]
    fn the_time_that_is_left_is_in_minutes_and_seconds() {
        assert_eq!(time_left(300), "5:00 left, Ctrl-C to give up");
        assert_eq!(time_left(59), "0:59 left, Ctrl-C to give up");
    }

    #[test]
    fn nobody_answers_with_what_to_type() {
        let error = Nobody.code(&question()).unwrap_err();
        assert_eq!(error.kind(), Kind::SignIn);
        assert!(error.hint().unwrap().contains("icloud-sync login"));
        assert!(!Nobody.confirm("sure?").unwrap());
    }
}
