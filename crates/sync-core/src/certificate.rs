//! Certificates, revocation lists and private keys, as far as a machine must know them to show and to refuse them. Whether
//! a signature holds is the business of whoever trusts one.

use crate::time::Timestamp;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::{Display, Write as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use x509_cert::{
    Certificate,
    crl::CertificateList,
    der::{
        Decode as _, Document, Reader as _,
        asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef},
    },
    ext::pkix::BasicConstraints,
    spki::SubjectPublicKeyInfoRef,
    time::Time,
};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const CURVES: [(ObjectIdentifier, &str); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), "EC P-256"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), "EC P-384"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), "EC P-521"),
];
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no {what}: {reason}")]
pub struct NotOne {
    /// What was asked for.
    pub what: &'static str,
    /// Why it is none.
    pub reason: String,
}

/// What people see of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateView {
    /// Whose it is, as RFC 4514 writes names.
    pub subject: String,
    /// Who gave it.
    pub issuer: String,
    /// Its number, as hexadecimal digits.
    pub serial: String,
    /// From when it holds.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// SHA-256 over the whole, as hexadecimal digits.
    pub fingerprint: String,
    /// Whether it may sign others.
    pub authority: bool,
    /// The kind of its key, such as `RSA 2048`.
    pub key: String,
}

/// What people see of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevocationView {
    /// Who gave it.
    pub issuer: String,
    /// From when it holds.
    pub this_update: Timestamp,
    /// When there will be another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<Timestamp>,
    /// How many certificates it revokes.
    pub revoked: usize,
    /// SHA-256 over the whole, as hexadecimal digits.
    pub fingerprint: String,
}

/// Reads a certificate, as DER.
///
/// # Errors
/// [`NotOne`].
pub fn certificate(der: &[u8]) -> Result<CertificateView, NotOne> {
    let certificate = Certificate::from_der(der).map_err(|error| not("certificate", &error))?;
    let content = certificate.tbs_certificate();
    let authority =
        content.get_extension::<BasicConstraints>().map_err(|error| not("certificate", &error))?;
    Ok(CertificateView {
        subject: text(content.subject()),
        issuer: text(content.issuer()),
        serial: hexadecimal(content.serial_number().as_bytes()),
        not_before: moment(content.validity().not_before),
        not_after: moment(content.validity().not_after),
        fingerprint: hexadecimal(&Sha256::digest(der)),
        authority: authority.is_some_and(|(_, constraints)| constraints.ca),
        key: key_of(der).unwrap_or_else(|| "unknown".into()),
    })
}

/// Reads a revocation list, as DER.
///
/// # Errors
/// [`NotOne`].
pub fn revocation_list(der: &[u8]) -> Result<RevocationView, NotOne> {
    let list: CertificateList =
        CertificateList::from_der(der).map_err(|error| not("revocation list", &error))?;
    let content = list.tbs_cert_list;
    Ok(RevocationView {
        issuer: text(&content.issuer),
        this_update: moment(content.this_update),
        next_update: content.next_update.map(moment),
        revoked: content.revoked_certificates.map_or(0, |revoked| revoked.len()),
        fingerprint: hexadecimal(&Sha256::digest(der)),
    })
}

/// Whether a private key, as PKCS #8 in DER without encryption, is one; and, where the key itself can tell (RSA, and EC
/// with its public half), whether it is the certificate's.
///
/// # Errors
/// [`NotOne`].
pub fn private_key(der: &[u8], certificate: Option<&[u8]>) -> Result<(), NotOne> {
    let key = PrivateKey::read(der).map_err(|error| not("private key (PKCS #8, not encrypted)", &error))?;
    let Some(certificate) = certificate else { return Ok(()) };
    let stranger =
        NotOne { what: "private key of this certificate", reason: "the two do not belong together".into() };
    let Some(public) = public_key(certificate) else { return Err(stranger) };
    if public.algorithm.oid != key.algorithm {
        return Err(stranger);
    }
    let theirs = public.subject_public_key.as_bytes().unwrap_or_default();
    let same = match key.algorithm {
        RSA => rsa_modulus(theirs).is_some() && rsa_modulus(theirs) == rsa_private_modulus(key.content),
        EC => ec_public(key.content).is_none_or(|ours| ours == theirs),
        _ => true,
    };
    if same { Ok(()) } else { Err(stranger) }
}

