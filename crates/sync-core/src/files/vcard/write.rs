//! From contacts to vCards.

use super::{
    KINDS, MEMBERS, MOBILE, PARAMETERS, PARTS, PREFIX, ROOM, SINGLE, UNITS, label,
    lines::{Property, Version, cards},
    plain_uid,
    values::{escape, unescape},
};
use crate::{
    address::Member,
    files::{
        FileError, Note,
        book::{Book, Contact, Frame, TextFrame},
        convert::{WriteOptions, write_text},
        field::{Field, Slot},
        fit::Fitted,
    },
};
use alloc::{
    borrow::Cow,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use uuid::Uuid;

fn kept<'a>(contact: &'a Contact, key: &str) -> Option<&'a str> {
    contact.entries.iter().find_map(|entry| entry.kept_by.get(&format!("{PREFIX}{key}"))).map(|text| &**text)
}

pub(super) fn write(
    fitted: &mut Fitted,
    own: Option<&Book>,
    options: &WriteOptions,
) -> Result<Vec<u8>, FileError> {
    let encoding = options.encoding.unwrap_or(own.map_or(ROOM.encoding, |book| book.encoding));
    let frame = match own {
        Some(Book { frame: Frame::Text(frame), .. }) => Cow::Borrowed(frame),
        _ => Cow::Owned(TextFrame::default()),
    };
    let is_own = own.is_some();
    let contacts = &fitted.contacts;
    let mut notes = Vec::new();
    let uids = uids(contacts);
    let members: Vec<Vec<String>> =
        contacts.iter().map(|contact| members(contact, &uids, &mut notes)).collect();
    let named: BTreeSet<usize> =
        contacts.iter().flat_map(|contact| contact.members.iter().map(|link| link.contact)).collect();
    let write = |_: &[Contact], at: usize| {
        let uid = named.contains(&at).then(|| &*uids[at]);
        card(&contacts[at], uid, &members[at], frame.style.line_end)
    };
    let bytes = write_text(contacts, &frame, is_own.then_some(true), write, encoding, &mut notes);
    fitted.notes.append(&mut notes);
    Ok(bytes)
}

/// The UID of each contact: that which it has, or one made of what it says.
fn uids(contacts: &[Contact]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut uids: Vec<Option<String>> = Vec::new();
    for contact in contacts {
        let uid = kept(contact, "UID").and_then(|line| Property::parse(line.lines().next()?));
        let uid = uid.map(|property| unescape(&property.value)).filter(|uid| !uid.trim().is_empty());
        taken.extend(uid.as_deref().map(plain_uid));
        uids.push(uid);
    }
    let made = contacts.iter().enumerate().zip(uids).map(|((at, contact), uid)| {
        uid.unwrap_or_else(|| {
            let mut said = contact.name().to_string();
            for entry in &contact.entries {
                said.push_str(&format!("\n{}\n{}", entry.mail, Field::FaxNumber.get(entry)));
            }
            let of = |said: &str| Uuid::new_v5(&Uuid::NAMESPACE_OID, said.as_bytes()).to_string();
            let mut uid = of(&said);
            if !taken.insert(uid.clone()) {
                uid = of(&format!("{said}\n{at}"));
                taken.insert(uid.clone());
            }
            uid
        })
    });
    made.collect()
}

/// What a group names as its members.
fn members(contact: &Contact, uids: &[String], notes: &mut Vec<Note>) -> Vec<String> {
    let mut members: Vec<String> = Vec::new();
    let mut last = None;
    for link in &contact.members {
        // Several destinations of one contact are one card.
        if last != Some(link.contact)
            && let Some(uid) = uids.get(link.contact)
        {
            members.push(if uid.contains(':') { uid.clone() } else { format!("urn:uuid:{uid}") });
        }
        last = Some(link.contact);
    }
    for entry in &contact.entries {
        for member in entry.members_in_order() {
            match member {
                Member::Box(name) if name.contains(':') => members.push(name.clone()),
                other => {
                    let of = contact.name();
                    let named = other.field();
                    let named = named.trim_start_matches("member:");
                    let text = format!("`{of}`: its member {named} is no card; it is left out of the group");
                    let note = Note::loss(contact.line, "member_left_out", text);
                    notes.push(Note { entry: Some(of.into()), ..note });
                }
            }
        }
    }
    members
}

fn version(contact: &Contact) -> Version {
    let source = contact.source.as_ref().and_then(|source| cards(&source.text, None).ok());
    source.and_then(|(cards, _)| cards.first().map(|card| card.version)).unwrap_or_default()
}

/// A number as a value: telephones take a comma, which is a pause, as it stands.
fn number(text: &str) -> String {
    escape(text).replace("\\,", ",")
}

struct Writer<'a> {
    contact: &'a Contact,
    version: Version,
    end: &'static str,
    out: String,
}

