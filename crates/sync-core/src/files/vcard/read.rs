//! From vCards to contacts.

use super::{
    KINDS, MEMBERS, MOBILE, MOST, PARAMETERS, PARTS, PREFIX, SINGLE, UNITS, is_usual, label,
    lines::{Card, Property, cards},
    plain_uid,
    values::unescape,
};
use crate::{
    address::{Address, Member},
    files::{
        FileError, Format, Note, Report,
        book::{Book, Contact, Frame, Link, TextFrame},
        convert::ReadOptions,
        detect::of_cards,
        field::{Field, Slot},
        table::{Style, finish, line_end},
        text::Text,
    },
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

pub(super) fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let page = if text.encoding.is_utf8() { of_cards(text.text.as_bytes()) } else { Some(text.encoding) };
    let (cards, tail) = cards(&text.text, page)?;
    let mut reader = Reader::default();
    let mut pending = String::new();
    let mut contacts: Vec<Contact> = Vec::new();
    let mut line = 1;
    for card in &cards {
        reader.outside(card.before, line);
        line = card.line + card.raw.matches('\n').count() as u64;
        pending.push_str(card.before);
        if !card.whole {
            let text = "the card has no END:VCARD: it is cut off; export it again";
            reader.report.kept_out += 1;
            reader.report.warnings.push(Note::loss(Some(card.line), "card_cut_off", text));
            pending.push_str(card.raw);
            continue;
        }
        let mut contact = reader.card(card, contacts.len());
        finish(&mut contact, &mut reader.report);
        contact.mark_read(&pending, card.raw);
        pending.clear();
        contacts.push(contact);
    }
    reader.outside(tail, line);
    if contacts.is_empty() && reader.report.kept_out > 0 && cards.is_empty() {
        return Err(FileError::UnknownFormat);
    }
    pending.push_str(tail);
    reader.link(&mut contacts);
    let style = Style { line_end: line_end(&text.text), ..Style::default() };
    let frame = TextFrame { tail: pending, style, ..TextFrame::default() };
    let (report, encoding, format) = (reader.report, text.encoding, Format::Vcard);
    Ok(Book { report, contacts, encoding, format, frame: Frame::Text(frame) })
}

#[derive(Default)]
struct Reader {
    report: Report,
    /// The contact of each UID.
    uids: BTreeMap<String, usize>,
    /// The entry of each e-mail address.
    mails: BTreeMap<String, Link>,
    /// What each group names.
    members: Vec<(usize, Vec<String>)>,
}

impl Reader {
    /// What stands between cards is in none; it stays where it is.
    fn outside(&mut self, text: &str, first: u64) {
        for (line, said) in (first..).zip(text.lines()) {
            if !said.trim().is_empty() {
                self.report.kept_out += 1;
                let text = "the line stands in no card";
                self.report.warnings.push(Note::loss(Some(line), "line_not_read", text));
            }
        }
    }
}

/// What a card says.
#[derive(Default)]
struct Said {
    shared: Address,
    /// E-mail addresses and faxes, in their order.
    entries: Vec<Address>,
    kept: BTreeMap<String, String>,
}

impl Said {
    /// Keeps a property as it is.
    fn keep(&mut self, property: &Property) {
        let kept = property.kept();
        match self.kept.get_mut(&format!("{PREFIX}{}", property.name)) {
            Some(lines) => {
                lines.push('\n');
                lines.push_str(&kept);
            }
            None => {
                self.kept.insert(format!("{PREFIX}{}", property.name), kept);
            }
        }
    }

    /// Takes a text as a field; gives false where the field is taken.
    fn take(&mut self, field: Field, text: &str) -> bool {
        let free = field.get(&self.shared).is_empty();
        if free {
            field.set(&mut self.shared, text);
        }
        free
    }

    fn keep_parameters(&mut self, key: &str, property: &Property) {
        if let Some(head) = unusual(key, property, false) {
            self.kept.insert(format!("{PREFIX}{key}{PARAMETERS}"), head);
        }
    }
}

/// What stands before the value, where it is not the usual.
fn unusual(key: &str, property: &Property, first: bool) -> Option<String> {
    let mut types = property.types();
    // The first is the preferred one.
    if first {
        types.retain(|one| one != "PREF");
    }
    if let Some(label) = label(&types).filter(|_| ["EMAIL", "FAX", "TEL"].contains(&key)) {
        types.retain(|one| !one.eq_ignore_ascii_case(label));
    }
    let others = property.parameters.iter().any(|(key, _)| key != "TYPE");
    (others || !property.group.is_empty() || !is_usual(key, &types)).then(|| property.head())
}

