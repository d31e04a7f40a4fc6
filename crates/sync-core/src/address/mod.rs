//! One entry of an address book, whatever file or machine it came from, and its fields as a record.
//!
//! | field | holds |
//! | --- | --- |
//! | `type` | `address` |
//! | `kind` | `email`, `fax`, `ifax`, `ipfax`, `folder`, `group`, or a source's own word |
//! | `name`, `reading`, `reading_language`, `short_name` | text |
//! | `list`, `number` | whole numbers: the list (1 to 10, 11 = one-touch) and the place in it |
//! | `mail` | an e-mail address |
//! | `fax` | a map: number and line settings, see [`Fax`] |
//! | `folder` | a map: protocol, host, path, see [`Folder`] |
//! | `login` | a map, secret: `username` and `password`, or `encrypted` and `scheme`, see [`Login`] |
//! | `access_code` | text, secret |
//! | `member:ID`, `member:number/N`, `member:box/NAME` | one element of a group; the value is its place in the order |
//! | `person` | a map: what the name is made of, and where the person works, see [`Person`] |
//! | `label` | text: where it is reached there, see [`Address::label`] |
//! | `tie` | text: entries with the same one came from one contact, see [`Address::tie`] |
//! | `canon:COLUMN` | what a source said beyond this model, see [`Address::kept`] |
//! | `file:FORMAT:COLUMN` | the same of other formats, see [`Address::kept_by`] |
//!
//! ```
//! use sync_core::address::{Address, AddressKind};
//! let desk = Address {
//!     kind: AddressKind::Email,
//!     name: "Front desk".into(),
//!     mail: "desk@office.example".into(),
//!     ..Address::default()
//! };
//! assert_eq!(Address::from_fields(desk.to_fields()), Some(desk));
//! ```

mod matching;
mod parts;

pub use matching::{Identity, match_existing};
#[cfg(feature = "files")]
pub(crate) use matching::{LIKENESSES, Likeness, pairs};
pub use parts::{Fax, Folder, Login, Password, Person, Secret};

use crate::{
    id::RecordId,
    record::{FieldName, Record},
    value::Value,
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// The field that tells what a record is.
pub const TYPE_FIELD: &str = "type";
/// What [`TYPE_FIELD`] holds in an address.
pub const ADDRESS_TYPE: &str = "address";
/// The fields whose values no report, log or error may show.
pub const SECRET_FIELDS: [&str; 2] = ["login", "access_code"];
/// Whether no report, log or error may show the value of this field: it is among [`SECRET_FIELDS`], or a column that a
/// file of another format keeps, and that is a password by its name.
#[must_use]
pub fn is_secret_field(field: &str) -> bool {
    let column = || field.strip_prefix(KEPT_BY_PREFIX).map(str::to_ascii_lowercase);
    let is_password = |column: &str| ["passw", "pwd"].iter().any(|word| column.contains(word));
    SECRET_FIELDS.contains(&field) || column().is_some_and(|column| is_password(&column))
}

/// The list number of the one-touch list.
pub const ONE_TOUCH_LIST: i64 = 11;

pub(crate) const MEMBER_PREFIX: &str = "member:";
const KEPT_PREFIX: &str = "canon:";
const KEPT_BY_PREFIX: &str = "file:";

/// The field that keeps a column of a file, see [`Address::kept`].
pub(crate) fn kept_field(column: &str) -> FieldName {
    format!("{KEPT_PREFIX}{column}")
}

/// What an address leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressKind {
    /// An e-mail address.
    #[default]
    Email,
    /// A fax number.
    Fax,
    /// An Internet fax: a fax sent by e-mail.
    Ifax,
    /// A fax over IP.
    IpFax,
    /// A folder on a file server.
    Folder,
    /// Several other entries.
    Group,
    /// A kind that this version has no word for. Made by [`AddressKind::named`], so that a known word is never here.
    Other(String),
}

