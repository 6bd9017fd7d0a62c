//! Which part of a content comes.

use reqwest::header::HeaderValue;

use super::*;
use crate::fuzz::fuzz;

#[test]
fn content_ranges() {
    let samples: [&[u8]; 4] = [
        b"bytes 5-9/10",
        b"bytes 0-0/*",
        b"bytes */10",
        b" bytes 18446744073709551615-18446744073709551615/18446744073709551615",
    ];
    fuzz("content_ranges", &samples, |bytes| {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(bytes) {
            headers.insert(CONTENT_RANGE, value);
        }
        if let Some(start) = range_start(&headers) {
            assert!(bytes.len() > "bytes ".len() + start.to_string().len());
        }
    });
}
