//! From LDIF to contacts.

use super::{
    COMMON_NAMES, FAX, FAX_PARAMETERS, FIELDS, GROUP, MAIL, MEMBERS, MOST, NAME, PERSON, PHONETIC, PREFIX,
    READINGS, SECOND_MAIL, SECRETS, dn, is_one_of,
    lines::{Record, Said, records},
};
use crate::{
    address::{Address, Member},
    files::{
        FileError, Format, Note, Report,
        book::{Book, Contact, Frame, Link, TextFrame, full_name},
        convert::ReadOptions,
        field::{Field, Slot},
        table::{Style, finish, line_end},
        text::Text,
    },
};
use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

pub(super) fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let (records, tail) = records(&text.text)?;
    let mut reader = Reader::default();
    let mut pending = String::new();
    for record in &records {
        pending.push_str(record.before);
        if let Some(mut contact) = reader.record(record) {
            finish(&mut contact, &mut reader.report);
            contact.mark_read(&pending, record.raw);
            pending.clear();
            reader.contacts.push(contact);
        } else {
            pending.push_str(record.raw);
        }
    }
    pending.push_str(tail);
    if let Some(line) = reader.first_change
        && reader.contacts.is_empty()
    {
        return Err(FileError::ChangesOnly { line });
    }
    reader.link();
    let style = Style { line_end: line_end(&text.text), ..Style::default() };
    let frame = TextFrame { tail: pending, style, ..TextFrame::default() };
    Ok(Book {
        report: reader.report,
        contacts: reader.contacts,
        encoding: text.encoding,
        format: Format::Ldif,
        frame: Frame::Text(frame),
    })
}

#[derive(Default)]
struct Reader {
    report: Report,
    contacts: Vec<Contact>,
    /// The contact of each name.
    names: BTreeMap<String, usize>,
    /// What each group names as its members, with the line.
    members: Vec<(usize, Vec<(u64, String)>)>,
    /// The line of the first record that changes or removes an entry.
    first_change: Option<u64>,
}

/// An attribute of a record.
struct Attribute<'a> {
    line: u64,
    /// Without options.
    name: &'a str,
    /// With options.
    whole: &'a str,
    options: Vec<&'a str>,
    said: Said,
}

/// What the attributes of a record say.
#[derive(Default)]
struct Entry {
    shared: Address,
    display_name: String,
    common_names: Vec<Said>,
    mails: Vec<String>,
    second: Vec<String>,
    main_proxy: Option<String>,
    faxes: Vec<String>,
    classes: Vec<Said>,
    members: Vec<(u64, String)>,
    kept: BTreeMap<String, String>,
    secrets: Vec<String>,
    /// Whether it has more destinations than are read.
    full: bool,
}

impl Reader {
    fn keep_out(&mut self, line: u64, code: &'static str, text: impl Into<String>) {
        self.report.kept_out += 1;
        self.report.warnings.push(Note::loss(Some(line), code, text));
    }

    fn record(&mut self, record: &Record<'_>) -> Option<Contact> {
        let line = record.lines.first()?.number;
        let mut attributes = Vec::new();
        for one in &record.lines {
            match Said::of(&one.text) {
                Some((whole, said)) => {
                    let mut parts = whole.split(';');
                    let name = parts.next().unwrap_or(whole);
                    attributes.push(Attribute {
                        line: one.number,
                        name,
                        whole,
                        options: parts.collect(),
                        said,
                    });
                }
                // `-` ends each part of a change.
                None if one.text.trim() == "-" => {}
                None => {
                    let text = "the record has a line without a colon: it is damaged, or no LDIF";
                    self.keep_out(one.number, "no_colon", text);
                    return None;
                }
            }
        }
        let (first, rest) = attributes.split_first()?;
        if !first.name.eq_ignore_ascii_case("dn") {
            self.no_entry(line, first, rest);
            return None;
        }
        // Canon writes the entry's number.
        let is_number =
            |name: &str| !name.trim().is_empty() && name.trim().bytes().all(|b| b.is_ascii_digit());
        let is_name = |name: &str| dn::comparable(name).is_some() || is_number(name);
        let Some(name) = first.said.text().filter(|name| is_name(name)) else {
            self.keep_out(line, "wrong_name", "the name of the entry (`dn:`) is damaged");
            return None;
        };
        let change = rest.iter().find(|one| one.name.eq_ignore_ascii_case("changetype"));
        let change = change.and_then(|one| one.said.text()).map(|text| text.trim().to_ascii_lowercase());
        if let Some(change) = &change
            && change != "add"
        {
            self.first_change.get_or_insert(line);
            let known = ["delete", "modify", "modrdn", "moddn"].contains(&&**change);
            let what = if known { change } else { "change" };
            let text = format!(
                "the record is an order to {what} an entry of a directory, no entry: export the entries themselves"
            );
            self.keep_out(line, "change_record", text);
            return None;
        }
        let mut entry = Entry::default();
        for one in rest {
            self.attribute(one, &mut entry);
        }
        self.contact(line, &name, entry)
    }