impl AddressKind {
    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "email" => Self::Email,
            "fax" => Self::Fax,
            "ifax" => Self::Ifax,
            "ipfax" => Self::IpFax,
            "folder" => Self::Folder,
            "group" => Self::Group,
            other => Self::Other(other.to_string()),
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email => "email",
            Self::Fax => "fax",
            Self::Ifax => "ifax",
            Self::IpFax => "ipfax",
            Self::Folder => "folder",
            Self::Group => "group",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a group names as one of its members.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// Another entry of the same space.
    Record(RecordId),
    /// An entry known only by its number, as files name it, and as it stays when no such entry was there.
    Number(i64),
    /// A mail box of the machine, such as `localbox001`, or whatever else is named by text.
    Box(String),
}

impl Member {
    /// The name of its field.
    #[must_use]
    pub fn field(&self) -> FieldName {
        match self {
            Self::Record(id) => format!("{MEMBER_PREFIX}{id}"),
            Self::Number(number) => format!("{MEMBER_PREFIX}number/{number}"),
            Self::Box(name) => format!("{MEMBER_PREFIX}box/{name}"),
        }
    }

    /// The member that a field names; `None` where the field is not exactly what [`Member::field`] writes.
    #[must_use]
    pub fn of_field(field: &str) -> Option<Self> {
        let name = field.strip_prefix(MEMBER_PREFIX)?;
        let member = if let Some(number) = name.strip_prefix("number/") {
            Self::Number(number.parse().ok()?)
        } else if let Some(name) = name.strip_prefix("box/") {
            Self::Box(name.to_string())
        } else {
            Self::Record(name.parse().ok()?)
        };
        (member.field() == field).then_some(member)
    }
}

/// One entry of an address book. An empty text stands for a field that is not set.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// What it leads to.
    pub kind: AddressKind,
    /// Its name.
    pub name: String,
    /// How the name is read aloud and sorted.
    pub reading: String,
    /// The language of the reading.
    pub reading_language: String,
    /// The name on a one-touch button.
    pub short_name: String,
    /// The list it is in: 1 to 10, 11 for the one-touch list, others as the source has them.
    pub list: Option<i64>,
    /// Its number in the list, or of its one-touch button.
    pub number: Option<i64>,
    /// The e-mail address.
    pub mail: String,
    /// The fax number and its line.
    pub fax: Option<Fax>,
    /// The folder.
    pub folder: Option<Folder>,
    /// How to log in to the folder's server.
    pub login: Option<Login>,
    /// The code that a person enters to see the entry.
    pub access_code: Secret,
    /// The members of a group, each with its place in the order.
    pub members: BTreeMap<Member, i64>,
    /// Columns of a Canon file that this model doesn't understand, or spells otherwise, by their names. They come
    /// back when the entry is written to such a file.
    pub kept: BTreeMap<String, String>,
    /// What files of other formats say that this model doesn't understand: by `FORMAT:COLUMN`, such as
    /// `ricoh-csv:Title 1`.
    pub kept_by: BTreeMap<String, String>,
    /// Who it leads to.
    pub person: Option<Person>,
    /// Where the person is reached by it: `home`, `work`, `other`, or a word of the person's own.
    pub label: String,
    /// What ties together the entries that came from one contact with several destinations; they go back as one.
    pub tie: String,
    /// Fields of a newer model; they go back as they came.
    pub other: BTreeMap<FieldName, Value>,
}

impl Address {
    /// Its fields as a record.
    #[must_use]
    pub fn to_fields(&self) -> BTreeMap<FieldName, Value> {
        let mut fields = self.other.clone();
        let mut set = |name: &str, value: Value| fields.insert(name.to_string(), value);
        set(TYPE_FIELD, ADDRESS_TYPE.into());
        for (name, text) in [
            ("kind", self.kind.as_str()),
            ("name", &self.name),
            ("reading", &self.reading),
            ("reading_language", &self.reading_language),
            ("short_name", &self.short_name),
            ("mail", &self.mail),
            ("access_code", &self.access_code.0),
            ("label", &self.label),
            ("tie", &self.tie),
        ] {
            if !text.is_empty() {
                set(name, text.into());
            }
        }
        for (name, number) in [("list", self.list), ("number", self.number)] {
            if let Some(number) = number {
                set(name, number.into());
            }
        }
        for (name, value) in [
            ("fax", self.fax.as_ref().map(Fax::to_value)),
            ("folder", self.folder.as_ref().map(Folder::to_value)),
            ("login", self.login.as_ref().map(Login::to_value)),
            ("person", self.person.as_ref().map(Person::to_value)),
        ] {
            if let Some(value) = value {
                set(name, value);
            }
        }
        for (member, place) in &self.members {
            set(&member.field(), (*place).into());
        }
        for (column, text) in &self.kept {
            set(&kept_field(column), text.as_str().into());
        }
        for (column, text) in &self.kept_by {
            set(&format!("{KEPT_BY_PREFIX}{column}"), text.as_str().into());
        }
        fields
    }

