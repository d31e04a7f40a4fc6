//! What of a book a format can hold, and what not: the losses of a conversion, told before anything is written.

use super::{
    Format, Note, Owner, Weight,
    book::{Contact, Link, full_name},
    canon_csv::MAX_CELL,
    columns,
    csv_mapping::Mapping,
    field::{Field, Slot},
    holds::{Holds, is_mail},
    links::label,
    table::leads,
};
use crate::address::{Address, Fax, Password};
use alloc::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

pub(super) use super::fit_groups::remove;

/// A book as a format can hold it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fitted {
    /// What the writer writes.
    pub(super) contacts: Vec<Contact>,
    /// What was lost or corrected.
    pub(super) notes: Vec<Note>,
    /// How many entries are not among the contacts; each has a note.
    pub(super) kept_out: usize,
}

/// The control characters that machines drop without a word.
fn is_control(one: char) -> bool {
    matches!(one, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}')
}

/// Fits contacts into a format called `name`. Those for which `as_is` holds are of that format already and stay as they
/// are. With a mapping, the format holds only what that has columns for. `same`: all of them were read from a file of that
/// format; what stands before an edited one stays there.
pub(super) fn fit(
    contacts: &[Contact],
    holds: &Holds,
    name: &str,
    mapping: Option<&Mapping>,
    same: bool,
    as_is: impl Fn(&Contact) -> bool,
) -> Fitted {
    let mut fitter = Fitter {
        holds,
        name,
        mapping,
        same,
        out: Fitted::default(),
        places: BTreeMap::new(),
        origins: Vec::new(),
        structure: BTreeSet::new(),
    };
    for (at, contact) in contacts.iter().enumerate() {
        fitter.contact(at, contact, as_is(contact));
    }
    fitter.link(contacts);
    fitter.cut_rings(&as_is);
    if holds.groups_by_members {
        fitter.groups_by_members(&as_is);
    }
    if holds.numbers.is_some() {
        fitter.number(&as_is);
    }
    fitter.structure();
    fitter.out
}

/// Fits one book.
pub(super) struct Fitter<'a> {
    pub(super) holds: &'a Holds,
    pub(super) name: &'a str,
    pub(super) mapping: Option<&'a Mapping>,
    pub(super) same: bool,
    pub(super) out: Fitted,
    /// Where an entry of the book went.
    pub(super) places: BTreeMap<(usize, usize), Link>,
    /// The contact that each contact of the output came from.
    pub(super) origins: Vec<usize>,
    /// What stays behind because it only made the structure of another format's file.
    pub(super) structure: BTreeSet<String>,
}

