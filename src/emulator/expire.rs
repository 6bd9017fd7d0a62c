//! Ends things before their time: sessions, tokens, trust, PCS cookies, content URLs.

use std::io;

use super::world::World;

/// Ends the browser sessions of an account: 421 from now on.
pub(super) fn session(world: &mut World, email: &str) {
    world
        .webs
        .values_mut()
        .filter(|session| session.email == email)
        .for_each(|s| s.expired = true);
    world.dirty = true;
}

/// Makes the session tokens of an account void: `accountLogin` needs a new sign-in.
pub(super) fn tokens(world: &mut World, email: &str) {
    world.tokens.retain(|_, token| token.email != email);
    world.dirty = true;
}

/// Ends the trust of all browsers: the next sign-in needs a code.
pub(super) fn trust(world: &mut World, email: &str) {
    if let Some(state) = world.account(email) {
        state.trust.clear();
    }
    world.dirty = true;
}

/// Ends the PCS cookies of an account.
pub(super) fn pcs(world: &mut World, email: &str) {
    world
        .webs
        .values_mut()
        .filter(|session| session.email == email)
        .for_each(|s| s.pcs = None);
    world.dirty = true;
}

/// Makes all URLs of contents void that were given out.
pub(super) fn urls(world: &mut World) {
    world
        .grants
        .values_mut()
        .for_each(|grant| grant.expires = 0);
    world
        .uploads
        .values_mut()
        .for_each(|upload| upload.expires = 0);
}

/// The same by the words of the control interface.
///
/// # Errors
///
/// For a word that is none of them.
pub(super) fn by_name(world: &mut World, email: &str, what: &str) -> io::Result<()> {
    match what {
        "session" => session(world, email),
        "tokens" => tokens(world, email),
        "trust" => trust(world, email),
        "pcs" => pcs(world, email),
        "urls" => urls(world),
        _ => {
            return Err(io::Error::other(
                "what is session, tokens, trust, pcs or urls",
            ));
        }
    }
    Ok(())
}
