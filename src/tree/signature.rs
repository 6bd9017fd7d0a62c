//! The service's content signature: 21 bytes that are a function of the content alone.
//!
//! `0x01 | SHA-1("com.apple.XattrObjectSalt\0com.apple.DataObjectSalt\0" | content)`, written in
//! base64 (protocol page 9.9, with the vectors of the tests below).

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use sha1::{Digest, Sha1};

const SALT: &[u8] = b"com.apple.XattrObjectSalt\0com.apple.DataObjectSalt\0";
const PLAIN: u8 = 0x01;

/// The signature of a file's content in its plain form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signature([u8; 20]);

impl Signature {
    /// Reads a signature as the service gives it, padded or not, in either base64 alphabet.
    /// Returns `None` where it has another form: then it is *unverifiable*, which is no error.
    pub fn from_wire(text: &str) -> Option<Self> {
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let text = text.replace('-', "+").replace('_', "/");
        let bytes = GeneralPurpose::new(&alphabet::STANDARD, config)
            .decode(text)
            .ok()?;
        let (first, digest) = bytes.split_first()?;
        (*first == PLAIN)
            .then(|| digest.try_into().ok().map(Self))
            .flatten()
    }

    /// Returns the signature of `content`.
    pub fn of(content: &[u8]) -> Self {
        let mut hasher = SignatureHasher::new();
        hasher.update(content);
        hasher.finish()
    }

    /// Returns it as the service writes it.
    pub fn to_wire(self) -> String {
        let mut bytes = [PLAIN; 21];
        bytes[1..].copy_from_slice(&self.0);
        STANDARD.encode(bytes)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_wire())
    }
}

/// Computes a signature while content streams by.
#[derive(Clone)]
pub struct SignatureHasher(Sha1);

impl SignatureHasher {
    /// Starts with no content.
    pub fn new() -> Self {
        Self(Sha1::new_with_prefix(SALT))
    }

    /// Takes the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the signature of all content taken.
    pub fn finish(self) -> Signature {
        Signature(self.0.finalize().into())
    }
}

impl Default for SignatureHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SignatureHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureHasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_protocol_page_hold() {
        let all: Vec<u8> = (0..=255).collect();
        for (content, wire) in [
            (&b""[..], "AW2cWT2PxzWixMKuuNMTHJ8CJ3sH"),
            (b"hello\n", "Abv+EeVEGAQ0o5/2szwFFOVX1ICw"),
            (&all, "AWZ9n6bnl101EYwlLRpEBwU5EM+Y"),
            (&vec![0; 1 << 20], "Ad/WPpsZ+1tZBpcKPaNV6hmu4Hyv"),
        ] {
            assert_eq!(Signature::of(content).to_wire(), wire);
            assert_eq!(Signature::from_wire(wire), Some(Signature::of(content)));
        }
    }

    #[test]
    fn other_forms_are_unverifiable_and_both_alphabets_are_read() {
        let url = "Abv-EeVEGAQ0o5_2szwFFOVX1ICw";
        assert_eq!(Signature::from_wire(url), Some(Signature::of(b"hello\n")));
        let mut sealed = [0x81; 21];
        sealed[1..].copy_from_slice(&[7; 20]);
        assert_eq!(Signature::from_wire(&STANDARD.encode(sealed)), None);
        assert_eq!(Signature::from_wire("AQ=="), None);
        assert_eq!(Signature::from_wire("not base64!"), None);
    }
}
