//! The identity host's sign-in: `authorize/signin`, `federate`, `signin/init`, `signin/complete`, `repair/complete`
//! (protocol page 2 and 3). The second factor is in `twofactor`.
//!
//! `scnt` and the session id are new in every answer; a request with stale ones gets 421 (by a switch). The two SRP steps do their
//! arithmetic outside of the world's lock.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::call::{Call, Reply};
use super::log::Host;
use super::server::Shared;
use super::srp::{Encoding, Exchange, verifier};
use super::util::hex;
use super::world::{SignIn, World};

/// How often a secret is drawn anew until its public value has the wanted form; each has the chance of 1/256.
const DRAWS: usize = 20_000;

/// Finds the sign-in that a request belongs to, or begins one where that may be.
pub(super) fn sign_in_of(world: &mut World, call: &Call, may_begin: bool) -> Result<usize, Reply> {
    let known = call.header("x-apple-id-session-id");
    let Some(id) = known else {
        return if may_begin {
            Ok(begin(world))
        } else {
            Err(Reply::error(
                Host::Identity,
                403,
                "-20403",
                "The request carries no session.",
            ))
        };
    };
    let number = world.sign_in_ids.get(id).copied();
    match number.and_then(|number| Some((number, world.sign_ins.get(&number)?))) {
        Some((number, sign_in)) => {
            let fresh = sign_in.id == id && call.header("scnt") == Some(sign_in.scnt.as_str());
            if fresh || !world.switches.strict_scnt {
                Ok(number)
            } else {
                Err(gone())
            }
        }
        None if call.endpoint == "authorize/signin" => Ok(begin(world)),
        None => Err(gone()),
    }
}

/// The answer to a request whose session is no more.
fn gone() -> Reply {
    Reply::error(
        Host::Identity,
        421,
        "-20421",
        "Your session has ended. Sign in again.",
    )
}

fn begin(world: &mut World) -> usize {
    let number = world.sign_ins.len() + 1;
    world.sign_ins.insert(number, SignIn::default());
    number
}

/// Puts the headers on an answer that every answer of the identity host carries, with a new `scnt` and session id.
pub(super) fn dress(world: &mut World, number: usize, reply: Reply) -> Reply {
    let (scnt, id) = (world.rng.token(96), world.rng.token(64));
    let attributes = world.rng.token(80);
    let Some(sign_in) = world.sign_ins.get_mut(&number) else {
        return reply;
    };
    sign_in.scnt.clone_from(&scnt);
    sign_in.id.clone_from(&id);
    let country = sign_in
        .email
        .as_ref()
        .and_then(|email| world.accounts.get(email));
    let country = country.map(|state| state.account.country.clone());
    world.sign_in_ids.insert(id.clone(), number);
    let status = reply.status;
    let mut reply = reply
        .with("scnt", scnt)
        .with("x-apple-id-session-id", id)
        .with("x-apple-auth-attributes", attributes)
        .with("x-apple-i-rscd", status.to_string());
    if let Some(country) = country {
        reply = reply.with("x-apple-id-account-country", country);
    }
    reply
}

/// `GET /authorize/signin`: a page to ignore, cookies and the first headers.
pub(super) fn authorize(world: &mut World, call: &Call) -> Reply {
    let number = match sign_in_of(world, call, true) {
        Ok(number) => number,
        // A new round may begin with old headers.
        Err(_) => begin(world),
    };
    let mut reply = Reply::html(
        200,
        "<!DOCTYPE html><html><head><title>Sign In</title></head><body></body></html>",
    );
    let (aasp, acn) = (world.rng.token(160), world.rng.token(40));
    reply.set_cookie(call, "aasp", &aasp, None);
    reply.set_cookie(call, "acn01", &acn, Some(world.now() + 365 * 86_400));
    reply.set_cookie(call, "dslang", "US-EN", None);
    reply.set_cookie(call, "site", "USA", None);
    if world.switches.hashcash_bits > 0 {
        let challenge = hex(&world.rng.bytes::<16>());
        reply = reply
            .with("x-apple-hc-bits", world.switches.hashcash_bits.to_string())
            .with("x-apple-hc-challenge", challenge.clone());
        if let Some(sign_in) = world.sign_ins.get_mut(&number) {
            sign_in.hashcash = challenge;
        }
    }
    dress(world, number, reply)
}

/// `POST /federate`: no account here is a managed one.
pub(super) fn federate(world: &mut World, call: &Call) -> Reply {
    match sign_in_of(world, call, true) {
        Ok(number) => dress(
            world,
            number,
            Reply::json(200, &json!({"federated": false})),
        ),
        Err(reply) => reply,
    }
}

