//! Fields and record types: what the records of an item are made of.

use super::{InFile, Kind, SETTING_TYPE, Sharing, Unfit, address_book, keys};
use crate::{
    address::{ADDRESS_TYPE, MEMBER_PREFIX, Member, ONE_TOUCH_LIST, TYPE_FIELD},
    id::RecordId,
    record::FieldName,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The fields of one record, by name.
pub type Fields = BTreeMap<FieldName, Value>;

/// How secret something is. Greater is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Secret {
    /// Everybody may see it.
    No,
    /// A credential in an address: synchronizes, and goes into a plain file only when asked for.
    Credential,
    /// A private key, a PIN, a keychain, a password's hash: leaves the machine only in an encrypted bundle.
    Sealed,
}

/// One field of a record, or one entry of a map. A name that ends in `:*` is a family: each element of a set is a field
/// of its own, `member:KEY`, so that two additions merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in records, files and commands.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Whether a record without it is refused.
    pub required: bool,
    /// How secret it is.
    pub secret: Secret,
    /// What people may write at this machine, where that is less than what a file may bring.
    pub written: Option<Kind>,
    /// Of a family: what the keys of its elements are.
    pub keys: Keys,
}

/// What the keys of a family's elements are, as people write them. A file may bring others, which are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Any text.
    Any,
    /// The ids of records.
    Record,
    /// Whole numbers within bounds.
    Number(i64, i64),
    /// The members of a group: the ids of records, `number/N` or `box/NAME`.
    Member,
}

impl Keys {
    fn fits(self, key: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Record => key.parse::<RecordId>().is_ok(),
            Self::Number(least, most) => key.parse().is_ok_and(|number| (least..=most).contains(&number)),
            Self::Member => Member::of_field(&[MEMBER_PREFIX, key].concat()).is_some(),
        }
    }

    /// What can be written, for people.
    #[must_use]
    pub fn wanted(self) -> String {
        match self {
            Self::Any => "any text".into(),
            Self::Record => "the id of a record".into(),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::Member => "the id of a record, number/N or box/NAME".into(),
        }
    }
}

/// A field that every record of its type has.
#[must_use]
pub const fn required(name: &'static str, title: &'static str, kind: Kind) -> Field {
    Field { required: true, ..optional(name, title, kind) }
}

/// A field that may be left out.
#[must_use]
pub const fn optional(name: &'static str, title: &'static str, kind: Kind) -> Field {
    Field { name, title, kind, required: false, secret: Secret::No, written: None, keys: Keys::Any }
}

impl Field {
    /// The same, secret.
    #[must_use]
    pub const fn secret(self, secret: Secret) -> Self {
        Self { secret, ..self }
    }

    /// The same, of which people may write only this.
    #[must_use]
    pub const fn written(self, kind: Kind) -> Self {
        Self { written: Some(kind), ..self }
    }

    /// The same family, with such keys.
    #[must_use]
    pub const fn keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// What people may write at this machine.
    #[must_use]
    pub fn writable(&self) -> &Kind {
        self.written.as_ref().unwrap_or(&self.kind)
    }

    /// The key of an element, where this is a family and the name is one of it.
    #[must_use]
    pub fn key<'a>(&self, name: &'a str) -> Option<&'a str> {
        let family = self.name.strip_suffix('*')?;
        name.strip_prefix(family).filter(|key| !key.is_empty())
    }

    /// Whether a record's field of this name is this one, or one of this family.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.name == name && !self.is_family() || self.key(name).is_some()
    }

    /// Whether it stands for the elements of a set.
    #[must_use]
    pub fn is_family(&self) -> bool {
        self.name.ends_with(":*")
    }
}

