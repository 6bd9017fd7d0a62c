//! Input for parsers: random bytes, spoilt samples, and JSON of the right shape with wrong values.

use serde_json::{Map, Value, json};

use super::text::{ODD_NAMES, PIECES};

/// A generator of numbers that repeats with its seed.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number less than `most`, and 0 if that is 0.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        let most = u64::try_from(most.max(1)).expect("no machine has more");
        usize::try_from(self.next() % most).expect("less than a usize")
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// A length: most are short, some are long.
    pub(crate) fn length(&mut self) -> usize {
        let bits = if self.one_in(40) { 17 } else { 8 };
        let most = 1 << self.below(bits);
        self.below(most)
    }
}

/// Bytes made of samples.
pub(super) fn bytes(rng: &mut Rng, samples: &[&[u8]]) -> Vec<u8> {
    match rng.below(20) {
        0 => (0..rng.length()).map(|_| rng.byte()).collect(),
        1 => (0..rng.below(40)).fold(Vec::new(), |mut text, _| {
            text.extend_from_slice(rng.pick(PIECES));
            text
        }),
        2..=8 => shaped(rng, samples).unwrap_or_else(|| spoilt(rng, samples)),
        _ => spoilt(rng, samples),
    }
}

/// A sample with some of it changed, whatever it means.
pub(crate) fn spoilt(rng: &mut Rng, samples: &[&[u8]]) -> Vec<u8> {
    let mut text = rng.pick(samples).to_vec();
    let times = if rng.one_in(10) { 30 } else { 1 + rng.below(4) };
    for _ in 0..times {
        spoil(rng, &mut text, samples);
    }
    text
}

fn spoil(rng: &mut Rng, text: &mut Vec<u8>, samples: &[&[u8]]) {
    let at = rng.below(text.len() + 1);
    let end = (at + 1 + rng.length()).min(text.len());
    match rng.below(16) {
        0 | 1 => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        2 => {
            if let Some(byte) = text.get_mut(at) {
                *byte = rng.byte();
            }
        }
        3 => text.truncate(at),
        4 => drop(text.drain(at.min(end)..end)),
        5 => {
            // The same once more, elsewhere.
            let part = text[at.min(end)..end].to_vec();
            let to = rng.below(text.len() + 1);
            drop(text.splice(to..to, part));
        }
        6 => {
            let other = rng.pick(samples);
            text.truncate(at);
            text.extend_from_slice(&other[rng.below(other.len() + 1)..]);
        }
        7..=9 => drop(text.splice(at..at, rng.pick(PIECES).iter().copied())),
        10 => number(rng, text),
        11 => member(rng, text),
        12 => line(rng, text),
        13 => {
            let depth = if rng.one_in(8) { 100_000 } else { 200 };
            let open: &[u8] = rng.pick(&[&b"["[..], b"{\"a\":", b"(", b"{", b"\"", b"a/", b"!"]);
            drop(text.splice(at..at, open.repeat(rng.below(depth))));
        }
        14 => {
            let name = rng.pick(ODD_NAMES).as_bytes();
            drop(text.splice(at..end.max(at), name.iter().copied()));
        }
        _ => {
            let most = if rng.one_in(50) { 1 << 20 } else { 5_000 };
            let letter: &[u8] = rng.pick(&[
                &b"a"[..],
                b"0",
                b"\xc3\xa9",
                b"\x00",
                b"*",
                b" ",
                b"\n",
                b"\\",
            ]);
            drop(text.splice(at..at, letter.repeat(rng.below(most))));
        }
    }
    text.truncate(4 << 20);
}

