//! Names of any form: nothing of them moves a cursor, rings, or turns the reading order.

use super::*;
use crate::fuzz::fuzz;

#[test]
fn shown_names() {
    let samples: [&[u8]; 4] = [
        b"\x1b]0;owned\x07\x1b[2Jname.txt",
        "gpj.\u{202e}exe \u{2066}x\u{2069} \u{9b}31m".as_bytes(),
        "Caf\u{e9} \u{1f468}\u{200d}\u{1f469} \u{5e9}\u{5dc}".as_bytes(),
        b"plain\\u{1b}",
    ];
    fuzz("shown_names", &samples, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let shown = for_terminal(&text);
        assert!(!shown.contains(|letter: char| letter.is_control()));
        assert!(!shown.contains(is_harmful));
        assert!(shown.len() <= text.len() * 8);
        assert_eq!(for_terminal(&shown), shown);
    });
}