impl Fitter<'_> {
    pub(super) fn note(
        &mut self,
        contact: &Contact,
        entry: &Address,
        weight: Weight,
        code: &'static str,
        text: String,
    ) {
        let note = Note::new(contact.line, code, format!("{}: {text}", label(entry)));
        let name = if entry.name.is_empty() { label(entry) } else { entry.name.clone() };
        self.out.notes.push(Note { weight, entry: Some(name), ..note });
    }

    /// How many of a kind one contact may have.
    fn most(&self, slot: Slot) -> usize {
        let most = self.holds.of_slot(slot);
        self.mapping.map_or(most, |mapping| most.min(mapping.of_slot(slot)))
    }

    /// How many characters a field of an entry of a kind may have; `None` where there is no such field.
    fn limit(&self, slot: Slot, field: Field) -> Option<usize> {
        let has = self.mapping.is_none_or(|mapping| mapping.has(slot, field));
        self.holds.limit_of(slot, field).filter(|_| has)
    }

    fn is_name_of_parts(&self) -> bool {
        let whole = self.mapping.is_none_or(|mapping| mapping.has(Slot::Nowhere, Field::Name));
        self.holds.name_of_parts || (!whole && self.limit(Slot::Nowhere, Field::Given).is_some())
    }

    fn contact(&mut self, at: usize, contact: &Contact, as_is: bool) {
        if as_is {
            for entry in 0..contact.entries.len() {
                self.places
                    .insert((at, entry), Link { contact: self.out.contacts.len(), entry: Some(entry) });
            }
            self.out.contacts.push(contact.clone());
            self.origins.push(at);
            return;
        }
        let owner = self.owner(contact);
        // What stands before it in its file stays before its first row.
        let source = contact.source.clone().filter(|_| self.same);
        let mut row = Contact { line: contact.line, owner: owner.clone(), source, ..Contact::default() };
        row.mark_edited();
        let before = self.out.contacts.len();
        let any_leads = contact.entries.iter().any(leads);
        for (place, entry) in contact.entries.iter().enumerate() {
            let Some(entry) = self.destination(contact, entry, any_leads) else {
                self.out.kept_out += 1;
                continue;
            };
            let entry = &*entry;
            let slot = Slot::of(entry);
            let most = self.most(slot);
            if most == 0 {
                self.out.kept_out += 1;
                let text = format!("{} holds no {}; it stays out", self.name, slot.words());
                self.note(contact, entry, Weight::Loss, "kind_not_in_format", text);
                continue;
            }
            if self.holds.most > 0
                && self.out.contacts.len() + usize::from(!row.entries.is_empty()) >= self.holds.most
            {
                self.out.kept_out += 1;
                let text = format!("{} holds {} entries; it stays out", self.name, self.holds.most);
                self.note(contact, entry, Weight::Loss, "too_many_entries", text);
                continue;
            }
            let Some(fitted) = self.entry(contact, entry) else {
                self.out.kept_out += 1;
                continue;
            };
            let is_folder = |slot: Slot| matches!(slot, Slot::Smb | Slot::Ftp | Slot::WebDav);
            let count = |wanted: &dyn Fn(Slot) -> bool| {
                row.entries.iter().filter(|one| wanted(Slot::of(one))).count()
            };
            let full = row.entries.len() >= self.holds.together
                || count(&|one| one == slot) >= most
                || (is_folder(slot) && count(&is_folder) >= self.holds.folders)
                || (self.holds.one_fax_line && !row.entries.iter().all(|one| one_line(one, &fitted)));
            if full {
                self.push(at, core::mem::take(&mut row));
                row = Contact { line: contact.line, owner: owner.clone(), ..Contact::default() };
            }
            let link = Link { contact: self.out.contacts.len(), entry: Some(row.entries.len()) };
            self.places.insert((at, place), link);
            row.entries.push(fitted);
        }
        if !row.entries.is_empty() {
            self.push(at, row);
        }
        if self.out.contacts.len() > before + 1
            && let Some(entry) = contact.entries.first()
        {
            let text = format!(
                "its {} destinations are entries of their own in {}",
                contact.entries.len(),
                self.name
            );
            self.note(contact, entry, Weight::Correction, "contact_split", text);
        }
    }

    /// The entry, if it leads somewhere; otherwise as a contact without a destination where the format has such, unless it
    /// stands beside one that leads somewhere.
    fn destination<'a>(
        &mut self,
        contact: &Contact,
        entry: &'a Address,
        any_leads: bool,
    ) -> Option<Cow<'a, Address>> {
        // Canon's machines write rows that lead nowhere, and take them back.
        let own = self.same && self.name.starts_with("canon");
        if own || leads(entry) || Slot::of(entry) == Slot::Other {
            return Some(Cow::Borrowed(entry));
        }
        let words = Slot::of(entry).words();
        if any_leads || self.most(Slot::Nowhere) == 0 {
            let text = format!("its {words} leads nowhere; it stays out");
            self.note(contact, entry, Weight::Loss, "no_destination", text);
            return None;
        }
        let text = format!("its {words} is empty; it is written without one");
        self.note(contact, entry, Weight::Correction, "no_destination", text);
        let (kind, fax, folder) = (Slot::Nowhere.entry().kind, None, None);
        Some(Cow::Owned(Address { kind, fax, folder, ..entry.clone() }))
    }

    fn push(&mut self, origin: usize, mut contact: Contact) {
        if let Some(needed) = self.holds.needs
            && contact.entry(needed).is_none()
            && contact.entry(Slot::Group).is_none()
        {
            let place = self.out.contacts.len();
            let range = (origin, 0)..=(origin, usize::MAX);
            let places = self.places.range(range).filter(|(_, link)| link.contact == place);
            let places: Vec<_> = places.map(|(from, _)| *from).collect();
            for from in places {
                self.places.remove(&from);
            }
            self.out.kept_out += contact.entries.len();
            for entry in &contact.entries {
                let text = format!("{} holds none without an {}; it stays out", self.name, needed.words());
                self.note(&contact, entry, Weight::Loss, "no_kind", text);
            }
            return;
        }
        if contact.entries.len() == 1 && self.holds.together == 1 {
            contact.entries[0].tie.clear();
        }
        self.out.contacts.push(contact);
        self.origins.push(origin);
    }

    fn owner(&mut self, contact: &Contact) -> Owner {
        let holds = match &contact.owner {
            Owner::None => true,
            Owner::Person { .. } => self.holds.owners.0,
            Owner::Group { .. } => self.holds.owners.1,
        };
        if holds {
            return contact.owner.clone();
        }
        if let Some(entry) = contact.entries.first() {
            let text =
                format!("{} has no field for whose list it is in ({})", self.name, contact.owner.place());
            self.note(contact, entry, Weight::Loss, "owner_not_in_format", text);
        }
        Owner::None
    }

    /// The entry as the format holds it; `None` where it would lead elsewhere.
    fn entry(&mut self, contact: &Contact, entry: &Address) -> Option<Address> {
        if self.holds.mail_form && Slot::of(entry) == Slot::Mail && !is_mail(&entry.mail) {
            let text = format!("what it has is no e-mail address that {} can hold; it stays out", self.name);
            self.note(contact, entry, Weight::Loss, "mail_not_in_format", text);
            return None;
        }
        let mut fitted = entry.clone();
        let mut lost = Vec::new();
        let mut joined = false;
        self.password(contact, &mut fitted);
        if self.is_name_of_parts() {
            self.name_of_parts(contact, &mut fitted);
        }
        for field in Field::ALL.iter().copied() {
            let text = field.get(&fitted);
            if text.is_empty() {
                continue;
            }
            let Some(limit) = self.limit(Slot::of(entry), field) else {
                let part_of_name = self.is_name_of_parts() && field == Field::Name;
                if !part_of_name {
                    if !is_implied(field, &text, entry) && !self.is_usual(field, &text, entry) {
                        lost.push(field.words());
                    }
                    joined |= matches!(field, Field::Given | Field::Middle | Field::Family);
                    field.set(&mut fitted, "");
                }
                continue;
            };
            // What no file says is no limit: a machine's own reader takes no cell beyond this.
            let limit = if limit == 0 && !self.holds.lines { MAX_CELL / 4 } else { limit };
            let mut clean = text.clone();
            if clean.contains(is_control) {
                clean.retain(|one| !is_control(one));
                let text = format!("a control character was taken out of the {}", field.words());
                self.note(contact, entry, Weight::Correction, "control_character", text);
            }
            if !self.holds.lines && clean.contains(['\n', '\r']) {
                clean = clean
                    .split(['\n', '\r'])
                    .map(str::trim)
                    .filter(|s| !s.is_empty())
                    .collect::<Vec<_>>()
                    .join(" ");
                let text = format!("the lines of the {} were joined", field.words());
                self.note(contact, entry, Weight::Correction, "lines_joined", text);
            }
            let width = |one: char| if self.holds.wide.contains(&field) { width(one) } else { 1 };
            if clean.contains(self.holds.forbidden) {
                let words = field.words();
                if !field.can_be_cut() {
                    let text = format!("its {words} has a character that {} lacks; it stays out", self.name);
                    self.note(contact, entry, Weight::Loss, "character_not_in_format", text);
                    return None;
                }
                clean = clean.replace(self.holds.forbidden, " ").trim().to_string();
                let text = format!("a blank stands for a character of its {words} that {} lacks", self.name);
                self.note(contact, entry, Weight::Correction, "character_replaced", text);
            }
            let words = self.holds.words.iter().find(|(of, _)| *of == field).map(|(_, words)| *words);
            if words.is_some_and(|words| !words.contains(&&*clean)) {
                let words = field.words();
                let text = format!("{} has no word for what its {words} is: `{clean}`", self.name);
                self.note(contact, entry, Weight::Loss, "value_not_in_format", text);
                clean.clear();
            }
            if self.holds.only_line_feeds && clean.contains('\r') {
                clean = clean.replace("\r\n", "\n").replace('\r', "\n");
                let text = format!("the line ends of the {} are line feeds now", field.words());
                self.note(contact, entry, Weight::Correction, "line_ends", text);
            }
            if limit > 0 && clean.chars().map(width).sum::<usize>() > limit {
                if !field.can_be_cut() {
                    let text =
                        format!("its {} is longer than {limit} characters; it stays out", field.words());
                    self.note(contact, entry, Weight::Loss, "too_long", text);
                    return None;
                }
                let mut left = limit;
                let fits = clean.chars().take_while(|one| match left.checked_sub(width(*one)) {
                    Some(rest) => {
                        left = rest;
                        true
                    }
                    None => false,
                });
                clean = fits.collect::<String>().trim_end().to_string();
                let text = format!("its {} is longer than {limit} characters and was cut", field.words());
                self.note(contact, entry, Weight::Loss, "cut", text);
            }
            if clean != text && !self.keeps_password(field, &fitted) {
                field.set(&mut fitted, &clean);
            }
        }
        if joined && contact.entries.first() == Some(entry) {
            let text = format!("{} has one field for the whole name, and none for its parts", self.name);
            self.note(contact, entry, Weight::Correction, "name_joined", text);
        }
        if !lost.is_empty() {
            let text = format!("{} has no field for: {}", self.name, lost.join(", "));
            self.note(contact, entry, Weight::Loss, "field_not_in_format", text);
        }
        if leads(entry) && !leads(&fitted) {
            let text = format!("{} has no field for where it leads; it stays out", self.name);
            self.note(contact, entry, Weight::Loss, "no_kind", text);
            return None;
        }
        self.kept(contact, &mut fitted);
        Some(fitted)
    }

    fn is_usual(&self, field: Field, text: &str, entry: &Address) -> bool {
        self.holds.usual.contains(&(Slot::of(entry), field, text))
    }

    fn keeps_password(&self, field: Field, entry: &Address) -> bool {
        let encrypted = matches!(
            entry.login.as_ref().and_then(|login| login.password.as_ref()),
            Some(Password::Encrypted { .. })
        );
        field == Field::LoginPassword && encrypted
    }

    fn password(&mut self, contact: &Contact, entry: &mut Address) {
        let holds = self.holds;
        let (code, text) = match entry.login.as_ref().and_then(|login| login.password.as_ref()) {
            None => return,
            Some(Password::Plain(_)) if holds.passwords => return,
            Some(Password::Plain(_)) => ("password_not_in_format", "has no field for its password"),
            Some(Password::Encrypted { scheme, .. })
                if !holds.scheme.is_empty() && scheme.starts_with(holds.scheme) =>
            {
                return;
            }
            Some(Password::Encrypted { .. }) => {
                ("password_not_carried", "can't carry its password, which its source encrypted or may have")
            }
        };
        if let Some(login) = &mut entry.login {
            login.password = None;
        }
        if entry.login.as_ref().is_some_and(|login| *login == crate::address::Login::default()) {
            entry.login = None;
        }
        let named = entry.clone();
        self.note(contact, &named, Weight::Loss, code, format!("{} {text}", self.name));
    }

    /// Where there is no field for the whole name, the parts must make it: those that the format has.
    fn name_of_parts(&mut self, contact: &Contact, entry: &mut Address) {
        let mut named = entry.clone();
        for field in [Field::Prefix, Field::Given, Field::Middle, Field::Family, Field::Suffix] {
            if self.holds.limit(field).is_none() {
                field.set(&mut named, "");
            }
        }
        let made = named.person.as_ref().map(full_name).unwrap_or_default();
        if made == entry.name || entry.name.is_empty() {
            return;
        }
        if made.is_empty() {
            return; // The writer puts the whole where the first name goes, and the reader takes it back from there.
        }
        if !same_words(&made, &entry.name) {
            let text = format!("{} makes its name of its parts: `{made}`", self.name);
            let named = entry.clone();
            self.note(contact, &named, Weight::Loss, "name_changed", text);
        }
        entry.name = made;
    }

    /// What a format alone understands stays with it.
    fn kept(&mut self, contact: &Contact, entry: &mut Address) {
        let foreign: Vec<String> = entry.kept_by.keys().filter(|key| !self.is_own(key)).cloned().collect();
        let says = |key: &&String| entry.kept_by.get(*key).is_some_and(|text| !text.is_empty());
        let mut columns: Vec<(&str, &str)> =
            foreign.iter().filter(says).map(|key| key.split_once(':').unwrap_or(("", key))).collect();
        let canon = !self.name.starts_with("canon");
        if canon {
            let kept = entry.kept.iter().filter(|(_, text)| !text.is_empty());
            columns.extend(kept.map(|(name, _)| (Format::CanonCsv.name(), &**name)));
        }
        columns.extend(entry.other.keys().map(|name| ("", &**name)));
        let mut names = Vec::new();
        for (format, column) in columns {
            if Format::named(format).is_some_and(|format| format.holds().is_structure(column)) {
                self.structure.insert(column.to_string());
            } else {
                names.push(column);
            }
        }
        if !names.is_empty() {
            let text =
                format!("{} has no field for what its source also says: {}", self.name, names.join(", "));
            let named = entry.clone();
            let note = (Weight::Loss, "column_not_in_format", text);
            self.note(contact, &named, note.0, note.1, note.2);
        }
        for key in foreign {
            entry.kept_by.remove(&key);
        }
        if canon {
            entry.kept.clear();
        }
        entry.other.clear();
    }

    /// One remark for all entries: it is no loss of what anybody knows of a person.
    fn structure(&mut self) {
        if self.structure.is_empty() {
            return;
        }
        let names: Vec<&str> = self.structure.iter().map(|name| &**name).collect();
        let text =
            format!("what only makes the structure of the source's files stays behind: {}", names.join(", "));
        self.out.notes.push(Note::new(None, "structure_left_behind", text));
    }

    fn is_own(&self, key: &str) -> bool {
        key.split_once(':').is_some_and(|(format, _)| format == self.name)
    }
}

