//! The challenge of a sign-in, spoilt; and what its headers ask for.

use super::*;
use crate::fuzz::fuzz;

const INIT: &[u8] = br#"{"iteration":1,"salt":"7tHQMdR8HKp0EyMfs8Z1jQ==","protocol":"s2k",
"b":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
"c":"d-1a2-3b4c5d6e:PRN"}"#;

#[test]
fn challenges() {
    let fo = String::from_utf8_lossy(INIT).replace("s2k", "s2k_fo");
    let exchange = draw().unwrap();
    fuzz("challenges", &[INIT, fo.as_bytes()], |bytes| {
        let Ok((challenge, opaque)) = challenge(bytes) else {
            return;
        };
        assert!(opaque.len() <= bytes.len());
        // The rounds are bounded, and a thousand of them show no more than one.
        if challenge.rounds > 1_000 && challenge.rounds <= 1_000_000 {
            return;
        }
        drop(exchange.prove("a@example.com", &Secret::new("a password"), &challenge));
    });
}

#[test]
fn demands_for_work() {
    let samples: [&[u8]; 3] = [
        b"10 4d74fb15eb23f465f1f6fcbf534e5877",
        b"12 a:b",
        b"4294967295 x",
    ];
    fuzz("demands_for_work", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (bits, challenge) = text.split_once(' ').unwrap_or((&text, ""));
        // Up to 26 are solved, in minutes at most; few of them show no less.
        if let Some(bits) = bits.parse().ok().filter(|bits| !(9..=26).contains(bits)) {
            let token = hashcash::solve(bits, "20260930120000", challenge);
            assert_eq!(token.is_some(), bits < 9);
        }
    });
}