    /// The address that these fields are; `None` where their `type` says that they are something else.
    #[must_use]
    pub fn from_fields(fields: impl IntoIterator<Item = (FieldName, Value)>) -> Option<Self> {
        let mut address = Self { kind: AddressKind::Other(String::new()), ..Self::default() };
        let mut is_address = false;
        for (name, value) in fields {
            if name == TYPE_FIELD && value.as_text() == Some(ADDRESS_TYPE) {
                is_address = true;
            } else if let Some(value) = address.take(&name, value) {
                address.other.insert(name, value);
            }
        }
        is_address.then_some(address)
    }

    /// The address that a live record is.
    #[must_use]
    pub fn from_record(record: &Record) -> Option<Self> {
        let live = record.live()?;
        Self::from_fields(live.into_iter().map(|(name, value)| (name.to_string(), value.clone())))
    }

    /// The members in their order.
    pub fn members_in_order(&self) -> impl Iterator<Item = &Member> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by_key(|(member, place)| (**place, *member));
        members.into_iter().map(|(member, _)| member)
    }

    /// Makes these the members, in this order; a repeated one counts at its first place.
    pub fn set_members(&mut self, members: impl IntoIterator<Item = Member>) {
        self.members.clear();
        for (place, member) in (1..).zip(members) {
            self.members.entry(member).or_insert(place);
        }
    }

    /// Takes one field in; gives its value back if this model can't hold it as it is.
    fn take(&mut self, name: &str, value: Value) -> Option<Value> {
        match (name, value) {
            ("kind", Value::Text(text)) if !text.is_empty() => {
                self.kind = AddressKind::named(&text);
            }
            ("name", Value::Text(text)) if !text.is_empty() => self.name = text,
            ("reading", Value::Text(text)) if !text.is_empty() => self.reading = text,
            ("reading_language", Value::Text(text)) if !text.is_empty() => {
                self.reading_language = text;
            }
            ("short_name", Value::Text(text)) if !text.is_empty() => self.short_name = text,
            ("mail", Value::Text(text)) if !text.is_empty() => self.mail = text,
            ("label", Value::Text(text)) if !text.is_empty() => self.label = text,
            ("tie", Value::Text(text)) if !text.is_empty() => self.tie = text,
            ("access_code", Value::Text(text)) if !text.is_empty() => {
                self.access_code = Secret(text);
            }
            ("list", Value::Int(number)) => self.list = Some(number),
            ("number", Value::Int(number)) => self.number = Some(number),
            ("fax", value @ Value::Map(_)) => self.fax = Fax::from_value(&value),
            ("folder", value @ Value::Map(_)) => self.folder = Folder::from_value(&value),
            ("login", value @ Value::Map(_)) => self.login = Login::from_value(&value),
            ("person", value @ Value::Map(_)) => self.person = Person::from_value(&value),
            (name, Value::Int(place)) if name.starts_with(MEMBER_PREFIX) => match Member::of_field(name) {
                Some(member) => {
                    self.members.insert(member, place);
                }
                None => return Some(Value::Int(place)),
            },
            (name, Value::Text(text)) if name.starts_with(KEPT_PREFIX) => {
                self.kept.insert(name[KEPT_PREFIX.len()..].to_string(), text);
            }
            (name, Value::Text(text)) if name.starts_with(KEPT_BY_PREFIX) => {
                self.kept_by.insert(name[KEPT_BY_PREFIX.len()..].to_string(), text);
            }
            (_, value) => return Some(value),
        }
        None
    }
}