/// What one kind of record is made of. Which it is stands in its field `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordType {
    /// What its field `type` holds.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Its fields, without `type`.
    pub fields: &'static [Field],
    /// The fields that tell one entry from another in a file.
    pub identity: &'static [&'static str],
    /// Whether it synchronizes. What is device-specific of a person lies in the local space of their device-specific
    /// settings, under the field `user`.
    pub sharing: Sharing,
    /// Whether it goes to another machine in a file.
    pub in_file: InFile,
    /// At most so many entries of one owner, the newest by their field `time`.
    pub newest: Option<usize>,
    /// The fields that an import leaves as they are here, such as a counter: they go into a file for people to read.
    pub stays: &'static [&'static str],
}

impl RecordType {
    /// A type of records that belong to the machine and go into files.
    #[must_use]
    pub const fn new(
        name: &'static str,
        title: &'static str,
        identity: &'static [&'static str],
        fields: &'static [Field],
    ) -> Self {
        Self {
            name,
            title,
            fields,
            identity,
            sharing: Sharing::Device,
            in_file: InFile::Yes,
            newest: None,
            stays: &[],
        }
    }

    /// The same, shared as said.
    #[must_use]
    pub const fn shared(self, sharing: Sharing) -> Self {
        Self { sharing, ..self }
    }

    /// The same, in files as said.
    #[must_use]
    pub const fn in_file(self, in_file: InFile) -> Self {
        Self { in_file, ..self }
    }

    /// The field that covers a name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.covers(name))
    }

    /// What it is in an import or a comparison: the values of its identity, absent ones too.
    #[must_use]
    pub fn identity_of<'a>(&self, fields: &'a Fields) -> Vec<Option<&'a Value>> {
        self.identity.iter().map(|name| fields.get(*name)).collect()
    }

    /// Whether a record of this type fits.
    ///
    /// # Errors
    /// [`Unfit`]: the first field that does not fit, or that is missing.
    pub fn check(&self, fields: &Fields) -> Result<(), Unfit> {
        for (name, value) in fields {
            if let Some(field) = self.field(name) {
                field.check(name, value)?;
            }
        }
        let missing = self.fields.iter().find(|field| field.required && !fields.contains_key(field.name));
        match missing {
            Some(field) => Err(Unfit::missing(field.name, field.kind.wanted())),
            None => Ok(()),
        }
    }

    /// Which of one owner's entries are over what the type keeps, the oldest.
    #[must_use]
    pub fn surplus<'a>(&self, entries: impl IntoIterator<Item = (RecordId, &'a Fields)>) -> Vec<RecordId> {
        let Some(most) = self.newest else { return Vec::new() };
        let time = |fields: &Fields| fields.get("time").and_then(Value::as_int).unwrap_or(i64::MIN);
        let mut all: Vec<_> = entries.into_iter().map(|(id, fields)| (time(fields), id)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.into_iter().skip(most).map(|(_, id)| id).collect()
    }
}

/// What the field `type` says.
#[must_use]
pub fn type_of(fields: &Fields) -> Option<&str> {
    fields.get(TYPE_FIELD)?.as_text()
}

/// Whether the fields of a record fit its type. A type and fields that nobody here knows are a newer model's: they pass.
/// Of a setting, see [`super::Setting::check`]: which item's it is, the record does not say.
///
/// # Errors
/// [`Unfit`]: the first field that does not fit, or that is missing.
pub fn check(fields: &Fields) -> Result<(), Unfit> {
    let known = match fields.get(TYPE_FIELD) {
        None => return Ok(()),
        Some(Value::Text(name)) if name == SETTING_TYPE => return Ok(()),
        Some(Value::Text(name)) => super::record_type(name),
        Some(_) => return Err(Unfit::new("text").in_field(TYPE_FIELD)),
    };
    let Some(known) = known else { return Ok(()) };
    known.check(fields)?;
    if *known == keys::KEY { keys::belong_together(fields) } else { Ok(()) }
}

