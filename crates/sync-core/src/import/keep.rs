//! What a record becomes when an entry of a file takes its place: what the file says, and what it can't say.

use super::{
    Fields, Packed,
    admit::is_masked,
    matching::{MASK, protected, rest_mode},
    mode::RestMode,
    plan::shown_name,
    scope::Class,
    whole::Terms,
};
use crate::{
    address::{Address, Login, Password},
    catalogue::{Field, Kind, RecordType, Secret},
    files::{self, Format, Note, field::Slot},
    value::Value,
};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

/// What is left of a value in a file that carries no secret of this degree or a higher one; `None` where nothing is.
pub(super) fn stripped(secret: Secret, kind: &Kind, value: &Value, least: Secret) -> Option<Value> {
    if secret >= least {
        return None;
    }
    match (kind, value) {
        (Kind::Map(parts), Value::Map(map)) => {
            let mut left = BTreeMap::new();
            for (key, item) in map {
                let known = parts.iter().find(|part| part.name == key);
                let item = match known {
                    Some(part) => match stripped(part.secret, &part.kind, item, least) {
                        // What is not whole without it does not fit.
                        None if part.required => return None,
                        left => left,
                    },
                    None => Some(item.clone()),
                };
                left.extend(item.map(|item| (key.clone(), item)));
            }
            Some(Value::Map(left))
        }
        (Kind::List(kind, _), Value::List(list)) => {
            let left: Option<Vec<Value>> =
                list.iter().map(|item| stripped(Secret::No, kind, item, least)).collect();
            left.map(Value::List)
        }
        _ => Some(value.clone()),
    }
}

/// The least secret that a file leaves out, where it may.
const ANY: Secret = Secret::Credential;

fn stripped_field(field: &Field, value: Option<&Value>) -> Option<Value> {
    stripped(field.secret, &field.kind, value?, ANY)
}

/// What a record becomes. `kin` says whether it is the same thing as the entry, and not just has the same number.
pub(super) fn after(
    class: Class,
    terms: &Terms,
    before: &Fields,
    entry: Fields,
    kin: bool,
    line: Option<u64>,
    notes: &mut Vec<Note>,
) -> Fields {
    match class {
        Class::Address if !kin => new(class, entry, line, notes),
        Class::Address => address(terms, before, entry, line, notes),
        Class::Setting(known) => {
            let mut after = before.clone();
            let mut entry = entry;
            if let (Some(known), Some(new)) = (known, entry.get("value"))
                && (is_mask(known.secret, new)
                    || !terms.carries.secrets
                        && before
                            .get("value")
                            .and_then(|old| stripped(known.secret, &known.kind, old, ANY))
                            .as_ref()
                            == Some(new))
            {
                entry.remove("value");
            }
            after.extend(entry);
            after
        }
        Class::Typed(known) => {
            flag_is_ours(known, Some(before), &entry, line, notes);
            let mut after = typed(known, terms, before, entry);
            keep_protected(known, before, &mut after, line, notes);
            after
        }
        Class::Unknown if terms.carries.every_field && terms.modes.rest == RestMode::Replace => entry,
        Class::Unknown => {
            let mut after = before.clone();
            after.extend(entry);
            after
        }
    }
}

fn is_mask(secret: Secret, value: &Value) -> bool {
    secret != Secret::No && value.as_text() == Some(MASK)
}

/// What a new record becomes: without what stays at the machine that counted it, and without stars.
pub(super) fn new(class: Class, mut entry: Fields, line: Option<u64>, notes: &mut Vec<Note>) -> Fields {
    if let Class::Typed(known) = class {
        flag_is_ours(known, None, &entry, line, notes);
    }
    let masked: Vec<String> = entry
        .iter()
        .filter(|(name, value)| {
            is_masked(&entry, name, value)
                || matches!(class, Class::Typed(known) if known.stays.contains(&name.as_str()))
                || matches!(class, Class::Setting(Some(known)) if *name == "value" && is_mask(known.secret, value))
        })
        .map(|(name, _)| name.clone())
        .collect();
    masked.iter().for_each(|name| {
        entry.remove(name);
    });
    entry
}

/// Says it where a file would make a record one that no import removes, or one that any does.
fn flag_is_ours(
    known: &RecordType,
    before: Option<&Fields>,
    entry: &Fields,
    line: Option<u64>,
    notes: &mut Vec<Note>,
) {
    let Some(these) = protected(known) else { return };
    let Some(theirs) = entry.get(these.flag) else { return };
    let ours = before.is_some_and(|before| these.has(before.get(these.flag)));
    if ours != these.has(Some(theirs)) {
        let what = if ours { "is built into this machine" } else { "is not built into this machine" };
        let text = format!("`{}` {what}, whatever the file says of it", entry_name(entry));
        notes.push(Note::new(line, "built_in_is_the_machines", text));
    }
}

/// What a file doesn't change of a record that no import removes.
fn keep_protected(
    known: &RecordType,
    before: &Fields,
    after: &mut Fields,
    line: Option<u64>,
    notes: &mut Vec<Note>,
) {
    let Some(these) = protected(known).filter(|these| these.has(before.get(these.flag))) else { return };
    for name in these.kept {
        let Some(old) = before.get(*name).filter(|old| after.get(*name) != Some(old)) else { continue };
        let text = format!("`{}` is built in: its {name} stays {old}", entry_name(before));
        notes.push(Note::new(line, "built_in_kept", text));
        after.insert((*name).into(), old.clone());
    }
}

