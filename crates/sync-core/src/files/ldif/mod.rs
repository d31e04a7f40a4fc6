//! LDIF (RFC 2849): what directories (OpenLDAP's `ldapsearch` and `slapcat`, Active Directory's `ldifde`), Thunderbird
//! and Canon's LDAP format write.
//!
//! Read are files with and without `version:`, with LF or CRLF, in UTF-16 (`ldifde -u`), with comments in the middle of
//! an entry, without a blank after the colon, with Base64 names; the `search:` and `result:` lines of `ldapsearch` and
//! `ref:` are no entries, and neither is what a directory has beside persons and groups, such as organizational units.
//! An attribute in another file (`jpegPhoto:< file:...`) is never followed. Of change records only `changetype: add` is
//! read, which `ldifde` writes at each entry.
//!
//! The name is `displayName` or `cn`; each `mail`, Thunderbird's `mozillaSecondEmail` and, without these, the main one of
//! the `proxyAddresses` (`SMTP:`) is an e-mail entry: the others (`smtp:`) lead to the same box. Each
//! `facsimileTelephoneNumber` is a fax; what follows `$` in it are its parameters (RFC 4517). Attributes with the option
//! `phonetic` give the reading. Members of `groupOfNames`, `groupOfUniqueNames` and `group` are found by their names,
//! compared by rule (RFC 4514). All other attributes are kept, a photo too; not so `userPassword` and its like, which
//! stay in the file that they are in.
//!
//! New entries are written as Thunderbird and Canon write them (`inetOrgPerson`, `groupOfNames`).

mod dn;
mod lines;
mod read;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod write;

use super::{
    Encoding, Format,
    field::{Field, Slot},
    format::{Room, Writer},
    holds::{Groups, Holds},
    text::Text,
};
use lines::Said;

pub(super) const ROOM: Room = Room {
    format: Format::Ldif,
    name: "ldif",
    title: "LDIF",
    extensions: &["ldif", "ldf"],
    origin: "A directory (ldapsearch, slapcat, ldifde), Thunderbird (Tools, Export), Canon's LDAP format",
    holds: Holds {
        slots: &[(Slot::Mail, MOST), (Slot::Fax, MOST), (Slot::Group, 1), (Slot::Nowhere, 1)],
        together: MOST,
        fields: &[
            (Field::Name, 0),
            (Field::Reading, 0),
            (Field::Given, 0),
            (Field::Middle, 0),
            (Field::Family, 0),
            (Field::Prefix, 0),
            (Field::Suffix, 0),
            (Field::Nickname, 0),
            (Field::GivenReading, 0),
            (Field::FamilyReading, 0),
            (Field::Organization, 0),
            (Field::Department, 0),
            (Field::Title, 0),
            (Field::Phone, 0),
            (Field::Mobile, 0),
            (Field::Note, 0),
            (Field::Mail, 0),
            (Field::FaxNumber, 0),
        ],
        groups: Groups::Nested,
        structure: STRUCTURE,
        boxes: true,
        lines: true,
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8,
    recognizes,
    read: read::read,
    writer: Writer::Whole(write::write),
};

/// What makes the directory: the names and classes of its entries, and what it draws and counts itself.
const STRUCTURE: &[&str] = &[
    "dn",
    "objectClass",
    "changetype",
    "uid",
    "distinguishedName",
    "structuralObjectClass",
    "subschemaSubentry",
    "hasSubordinates",
    "entryDN",
    "entryUUID",
    "entryCSN",
    "creatorsName",
    "createTimestamp",
    "modifiersName",
    "modifyTimestamp",
    "objectCategory",
    "objectGUID",
    "objectSid",
    "instanceType",
    "sAMAccountType",
    "dSCorePropagationData",
    "uSNCreated",
    "uSNChanged",
    "whenCreated",
    "whenChanged",
];

/// How many destinations a record may have: each holds what the record says of the person.
const MOST: usize = 64;

/// The attributes of a person, with other names of the same. The first of a field is written.
const FIELDS: &[(Field, &str, &[&str])] = &[
    (Field::Given, "givenName", &["gn"]),
    (Field::Middle, "middleName", &[]),
    (Field::Family, "sn", &["surname"]),
    (Field::Prefix, "personalTitle", &[]),
    (Field::Suffix, "generationQualifier", &[]),
    (Field::Nickname, "mozillaNickname", &["nickname", "xmozillanickname"]),
    (Field::Organization, "o", &["company", "organizationName"]),
    (Field::Department, "ou", &["department"]),
    (Field::Title, "title", &[]),
    (Field::Phone, "telephoneNumber", &[]),
    (Field::Mobile, "mobile", &["mobileTelephoneNumber"]),
    (Field::Note, "description", &[]),
];

/// The attributes of which `;phonetic` is a reading, and Active Directory's own.
const READINGS: &[(Field, &str, &str)] = &[
    (Field::Reading, "cn", "msDS-PhoneticDisplayName"),
    (Field::GivenReading, "givenName", "msDS-PhoneticFirstName"),
    (Field::FamilyReading, "sn", "msDS-PhoneticLastName"),
];

// The last of each is Canon's.
const MAIL: &[&str] = &["mail", "rfc822Mailbox", "mailaddress"];
const SECOND_MAIL: &str = "mozillaSecondEmail";
const FAX: &[&str] = &["facsimileTelephoneNumber", "fax", "dialdata"];
const NAME: &[&str] = &["cn", "commonName"];
const MEMBERS: &[&str] = &["member", "uniqueMember"];

/// The classes of new entries, which need not be kept.
const PERSON: &[&str] = &["top", "person", "organizationalPerson", "inetOrgPerson"];
const GROUP: &[&str] = &["top", "groupOfNames"];

/// What stays in the file: nobody's address book needs it.
const SECRETS: &[&str] = &[
    "userPassword",
    "authPassword",
    "unicodePwd",
    "dBCSPwd",
    "sambaNTPassword",
    "sambaLMPassword",
    "userPKCS12",
    "krbPrincipalKey",
];

/// Keys of what is kept that are no attribute: all common names, beside a display name; the options of a reading; the
/// parameters of a fax.
const COMMON_NAMES: &str = "ldif:common names";
const PHONETIC: &str = "ldif:language of the reading";
const FAX_PARAMETERS: &str = "ldif:fax parameters";
const PREFIX: &str = "ldif:";

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

fn recognizes(text: &Text) -> bool {
    let mut lines = text.text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', ' ']));
    let first = lines.next().and_then(Said::of);
    let named = |line: Option<(&str, Said)>, wanted: &str| {
        line.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, said)| said)
    };
    if named(first.clone(), "version").and_then(|said| said.text()).is_some_and(|text| text.trim() == "1") {
        return lines.next().is_some_and(|line| named(Said::of(line), "dn").is_some());
    }
    // A folded name shows its `=` on its first line.
    named(first, "dn").is_some_and(|said| match said {
        // A number is Canon's.
        Said::Text(text) => text.trim().bytes().all(|byte| byte.is_ascii_digit()) || text.contains('='),
        Said::Coded(_) => true,
        Said::Elsewhere(_) => false,
    })
}
