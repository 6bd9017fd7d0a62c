//! Answers that no service gives: noise, JSON of the right shape with wild values, addresses elsewhere.
//!
//! For faults on command. All chance comes from the fault's own seed and the length of the answer, so that a run repeats.

use serde_json::{Value, json};

use super::call::{Payload, Reply};
use super::util::Rng;

/// Texts that lead elsewhere, that no name can be, or that would move a terminal's cursor.
const TEXTS: [&str; 24] = [
    "",
    ".",
    "..",
    "../../outside",
    "../../../outside",
    "/tmp/outside",
    "a/b",
    "a\0b",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{9b}31mred",
    "a\r\nb",
    "gpj.\u{202e}exe",
    "\u{2066}a\u{2069}",
    "Cafe\u{301}",
    ".icloud-sync",
    ".icloud-sync.x.part",
    ".icloud-sync-ignore",
    "TRASH_ROOT",
    "FOLDER::com.apple.CloudDocs::root",
    "FILE::com.apple.CloudDocs::..",
    "ID_INVALID",
    "2026-09-30T12:00:00Z",
    "18446744073709551616",
    "null",
];

/// Bytes of noise at most.
const NOISE: u64 = 20_000;

fn rng(seed: u64, reply: &Reply) -> Rng {
    Rng::seeded(seed ^ reply.body.length().rotate_left(32))
}

/// Random bytes in the place of the body.
pub(super) fn noise(seed: u64, reply: &mut Reply) {
    let mut rng = rng(seed, reply);
    let length = rng.below(NOISE);
    let bytes: Vec<u8> = (0..length / 8)
        .flat_map(|_| rng.next_u64().to_le_bytes())
        .collect();
    reply.body = Payload::Bytes(bytes.into());
}

/// Other values here and there in the body's JSON; in a body that is none, other bytes.
pub(super) fn spoil(seed: u64, reply: &mut Reply) {
    let mut rng = rng(seed, reply);
    let Some(mut value) = reply.as_json() else {
        if let Payload::Bytes(bytes) = &reply.body {
            let mut bytes = bytes.to_vec();
            for _ in 0..=rng.below(4) {
                let at = rng.below(bytes.len() as u64);
                let at = usize::try_from(at).unwrap_or(0);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.below(8);
                }
            }
            reply.body = Payload::Bytes(bytes.into());
        }
        return;
    };
    let one_in = 3 + rng.below(60);
    walk(&mut rng, &mut value, one_in);
    reply.body = Payload::Bytes(value.to_string().into());
}

fn walk(rng: &mut Rng, value: &mut Value, one_in: u64) {
    if rng.below(one_in) == 0 {
        *value = wild(rng, value);
        return;
    }
    match value {
        Value::Array(list) => {
            for one in list.iter_mut() {
                walk(rng, one, one_in);
            }
            if rng.below(one_in) == 0 {
                match rng.below(3) {
                    0 => drop(list.pop()),
                    1 => list.reverse(),
                    _ => list.extend_from_within(..),
                }
            }
        }
        Value::Object(fields) => {
            fields.values_mut().for_each(|one| walk(rng, one, one_in));
            if rng.below(one_in) == 0
                && let Some(name) = fields.keys().next().cloned()
            {
                fields.remove(&name);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn wild(rng: &mut Rng, was: &Value) -> Value {
    match rng.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(u64::MAX),
        5 => json!(i64::MIN),
        6 => json!(1e300),
        7 => json!([]),
        8 => json!({}),
        9 => json!([was]),
        10 => json!("x".repeat(usize::try_from(rng.below(5_000)).unwrap_or(0))),
        _ => {
            let at = usize::try_from(rng.below(TEXTS.len() as u64)).unwrap_or(0);
            json!(TEXTS.get(at))
        }
    }
}

/// Arrays in arrays, so many deep.
pub(super) fn deep(depth: usize, reply: &mut Reply) {
    let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    reply.body = Payload::Bytes(text.into());
}

/// A list of so many items of which nothing is told, in a folder where there is one.
pub(super) fn hollow(count: usize, reply: &mut Reply) {
    let items = vec!["{}"; count].join(",");
    let text = format!(
        "[{{\"items\":[{items}],\"numberOfItems\":{count},\"status\":\"OK\",\"etag\":\"1\"}}]"
    );
    reply.body = Payload::Bytes(text.into());
}

/// All addresses lead to another place.
pub(super) fn elsewhere(base: &str, url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    format!("{base}/{path}")
}

/// The names of headers that can be added.
const HEADERS: [&str; 10] = [
    "set-cookie",
    "retry-after",
    "content-range",
    "content-type",
    "content-encoding",
    "location",
    "warning",
    "x-apple-hc-bits",
    "x-apple-hc-challenge",
    "x-apple-id-account-country",
];

/// One more header, if its name is one of those that can be added.
pub(super) fn header(name: &str, value: &str, reply: &mut Reply) {
    if let Some(name) = HEADERS.iter().find(|known| **known == name) {
        reply.headers.push((name, value.to_owned()));
    }
}