/// What an edit must set and unset so that a record with the fields `old` has the fields `new`.
#[must_use]
pub fn difference(
    old: &BTreeMap<FieldName, Value>,
    new: &BTreeMap<FieldName, Value>,
) -> BTreeMap<FieldName, Option<Value>> {
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let set = new.iter().filter(|(name, value)| old.get(*name) != Some(*value));
    gone.map(|name| (name.clone(), None))
        .chain(set.map(|(name, value)| (name.clone(), Some(value.clone()))))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::value::tests::any_value;
    use proptest::prelude::*;

    const FIELDS: [&str; 21] = [
        "type",
        "kind",
        "name",
        "reading",
        "short_name",
        "list",
        "number",
        "mail",
        "fax",
        "folder",
        "login",
        "access_code",
        "member:number/7",
        "member:number/007",
        "member:box/localbox001",
        "member:0198F9C2-0000-7000-8000-000000000001",
        "canon:uuid",
        "file:ricoh-csv:Title 1",
        "person",
        "label",
        "tie",
    ];

    fn any_part() -> impl Strategy<Value = Value> {
        let key = prop::sample::select(
            &["number", "host", "path", "username", "password", "encrypted", "scheme", "new"][..],
        );
        let item = prop_oneof![any_value(), "[a-z]{0,3}".prop_map(Value::Text)];
        prop::collection::btree_map(key.prop_map(String::from), item, 0..5).prop_map(Value::Map)
    }

    proptest! {
        /// Whatever a newer model wrote, reading it as an address and writing it back loses nothing.
        #[test]
        fn fields_come_back(
            mut fields in prop::collection::btree_map(
                prop_oneof![prop::sample::select(&FIELDS[..]).prop_map(String::from), "[a-z:]{1,9}"],
                prop_oneof![any_value(), any_part(), "[a-z]{0,5}".prop_map(Value::Text), (0..9_i64).prop_map(Value::Int)],
                0..12,
            ),
        ) {
            fields.insert("type".into(), "address".into());
            let address = Address::from_fields(fields.clone()).unwrap();
            prop_assert_eq!(address.to_fields(), fields);
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let address = Address {
            login: Some(Login {
                username: "scan".into(),
                password: Some(Password::Plain(Secret("hidden-1".into()))),
                ..Login::default()
            }),
            access_code: Secret("hidden-2".into()),
            ..Address::default()
        };
        assert!(!format!("{address:?}").contains("hidden"));
        for (field, secret) in [
            ("login", true),
            ("file:kyocera-xml:FaxPassword", true),
            ("file:toshiba-22-csv:PWD", true),
            ("file:sharp-csv:category-id", false),
            ("name", false),
        ] {
            assert_eq!(is_secret_field(field), secret, "{field}");
        }
    }

    #[test]
    fn members_keep_their_order_and_count_once() {
        let mut group = Address::default();
        let boxed = Member::Box("localbox001".into());
        group.set_members([Member::Number(205), boxed.clone(), Member::Number(9), boxed.clone()]);
        let back = Address::from_fields(group.to_fields()).unwrap();
        assert_eq!(
            back.members_in_order().collect::<Vec<_>>(),
            [&Member::Number(205), &boxed, &Member::Number(9)]
        );
    }

    #[test]
    fn an_edit_names_only_what_differs() {
        let old = Address { name: "Desk".into(), mail: "desk@office.example".into(), ..Address::default() };
        let new = Address { name: "Front desk".into(), ..Address::default() };
        let edit = difference(&old.to_fields(), &new.to_fields());
        assert_eq!(
            edit.into_iter().collect::<Vec<_>>(),
            [("mail".to_string(), None), ("name".to_string(), Some("Front desk".into()))]
        );
    }

    #[test]
    fn a_setting_is_no_address() {
        assert_eq!(Address::from_fields([("type".to_string(), "setting".into())]), None);
    }
}
