//! The security policy password (rule 5): kept, sent and compared as a salted hash alone.
//!
//! Two machines that were given the same password by hand have hashes of different salts: there a person types it once, and
//! it is proved against both ([`proves`]). A machine that took its password from another by an import has the other's
//! hash, and they compare as they are ([`text`]).

use crate::error::{Error, Result};
use argon2::Argon2;
use std::collections::BTreeMap;
use sync_core::value::Value;

/// The shortest and the longest password, in characters.
const LENGTH: core::ops::RangeInclusive<usize> = 4..=128;
/// How it is hashed: Argon2id (RFC 9106) with the parameters that the RFC's second choice is close to, as the crate has
/// them by default.
const SCHEME: &str = "argon2id";
/// Bytes of salt, and of hash.
const SALT: usize = 16;
const HASH: usize = 32;

/// The salted hash of a password, as the catalogue's setting `policy.password` holds it.
///
/// # Errors
/// `policy_password` where it is too short or too long, or what the system says where it has no random bytes.
pub fn hash(password: &str) -> Result<Value> {
    if !LENGTH.contains(&password.chars().count()) {
        return Err(Error::Denied {
            code: "policy_password".into(),
            message: "a security policy password has 4 to 128 characters".into(),
            remedy: "choose another".into(),
        });
    }
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(Error::Random)?;
    let hash = derive(password, &salt).ok_or_else(|| Error::Denied {
        code: "policy_password".into(),
        message: "the security policy password could not be hashed".into(),
        remedy: "try again when there is more memory".into(),
    })?;
    let fields = [
        ("scheme", SCHEME.into()),
        ("salt", Value::Bytes(salt.to_vec())),
        ("hash", Value::Bytes(hash.to_vec())),
    ];
    Ok(Value::Map(fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect()))
}

/// A hash as one word, by which two are compared and in which it travels: `scheme$salt$hash`, in hexadecimal digits.
/// `None` where the value is none.
#[must_use]
pub fn text(hash: &Value) -> Option<String> {
    let (scheme, salt, hash) = parts(hash)?;
    let digits = |bytes: &[u8]| Value::Bytes(bytes.to_vec()).to_string();
    Some(format!("{scheme}${}${}", digits(salt), digits(hash)))
}

/// The value of a hash that travelled as one word; `None` where it is none.
#[must_use]
pub fn from_text(text: &str) -> Option<Value> {
    let mut words = text.trim().splitn(3, '$');
    let (scheme, salt, hash) = (words.next()?, words.next()?, words.next()?);
    let mut fields: BTreeMap<String, Value> = [("scheme".to_string(), scheme.into())].into();
    for (name, digits) in [("salt", salt), ("hash", hash)] {
        fields.insert(name.to_string(), Value::Bytes(bytes(digits)?));
    }
    Some(Value::Map(fields))
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 256 {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Whether a typed password is the one of this hash. A hash of another scheme is nobody's here.
#[must_use]
pub fn proves(hash: &Value, password: &str) -> bool {
    match parts(hash) {
        Some((SCHEME, salt, hash)) => derive(password, salt).is_some_and(|derived| derived == hash),
        _ => false,
    }
}

fn parts(hash: &Value) -> Option<(&str, &[u8], &[u8])> {
    match (hash.get("scheme")?, hash.get("salt")?, hash.get("hash")?) {
        (Value::Text(scheme), Value::Bytes(salt), Value::Bytes(hash)) => Some((scheme, salt, hash)),
        _ => None,
    }
}

fn derive(password: &str, salt: &[u8]) -> Option<[u8; HASH]> {
    let mut hash = [0; HASH];
    Argon2::default().hash_password_into(password.as_bytes(), salt, &mut hash).ok()?;
    Some(hash)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_salted_and_proved_by_its_password_alone() {
        let (one, other) = (hash("correct horse").unwrap(), hash("correct horse").unwrap());
        assert_ne!(one, other);
        assert!(proves(&one, "correct horse") && proves(&other, "correct horse"));
        assert!(!proves(&one, "wrong") && !proves(&Value::Bool(true), "") && !proves(&"".into(), ""));
        assert_eq!(hash("abc").unwrap_err().code(), "policy_password");
        let word = text(&one).unwrap();
        assert!(word.starts_with("argon2id$") && !word.contains("correct"), "{word}");
        assert_eq!(from_text(&word).unwrap(), one);
        for wrong in ["", "argon2id", "argon2id$$", "argon2id$0$00", "argon2id$zz$00", "argon2id$00"] {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
        // A setting that the catalogue takes.
        sync_core::catalogue::find_in(sync_core::item::Item::SecurityPolicy, "policy.password")
            .unwrap()
            .check(&one)
            .unwrap();
    }
}
