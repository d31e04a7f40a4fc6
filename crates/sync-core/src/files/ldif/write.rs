//! From contacts to LDIF.

use super::{
    COMMON_NAMES, FAX, FAX_PARAMETERS, FIELDS, GROUP, MAIL, MEMBERS, NAME, PERSON, PHONETIC, PREFIX,
    READINGS, ROOM, SECOND_MAIL, SECRETS, dn, is_one_of,
    lines::{self, Said, records, restored},
};
use crate::{
    address::{Address, Member},
    files::{
        FileError, Note, Weight,
        book::{Book, Contact, Frame, TextFrame},
        convert::{WriteOptions, write_text},
        field::{Field, Slot},
        fit::Fitted,
    },
};
use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The name that an entry has in a directory if it says no other.
pub(super) fn usual_name(contact: &Contact) -> String {
    let first = |field: Field| {
        contact.entries.iter().map(|entry| field.get(entry)).find(|text| !text.trim().is_empty())
    };
    let named = [(Field::Name, NAME[0]), (Field::Mail, MAIL[0]), (Field::FaxNumber, FAX[0])];
    named
        .into_iter()
        .find_map(|(field, name)| first(field).map(|text| format!("{name}={}", dn::escape(&text))))
        .unwrap_or_else(|| "ou=entry".to_owned())
}

fn kept<'a>(contact: &'a Contact, key: &str) -> Option<&'a str> {
    contact.entries.iter().find_map(|entry| entry.kept_by.get(key)).map(|text| &**text)
}

pub(super) fn write(
    fitted: &mut Fitted,
    own: Option<&Book>,
    options: &WriteOptions,
) -> Result<Vec<u8>, FileError> {
    let usual = own.map_or(ROOM.encoding, |book| book.encoding);
    let encoding = options.encoding.unwrap_or(usual);
    let frame = match own {
        Some(Book { frame: Frame::Text(frame), .. }) => Cow::Borrowed(frame),
        _ => Cow::Owned(TextFrame { head: "version: 1\r\n".into(), ..TextFrame::default() }),
    };
    let own = own.is_some();
    let names = names(&fitted.contacts, own);
    let end = frame.style.line_end;
    let mut notes = Vec::new();
    let contacts = &fitted.contacts;
    let members: Vec<Vec<String>> =
        contacts.iter().map(|contact| members(contact, &names, &mut notes)).collect();
    let record = |_: &[Contact], at: usize| {
        let before = if own { contacts[at].before() } else { "" };
        let mut out = String::new();
        // An empty line stands between records.
        if before.is_empty() && !(at == 0 && frame.head.is_empty()) {
            out.push_str(end);
        }
        lines::write(&mut out, "dn", &names[at], end);
        body(&mut out, &contacts[at], &members[at], end);
        let next = contacts.get(at + 1).map(|next| own && next.unchanged().is_some());
        if next == Some(true) && contacts[at + 1].before().is_empty() {
            out.push_str(end);
        }
        out
    };
    let bytes = write_text(contacts, &frame, own.then_some(true), record, encoding, &mut notes);
    fitted.notes.append(&mut notes);
    Ok(bytes)
}

/// A name for each contact, unlike all others.
fn names(contacts: &[Contact], own: bool) -> Vec<String> {
    let mut taken: BTreeMap<String, u64> = BTreeMap::new();
    let mut names: Vec<Option<String>> = Vec::new();
    for contact in contacts {
        let told = kept(contact, &format!("{PREFIX}dn")).map(str::to_string);
        // In its file an entry keeps its name, whatever is edited: groups there name it so.
        let name = told.or_else(|| if own { source_name(contact) } else { None });
        // Twins of a file stay as they are.
        if let Some(name) = name.as_deref().and_then(dn::comparable) {
            taken.insert(name, 1);
        }
        names.push(name);
    }
    let named = contacts.iter().zip(names);
    named
        .map(|(contact, name)| {
            name.unwrap_or_else(|| {
                let usual = usual_name(contact);
                let key = dn::comparable(&usual).unwrap_or_default();
                let count = taken.get(&key).copied().unwrap_or(0);
                let (mut name, mut number) = (usual.clone(), count);
                let mut this = key.clone();
                while number > 0 && taken.contains_key(&this) {
                    number += 1;
                    name = format!("{usual},ou={number}");
                    this = dn::comparable(&name).unwrap_or_default();
                }
                taken.insert(this, 1);
                taken.insert(key, number.max(1));
                name
            })
        })
        .collect()
}

fn source_name(contact: &Contact) -> Option<String> {
    let (records, _) = records(&contact.source.as_ref()?.text).ok()?;
    Said::of(&records.first()?.lines.first()?.text)?.1.text()
}