/// What of a record people may not write at this machine, although a file may bring it: the catalogue's narrower kinds, the
/// keys of families, and how many buttons a one-touch list has.
#[must_use]
pub fn unusual(fields: &Fields) -> Vec<Unfit> {
    let Some(known) = type_of(fields).and_then(super::record_type) else { return Vec::new() };
    let mut found = Vec::new();
    for (name, value) in fields {
        let Some(field) = known.field(name) else { continue };
        if field.key(name).is_some_and(|key| !field.keys.fits(key)) {
            let family = field.name.trim_end_matches('*');
            found.push(Unfit::new(format!("{family} and {}", field.keys.wanted())).in_field(name));
        } else if let Some(Err(unfit)) = field.written.map(|kind| kind.check(value)) {
            found.push(unfit.in_field(name));
        }
    }
    if known.name == ADDRESS_TYPE
        && fields.get("list").and_then(Value::as_int) == Some(ONE_TOUCH_LIST)
        && let Some(Err(unfit)) = fields.get("number").map(|number| address_book::BUTTONS.check(number))
    {
        found.push(unfit.in_field("number"));
    }
    found
}

/// How secret a field of a record is; what nobody here knows is shown as the address model does, openly.
#[must_use]
pub fn secrecy(fields: &Fields, name: &str) -> Secret {
    let known = type_of(fields).and_then(super::record_type);
    known.and_then(|known| known.field(name)).map_or(Secret::No, |field| field.secret)
}

/// What everybody may see of a record: `***` stands for what is secret. Within a map, what is not secret stays.
#[must_use]
pub fn masked(fields: &Fields) -> Fields {
    let known = type_of(fields).and_then(super::record_type);
    let shown = |(name, value): (&FieldName, &Value)| {
        let field = known.and_then(|known| known.field(name));
        let value = field.map_or_else(|| value.clone(), |field| field.kind.masked(field.secret, value));
        (name.clone(), value)
    };
    fields.iter().map(shown).collect()
}

/// Every record that a record names: by a field of the kind [`Kind::Reference`], within maps and lists too, or as an
/// element of a set whose key is an id.
#[must_use]
pub fn references(fields: &Fields) -> BTreeSet<RecordId> {
    let mut found = BTreeSet::new();
    let _ = renamed(fields, |id| {
        found.insert(id);
        id
    });
    found
}

/// The fields with every reference renamed, as an import needs whose records took over the ids of what was there.
#[must_use]
pub fn renamed(fields: &Fields, mut new: impl FnMut(RecordId) -> RecordId) -> Fields {
    let Some(known) = type_of(fields).and_then(super::record_type) else { return fields.clone() };
    let rename = |(name, value): (&FieldName, &Value)| {
        let Some(field) = known.field(name) else { return (name.clone(), value.clone()) };
        let value = renamed_value(&field.kind, value, &mut new);
        let id = field.key(name).and_then(|key| key.parse::<RecordId>().ok());
        let name = match id {
            Some(id) => [field.name.trim_end_matches('*'), &new(id).to_string()].concat(),
            None => name.clone(),
        };
        (name, value)
    };
    fields.iter().map(rename).collect()
}

fn renamed_value(kind: &Kind, value: &Value, new: &mut impl FnMut(RecordId) -> RecordId) -> Value {
    match (kind, value) {
        (Kind::Reference, Value::Text(text)) => match text.parse() {
            Ok(id) => new(id).to_string().into(),
            Err(_) => value.clone(),
        },
        (Kind::List(kind, _), Value::List(list)) => {
            Value::List(list.iter().map(|item| renamed_value(kind, item, new)).collect())
        }
        (Kind::Map(parts), Value::Map(map)) => {
            let part = |(key, item): (&String, &Value)| {
                let known = parts.iter().find(|part| part.name == key);
                (key.clone(), known.map_or_else(|| item.clone(), |part| renamed_value(&part.kind, item, new)))
            };
            Value::Map(map.iter().map(part).collect())
        }
        _ => value.clone(),
    }
}
