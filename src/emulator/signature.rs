//! The content signature as the service's content store makes it (protocol page 9.9).
//!
//! Bytes come in, the 21 bytes `0x01 || SHA-1(salts || content)` go out. The emulator's own code, not the client's.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha1::{Digest, Sha1};

const SALTS: &[u8] = b"com.apple.XattrObjectSalt\0com.apple.DataObjectSalt\0";

/// A blob of the content store: kind byte, then 20 bytes.
pub(super) type Signature = [u8; 21];

/// Computes the plain signature of a content that comes in pieces.
pub(super) struct Signer(Sha1);

impl Signer {
    pub(super) fn new() -> Self {
        Self(Sha1::new_with_prefix(SALTS))
    }

    pub(super) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(super) fn finish(self) -> Signature {
        let mut out = [1; 21];
        for (to, from) in out.iter_mut().skip(1).zip(self.0.finalize()) {
            *to = from;
        }
        out
    }
}

/// The plain signature of a whole content.
pub(super) fn of(content: &[u8]) -> Signature {
    let mut signer = Signer::new();
    signer.update(content);
    signer.finish()
}

/// The text form in JSON; `url` for the other alphabet (both are met in the field).
pub(super) fn text(signature: &Signature, url: bool) -> String {
    if url {
        URL_SAFE_NO_PAD.encode(signature)
    } else {
        STANDARD.encode(signature)
    }
}

/// How a signature is kept in the state file.
pub(super) mod as_text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Signature;

    pub(in crate::emulator) fn serialize<S: Serializer>(
        signature: &Signature,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(signature))
    }

    pub(in crate::emulator) fn deserialize<'a, D: Deserializer<'a>>(
        from: D,
    ) -> Result<Signature, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        bytes
            .try_into()
            .map_err(|_| D::Error::custom("a signature has 21 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_vectors_of_the_protocol_page() {
        let rising: Vec<u8> = (0..=255).collect();
        let zeros = vec![0; 1 << 20];
        for (content, expected) in [
            (&b""[..], "AW2cWT2PxzWixMKuuNMTHJ8CJ3sH"),
            (b"hello\n", "Abv+EeVEGAQ0o5/2szwFFOVX1ICw"),
            (&rising, "AWZ9n6bnl101EYwlLRpEBwU5EM+Y"),
            (&zeros, "Ad/WPpsZ+1tZBpcKPaNV6hmu4Hyv"),
        ] {
            assert_eq!(text(&of(content), false), expected);
        }
        assert_eq!(text(&of(b"hello\n"), true), "Abv-EeVEGAQ0o5_2szwFFOVX1ICw");
    }
}
