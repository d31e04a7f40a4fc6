//! Passwords that are kept as salted hashes: of authentication users and of the security policy. The password itself is
//! nowhere kept.

use crate::{
    draw,
    error::{Error, Result},
};
use core::num::NonZeroU32;
use ring::pbkdf2;
use sync_core::value::Value;

const SCHEME: &str = "pbkdf2-sha256";
const ROUNDS: u32 = 210_000;
const LENGTH: usize = 32;

/// A password as the catalogue keeps it ([`sync_core::catalogue::users::PASSWORD_HASH`]), under a salt of its own.
///
/// # Errors
/// [`Error::WrongCommand`] where it is empty; [`Error::Random`].
pub fn hash(password: &str) -> Result<Value> {
    if password.is_empty() {
        return Err(Error::WrongCommand("a password can't be empty".into()));
    }
    let salt: [u8; 16] = draw::bytes()?;
    let parts = [
        ("scheme", SCHEME.into()),
        ("rounds", i64::from(ROUNDS).into()),
        ("salt", Value::Bytes(salt.to_vec())),
        ("hash", Value::Bytes(derive(password, &salt, ROUNDS).to_vec())),
    ];
    Ok(Value::Map(parts.into_iter().map(|(name, value)| (name.to_string(), value)).collect()))
}

/// Whether a password is the one that was hashed. Of a scheme that nobody here knows, none is.
#[must_use]
pub fn matches(hashed: &Value, password: &str) -> bool {
    let (Some(Value::Bytes(salt)), Some(Value::Bytes(hash))) = (hashed.get("salt"), hashed.get("hash"))
    else {
        return false;
    };
    let rounds = hashed.get("rounds").and_then(Value::as_int).and_then(|rounds| u32::try_from(rounds).ok());
    let known = hashed.get("scheme").and_then(Value::as_text) == Some(SCHEME) && hash.len() == LENGTH;
    match rounds.and_then(NonZeroU32::new) {
        // More rounds than anybody writes would hold the machine up.
        Some(rounds) if known && rounds.get() <= 10_000_000 => {
            pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password.as_bytes(), hash).is_ok()
        }
        _ => false,
    }
}

/// A hash as one word, by which two are compared and in which the manifest of a bundle says it:
/// `scheme$rounds$salt$hash`, salt and hash as hexadecimal digits. `None` where the value is no hash.
///
/// Two machines that were given the same password by hand have hashes of different salts; a machine that took its password
/// from another by an import has the other's.
#[must_use]
pub fn word(hashed: &Value) -> Option<String> {
    match (hashed.get("scheme")?, hashed.get("rounds")?, hashed.get("salt")?, hashed.get("hash")?) {
        (Value::Text(scheme), Value::Int(rounds), salt @ Value::Bytes(_), hash @ Value::Bytes(_)) => {
            Some(format!("{scheme}${rounds}${salt}${hash}"))
        }
        _ => None,
    }
}

/// The hash that a word says; `None` where it says none.
#[must_use]
pub fn of_word(word: &str) -> Option<Value> {
    let mut parts = word.trim().splitn(4, '$');
    let (scheme, rounds, salt, hash) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let bytes = |digits: &str| draw::unhex(digits).filter(|bytes| (1..=128).contains(&bytes.len()));
    let parts = [
        ("scheme", scheme.into()),
        ("rounds", Value::Int(rounds.parse().ok()?)),
        ("salt", Value::Bytes(bytes(salt)?)),
        ("hash", Value::Bytes(bytes(hash)?)),
    ];
    Some(Value::Map(parts.into_iter().map(|(name, value)| (name.to_string(), value)).collect()))
}

fn derive(password: &str, salt: &[u8], rounds: u32) -> [u8; LENGTH] {
    let mut hash = [0; LENGTH];
    let rounds = NonZeroU32::new(rounds).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password.as_bytes(), &mut hash);
    hash
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use sync_core::catalogue::users::PASSWORD_HASH;

    #[test]
    fn a_hash_holds_for_its_password_alone_and_fits_the_catalogue() {
        let hashed = hash("Châtaignier").unwrap();
        PASSWORD_HASH.check(&hashed).unwrap();
        assert!(matches(&hashed, "Châtaignier"));
        assert!(!matches(&hashed, "châtaignier") && !matches(&hashed, ""));
        assert_ne!(hash("Châtaignier").unwrap(), hashed);
        assert!(hash("").is_err());
        for (part, value) in
            [("scheme", "newer".into()), ("rounds", 0.into()), ("hash", Value::Bytes(Vec::new()))]
        {
            let Value::Map(mut other) = hashed.clone() else { panic!("a map") };
            other.insert(part.into(), value);
            assert!(!matches(&Value::Map(other), "Châtaignier"), "{part}");
        }
        assert!(!matches(&Value::Map([].into()), ""));
        let word = word(&hashed).unwrap();
        assert!(word.starts_with("pbkdf2-sha256$210000$"), "{word}");
        assert_eq!(of_word(&word).unwrap(), hashed);
        for wrong in ["", "a", "a$1", "a$1$00", "a$x$00$00", "a$1$0$00", "a$1$zz$00", "a$1$$00"] {
            assert_eq!(of_word(wrong), None, "{wrong}");
        }
    }
}