fn typed(known: &RecordType, terms: &Terms, before: &Fields, entry: Fields) -> Fields {
    let replaces = rest_mode(known, terms) == RestMode::Replace;
    let mut after = entry;
    let names: Vec<String> =
        before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))).cloned().collect();
    for name in names {
        let (old, new) = (before.get(&name), after.get(&name));
        let field = known.field(&name);
        let keeps = known.stays.contains(&name.as_str())
            || field.is_some_and(|field| new.is_some_and(|new| is_mask(field.secret, new)))
            // The file says of a secret what it would say if it were the one that is there.
            || !terms.carries.secrets
                && field.is_some_and(|field| {
                    old.is_some() && stripped_field(field, old) != old.cloned() && stripped_field(field, old).as_ref() == new
                })
            || new.is_none() && name != crate::address::TYPE_FIELD
                && (!replaces || field.is_none() && !terms.carries.every_field);
        if keeps {
            match old {
                Some(old) => after.insert(name, old.clone()),
                None => after.remove(&name),
            };
        }
    }
    after
}

/// A file of addresses often has no column for what a newer model keeps, and leaves passwords out on purpose: neither may
/// be lost because of that.
fn address(
    terms: &Terms,
    before: &Fields,
    entry: Fields,
    line: Option<u64>,
    notes: &mut Vec<Note>,
) -> Fields {
    let carries = &terms.carries;
    let has_login = entry.contains_key("login") || entry.contains_key("access_code");
    if carries.every_field && (carries.secrets || !before.contains_key("access_code")) && !has_login {
        return entry;
    }
    let Some(mut after) = Address::from_fields(entry) else { return before.clone() };
    let Some(before) = Address::from_fields(before.clone()) else { return after.to_fields() };
    if !carries.every_field {
        for (name, value) in &before.other {
            after.other.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    if let Some(format) = carries.format {
        keep_what_it_lacks(format, &before, &mut after);
    }
    let masked = after.access_code.0 == MASK;
    if masked || after.access_code.0.is_empty() && !carries.secrets {
        after.access_code.clone_from(&before.access_code);
    }
    let same_folder = before.folder == after.folder;
    if let (Some(old), Some(new)) = (&before.login, &mut after.login) {
        let masked = is_stars(new);
        if masked {
            new.password = None;
        }
        if (masked || !carries.secrets)
            && new.password.is_none()
            && old.username == new.username
            && same_folder
        {
            for (name, value) in &old.other {
                new.other.entry(name.clone()).or_insert_with(|| value.clone());
            }
            if old.password.is_some() {
                new.password.clone_from(&old.password);
                let text = format!("`{}`: the file has no password; the one that is there stays", after.name);
                notes.push(Note::new(line, "password_kept", text));
            }
        }
    }
    after.to_fields()
}

/// What a format has no field for it can't have unset: that stays, and so does what other formats keep with the entry. The
/// parts of a name stay only as long as they make the name.
fn keep_what_it_lacks(format: Format, before: &Address, after: &mut Address) {
    let holds = format.holds();
    let slot = Slot::of(after);
    let same_name = before.name.starts_with(&after.name);
    for field in files::field::Field::ALL.iter().copied() {
        use files::field::Field;
        let of_name = matches!(
            field,
            Field::Reading
                | Field::Given
                | Field::Middle
                | Field::Family
                | Field::Prefix
                | Field::Suffix
                | Field::GivenReading
                | Field::FamilyReading
        );
        // In which list it stands is decided before; secrets are looked after by themselves.
        let others = matches!(field, Field::List | Field::Number) || field.is_secret();
        let lacks = holds.limit_of(slot, field).is_none() && (!of_name || same_name);
        // Some formats must say where something is, and then say `work`.
        let is_label = matches!(field, Field::Label | Field::PhoneLabel);
        if is_label && field.get(before).is_empty() && field.get(after) == "work" {
            field.set(after, "");
        }
        if lacks && !others && field.get(after).is_empty() {
            let text = field.get(before);
            if !text.is_empty() {
                field.set(after, &text);
            }
        }
    }
    let own = format!("{format}:");
    for (key, text) in before.kept_by.iter().filter(|(key, _)| !key.starts_with(&own)) {
        after.kept_by.entry(key.clone()).or_insert_with(|| text.clone());
    }
    if !format.name().starts_with("canon") {
        for (key, text) in &before.kept {
            after.kept.entry(key.clone()).or_insert_with(|| text.clone());
        }
    }
    // A format may have to tell the destinations of one contact in several rows.
    if !before.tie.is_empty() {
        after.tie.clone_from(&before.tie);
    }
}

fn is_stars(login: &Login) -> bool {
    matches!(&login.password, Some(Password::Plain(text)) if text.0 == MASK)
}

fn entry_name(fields: &Fields) -> String {
    shown_name(&Packed::from(fields), None)
}