impl Writer<'_> {
    /// A property with what its card kept of it, or these parameters.
    fn write(&mut self, name: &str, usual: &[(&str, &str)], head: Option<&str>, value: String) {
        let told = head.and_then(|head| Property::parse(&format!("{head}:")));
        let mut property = told.unwrap_or_else(|| Property {
            parameters: usual.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
            ..Property::new(name, String::new())
        });
        let is_uri = property
            .parameters
            .iter()
            .any(|(key, value)| key == "VALUE" && value.trim_matches('"').eq_ignore_ascii_case("uri"));
        property.value = if is_uri && property.name == "TEL" { format!("tel:{value}") } else { value };
        property.write(&mut self.out, self.version, self.end);
    }

    /// As write, of what has a label and these types.
    fn labelled(&mut self, name: &str, usual: &str, said: &str, head: Option<&str>, value: String) {
        let told = head.and_then(|head| Property::parse(&format!("{head}:")));
        // What its card kept says the label too, unless that was edited.
        let told = told.map(|mut told| {
            let of_card = label(&told.types()).unwrap_or_default();
            if of_card != said {
                let mut types = told.types();
                types.retain(|one| !one.eq_ignore_ascii_case(of_card));
                types.extend((!said.is_empty()).then(|| said.to_ascii_uppercase()));
                told.parameters.retain(|(key, _)| key != "TYPE");
                if !types.is_empty() {
                    told.parameters.push(("TYPE".into(), types.join(",")));
                }
            }
            told.head()
        });
        let types = [said.to_ascii_uppercase(), usual.to_string()];
        let types: Vec<&str> = types.iter().map(|one| &**one).filter(|one| !one.is_empty()).collect();
        let types = types.join(",");
        let usual: &[_] = if types.is_empty() { &[] } else { &[("TYPE", &*types)] };
        self.write(name, usual, told.as_deref(), value);
    }

    fn field(&mut self, name: &str, key: &str, field: Field, usual: &[(&str, &str)]) {
        let text = field.get(&self.contact.entries[0]);
        if !text.is_empty() {
            let contact = self.contact;
            let head = kept(contact, &format!("{key}{PARAMETERS}"));
            let value = if name == "TEL" { number(&text) } else { escape(&text) };
            self.write(name, usual, head, value);
        }
    }
}

fn card(contact: &Contact, uid: Option<&str>, members: &[String], end: &'static str) -> String {
    let version = version(contact);
    let Some(first) = contact.entries.first() else { return String::new() };
    let mut writer = Writer { contact, version, end, out: format!("BEGIN:VCARD{end}") };
    writer.write("VERSION", &[], None, version.name().into());
    let parts: Vec<String> = PARTS.iter().map(|part| escape(&part.get(first))).collect();
    let has_parts = parts.iter().any(|part| !part.is_empty());
    let name_head = kept(contact, &format!("N{PARAMETERS}"));
    if has_parts {
        writer.write("N", &[], name_head, parts.join(";"));
    } else if version != Version::V4 {
        // Some readers show nothing where a name has no parts.
        writer.write("N", &[], name_head, format!(";{};;;", escape(&first.name)));
    }
    let sound = kept(contact, &format!("SOUND{PARAMETERS}"));
    for (name, field) in SINGLE {
        let is_reading = matches!(field, Field::GivenReading | Field::FamilyReading);
        if *field == Field::Name {
            let head = kept(contact, &format!("FN{PARAMETERS}"));
            writer.write(name, &[], head, escape(&first.name));
        } else if !is_reading || sound.is_none() {
            writer.field(name, name, *field, &[]);
        }
    }
    let readings = [Field::FamilyReading, Field::GivenReading].map(|field| escape(&field.get(first)));
    if sound.is_some() && readings.iter().any(|reading| !reading.is_empty()) {
        writer.write("SOUND", &[], sound, format!("{};;;", readings.join(";")));
    }
    let mut units = [Field::Organization, Field::Department].map(|field| escape(&field.get(first))).to_vec();
    let further = contact.entries.iter().find_map(|entry| entry.kept_by.get(UNITS));
    units.extend(further.map(|units| units.replace('\n', " ")));
    while units.last().is_some_and(String::is_empty) {
        units.pop();
    }
    if !units.is_empty() {
        writer.write("ORG", &[], kept(contact, &format!("ORG{PARAMETERS}")), units.join(";"));
    }
    for entry in &contact.entries {
        let head = |name: &str| entry.kept_by.get(&format!("{PREFIX}{name}{PARAMETERS}")).map(|head| &**head);
        match Slot::of(entry) {
            Slot::Mail => {
                let is_bare = version != Version::V4 && entry.label.is_empty();
                let usual = if is_bare { "INTERNET" } else { "" };
                writer.labelled("EMAIL", usual, &entry.label, head("EMAIL"), escape(&entry.mail));
            }
            Slot::Fax => {
                let value = number(&Field::FaxNumber.get(entry));
                writer.labelled("TEL", "FAX", &entry.label, head("FAX"), value);
            }
            _ => {}
        }
    }
    let phone = Field::Phone.get(first);
    if !phone.is_empty() {
        let head = kept(contact, &format!("TEL{PARAMETERS}"));
        writer.labelled("TEL", "VOICE", &Field::PhoneLabel.get(first), head, number(&phone));
    }
    writer.field("TEL", MOBILE, Field::Mobile, &[("TYPE", "CELL")]);
    if Slot::of(first) == Slot::Group {
        let kind = usize::from(version != Version::V4);
        writer.write(KINDS[kind], &[], None, "group".into());
        for member in members {
            writer.write(MEMBERS[kind], &[], None, escape(member));
        }
    }
    if let Some(uid) = uid.filter(|_| kept(contact, "UID").is_none()) {
        writer.write("UID", &[], None, escape(uid));
    }
    for (key, lines) in contact.entries.iter().flat_map(|entry| &entry.kept_by) {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        if name.ends_with(PARAMETERS) || key == UNITS {
            continue;
        }
        for line in lines.lines() {
            let Some(property) = Property::parse(line) else { continue };
            if !["BEGIN", "END", "VERSION"].contains(&&*property.name) {
                property.write(&mut writer.out, version, end);
            }
        }
    }
    writer.out.push_str(&format!("END:VCARD{end}"));
    writer.out
}
