//! Keys and certificates. A private key and its certificate are one field: a merge must never mix halves.

use super::{Der, Field, Fields, InFile, Kind, Part, Place, RecordType, Secret, Unfit, optional, required};
use crate::{certificate, value::Value};

const NAME: Field = required("name", "Name", Kind::Text(64));
/// Enough for any chain's link, and for a key of 16,384 bits.
const LINK: usize = 16 * 1024;
/// A revocation list of some ten thousand entries.
const LIST: usize = 512 * 1024;

/// A private key with its certificate. It leaves the machine only in an encrypted file.
pub const KEY: RecordType = RecordType::new(
    "key",
    "Key and certificate",
    &["name"],
    &[
        NAME,
        required(
            "pair",
            "Private key and certificate",
            Kind::Map(&[
                required("private_key", "Private key", Kind::Der(Der::PrivateKey, LINK))
                    .secret(Secret::Sealed),
                required("certificate", "Certificate", Kind::Der(Der::Certificate, LINK)),
                optional("chain", "Who signed it", Kind::List(&Kind::Der(Der::Certificate, LINK), 8)),
            ]),
        )
        .secret(Secret::Sealed),
        optional("use:*", "Used for `tls`, `ieee-802-1x`, `ipsec`, `device-signature`, ...", Kind::Flag),
    ],
)
.in_file(InFile::Encrypted);

/// A certificate that the machine knows: an authority's, another machine's, a user's.
pub const CERTIFICATE: RecordType = RecordType::new(
    "certificate",
    "Certificate",
    &["der"],
    &[
        optional("name", "Name", Kind::Text(64)),
        required("der", "The certificate", Kind::Der(Der::Certificate, LINK)),
        optional("purpose", "What it is for", Kind::Choice(&["authority", "s-mime", "peer"])),
        optional("trusted", "Whether the machine trusts what it signed", Kind::Flag),
        optional("preinstalled", "Came with the machine", Kind::Flag),
    ],
);

/// A revocation list.
pub const REVOCATION_LIST: RecordType = RecordType::new(
    "revocation-list",
    "Revocation list",
    &["der"],
    &[
        optional("name", "Name", Kind::Text(64)),
        required("der", "The list", Kind::Der(Der::RevocationList, LIST)),
    ],
);

/// The keys.
pub const KEYS: Part = Part { place: Place::Local("key"), types: &[&KEY], settings: &[] };
/// The certificates and revocation lists.
pub const CERTIFICATES: Part =
    Part { place: Place::Local("certificate-crl"), types: &[&CERTIFICATE, &REVOCATION_LIST], settings: &[] };

/// Whether a key's private half and its certificate belong together, as far as can be told.
pub(super) fn belong_together(fields: &Fields) -> Result<(), Unfit> {
    let part = |name| match fields.get("pair").and_then(|pair| pair.get(name)) {
        Some(Value::Bytes(bytes)) => Some(bytes),
        _ => None,
    };
    let (Some(key), Some(own)) = (part("private_key"), part("certificate")) else { return Ok(()) };
    certificate::private_key(key, Some(own))
        .map_err(|_| Unfit::new("a private key and the certificate that belongs to it").in_field("pair"))
}
