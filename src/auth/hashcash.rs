//! The proof of work that the identity service may ask for before a sign-in (protocol page 3).
//!
//! Comes in: the number of zero bits and the challenge, from response headers. Goes out: the text
//! for the `X-Apple-HC` header. iCloud sign-in works without today; where it is asked for, not
//! answering has locked accounts.

use sha1::{Digest, Sha1};

/// More zero bits than this would take minutes; 10 to 12 are seen.
const MOST_BITS: u32 = 26;

/// Finds the smallest counter that gives enough zero bits. `time` is `YYYYMMDDHHMMSS` in UTC.
/// `None` where more is asked for than is reasonable.
pub fn solve(bits: u32, time: &str, challenge: &str) -> Option<String> {
    if bits > MOST_BITS {
        return None;
    }
    let start = format!("1:{bits}:{time}:{challenge}::");
    (0u64..).find_map(|counter| {
        let text = format!("{start}{counter}");
        (zero_bits(&text) >= bits).then_some(text)
    })
}

/// Leading zero bits of the text's SHA-1.
fn zero_bits(text: &str) -> u32 {
    let mut bits = 0;
    for byte in Sha1::digest(text.as_bytes()) {
        bits += byte.leading_zeros();
        if byte != 0 {
            break;
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_protocol_page_hold() {
        assert_eq!(
            solve(10, "20260930120000", "4d74fb15eb23f465f1f6fcbf534e5877").as_deref(),
            Some("1:10:20260930120000:4d74fb15eb23f465f1f6fcbf534e5877::413")
        );
        assert_eq!(
            solve(12, "20260930120000", "6645198e569a298d0cb630f6341e6ef3").as_deref(),
            Some("1:12:20260930120000:6645198e569a298d0cb630f6341e6ef3::9327")
        );
        assert_eq!(
            zero_bits("1:12:20230223210829:6645198e569a298d0cb630f6341e6ef3::679"),
            13
        );
    }

    #[test]
    fn an_absurd_demand_is_not_met() {
        assert_eq!(solve(64, "20260930120000", "x"), None);
    }
}