    /// A record that begins with something other than a name.
    fn no_entry(&mut self, line: u64, first: &Attribute<'_>, rest: &[Attribute<'_>]) {
        match &*first.name.to_ascii_lowercase() {
            "version" if rest.is_empty() => {}
            "search" | "result" | "numresponses" | "numentries" | "control" => {}
            "ref" => {
                let text = "the directory refers to another server: what is there is not in this file";
                self.report.warnings.push(Note::new(Some(line), "referral", text));
            }
            _ => self.keep_out(line, "no_name", "the record has no name: its first line must be `dn:`"),
        }
    }

    fn attribute(&mut self, one: &Attribute<'_>, entry: &mut Entry) {
        if is_one_of(one.name, SECRETS) {
            entry.secrets.push(one.name.to_string());
            return;
        }
        let is_class = one.name.eq_ignore_ascii_case("objectClass");
        if is_class {
            entry.classes.push(one.said.clone());
            return;
        }
        let reading = READINGS.iter().find(|(_, of, own)| {
            let phonetic = one.options.iter().any(|option| option.eq_ignore_ascii_case("phonetic"));
            own.eq_ignore_ascii_case(one.name) || (phonetic && of.eq_ignore_ascii_case(one.name))
        });
        let plain = one.options.is_empty();
        let is_name = plain && is_one_of(one.name, NAME);
        let field = FIELDS.iter().find(|(_, name, others)| {
            plain && (name.eq_ignore_ascii_case(one.name) || is_one_of(one.name, others))
        });
        let is_mail = is_one_of(one.name, MAIL);
        let is_second = plain && one.name.eq_ignore_ascii_case(SECOND_MAIL);
        let is_fax = is_one_of(one.name, FAX);
        let is_member = plain && is_one_of(one.name, MEMBERS);
        let is_display = plain && one.name.eq_ignore_ascii_case("displayName");
        let is_proxy = plain && one.name.eq_ignore_ascii_case("proxyAddresses");
        if let Said::Elsewhere(_) = one.said {
            let text = format!("`{}` is in another file, which is not read", one.whole);
            self.report.warnings.push(Note::loss(Some(one.line), "value_elsewhere", text));
            entry.keep(one);
            return;
        }
        let known = is_name
            || is_mail
            || is_second
            || is_fax
            || is_member
            || is_display
            || is_proxy
            || field.is_some()
            || reading.is_some();
        let text = if known { one.said.text() } else { None };
        let Some(text) = text else {
            if known {
                let text = format!("`{}` is no text; it is kept as it is", one.whole);
                self.report.warnings.push(Note::loss(Some(one.line), "value_not_text", text));
            }
            entry.keep(one);
            return;
        };
        if is_name {
            entry.common_names.push(one.said.clone());
            return;
        }
        let is_place = is_mail || is_second || is_fax || is_member || is_display;
        if text.is_empty() || (is_place && text.trim().is_empty()) {
            return;
        }
        let places = entry.mails.len() + entry.second.len() + entry.faxes.len();
        let taken = if places >= MOST && (is_mail || is_second || is_fax) {
            if !core::mem::replace(&mut entry.full, true) {
                let text =
                    format!("the entry has more than {MOST} destinations; the rest stay in this file only");
                self.report.warnings.push(Note::loss(Some(one.line), "too_many_destinations", text));
            }
            false
        } else if is_member {
            entry.members.push((one.line, text));
            true
        } else if is_mail {
            entry.mails.push(text);
            true
        } else if is_second {
            entry.second.push(text);
            true
        } else if is_fax {
            entry.faxes.push(text);
            true
        } else if is_display && entry.display_name.is_empty() {
            entry.display_name = text;
            true
        } else if is_proxy {
            if let Some(main) = text.strip_prefix("SMTP:") {
                entry.main_proxy.get_or_insert_with(|| main.to_string());
            }
            false
        } else {
            let of = field.map(|(field, ..)| *field).or(reading.map(|(field, ..)| *field));
            match of {
                Some(of) if of.get(&entry.shared).is_empty() => {
                    if reading.is_some() && one.options.len() > 1 {
                        let others =
                            one.options.iter().filter(|option| !option.eq_ignore_ascii_case("phonetic"));
                        let others: Vec<&str> = others.copied().collect();
                        entry.kept.insert(PHONETIC.into(), others.join(";"));
                    }
                    of.set(&mut entry.shared, &text);
                    true
                }
                _ => false,
            }
        };
        if !taken {
            entry.keep(one);
        }
    }

    fn contact(&mut self, line: u64, name: &str, mut entry: Entry) -> Option<Contact> {
        let classes: Vec<String> = entry.classes.iter().filter_map(Said::text).collect();
        let classes: Vec<String> = classes.iter().map(|class| class.trim().to_ascii_lowercase()).collect();
        let is_group = classes.iter().any(|class| {
            ["groupofnames", "groupofuniquenames", "group", "groupofentries"].contains(&&**class)
        }) || (classes.is_empty() && !entry.members.is_empty());
        if entry.mails.is_empty() && entry.second.is_empty() {
            entry.mails.extend(entry.main_proxy.take());
        }
        entry.mails.append(&mut entry.second);
        let leads = !entry.mails.is_empty() || !entry.faxes.is_empty();
        let is_person = classes.is_empty()
            || classes.iter().any(|class| class.contains("person") || class == "user" || class == "contact");
        let is_machine = classes.iter().any(|class| class == "computer");
        if !is_group && !leads && (!is_person || is_machine) {
            let text = "the entry is no person, no group, and leads nowhere: no entry of an address book";
            self.report.kept_out += 1;
            self.report.warnings.push(Note::new(Some(line), "not_an_address", text));
            return None;
        }
        let contact_at = self.contacts.len();
        let usual_classes = if is_group { GROUP } else { PERSON };
        let mut sorted = classes.clone();
        sorted.sort_unstable();
        let mut usual: Vec<String> = usual_classes.iter().map(|class| class.to_ascii_lowercase()).collect();
        usual.sort_unstable();
        if !classes.is_empty() && sorted != usual {
            let kept: Vec<String> = entry.classes.iter().map(Said::kept).collect();
            entry.kept.insert(format!("{PREFIX}objectClass"), kept.join("\n"));
        }
        entry.name(name);
        let mut contact = Contact { line: Some(line), ..Contact::default() };
        entry.entries(&mut contact, is_group);
        if let Some(comparable) = dn::comparable(name) {
            if dn::comparable(&super::write::usual_name(&contact)).as_ref() != Some(&comparable) {
                entry.kept.insert(format!("{PREFIX}dn"), name.to_owned());
            }
            self.names.entry(comparable).or_insert(contact_at);
        }
        if let Some(first) = contact.entries.first_mut() {
            first.kept_by.append(&mut entry.kept);
        }
        if !entry.secrets.is_empty() {
            let text = format!(
                "`{}` stays in this file and is not taken over: {}",
                contact.name(),
                entry.secrets.join(", ")
            );
            self.report.warnings.push(Note {
                entry: Some(contact.name().into()),
                ..Note::new(Some(line), "secret_not_taken", text)
            });
        }
        if is_group {
            self.members.push((contact_at, entry.members));
        }
        Some(contact)
    }

    /// Finds the members of groups.
    fn link(&mut self) {
        for (group, members) in core::mem::take(&mut self.members) {
            let mut missing = Vec::new();
            for (line, name) in members {
                let found = dn::comparable(&name).and_then(|name| self.names.get(&name));
                if let Some(contact) = found {
                    let link = Link { contact: *contact, entry: None };
                    self.contacts[group].members.push(link);
                    continue;
                }
                let of = self.contacts[group].name().to_string();
                let text = format!("the group `{of}` names `{name}`, which is not in the file");
                self.report
                    .warnings
                    .push(Note { entry: Some(of), ..Note::new(Some(line), "member_missing", text) });
                missing.push(Member::Box(name));
            }
            self.contacts[group].entries[0].set_members(missing);
            self.contacts[group].mark_linked();
        }
    }
}

