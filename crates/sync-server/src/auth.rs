//! Secrets: tokens, one-time codes, and what proves them.
//!
//! A secret that this server draws or is given has at least 80 random bits, so a plain SHA-256 of it may be stored and
//! looked up: nobody finds the secret from it. Secrets themselves are never stored, except the administrator's token in
//! its own file.

use crate::random;
use sha2::{Digest, Sha256};
use std::io;
use sync_core::{protocol::TokenProof, server::SecretHash};

/// Digits that people do not mistake for one another (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The hash under which a secret is stored and looked up.
#[must_use]
pub fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// A fresh token: 256 random bits as hexadecimal digits.
///
/// # Errors
/// Where the operating system has no random bytes.
pub fn draw_token() -> io::Result<String> {
    Ok(random::hex(&random::bytes::<32>()?))
}

/// A fresh one-time code of 80 random bits, such as `7KQ2-M0XD-9AVT-R3HB`.
///
/// # Errors
/// Where the operating system has no random bytes.
pub fn draw_code() -> io::Result<String> {
    let bytes = random::bytes::<16>()?;
    let mut code = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 && i % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    Ok(code)
}

/// The code as it was drawn, from what a person typed: case, dashes and spaces do not matter, nor do the letters that
/// look like digits.
#[must_use]
pub fn normalise_code(typed: &str) -> String {
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

/// Whether a machine's token is long enough to be looked up by a plain hash: 32 to 256 visible ASCII characters.
#[must_use]
pub fn is_token(token: &str) -> bool {
    (32..=256).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A fresh proof of a token.
///
/// # Errors
/// Where the operating system has no random bytes.
pub fn prove(token: &str) -> io::Result<TokenProof> {
    let salt = random::hex(&random::bytes::<16>()?);
    let hash = salted(&salt, token);
    Ok(TokenProof { salt, hash })
}

/// Whether the token is the one that was proved. The time it takes does not depend on where they differ.
#[must_use]
pub fn verify(proof: &TokenProof, token: &str) -> bool {
    same(salted(&proof.salt, token).as_bytes(), proof.hash.as_bytes())
}

/// SHA-256 over the salt and the token, both as they are written.
fn salted(salt: &str, token: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(salt.as_bytes());
    hasher.update(token.as_bytes());
    random::hex(&hasher.finalize())
}

fn same(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && core::hint::black_box(differs) == 0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_being_typed() {
        let code = draw_code().unwrap();
        assert_eq!(code.len(), 19);
        let typed = format!(" {} ", code.to_lowercase().replace('-', " "));
        assert_eq!(normalise_code(&typed), normalise_code(&code));
        assert_eq!(normalise_code("oOiI-lL00"), "00111100");
        assert_ne!(draw_code().unwrap(), code);
    }

    #[test]
    fn a_proof_holds_for_its_token_alone() {
        let token = draw_token().unwrap();
        assert!(is_token(&token));
        let proof = prove(&token).unwrap();
        assert!(verify(&proof, &token));
        assert!(!verify(&proof, &token[1..]));
        assert!(!verify(&proof, ""));
        for weak in ["", "short", &"x".repeat(257), &"ä".repeat(20)] {
            assert!(!is_token(weak));
        }
    }
}
