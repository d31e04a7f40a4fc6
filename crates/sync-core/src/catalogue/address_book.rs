//! Addresses, in all lists: the machine's own, a person's, a group's. What the fields mean says [`crate::address`].

use super::{Field, Form, Keys, Kind, Part, Place, RecordType, Secret, Sharing, optional};
use crate::{address::ONE_TOUCH_LIST, profile::ACCESS_NUMBER_DIGITS};

/// Room for what files of other makers hold.
const NAME: Kind = Kind::Text(512);
const LONG: Kind = Kind::Text(2_048);
/// Whatever number a source gave its lists and entries.
const NUMBER: Kind = Kind::Number(0, i64::MAX);
/// The buttons of the one-touch list, as people may write them.
pub(super) const BUTTONS: Kind = Kind::Number(1, 200);
const KINDS: Kind = Kind::Choice(&["email", "fax", "ifax", "ipfax", "folder", "group"]);
const CODE: Kind = Kind::Form(Form::Digits(1, ACCESS_NUMBER_DIGITS as usize));

const FAX: Kind = Kind::Map(&[
    optional("number", "What is dialled", NAME),
    optional("protocol", "Protocol", NAME),
    optional("ecm", "Error correction", NAME),
    optional("speed", "Speed at which sending starts", NAME),
    optional("line_type", "How the number is reached", NAME),
    optional("line", "Which line is used", NAME),
    optional("sub_address", "Sub-address", NAME),
    optional("uri", "URI of an IP fax", LONG),
    optional("uri_mode", "Kind of the URI", NAME),
    optional("uri_flag", "Whether the URI is used", NAME),
]);
const FOLDER: Kind = Kind::Map(&[
    optional("protocol", "Protocol", NAME),
    optional("host", "Server", LONG),
    optional("port", "Port, where it is not the usual one", NAME),
    optional("path", "Path", LONG),
]);
const LOGIN: Kind = Kind::Map(&[
    optional("username", "User name", NAME),
    optional("password", "Password", NAME).secret(Secret::Credential),
    optional("encrypted", "Password that its source encrypted", LONG).secret(Secret::Credential),
    optional("scheme", "Whose encryption", NAME),
]);

const PERSON: Kind = Kind::Map(&[
    optional("given", "First name", NAME),
    optional("middle", "Further first names", NAME),
    optional("family", "Last name", NAME),
    optional("prefix", "What stands before the name", NAME),
    optional("suffix", "What stands after the name", NAME),
    optional("nickname", "Nickname", NAME),
    optional("given_reading", "How the first name is read", NAME),
    optional("family_reading", "How the last name is read", NAME),
    optional("organization", "Organization", NAME),
    optional("department", "Department", NAME),
    optional("title", "Job title", NAME),
    optional("phone", "Telephone number", NAME),
    optional("mobile", "Number of a mobile telephone", NAME),
    optional("phone_label", "Where the telephone is: home, work or another word", NAME),
    optional("note", "Note", Kind::Lines(65_536)),
]);

/// An address. No field is required: what leads nowhere yet is an entry all the same. Files are read liberally, since
/// nothing of them may be lost; what is written at this machine is what such a machine knows.
pub const ADDRESS: RecordType = RecordType::new(
    crate::address::ADDRESS_TYPE,
    "Address",
    &["kind", "name", "mail", "fax", "folder"],
    &[
        optional("kind", "What it leads to", NAME).written(KINDS),
        optional("name", "Name", NAME),
        optional("reading", "How the name is read aloud and sorted", NAME),
        optional("reading_language", "Language of the reading", NAME),
        optional("short_name", "Name on a one-touch button", NAME),
        optional("list", "List: 1 to 10, 11 for the one-touch list", NUMBER)
            .written(Kind::Number(1, ONE_TOUCH_LIST)),
        optional("number", "Number in the list; in the one-touch list at most 200", NUMBER)
            .written(Kind::Number(1, 9_999)),
        optional("mail", "E-mail address", LONG).written(Kind::Form(Form::Mail)),
        optional("fax", "Fax number and line", FAX),
        optional("folder", "Folder on a file server", FOLDER),
        optional("login", "Login at the folder's server", LOGIN).secret(Secret::Credential),
        optional("access_code", "Access number", NAME).secret(Secret::Credential).written(CODE),
        optional("member:*", "Member of a group: its place in the order", Kind::Number(i64::MIN, i64::MAX))
            .keys(Keys::Member),
        optional("person", "Who it leads to", PERSON),
        optional("label", "Where the person is reached by it: home, work or another word", NAME),
        optional("tie", "Ties together what came from one contact", NAME),
        KEPT,
        KEPT_BY,
    ],
)
.shared(Sharing::Shared);

const KEPT: Field = optional("canon:*", "Column of a file, kept as it came", Kind::Lines(4_096));

const KEPT_BY: Field = optional("file:*", "What another format says, kept as it came", Kind::Lines(65_536));

/// The space that the machine's address lists have.
pub const LOCAL_SPACE: &str = "address-lists";
/// Address lists 1 to 10, the one-touch list and the administrator's.
pub const LISTS: Part = Part { place: Place::Local(LOCAL_SPACE), types: &[&ADDRESS], settings: &[] };
/// The address lists of user groups.
pub const GROUP_LISTS: Part = Part { place: Place::Group, types: &[&ADDRESS], settings: &[] };