/// The DER within a PEM file, or the bytes themselves where they are no PEM.
///
/// # Errors
/// [`NotOne`] where the text says that it is PEM and is not.
pub fn from_pem(bytes: &[u8]) -> Result<Vec<u8>, NotOne> {
    let Ok(pem) = core::str::from_utf8(bytes) else { return Ok(bytes.to_vec()) };
    let Some(begin) = pem.find("-----BEGIN ") else { return Ok(bytes.to_vec()) };
    let (_, document) = Document::from_pem(&pem[begin..]).map_err(|error| not("PEM file", &error))?;
    Ok(document.into_vec())
}

struct PrivateKey<'a> {
    algorithm: ObjectIdentifier,
    content: &'a [u8],
}

impl<'a> PrivateKey<'a> {
    fn read(der: &'a [u8]) -> x509_cert::der::Result<Self> {
        AnyRef::from_der(der)?.sequence(|key| {
            let _version: UintRef<'_> = key.decode()?;
            let algorithm = key.sequence(|algorithm| {
                let id = algorithm.decode()?;
                algorithm.drain(algorithm.remaining_len())?;
                Ok::<_, x509_cert::der::Error>(id)
            })?;
            let content = <&OctetStringRef>::decode(key)?.as_bytes();
            // Attributes and the public half may follow.
            key.drain(key.remaining_len())?;
            Ok(Self { algorithm, content })
        })
    }
}

fn public_key(certificate: &[u8]) -> Option<SubjectPublicKeyInfoRef<'_>> {
    let whole = AnyRef::from_der(certificate).ok()?;
    let found: x509_cert::der::Result<_> = whole.sequence(|whole| {
        let public = whole.sequence(|content| {
            // An explicit version, number, algorithm, issuer, validity and subject come before it.
            let first = AnyRef::decode(content)?;
            for _ in 0..if first.header().tag().is_context_specific() { 5 } else { 4 } {
                AnyRef::decode(content)?;
            }
            let public = content.decode()?;
            content.drain(content.remaining_len())?;
            Ok::<_, x509_cert::der::Error>(public)
        })?;
        whole.drain(whole.remaining_len())?;
        Ok(public)
    });
    found.ok()
}

fn key_of(certificate: &[u8]) -> Option<String> {
    let public = public_key(certificate)?;
    Some(match public.algorithm.oid {
        RSA => {
            let modulus = rsa_modulus(public.subject_public_key.as_bytes()?)?;
            let first = modulus.first()?;
            alloc::format!("RSA {}", modulus.len() * 8 - first.leading_zeros() as usize)
        }
        EC => {
            let curve = public.algorithm.parameters_oid().ok()?;
            CURVES.iter().find(|(id, _)| *id == curve).map_or("EC", |(_, name)| name).to_string()
        }
        ED25519 => "Ed25519".into(),
        other => other.to_string(),
    })
}

/// RSAPublicKey: modulus, exponent.
fn rsa_modulus(key: &[u8]) -> Option<&[u8]> {
    let read: x509_cert::der::Result<_> = AnyRef::from_der(key).ok()?.sequence(|key| {
        let modulus: UintRef<'_> = key.decode()?;
        key.drain(key.remaining_len())?;
        Ok(modulus.as_bytes())
    });
    read.ok()
}

/// RSAPrivateKey: version, modulus, and what is more secret.
fn rsa_private_modulus(key: &[u8]) -> Option<&[u8]> {
    let read: x509_cert::der::Result<_> = AnyRef::from_der(key).ok()?.sequence(|key| {
        let _version: UintRef<'_> = key.decode()?;
        let modulus: UintRef<'_> = key.decode()?;
        key.drain(key.remaining_len())?;
        Ok(modulus.as_bytes())
    });
    read.ok()
}

/// ECPrivateKey: version, key, perhaps the curve, perhaps the public half under `[1]`.
fn ec_public(key: &[u8]) -> Option<&[u8]> {
    let read: x509_cert::der::Result<_> = AnyRef::from_der(key).ok()?.sequence(|key| {
        let _version: UintRef<'_> = key.decode()?;
        let _key = <&OctetStringRef>::decode(key)?;
        let mut public = None;
        while !key.is_finished() {
            let part = AnyRef::decode(key)?;
            if part.header().tag().number().value() == 1 && part.header().tag().is_context_specific() {
                public = x509_cert::der::asn1::BitStringRef::from_der(part.value())?.as_bytes();
            }
        }
        Ok(public)
    });
    read.ok()?
}

