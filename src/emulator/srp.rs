//! The server's half of SRP-6a as the identity service speaks it (protocol page 2.5 to 2.7).
//!
//! Pure arithmetic on bytes: the verifier of a password, the public value B, the two proofs. Written apart from the client's
//! arithmetic on purpose, so that one mistake is not made on both sides.

use std::sync::LazyLock;

use num_bigint::BigUint;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::util::hex;

const N_HEX: &str = "AC6BDB41324A9A9BF166DE5E1389582FAF72B6651987EE07FC3192943DB56050\
                     A37329CBB4A099ED8193E0757767A13DD52312AB4B03310DCD7F48A9DA04FD50\
                     E8083969EDB767B0CF6095179A163AB3661A05FBD5FAAAE82918A9962F0B93B8\
                     55F97993EC975EEAA80D740ADBF4FF747359D041D5C33EA71D281E446B14773B\
                     CA97B43A23FB801676BD207A436C6481F1D2B9078717461A5B9D32E688F87748\
                     544523B524B0D57D5EA77A2775D2ECFA032CFBDBF52FB3786160279004E57AE6\
                     AF874E7303CE53299CCC041C7BC308D82A5698F3A8D0C38271AE35F8E9DBFBB6\
                     94B5C803D89F7AE435DE236D525F54759B65E372FCD68EF20FA7111F9E4AFF73";

/// Length of N in bytes, and of a padded number.
const WIDTH: usize = 256;

/// The 2048-bit prime of RFC 5054.
static N: LazyLock<BigUint> =
    LazyLock::new(|| BigUint::parse_bytes(N_HEX.as_bytes(), 16).unwrap_or_default());

/// How the password enters PBKDF2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// The 32 raw bytes of SHA-256(password).
    #[default]
    S2k,
    /// The 64 hexadecimal characters of SHA-256(password).
    S2kFo,
}

impl Protocol {
    /// The name on the wire.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::S2k => "s2k",
            Self::S2kFo => "s2k_fo",
        }
    }
}

/// Which encodings of A, B and S in the proofs are taken as right (protocol page 2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Either; the two differ in 1.2 % of all sign-ins.
    #[default]
    Both,
    /// Numbers in exactly 256 bytes.
    Padded,
    /// Numbers without leading zero bytes.
    Minimal,
}

/// The proofs that a client may send, for one encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proofs {
    pub(super) m1: [u8; 32],
    pub(super) m2: [u8; 32],
}

/// The verifier `v = g^x` in 256 bytes, what the service keeps of a password.
pub(super) fn verifier(
    password: &str,
    salt: &[u8],
    iterations: u32,
    protocol: Protocol,
) -> Vec<u8> {
    let digest = Sha256::digest(password.as_bytes());
    let input = match protocol {
        Protocol::S2k => digest.to_vec(),
        Protocol::S2kFo => hex(&digest).into_bytes(),
    };
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(&input, salt, iterations.max(1), &mut key);
    let inner = hash(&[b":", &key]);
    let x = BigUint::from_bytes_be(&hash(&[salt, &inner]));
    pad(&generator().modpow(&x, &N))
}

/// One sign-in: the server's secret and the public value made of it.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    verifier: BigUint,
    b: BigUint,
    public: BigUint,
}

impl Exchange {
    /// `B = k*v + g^b`.
    pub(super) fn new(verifier: &[u8], b: &[u8]) -> Self {
        let verifier = BigUint::from_bytes_be(verifier);
        let b = BigUint::from_bytes_be(b);
        let public = (multiplier() * &verifier + generator().modpow(&b, &N)) % &*N;
        Self {
            verifier,
            b,
            public,
        }
    }

    /// B as it goes over the wire: 256 bytes, or fewer under the minimal encoding.
    pub(super) fn public(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Both | Encoding::Padded => pad(&self.public),
            Encoding::Minimal => self.public.to_bytes_be(),
        }
    }

    /// Whether B begins with a zero byte.
    pub(super) fn short_public(&self) -> bool {
        short(&self.public)
    }

    /// Whether the secret that `a` leads to begins with a zero byte; false for an A that is refused.
    pub(super) fn short_secret(&self, a: &[u8]) -> bool {
        self.secret(&BigUint::from_bytes_be(a))
            .is_some_and(|s| short(&s))
    }

    /// The proofs that are right for the account name and the client's A; empty when A is 0 modulo N.
    pub(super) fn proofs(
        &self,
        account: &str,
        salt: &[u8],
        a: &[u8],
        take: Encoding,
    ) -> Vec<Proofs> {
        let a = BigUint::from_bytes_be(a);
        let Some(secret) = self.secret(&a) else {
            return Vec::new();
        };
        let encodings: &[fn(&BigUint) -> Vec<u8>] = match take {
            Encoding::Both => &[pad, BigUint::to_bytes_be],
            Encoding::Padded => &[pad],
            Encoding::Minimal => &[BigUint::to_bytes_be],
        };
        let of_n = hash(&[&pad(&N)]);
        let of_g = hash(&[&pad(&generator())]);
        let mixed: Vec<u8> = of_n.iter().zip(of_g).map(|(n, g)| n ^ g).collect();
        let of_name = hash(&[account.as_bytes()]);
        encodings
            .iter()
            .map(|encode| {
                let (a, b) = (encode(&a), encode(&self.public));
                let key = hash(&[&encode(&secret)]);
                let m1 = hash(&[&mixed, &of_name, salt, &a, &b, &key]);
                let m2 = hash(&[&a, &m1, &key]);
                Proofs { m1, m2 }
            })
            .collect()
    }

    /// `S = (A * v^u)^b`.
    fn secret(&self, a: &BigUint) -> Option<BigUint> {
        if (a % &*N) == BigUint::ZERO || a >= &*N {
            return None;
        }
        let u = BigUint::from_bytes_be(&hash(&[&pad(a), &pad(&self.public)]));
        Some((a * self.verifier.modpow(&u, &N)).modpow(&self.b, &N))
    }
}

fn generator() -> BigUint {
    BigUint::from(2u8)
}

fn multiplier() -> BigUint {
    BigUint::from_bytes_be(&hash(&[&pad(&N), &pad(&generator())]))
}

fn short(number: &BigUint) -> bool {
    number.bits() <= (WIDTH as u64 - 1) * 8
}

fn pad(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    let mut out = vec![0; WIDTH.saturating_sub(bytes.len())];
    out.extend(bytes);
    out
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests;