/// How many narrow characters a character counts for.
fn width(one: char) -> usize {
    let wide = matches!(one, '\u{1100}'..='\u{ff60}' | '\u{ffa0}'..);
    1 + usize::from(wide)
}

/// Whether two faxes differ by their numbers alone, or are no two faxes.
fn one_line(one: &Address, other: &Address) -> bool {
    let line = |entry: &Address| entry.fax.clone().map(|fax| Fax { number: String::new(), ..fax });
    Slot::of(one) != Slot::Fax || Slot::of(other) != Slot::Fax || line(one) == line(other)
}

/// Whether what a field says follows from what the entry says otherwise, so that it is no loss.
fn is_implied(field: Field, text: &str, entry: &Address) -> bool {
    match field {
        Field::Reading => {
            text == entry.name || entry.person.as_ref().is_some_and(|person| columns::reading(person) == text)
        }
        Field::ShortName => entry.name.starts_with(text),
        Field::Given | Field::Middle | Field::Family | Field::Prefix | Field::Suffix => {
            entry.person.as_ref().is_some_and(|person| same_words(&full_name(person), &entry.name))
        }
        Field::List => text == "1",
        // An address book of an office.
        Field::Label | Field::PhoneLabel => text == "work",
        Field::FolderPort => match Slot::of(entry) {
            Slot::Smb => matches!(text, "139" | "445"),
            Slot::Ftp => text == "21",
            Slot::WebDav => matches!(text, "80" | "443"),
            _ => false,
        },
        _ => false,
    }
}

/// Whether two names are the same words in whatever order, as `Doe, Jane` and `Jane Doe` are.
fn same_words(one: &str, other: &str) -> bool {
    let words = |text: &str| {
        let mut words: Vec<String> = text
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .map(str::to_string)
            .collect();
        words.sort();
        words
    };
    words(one) == words(other)
}
