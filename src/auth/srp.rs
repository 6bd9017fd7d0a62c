//! SRP-6a as the identity service speaks it: pure arithmetic, bytes in, proofs out.
//!
//! Comes in: a random secret, the account name exactly as sent, the password, and the server's
//! challenge. Goes out: the public value and the two proofs, or the statement that the proof is
//! doubtful. The group is RFC 5054's of 2048 bit with g = 2, the hash SHA-256 (protocol page 2.5).
//!
//! Working clients write numbers in two ways, padded to 256 bytes and without leading zero bytes. Which
//! one the service expects is not known, and a wrong proof counts as a failed attempt that may lock the
//! account; so a proof on which they differ is never handed out (2.6).

use num_bigint::BigUint;
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    auth::secret::Secret,
    error::{Error, Kind, Result},
};

/// Bytes of the group's prime.
const WIDTH: usize = 256;

/// More rounds than this no honest server asks for (2.4).
const MOST_ROUNDS: u32 = 1_000_000;

/// The group's prime.
const PRIME: &[u8] = b"AC6BDB41324A9A9BF166DE5E1389582FAF72B6651987EE07FC3192943DB56050\
A37329CBB4A099ED8193E0757767A13DD52312AB4B03310DCD7F48A9DA04FD50\
E8083969EDB767B0CF6095179A163AB3661A05FBD5FAAAE82918A9962F0B93B8\
55F97993EC975EEAA80D740ADBF4FF747359D041D5C33EA71D281E446B14773B\
CA97B43A23FB801676BD207A436C6481F1D2B9078717461A5B9D32E688F87748\
544523B524B0D57D5EA77A2775D2ECFA032CFBDBF52FB3786160279004E57AE6\
AF874E7303CE53299CCC041C7BC308D82A5698F3A8D0C38271AE35F8E9DBFBB6\
94B5C803D89F7AE435DE236D525F54759B65E372FCD68EF20FA7111F9E4AFF73";

/// How the password is turned into a key; the server chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// The hash's 32 bytes go into the derivation.
    S2k,
    /// The hash's 64 hex characters do.
    S2kFo,
}

impl Scheme {
    /// Reads the server's word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "s2k" => Some(Self::S2k),
            "s2k_fo" => Some(Self::S2kFo),
            _ => None,
        }
    }
}

/// What the server answers to `signin/init`.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// How the key is derived.
    pub scheme: Scheme,
    /// Decoded bytes, as they are.
    pub salt: Vec<u8>,
    /// Rounds of the derivation.
    pub rounds: u32,
    /// The server's public value, big-endian, up to 256 bytes.
    pub public: Vec<u8>,
}

/// Both proofs, in the order in which they are sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// That the client knows the password.
    pub m1: [u8; 32],
    /// What the server would answer; this service wants it from the client.
    pub m2: [u8; 32],
}

/// The client's half of an exchange. It is used once.
pub struct Exchange {
    secret: BigUint,
    public: BigUint,
}

impl Exchange {
    /// Begins with 32 random bytes; `None` where they give a public value with a leading zero byte:
    /// draw again.
    pub fn new(random: &[u8; 32]) -> Option<Self> {
        let exchange = Self::with(random);
        is_wide(&exchange.public).then_some(exchange)
    }

    fn with(random: &[u8; 32]) -> Self {
        let secret = BigUint::from_bytes_be(random);
        let public = generator().modpow(&secret, &prime());
        Self { secret, public }
    }

    /// Returns the public value, 256 bytes.
    pub fn public(&self) -> Vec<u8> {
        pad(&self.public)
    }

    /// Proves that `password` is known; `None` where the proof would be doubtful: begin again with
    /// another secret. `account` is exactly the text that is sent.
    ///
    /// # Errors
    /// `Protocol` where the challenge is out of bounds: a number of rounds that is 0 or absurd, a
    /// public value that gives the password away.
    pub fn prove(
        &self,
        account: &str,
        password: &Secret,
        challenge: &Challenge,
    ) -> Result<Option<Proof>> {
        let shared = self.shared(password, challenge)?;
        if !is_wide(&shared.server) || !is_wide(&shared.value) {
            return Ok(None);
        }
        Ok(Some(self.proof(account, challenge, &shared, pad)))
    }

