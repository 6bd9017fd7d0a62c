//! Small tools of the emulator: random values, counters in base 36, times as the service writes them,
//! and the pieces of a URL.
//!
//! Pure but for [`fresh_seed`], which asks the system for randomness once. It knows nothing of accounts or requests.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A small, seedable source of random values (splitmix64): one seed gives one history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Fills a new array.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for piece in out.chunks_mut(8) {
            let value = self.next_u64().to_le_bytes();
            for (to, from) in piece.iter_mut().zip(value) {
                *to = from;
            }
        }
        out
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            self.next_u64() % bound
        }
    }

    /// True with the probability `p` (0 never, 1 always).
    pub(super) fn chance(&mut self, p: f64) -> bool {
        // 2^32 steps are fine enough for a fault's probability.
        let draw = u32::try_from(self.next_u64() >> 32).unwrap_or(u32::MAX);
        f64::from(draw) < p * f64::from(u32::MAX) || p >= 1.0
    }

    /// An upper-case UUID (version 4), the form of the service's document ids.
    pub(super) fn uuid(&mut self) -> String {
        let b: [u8; 16] = self.bytes();
        let hex = hex_upper(&b);
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        format!(
            "{}-{}-4{}-A{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }

    /// `length` letters and digits: an opaque token.
    pub(super) fn token(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..length).map(|_| self.pick(LETTERS)).collect()
    }

    /// `length` capital letters.
    pub(super) fn capitals(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| self.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
            .collect()
    }

    /// `length` decimal digits.
    pub(super) fn digits(&mut self, length: usize) -> String {
        (0..length).map(|_| self.pick(b"0123456789")).collect()
    }

    fn pick(&mut self, from: &[u8]) -> char {
        let at = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        char::from(from.get(at).copied().unwrap_or(b'0'))
    }
}

/// Asks the system for a seed; falls back to the clock, since nothing here has to stay secret.
pub(super) fn fresh_seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::try_from(now_ms()).unwrap_or(1))
}

/// Milliseconds since 1970 UTC by the machine's clock.
pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// A counter in base 36, as etags show it.
pub(super) fn base36(mut value: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut out = Vec::new();
    loop {
        let digit = usize::try_from(value % 36).unwrap_or(0);
        out.push(DIGITS.get(digit).copied().unwrap_or(b'0'));
        value /= 36;
        if value == 0 {
            break;
        }
    }
    out.iter().rev().map(|&b| char::from(b)).collect()
}

/// Seconds since 1970 as `2020-05-03T00:15:17Z`.
pub(super) fn utc(seconds: i64) -> String {
    let mut text = stamp(seconds);
    text.push('Z');
    text
}

/// The same moment in the other form that the service uses, with an offset: `2020-05-02T17:15:17-07:00`.
pub(super) fn pacific(seconds: i64) -> String {
    let mut text = stamp(seconds.saturating_sub(7 * 3600));
    text.push_str("-07:00");
    text
}

/// Seconds since 1970 as the `Expires` attribute of a cookie has it.
pub(super) fn http_date(seconds: i64) -> String {
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.strftime("%a, %d-%b-%Y %H:%M:%S GMT").to_string()
}

/// Date and time without a zone. Written out here since listings of many thousand items need it four times for each.
fn stamp(seconds: i64) -> String {
    // The years that four digits can say; anything else is the epoch.
    let seconds = if (-62_135_596_800..253_402_300_800).contains(&seconds) {
        seconds
    } else {
        0
    };
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a date of the Gregorian calendar, counted in eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let mut text = String::with_capacity(25);
    for (value, width, mark) in [
        (year, 4, "-"),
        (month, 2, "-"),
        (date, 2, "T"),
        (rest / 3600, 2, ":"),
        (rest / 60 % 60, 2, ":"),
        (rest % 60, 2, ""),
    ] {
        for place in (0..width).rev() {
            let digit = u32::try_from(value / 10_i64.pow(place) % 10).unwrap_or(0);
            text.push(char::from_digit(digit, 10).unwrap_or('0'));
        }
        text.push_str(mark);
    }
    text
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
            out.push(char::from_digit(u32::from(b >> 4), 16).unwrap_or('0'));
            out.push(char::from_digit(u32::from(b & 15), 16).unwrap_or('0'));
            out
        })
}

fn hex_upper(bytes: &[u8]) -> String {
    hex(bytes).to_ascii_uppercase()
}

/// Undoes percent-encoding; what is no valid escape stays as it is. `plus` turns `+` into a blank (queries).
pub(super) fn percent_decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = bytes.get(at + 1..at + 3).and_then(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(text, 16).ok()
        });
        match (byte, escape) {
            (b'%', Some(value)) => {
                out.push(value);
                at += 3;
            }
            (b'+', _) if plus => {
                out.push(b' ');
                at += 1;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub(super) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex_upper(&[byte]));
        }
    }
    out
}

/// The decoded pairs of a query string, in order.
pub(super) fn query_pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key, true), percent_decode(value, true))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_read_like_etags() {
        assert_eq!(base36(0), "0");
        assert_eq!(base36(35), "z");
        assert_eq!(base36(36), "10");
        assert_eq!(base36(31_408), "o8g");
    }

    #[test]
    fn times_have_the_two_forms_of_the_service() {
        assert_eq!(utc(1_588_464_917), "2020-05-03T00:15:17Z");
        assert_eq!(pacific(1_588_464_917), "2020-05-02T17:15:17-07:00");
        assert_eq!(utc(i64::MAX), "1970-01-01T00:00:00Z");
        for seconds in (-62_135_596_800..253_402_300_000).step_by(86_400 * 201 + 12_345) {
            let expected = Timestamp::from_second(seconds).unwrap();
            assert_eq!(
                utc(seconds),
                expected.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
            );
        }
    }

    #[test]
    fn document_ids_are_uuids_and_a_seed_repeats_them() {
        let id = Rng::seeded(7).uuid();
        assert_eq!(id.len(), 36);
        assert_eq!(id, id.to_ascii_uppercase());
        assert_eq!(id, Rng::seeded(7).uuid());
        assert_ne!(id, Rng::seeded(8).uuid());
    }

    #[test]
    fn chance_keeps_its_ends() {
        let mut rng = Rng::seeded(1);
        assert!((0..1000).all(|_| !rng.chance(0.0)));
        assert!((0..1000).all(|_| rng.chance(1.0)));
        let hits = (0..1000).filter(|_| rng.chance(0.5)).count();
        assert!((400..600).contains(&hits));
    }

    #[test]
    fn urls_come_apart() {
        assert_eq!(percent_decode("a%2Fb+c%zz%", false), "a/b+c%zz%");
        assert_eq!(
            percent_encode("documents#o2v é"),
            "documents%23o2v%20%C3%A9"
        );
        assert_eq!(
            query_pairs("document_id=documents%23o2v&x"),
            [
                ("document_id".into(), "documents#o2v".into()),
                ("x".to_owned(), String::new())
            ]
        );
    }
}