fn label_in(property: &Property) -> String {
    label(&property.types()).unwrap_or_default().into()
}

/// The number of a `TEL`, which may be a URI.
fn number(property: &Property) -> String {
    let text = unescape(&property.value);
    text.strip_prefix("tel:").map_or(text.clone(), str::to_string)
}

impl Reader {
    fn card(&mut self, card: &Card<'_>, at: usize) -> Contact {
        for line in &card.wrong {
            let text = "the line is no property, or a card within a card; it stays in this file only";
            self.report.warnings.push(Note::loss(Some(*line), "line_not_read", text));
        }
        let is_group = card.properties.iter().any(|property| {
            KINDS.contains(&&*property.name) && property.value.trim().eq_ignore_ascii_case("group")
        });
        let telephones = telephones(&card.properties);
        let mut said = Said::default();
        let mut members = Vec::new();
        let (mut has_mail, mut has_fax, mut left) = (false, false, 0);
        for (place, property) in card.properties.iter().enumerate() {
            let text = unescape(&property.value);
            let leads = !is_group && !text.trim().is_empty();
            let full = said.entries.len() >= MOST;
            let is_known = match &*property.name {
                "VERSION" => true,
                _ if property.is_coded() => false,
                name if is_group && KINDS.contains(&name) => true,
                name if is_group && MEMBERS.contains(&name) => {
                    members.push(text);
                    true
                }
                "UID" => {
                    self.uids.entry(plain_uid(&text)).or_insert(at);
                    false
                }
                "N" => name(&mut said, property),
                "ORG" => organization(&mut said, property),
                "SOUND" if property.types().iter().any(|one| one == "X-IRMC-N") => sound(&mut said, property),
                "EMAIL" | "TEL" if leads && full && (property.name == "EMAIL" || is_fax(property)) => {
                    left += 1;
                    false
                }
                "EMAIL" if leads => {
                    let mut entry = Slot::Mail.entry();
                    entry.label = label_in(property);
                    entry.mail = text.strip_prefix("mailto:").unwrap_or(&text).to_string();
                    keep_of(&mut entry, "EMAIL", unusual("EMAIL", property, !has_mail));
                    has_mail = true;
                    said.entries.push(entry);
                    true
                }
                "TEL" if leads && is_fax(property) => {
                    let mut entry = Slot::Fax.entry();
                    entry.label = label_in(property);
                    Field::FaxNumber.set(&mut entry, &number(property));
                    keep_of(&mut entry, "FAX", unusual("FAX", property, !has_fax));
                    has_fax = true;
                    said.entries.push(entry);
                    true
                }
                "TEL" if telephones.0 == Some(place) => {
                    said.keep_parameters("TEL", property);
                    Field::PhoneLabel.set(&mut said.shared, &label_in(property));
                    said.take(Field::Phone, &number(property))
                }
                "TEL" if telephones.1 == Some(place) => {
                    said.keep_parameters(MOBILE, property);
                    said.take(Field::Mobile, &number(property))
                }
                name => match SINGLE.iter().find(|(single, _)| *single == name) {
                    Some((_, field)) if said.take(*field, &text) => {
                        said.keep_parameters(name, property);
                        true
                    }
                    _ => false,
                },
            };
            if property.is_broken() {
                let text = format!("`{}` has bytes that are no text", property.name);
                self.report.warnings.push(Note::loss(Some(card.line), "value_not_text", text));
            }
            if !is_known {
                said.keep(property);
            }
        }
        if left > 0 {
            let text = format!("the card has more than {MOST} destinations; {left} stay in this file only");
            self.report.warnings.push(Note::loss(Some(card.line), "too_many_destinations", text));
        }
        if is_group {
            self.members.push((at, members));
        }
        contact(card.line, said, is_group, at, &mut self.mails)
    }

    /// Finds the members of groups.
    fn link(&mut self, contacts: &mut [Contact]) {
        for (group, members) in core::mem::take(&mut self.members) {
            let mut missing = Vec::new();
            for member in members {
                let by_mail = member.trim().to_ascii_lowercase();
                let by_mail = by_mail.strip_prefix("mailto:").and_then(|mail| self.mails.get(mail)).copied();
                let by_uid = self.uids.get(&plain_uid(&member));
                let by_uid = by_uid.map(|contact| Link { contact: *contact, entry: None });
                if let Some(link) = by_uid.or(by_mail) {
                    contacts[group].members.push(link);
                    continue;
                }
                let of = contacts[group].name().to_string();
                let text = format!("the group `{of}` names `{member}`, which is not in the file");
                let note = Note::new(contacts[group].line, "member_missing", text);
                self.report.warnings.push(Note { entry: Some(of), ..note });
                missing.push(Member::Box(member));
            }
            contacts[group].entries[0].set_members(missing);
            contacts[group].mark_linked();
        }
    }
}