/// Puts another number in the place of one.
fn number(rng: &mut Rng, text: &mut Vec<u8>) {
    let starts: Vec<usize> = (0..text.len())
        .filter(|at| text[*at].is_ascii_digit() && (*at == 0 || !text[*at - 1].is_ascii_digit()))
        .take(1_000)
        .collect();
    if starts.is_empty() {
        return;
    }
    let start = starts[rng.below(starts.len())];
    let digits = text[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let end = start + digits.count();
    let new = match rng.below(4) {
        0 => rng.next().to_string(),
        1 => rng.below(300).to_string(),
        _ => String::from_utf8_lossy(PIECES[rng.below(10)]).into_owned(),
    };
    drop(text.splice(start..end, new.into_bytes()));
}

/// Says a member of an object or list again, or takes it away.
fn member(rng: &mut Rng, text: &mut Vec<u8>) {
    let commas: Vec<usize> = (0..text.len())
        .filter(|at| text[*at] == b',')
        .take(1_000)
        .collect();
    if commas.len() < 2 {
        return;
    }
    let at = rng.below(commas.len() - 1);
    let (from, until) = (commas[at], commas[at + 1]);
    let part = text[from..until].to_vec();
    if rng.one_in(4) {
        drop(text.drain(from..until));
        return;
    }
    let to = commas[rng.below(commas.len())];
    drop(text.splice(to..to, part));
}

/// Says a line again, takes it away, or changes its place.
fn line(rng: &mut Rng, text: &mut Vec<u8>) {
    let mut lines: Vec<Vec<u8>> = text
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if lines.is_empty() {
        return;
    }
    let at = rng.below(lines.len());
    let line = lines[at].clone();
    let to = rng.below(lines.len());
    match rng.below(3) {
        0 => lines.insert(to, line),
        1 => drop(lines.remove(at)),
        _ => lines.swap(at, to),
    }
    *text = lines.concat();
}

/// A JSON sample, or the JSON of one of its lines, with other values in it.
fn shaped(rng: &mut Rng, samples: &[&[u8]]) -> Option<Vec<u8>> {
    let sample = rng.pick(samples);
    if let Ok(mut value) = serde_json::from_slice(sample) {
        spoil_value(rng, &mut value);
        return serde_json::to_vec(&value).ok();
    }
    let mut lines: Vec<Vec<u8>> = sample
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for _ in 0..=rng.below(2) {
        let at = rng.below(lines.len());
        let line = lines.get_mut(at)?;
        let mut value: Value = serde_json::from_slice(line).ok()?;
        spoil_value(rng, &mut value);
        *line = serde_json::to_vec(&value).ok()?;
        line.push(b'\n');
    }
    Some(lines.concat())
}

/// Changes some of the values in a value.
pub(crate) fn spoil_value(rng: &mut Rng, value: &mut Value) {
    let chance = 2 + rng.below(12);
    walk(rng, value, chance);
}

fn walk(rng: &mut Rng, value: &mut Value, chance: usize) {
    if rng.one_in(chance) {
        change(rng, value);
        return;
    }
    match value {
        Value::Array(list) => {
            for one in list.iter_mut() {
                walk(rng, one, chance);
            }
            if rng.one_in(chance) {
                change_list(rng, list);
            }
        }
        Value::Object(fields) => {
            for (_, one) in fields.iter_mut() {
                walk(rng, one, chance);
            }
            if rng.one_in(chance) {
                change_fields(rng, fields);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn change(rng: &mut Rng, value: &mut Value) {
    *value = match rng.below(16) {
        0 => Value::Null,
        1 => json!(rng.one_in(2)),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(u64::MAX),
        5 => json!(i64::MIN),
        6 => json!(i64::MAX),
        7 => json!(1.5e300),
        8 => json!(rng.next().to_string()),
        9 => json!([]),
        10 => json!({}),
        11 => (0..rng.below(120)).fold(Value::Null, |within, _| json!([within])),
        12 => json!("x".repeat(rng.length())),
        13 => json!([value.clone()]),
        _ => json!(rng.pick(ODD_NAMES)),
    };
}

fn change_list(rng: &mut Rng, list: &mut Vec<Value>) {
    match rng.below(5) {
        0 => drop(list.pop()),
        1 => list.reverse(),
        2 => list.clear(),
        3 => list.extend_from_within(..list.len().min(50)),
        _ => {
            let at = rng.below(list.len());
            if let Some(one) = list.get(at).cloned() {
                list.extend(vec![one; rng.below(60)]);
            }
        }
    }
}

fn change_fields(rng: &mut Rng, fields: &mut Map<String, Value>) {
    let names: Vec<String> = fields.keys().cloned().collect();
    if names.is_empty() {
        return;
    }
    let (one, other) = (
        &names[rng.below(names.len())],
        &names[rng.below(names.len())],
    );
    match rng.below(3) {
        0 => drop(fields.remove(one)),
        1 => {
            if let Some(value) = fields.get(one).cloned() {
                fields.insert(other.clone(), value);
            }
        }
        _ => drop(fields.insert(rng.pick(ODD_NAMES).to_owned(), json!(1))),
    }
}