/// What a group names as its members.
fn members(contact: &Contact, names: &[String], notes: &mut Vec<Note>) -> Vec<String> {
    let mut members: Vec<String> = Vec::new();
    let mut last = None;
    for link in &contact.members {
        // Several destinations of one contact have one name.
        if last != Some(link.contact) {
            members.extend(names.get(link.contact).cloned());
        }
        last = Some(link.contact);
    }
    for entry in &contact.entries {
        for member in entry.members_in_order() {
            match member {
                Member::Box(name) if dn::comparable(name).is_some() => members.push(name.clone()),
                other => {
                    let of = contact.name();
                    let named = other.field();
                    let named = named.trim_start_matches("member:");
                    let text = format!("`{of}`: its member {named} is no entry; it is left out of the group");
                    let note = Note::loss(contact.line, "member_left_out", text);
                    notes.push(Note { weight: Weight::Loss, entry: Some(of.into()), ..note });
                }
            }
        }
    }
    members
}

fn body(out: &mut String, contact: &Contact, members: &[String], end: &str) {
    let Some(first) = contact.entries.first() else { return };
    let is_group = Slot::of(first) == Slot::Group;
    if let Some(change) = kept(contact, "ldif:changetype") {
        restored(out, "changetype", change, end);
    }
    let classes = kept(contact, "ldif:objectClass");
    match classes {
        Some(classes) => restored(out, "objectClass", classes, end),
        None => {
            for class in if is_group { GROUP } else { PERSON } {
                lines::write(out, "objectClass", class, end);
            }
        }
    }
    let classes = classes.unwrap_or_default().to_ascii_lowercase();
    match kept(contact, COMMON_NAMES) {
        Some(names) => {
            restored(out, NAME[0], names, end);
            lines::write(out, "displayName", &first.name, end);
        }
        None if first.name.is_empty() => {}
        None => lines::write(out, NAME[0], &first.name, end),
    }
    for (field, name, _) in FIELDS {
        let text = field.get(first);
        if !text.is_empty() {
            lines::write(out, name, &text, end);
        }
    }
    let language = kept(contact, PHONETIC).filter(|options| is_attribute(options));
    let language = language.map(|options| format!(";{options}")).unwrap_or_default();
    for (field, name, _) in READINGS {
        let text = field.get(first);
        if !text.is_empty() {
            lines::write(out, &format!("{name}{language};phonetic"), &text, end);
        }
    }
    let is_thunderbird = classes.contains("mozillaabperson");
    let mails = contact.entries.iter().filter(|entry| Slot::of(entry) == Slot::Mail);
    for (at, entry) in mails.enumerate() {
        let name = if is_thunderbird && at == 1 { SECOND_MAIL } else { MAIL[0] };
        lines::write(out, name, &entry.mail, end);
    }
    for entry in contact.entries.iter().filter(|entry| Slot::of(entry) == Slot::Fax) {
        lines::write(out, FAX[0], &fax(entry), end);
    }
    let name = if classes.contains("groupofuniquenames") { MEMBERS[1] } else { MEMBERS[0] };
    for member in members {
        lines::write(out, name, member, end);
    }
    let special = ["dn", "objectClass", "changetype"];
    for (key, values) in contact.entries.iter().flat_map(|entry| &entry.kept_by) {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        let is_special =
            special.contains(&name) || [COMMON_NAMES, PHONETIC, FAX_PARAMETERS].contains(&&**key);
        if !is_special && is_attribute(name) {
            restored(out, name, values, end);
        }
    }
    secrets(out, contact);
}

fn is_attribute(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-;._".contains(&byte))
}

fn fax(entry: &Address) -> String {
    let number = Field::FaxNumber.get(entry).replace('\\', "\\5C").replace('$', "\\24");
    match entry.kept_by.get(FAX_PARAMETERS) {
        Some(parameters) => format!("{number}${parameters}"),
        None => number,
    }
}

/// What was not taken from the file stays there.
fn secrets(out: &mut String, contact: &Contact) {
    let Some(source) = &contact.source else { return };
    let Ok((records, _)) = records(&source.text) else { return };
    let mut at = 0;
    let mut keep = false;
    let secret = |line: &str| {
        Said::of(line).is_some_and(|(name, _)| is_one_of(name.split(';').next().unwrap_or(name), SECRETS))
    };
    for record in &records {
        // Its lines as they stand, with what folds them.
        for whole in record.raw.split_inclusive('\n') {
            let folded = whole.starts_with(' ');
            if !folded {
                keep = !whole.starts_with('#') && secret(whole);
            }
            if keep {
                out.push_str(whole);
                at += 1;
            }
        }
    }
    if at > 0 && !out.ends_with('\n') {
        out.push('\n');
    }
}