fn not(what: &'static str, error: &impl Display) -> NotOne {
    NotOne { what, reason: error.to_string() }
}

/// A name that can't be written to its end is written as far as it can.
fn text(name: &impl Display) -> String {
    let mut text = String::new();
    let _ = write!(text, "{name}");
    text
}

fn moment(time: Time) -> Timestamp {
    Timestamp(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MACHINE: &[u8] = include_bytes!("catalogue/sample-files/ec.certificate.der");
    const MACHINE_KEY: &[u8] = include_bytes!("catalogue/sample-files/ec.key.der");
    const KIOSK: &[u8] = include_bytes!("catalogue/sample-files/ed.certificate.der");
    const KIOSK_KEY: &[u8] = include_bytes!("catalogue/sample-files/ed.key.der");
    const AUTHORITY: &[u8] = include_bytes!("catalogue/sample-files/authority.certificate.der");
    const AUTHORITY_KEY: &[u8] = include_bytes!("catalogue/sample-files/rsa.key.der");
    const REVOKED: &[u8] = include_bytes!("catalogue/sample-files/authority.crl.der");

    #[test]
    fn a_certificate_says_whose_it_is() {
        let seen = certificate(MACHINE).unwrap();
        assert_eq!(seen.subject, "CN=machine.office.example,O=Example");
        assert_eq!(seen.issuer, seen.subject);
        assert_eq!(seen.serial, "5a17");
        assert_eq!(seen.not_before.to_string(), "2026-11-24T12:09:00.000Z");
        assert_eq!(seen.not_after.to_string(), "2126-10-31T12:09:00.000Z");
        assert_eq!(seen.fingerprint, "70720531395761945af4baa049c596bcc02213ecba5c20a4b0cd874b6cb17190");
        assert_eq!((seen.authority, &*seen.key), (false, "EC P-256"));
        let seen = certificate(AUTHORITY).unwrap();
        assert_eq!((seen.authority, &*seen.key), (true, "RSA 2048"));
        assert_eq!(certificate(KIOSK).unwrap().key, "Ed25519");
    }

    #[test]
    fn a_revocation_list_says_how_many() {
        let seen = revocation_list(REVOKED).unwrap();
        assert_eq!(seen.issuer, "CN=Office authority,O=Example");
        assert_eq!(seen.this_update.to_string(), "2026-11-24T12:09:00.000Z");
        assert_eq!(seen.next_update.unwrap().to_string(), "2126-10-31T12:09:00.000Z");
        assert_eq!(seen.revoked, 2);
    }

    #[test]
    fn what_is_none_is_refused() {
        assert_eq!(certificate(REVOKED).unwrap_err().what, "certificate");
        assert_eq!(revocation_list(MACHINE).unwrap_err().what, "revocation list");
        assert!(certificate(b"").is_err());
        let longer = [MACHINE, b"x"].concat();
        assert!(certificate(&longer).is_err());
        assert!(private_key(MACHINE, None).is_err());
    }

    #[test]
    fn a_key_belongs_to_its_certificate() {
        for (key, own) in [(MACHINE_KEY, MACHINE), (KIOSK_KEY, KIOSK), (AUTHORITY_KEY, AUTHORITY)] {
            private_key(key, Some(own)).unwrap();
            for certificate in [MACHINE, KIOSK, AUTHORITY] {
                assert_eq!(private_key(key, Some(certificate)).is_ok(), certificate == own);
            }
        }
        assert!(private_key(MACHINE_KEY, Some(b"no certificate")).is_err());
    }

    proptest! {
        /// Whatever is in a file: an answer, never a panic.
        #[test]
        fn damaged_bytes_are_refused_or_read(
            which in prop::sample::select(vec![MACHINE, AUTHORITY, REVOKED, MACHINE_KEY, AUTHORITY_KEY]),
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = which.to_vec();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            for bytes in [&bytes[..], &bytes[..length.index(bytes.len())]] {
                let _ = certificate(bytes);
                let _ = revocation_list(bytes);
                let _ = private_key(bytes, Some(MACHINE));
                let _ = private_key(MACHINE_KEY, Some(bytes));
                let _ = from_pem(bytes);
            }
        }
    }
}
