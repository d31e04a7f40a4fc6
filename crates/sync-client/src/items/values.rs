//! What people write, as the values that a record may have.

use super::Shelf;
use crate::{
    error::{Error, Result},
    settings::{read, said_name},
};
use sync_core::{
    address::{ADDRESS_TYPE, TYPE_FIELD},
    catalogue::{self, Field, Fields, Place, RecordType, Sharing, Unfit, keys, type_of},
    sharing::OWNER_FIELD,
    value::Value,
};

/// The new value of a field, where a record of that type may have it.
pub(super) fn edited(fields: &Fields, name: &str, text: Option<&str>) -> Result<Option<Value>> {
    let kind = type_of(fields).unwrap_or_default();
    let known = catalogue::record_type(kind);
    let field = field_of(known, kind, name)?;
    let Some(text) = text else {
        return if field.required {
            Err(unfit(kind, &Unfit::new(field.writable().wanted()).in_field(name)))
        } else {
            Ok(None)
        };
    };
    let value = read(field.writable(), field.secret, &format!("{kind}.{name}"), text)?;
    field.check(name, &value).map_err(|error| unfit(kind, &error))?;
    let mut whole = fields.clone();
    whole.insert(name.into(), value.clone());
    if kind == keys::KEY.name {
        catalogue::check(&whole).map_err(|error| unfit(kind, &error))?;
    }
    newly_unusual(fields, &whole, &[name])?;
    Ok(Some(value))
}

/// The fields of a new record.
pub(super) fn made(shelf: &Shelf, kind: &str, words: &[String]) -> Result<Fields> {
    let known = shelf.part.types.iter().find(|known| known.name == kind).copied();
    let mut fields = Fields::from([(TYPE_FIELD.to_string(), kind.into())]);
    for word in words {
        let wrong = || Error::WrongCommand(format!("`{}`: write FIELD=VALUE", said_name(word)));
        let (name, text) = word.split_once('=').ok_or_else(wrong)?;
        let field = field_of(known, kind, name)?;
        let value = read(field.writable(), field.secret, &format!("{kind}.{name}"), text)?;
        if fields.insert(name.into(), value).is_some() {
            return Err(Error::WrongCommand(format!("`{name}` is there twice")));
        }
    }
    if kind == ADDRESS_TYPE && matches!(shelf.part.place, Place::Local(_)) {
        fields.entry("list".into()).or_insert(Value::Int(1));
    }
    catalogue::check(&fields).map_err(|error| unfit(kind, &error))?;
    newly_unusual(&Fields::new(), &fields, &[])?;
    Ok(fields)
}

/// Refuses what people may not write at this machine, unless a file brought it and it is not among the fields that are
/// written now.
pub(crate) fn newly_unusual(before: &Fields, after: &Fields, written: &[&str]) -> Result<()> {
    let old = catalogue::unusual(before);
    let named = |unfit: &Unfit| unfit.field.as_deref().is_some_and(|field| written.contains(&field));
    let mut now = catalogue::unusual(after).into_iter();
    match now.find(|one| named(one) || !old.contains(one)) {
        Some(found) => Err(unfit(type_of(after).unwrap_or_default(), &found)),
        None => Ok(()),
    }
}

fn field_of(known: Option<&'static RecordType>, kind: &str, name: &str) -> Result<&'static Field> {
    let names = known.into_iter().flat_map(|known| known.fields).map(|field| field.name.to_string());
    // Whose a device-specific record is, the machine writes.
    let written = |known: &RecordType| !(known.sharing == Sharing::Selectable && name == OWNER_FIELD);
    known
        .filter(|known| written(known))
        .and_then(|known| known.field(name))
        .ok_or_else(|| Error::UnknownField { name: said_name(name), of: kind.into(), known: names.collect() })
}

fn unfit(kind: &str, unfit: &Unfit) -> Error {
    let name = unfit.field.as_deref().unwrap_or_default();
    if unfit.missing {
        let (of, field) = (kind.to_string(), name.to_string());
        return Error::FieldMissing { of, field, wanted: unfit.wanted.clone() };
    }
    Error::SettingValue {
        setting: format!("{kind}.{name}"),
        value: "what was written".into(),
        wanted: unfit.wanted.clone(),
    }
}