/// `POST /signin/init`.
pub(super) fn init(shared: &Shared, call: &Call) -> Reply {
    let body = call.json().unwrap_or_default();
    let name = text(&body, "accountName").to_owned();
    let Some(a) = STANDARD
        .decode(text(&body, "a"))
        .ok()
        .filter(|a| !a.is_empty())
    else {
        return Reply::error(
            Host::Identity,
            400,
            "-20400",
            "The request is not complete.",
        );
    };
    // What is needed of the world, at once.
    let (number, switches, found, salt, cached, account, b_seed) = {
        let mut world = shared.world();
        let number = match sign_in_of(&mut world, call, true) {
            Ok(number) => number,
            Err(reply) => return reply,
        };
        if world.switches.signin_throttled {
            return Reply::labelled(503, "text/plain", b"Service Temporary Unavailable".to_vec());
        }
        if let Some(refusal) = check_work(&world, number, call) {
            return dress(&mut world, number, refusal);
        }
        let email = name.trim().to_lowercase();
        let salt: [u8; 16] = world.rng.bytes();
        let b_seed = world.rng.next_u64();
        let switches = world.switches.clone();
        if let Some(state) = world.accounts.get(&email) {
            let (salt, cached) = (state.salt.clone(), state.verifier.clone());
            let account = state.account.clone();
            (number, switches, Some(email), salt, cached, account, b_seed)
        } else {
            // An unknown name gets an ordinary answer; the refusal comes with the proof.
            let account = super::Account::new(&email, "no such account");
            (
                number,
                switches,
                None,
                salt.to_vec(),
                Some(vec![7; 256]),
                account,
                b_seed,
            )
        }
    };
    let offered = body
        .get("protocols")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let protocol = account.protocol.name();
    if !offered.iter().any(|word| word == protocol) {
        let mut world = shared.world();
        let refusal = Reply::error(Host::Identity, 400, "-20400", "No protocol in common.");
        return dress(&mut world, number, refusal);
    }
    let password = account.password.clone();
    let v =
        cached.unwrap_or_else(|| verifier(&password, &salt, account.iterations, account.protocol));
    let exchange = draw(&v, b_seed, &a, switches.short_b, switches.short_s);
    let mut world = shared.world();
    let c = format!("d-{}", world.rng.token(60));
    if let Some(state) = found.as_ref().and_then(|email| world.account(email)) {
        state.verifier = Some(v);
    }
    let answer = json!({
        "iteration": switches.force_iterations.unwrap_or(u64::from(account.iterations)),
        "salt": STANDARD.encode(&salt),
        "protocol": switches.force_protocol.as_deref().unwrap_or(protocol),
        "version": 1,
        "b": STANDARD.encode(exchange.public(switches.srp_encoding)),
        "c": c,
    });
    if let Some(sign_in) = world.sign_ins.get_mut(&number) {
        let id = (
            std::mem::take(&mut sign_in.id),
            std::mem::take(&mut sign_in.scnt),
        );
        *sign_in = SignIn {
            id: id.0,
            scnt: id.1,
            name,
            email: found,
            c,
            a,
            salt,
            exchange: Some(exchange),
            hashcash: std::mem::take(&mut sign_in.hashcash),
            ..SignIn::default()
        };
    }
    let reply = if switches.init_as_html {
        Reply::html(200, &answer.to_string())
    } else {
        Reply::json(200, &answer)
    };
    dress(&mut world, number, reply)
}

/// Draws the server's secret, again and again until the numbers begin as the switches say.
///
/// Left to chance, one exchange in some hundred would begin with a zero byte, and its client would start over: what
/// was asked for could no longer be counted.
fn draw(v: &[u8], seed: u64, a: &[u8], short_b: bool, short_s: bool) -> Exchange {
    let mut rng = super::util::Rng::seeded(seed);
    let mut exchange = Exchange::new(v, &rng.bytes::<32>());
    for _ in 0..DRAWS {
        let good = exchange.short_public() == short_b && exchange.short_secret(a) == short_s;
        if good {
            break;
        }
        exchange = Exchange::new(v, &rng.bytes::<32>());
    }
    exchange
}

/// Refuses a sign-in without the work that was asked for (protocol page 3).
fn check_work(world: &World, number: usize, call: &Call) -> Option<Reply> {
    let bits = world.switches.hashcash_bits;
    let challenge = &world.sign_ins.get(&number)?.hashcash;
    if bits == 0 || challenge.is_empty() {
        return None;
    }
    let done = call.header("x-apple-hc").is_some_and(|token| {
        let parts: Vec<&str> = token.split(':').collect();
        let named = parts.get(1) == Some(&bits.to_string().as_str())
            && parts.get(3) == Some(&challenge.as_str());
        let digest = Sha1::digest(token.as_bytes());
        let zeros = digest.iter().take_while(|&&byte| byte == 0).count();
        let rest = digest.get(zeros).map_or(0, |byte| byte.leading_zeros());
        named && u32::try_from(zeros * 8).unwrap_or(0) + rest >= bits
    });
    (!done).then(|| {
        Reply::error(
            Host::Identity,
            401,
            "-20101",
            "Your account information was entered incorrectly.",
        )
    })
}