impl Entry {
    fn keep(&mut self, one: &Attribute<'_>) {
        self.keep_value(&format!("{PREFIX}{}", one.whole), &one.said);
    }

    fn keep_value(&mut self, key: &str, said: &Said) {
        let kept = said.kept();
        match self.kept.get_mut(key) {
            Some(values) => {
                values.push('\n');
                values.push_str(&kept);
            }
            None => {
                self.kept.insert(key.to_owned(), kept);
            }
        }
    }

    /// Decides on the name, and keeps the others that the entry has.
    fn name(&mut self, dn: &str) {
        let names: Vec<String> = self.common_names.iter().filter_map(Said::text).collect();
        let first = names.first().cloned().unwrap_or_default();
        let said = core::mem::take(&mut self.common_names);
        if self.display_name.trim().is_empty() || self.display_name == first {
            for other in said.iter().skip(1) {
                self.keep_value(&format!("{PREFIX}{}", NAME[0]), other);
            }
            self.shared.name = first;
        } else {
            for other in &said {
                self.keep_value(COMMON_NAMES, other);
            }
            self.shared.name = core::mem::take(&mut self.display_name);
        }
        let made = self.shared.person.as_ref().map(full_name).unwrap_or_default();
        if self.shared.name.is_empty() && made.is_empty() {
            self.shared.name = dn::common_name(dn).unwrap_or_default();
        }
    }