fn keep_of(entry: &mut Address, name: &str, head: Option<String>) {
    if let Some(head) = head {
        entry.kept_by.insert(format!("{PREFIX}{name}{PARAMETERS}"), head);
    }
}

fn is_fax(property: &Property) -> bool {
    property.types().iter().any(|one| one == "FAX")
}

/// Which of the properties are the telephone and the mobile one: that at work first, and none with a label of its own
/// where there is another.
fn telephones(properties: &[Property]) -> (Option<usize>, Option<usize>) {
    let (mut voice, mut mobile) = (None, None);
    for (place, property) in properties.iter().enumerate() {
        if property.name != "TEL" || is_fax(property) || property.value.is_empty() {
            continue;
        }
        let types = property.types();
        let has = |wanted: &str| types.iter().any(|one| one == wanted);
        if ["PAGER", "MODEM", "BBS", "VIDEO", "CAR", "ISDN", "TEXTPHONE", "TEXT"].iter().any(|one| has(one)) {
            continue;
        }
        if has("CELL") {
            mobile = mobile.or(Some(place));
            continue;
        }
        let rank = if has("WORK") {
            0
        } else if types.is_empty() && !property.group.is_empty() {
            2
        } else {
            1
        };
        if voice.is_none_or(|(best, _)| rank < best) {
            voice = Some((rank, place));
        }
    }
    (voice.map(|(_, place)| place), mobile)
}

/// The parts of the name.
fn name(said: &mut Said, property: &Property) -> bool {
    if PARTS.iter().any(|part| !part.get(&said.shared).is_empty()) {
        return false;
    }
    let parts = property.parts();
    for (part, text) in PARTS.iter().zip(&parts) {
        part.set(&mut said.shared, &unescape(text));
    }
    if parts.iter().any(|part| !part.is_empty()) {
        said.keep_parameters("N", property);
    }
    true
}

fn organization(said: &mut Said, property: &Property) -> bool {
    let taken = [Field::Organization, Field::Department].iter().any(|f| !f.get(&said.shared).is_empty());
    if taken {
        return false;
    }
    let parts = property.parts();
    Field::Organization.set(&mut said.shared, &unescape(parts[0]));
    Field::Department.set(&mut said.shared, &unescape(parts.get(1).unwrap_or(&"")));
    if parts.len() > 2 {
        said.kept.insert(UNITS.into(), parts[2..].join(";"));
    }
    said.keep_parameters("ORG", property);
    true
}

/// The reading as Japanese telephones write it.
fn sound(said: &mut Said, property: &Property) -> bool {
    let taken = [Field::FamilyReading, Field::GivenReading].iter().any(|f| !f.get(&said.shared).is_empty());
    let parts = property.parts();
    // What has more parts than two names is kept as it is.
    if taken || parts.iter().skip(2).any(|part| !part.is_empty()) {
        return false;
    }
    Field::FamilyReading.set(&mut said.shared, &unescape(parts[0]));
    Field::GivenReading.set(&mut said.shared, &unescape(parts.get(1).unwrap_or(&"")));
    said.kept.insert(format!("{PREFIX}SOUND{PARAMETERS}"), property.head());
    true
}

fn contact(
    line: u64,
    mut said: Said,
    is_group: bool,
    at: usize,
    mails: &mut BTreeMap<String, Link>,
) -> Contact {
    let shared = &mut said.shared;
    // A name that has no parts is written as a first name.
    let alone = PARTS.iter().all(|part| *part == Field::Given || part.get(shared).is_empty());
    if alone && Field::Given.get(shared) == shared.name {
        Field::Given.set(shared, "");
    }
    let mut contact = Contact { line: Some(line), entries: said.entries, ..Contact::default() };
    if is_group {
        contact.entry_mut(Slot::Group);
    } else if contact.entries.is_empty() {
        contact.entry_mut(Slot::Nowhere);
    }
    for (place, entry) in contact.entries.iter_mut().enumerate() {
        entry.name.clone_from(&said.shared.name);
        entry.reading.clone_from(&said.shared.reading);
        entry.person.clone_from(&said.shared.person);
        if !entry.mail.is_empty() {
            let link = Link { contact: at, entry: Some(place) };
            mails.entry(entry.mail.to_ascii_lowercase()).or_insert(link);
        }
    }
    contact.entries[0].kept_by.append(&mut said.kept);
    contact
}
