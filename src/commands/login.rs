//! `login`: signs in, so that the other commands and unattended runs need nobody.
//!
//! Comes in: the account's options, how the second factor is wanted, and somebody to ask. Goes out: a
//! saved session, and one line that says so. A session that still holds is left as it is.

use std::io::Write;

use crate::{
    auth::{
        gate::Gate,
        login::Factor,
        prompt::{Prompt, Via},
        secret::{Keyring, Secret},
    },
    error::{Error, Result},
    options::AccountOptions,
    stop::Stop,
};

/// Signs in.
///
/// # Errors
/// `SignIn` where account, password or code were refused, or nobody is there to ask; `Temporary`;
/// `Usage`; `Local`; `Stopped`.
pub fn run(
    options: &AccountOptions,
    via: Via,
    prompt: &dyn Prompt,
    stop: &Stop,
    out: &mut dyn Write,
) -> Result<()> {
    let gate = Gate::find(options, prompt, stop)?;
    let held = gate.store.lock(stop)?;
    let wire = gate.transport()?;
    let mut session = gate.state(&wire)?;
    if !options.relogin && gate.still_holds(&wire, &mut session, prompt, &held)? {
        return say(out, &format!("Already signed in as {}.", gate.account));
    }
    if !options.relogin && gate.by_tokens(&wire, &mut session, prompt, &held)? {
        gate.signed_in_by(prompt, &held)?;
        return say(out, &format!("Signed in as {}.", gate.account));
    }
    let factor = Factor {
        via,
        code: options.code.clone(),
        // A person's own action, even from a script: no automatic sign-in is counted.
        is_counted: true,
        is_automatic: false,
        sends_ahead: true,
    };
    let typed = gate.sign_in(&wire, &mut session, prompt, &factor, &held)?;
    gate.signed_in_by(prompt, &held)?;
    say(out, &format!("Signed in as {}.", gate.account))?;
    match typed {
        Some(password) => keep(&gate, prompt, &password),
        None => Ok(()),
    }
}

/// Keeps a password that was typed, so that a session that ends can be renewed without a person.
fn keep(gate: &Gate, prompt: &dyn Prompt, password: &Secret) -> Result<()> {
    let passwords = &gate.passwords;
    match passwords.keyring() {
        Keyring::Off => {}
        Keyring::Ready => match passwords.keep_in_keyring(password) {
            Ok(()) => prompt.tell("The password is kept in the keyring."),
            Err(error) => prompt.tell(&error.to_string()),
        },
        Keyring::Absent(why) => {
            prompt.tell(&format!(
                "The password is not kept: {why}. Without it, a session that ends needs you to log in again."
            ));
            if prompt.confirm("Keep it in a file that only you can read?")? {
                passwords.keep_in_file(password)?;
                prompt.tell(&format!(
                    "It is kept in {}; `icloud-sync logout --forget-password` removes it.",
                    passwords.file.display()
                ));
            }
        }
    }
    Ok(())
}

/// Writes a line.
///
/// # Errors
/// `Local`.
pub(crate) fn say(out: &mut dyn Write, line: &str) -> Result<()> {
    writeln!(out, "{line}").map_err(|error| Error::io("cannot write the output", error))
}