    fn shared(&self, password: &Secret, challenge: &Challenge) -> Result<Shared> {
        if challenge.rounds == 0 || challenge.rounds > MOST_ROUNDS {
            return Err(bad(&format!(
                "asked for {} rounds of key derivation",
                challenge.rounds
            )));
        }
        let n = prime();
        let server = BigUint::from_bytes_be(&challenge.public);
        let zero = BigUint::default();
        if server >= n || server == zero {
            return Err(bad("sent a public value that is out of bounds"));
        }
        let u = BigUint::from_bytes_be(&hash(&[&pad(&self.public), &pad(&server)]));
        if u == zero {
            return Err(bad("sent a public value that is not random"));
        }
        let k = BigUint::from_bytes_be(&hash(&[&pad(&n), &pad(&generator())]));
        let key = derive(password, challenge);
        let inner = hash(&[b":", key.as_ref()]);
        let x = BigUint::from_bytes_be(&hash(&[&challenge.salt, &inner]));
        // (B - k*g^x) mod N, kept positive.
        let taken = (k * generator().modpow(&x, &n)) % &n;
        let base = (&server + &n - taken) % &n;
        let value = base.modpow(&(&self.secret + u * x), &n);
        Ok(Shared { server, value })
    }

    /// The proofs, with numbers written by `encode`. `k`, `u` and the xor term are padded in both.
    fn proof(
        &self,
        account: &str,
        challenge: &Challenge,
        shared: &Shared,
        encode: fn(&BigUint) -> Vec<u8>,
    ) -> Proof {
        let group: Vec<u8> = hash(&[&pad(&prime())])
            .iter()
            .zip(hash(&[&pad(&generator())]))
            .map(|(n, g)| n ^ g)
            .collect();
        let own = encode(&self.public);
        let key = Zeroizing::new(hash(&[&encode(&shared.value)]));
        let m1 = hash(&[
            &group,
            &hash(&[account.as_bytes()]),
            &challenge.salt,
            &own,
            &encode(&shared.server),
            key.as_ref(),
        ]);
        let m2 = hash(&[&own, &m1, key.as_ref()]);
        Proof { m1, m2 }
    }
}

/// Whether both ways of writing a number give the same bytes.
fn is_wide(number: &BigUint) -> bool {
    number.bits() > 8 * (WIDTH as u64 - 1)
}

/// What both sides know at the end.
struct Shared {
    server: BigUint,
    value: BigUint,
}

fn derive(password: &Secret, challenge: &Challenge) -> Zeroizing<[u8; 32]> {
    let digest = Zeroizing::new(hash(&[password.expose().as_bytes()]));
    let input: Zeroizing<Vec<u8>> = Zeroizing::new(match challenge.scheme {
        Scheme::S2k => digest.to_vec(),
        Scheme::S2kFo => hex(digest.as_ref()).into_bytes(),
    });
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2_hmac::<Sha256>(&input, &challenge.salt, challenge.rounds, key.as_mut());
    key
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| DIGITS.get(usize::from(half)))
        .collect()
}

fn bad(what: &str) -> Error {
    Error::new(
        Kind::Protocol,
        format!("sign-in: the service {what}; no proof was sent"),
    )
}

fn prime() -> BigUint {
    BigUint::parse_bytes(PRIME, 16).unwrap_or_default()
}

fn generator() -> BigUint {
    BigUint::from(2u8)
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update(part);
    }
    sha.finalize().into()
}

/// Big-endian in exactly 256 bytes.
fn pad(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    let mut padded = vec![0; WIDTH.saturating_sub(bytes.len())];
    padded.extend(bytes);
    padded
}

#[cfg(test)]
mod tests;