/// `POST /signin/complete`.
pub(super) fn complete(shared: &Shared, call: &Call) -> Reply {
    let body = call.json().unwrap_or_default();
    let (number, sign_in, take) = {
        let mut world = shared.world();
        let number = match sign_in_of(&mut world, call, false) {
            Ok(number) => number,
            Err(reply) => return reply,
        };
        let sign_in = world.sign_ins.get(&number).cloned().unwrap_or_default();
        (number, sign_in, world.switches.srp_encoding)
    };
    let right = is_right(&body, &sign_in, take);
    let mut world = shared.world();
    let reply = judge(&mut world, number, &sign_in, &body, right);
    world.dirty = true;
    dress(&mut world, number, reply)
}

/// Whether the proofs are right for the lower-case account name.
fn is_right(body: &Value, sign_in: &SignIn, take: Encoding) -> bool {
    let Some(exchange) = &sign_in.exchange else {
        return false;
    };
    if text(body, "c") != sign_in.c || text(body, "accountName") != sign_in.name {
        return false;
    }
    let (m1, m2) = (
        STANDARD.decode(text(body, "m1")),
        STANDARD.decode(text(body, "m2")),
    );
    let (Ok(m1), Ok(m2)) = (m1, m2) else {
        return false;
    };
    let account = sign_in.name.trim().to_lowercase();
    let proofs = exchange.proofs(&account, &sign_in.salt, &sign_in.a, take);
    proofs
        .iter()
        .any(|proof| proof.m1[..] == m1 && proof.m2[..] == m2)
}

fn judge(world: &mut World, number: usize, sign_in: &SignIn, body: &Value, right: bool) -> Reply {
    let wrong = || {
        Reply::error(
            Host::Identity,
            401,
            "-20101",
            "Your Apple ID or password was incorrect.",
        )
    };
    if sign_in.exchange.is_none() {
        return Reply::error(
            Host::Identity,
            412,
            "-20412",
            "There is nothing to complete.",
        );
    }
    if let Some(sign_in) = world.sign_ins.get_mut(&number) {
        // One proof for one exchange.
        sign_in.exchange = None;
    }
    let lock_after = world.switches.lock_after;
    let Some(email) = sign_in.email.clone() else {
        return wrong();
    };
    let tokens = body
        .get("trustTokens")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let trusts = tokens
        .iter()
        .filter_map(Value::as_str)
        .any(|token| world.trusts(&email, token));
    let Some(state) = world.account(&email) else {
        return wrong();
    };
    state.attempts += 1;
    if state.locked {
        return Reply::error(
            Host::Identity,
            403,
            "-20209",
            "This Apple ID has been locked for security reasons.",
        );
    }
    if !right {
        state.failures += 1;
        if lock_after > 0 && state.failures >= lock_after {
            state.locked = true;
            return Reply::error(
                Host::Identity,
                403,
                "-20209",
                "This Apple ID has been locked for security reasons.",
            );
        }
        return wrong();
    }
    state.failures = 0;
    state.codes_sent = 0;
    let trusted = trusts || !state.account.two_factor;
    let repair = state.account.repair && !state.repaired;
    let devices = state.account.trusted_devices && !state.account.security_keys_only;
    if let Some(sign_in) = world.sign_ins.get_mut(&number) {
        sign_in.password_ok = true;
        sign_in.trusted = trusted;
        sign_in.repair_pending = repair;
    }
    if repair {
        let token = world.new_token(&email, trusted);
        return Reply::json(412, &json!({"authType": "hsa2"})).with("x-apple-session-token", token);
    }
    let token = world.new_token(&email, trusted);
    if trusted {
        return Reply::json(200, &json!({"authType": "hsa2"})).with("x-apple-session-token", token);
    }
    if devices && !world.switches.push_needed {
        world.new_code(&email, None);
    }
    Reply::json(409, &json!({"authType": "hsa2"}))
        .with("location", "/auth")
        .with("x-apple-twosv-trust-eligible", "true")
        .with("x-apple-session-token", token)
}

/// `POST /repair/complete`.
pub(super) fn repair(world: &mut World, call: &Call) -> Reply {
    let number = match sign_in_of(world, call, false) {
        Ok(number) => number,
        Err(reply) => return reply,
    };
    let sign_in = world.sign_ins.get(&number).cloned().unwrap_or_default();
    let email = sign_in
        .email
        .filter(|_| sign_in.password_ok && sign_in.repair_pending);
    let Some(email) = email else {
        let refusal = Reply::error(Host::Identity, 403, "-20403", "There is nothing to repair.");
        return dress(world, number, refusal);
    };
    if let Some(state) = world.account(&email) {
        state.repaired = true;
    }
    let token = world.new_token(&email, sign_in.trusted);
    let reply = Reply::json(200, &json!({})).with("x-apple-session-token", token);
    dress(world, number, reply)
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