    /// The entries of the contact.
    fn entries(&mut self, contact: &mut Contact, is_group: bool) {
        let shared = core::mem::take(&mut self.shared);
        let of = |slot: Slot| {
            let made = slot.entry();
            Address { kind: made.kind, ..shared.clone() }
        };
        if is_group {
            // What is sent to a list goes by its server: its address is kept, and its members are the group.
            for (name, values) in
                [(MAIL[0], core::mem::take(&mut self.mails)), (FAX[0], core::mem::take(&mut self.faxes))]
            {
                for value in values {
                    self.keep_value(&format!("{PREFIX}{name}"), &Said::Text(value));
                }
            }
            contact.entries.push(of(Slot::Group));
            return;
        }
        for mail in self.mails.drain(..) {
            contact.entries.push(Address { mail, ..of(Slot::Mail) });
        }
        for fax in self.faxes.drain(..) {
            let mut entry = of(Slot::Fax);
            let (number, parameters) = fax.split_once('$').unwrap_or((&fax, ""));
            let number = number.trim_end().replace("\\24", "$").replace("\\5C", "\\").replace("\\5c", "\\");
            Field::FaxNumber.set(&mut entry, &number);
            if !parameters.is_empty() {
                entry.kept_by.insert(FAX_PARAMETERS.into(), parameters.into());
            }
            contact.entries.push(entry);
        }
        if contact.entries.is_empty() {
            contact.entries.push(of(Slot::Nowhere));
        }
    }
}
