//! What of a book a format can hold, and what not: the losses of a conversion, told before anything is written.

use super::{
    Note, Owner, Weight,
    book::{Contact, Link, full_name},
    columns,
    csv_mapping::Mapping,
    field::{Field, Slot},
    holds::{Groups, Holds, is_mail},
    links::label,
    table::leads,
};
use crate::address::{Address, Fax, Member, Password};
use alloc::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

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
    matches!(one, '\u{1}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}')
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
    };
    for (at, contact) in contacts.iter().enumerate() {
        fitter.contact(at, contact, as_is(contact));
    }
    fitter.link(contacts);
    if holds.groups_by_members {
        fitter.groups_by_members(&as_is);
    }
    if holds.numbers.is_some() {
        fitter.number(&as_is);
    }
    fitter.out
}

struct Fitter<'a> {
    holds: &'a Holds,
    name: &'a str,
    mapping: Option<&'a Mapping>,
    same: bool,
    out: Fitted,
    /// Where an entry of the book went.
    places: BTreeMap<(usize, usize), Link>,
    /// The contact that each contact of the output came from.
    origins: Vec<usize>,
}

impl Fitter<'_> {
    fn note(&mut self, contact: &Contact, entry: &Address, weight: Weight, code: &'static str, text: String) {
        let note = Note::new(contact.line, code, format!("{}: {text}", label(entry)));
        self.out.notes.push(Note { weight, entry: Some(entry.name.clone()), ..note });
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
                ("password_not_carried", "can't carry its password, which its source encrypted")
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
        let mut names: Vec<&str> = foreign
            .iter()
            .filter(says)
            .map(|key| key.split_once(':').map_or(&**key, |(_, column)| column))
            .collect();
        let canon = !self.name.starts_with("canon");
        if canon {
            names.extend(entry.kept.iter().filter(|(_, text)| !text.is_empty()).map(|(name, _)| &**name));
        }
        names.extend(entry.other.keys().map(|name| &**name));
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

    fn is_own(&self, key: &str) -> bool {
        key.split_once(':').is_some_and(|(format, _)| format == self.name)
    }

    /// Groups name what their members became.
    fn link(&mut self, contacts: &[Contact]) {
        for at in 0..self.out.contacts.len() {
            let origin = &contacts[self.origins[at]];
            if !origin.entries.iter().any(|entry| Slot::of(entry) == Slot::Group) {
                continue;
            }
            let mut members = Vec::new();
            for link in &origin.members {
                let (target, narrowed) = match link.entry {
                    Some(entry) => (self.places.get(&(link.contact, entry)).copied(), false),
                    None => {
                        // Its entries went out one after the other: the first and the last say whether into several.
                        let mut all = self
                            .places
                            .range((link.contact, 0)..=(link.contact, usize::MAX))
                            .map(|(_, to)| *to);
                        let first = all.next();
                        let last = all.next_back();
                        let narrowed =
                            last.is_some_and(|last| Some(last.contact) != first.map(|to| to.contact));
                        (first.map(|to| Link { entry: None, ..to }), narrowed)
                    }
                };
                let entry = origin.entries[0].clone();
                let named = contacts.get(link.contact).map_or("", Contact::name).to_string();
                let Some(target) = target else {
                    let text =
                        format!("its member `{named}` is not in the file; it is left out of the group");
                    self.note(origin, &entry, Weight::Loss, "member_left_out", text);
                    continue;
                };
                let nested =
                    self.out.contacts[target.contact].entries.iter().any(|e| Slot::of(e) == Slot::Group);
                if nested && self.holds.groups != Groups::Nested {
                    let text =
                        format!("{} has no groups within groups; `{named}` is left out of it", self.name);
                    self.note(origin, &entry, Weight::Loss, "nested_group", text);
                    continue;
                }
                if narrowed {
                    let text =
                        format!("of `{named}`, who has several entries in {}, it names the first", self.name);
                    self.note(origin, &entry, Weight::Correction, "member_narrowed", text);
                }
                members.push(target);
            }
            let mut boxes = Vec::new();
            let entry = &mut self.out.contacts[at].entries[0];
            if !self.holds.boxes {
                boxes = core::mem::take(&mut entry.members).into_keys().collect();
            } else if !self.same {
                // Another format's way to name an entry that is not there is no box.
                let is_box =
                    |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let gone = |member: &Member| matches!(member, Member::Box(name) if !is_box(name));
                boxes = entry.members.keys().filter(|member| gone(member)).cloned().collect();
                entry.members.retain(|member, _| !gone(member));
            }
            for member in boxes {
                let entry = origin.entries[0].clone();
                let named = match member {
                    Member::Record(id) => id.to_string(),
                    Member::Number(number) => format!("number {number}"),
                    Member::Box(name) => name,
                };
                let text = format!("its member {named} is not in the file; it is left out of the group");
                self.note(origin, &entry, Weight::Loss, "member_left_out", text);
            }
            self.out.contacts[at].members = members;
        }
    }

    /// Groups that are no rows: only their names are said, and only by their members.
    fn groups_by_members(&mut self, as_is: &impl Fn(&Contact) -> bool) {
        let mut named: BTreeMap<String, usize> = BTreeMap::new();
        let mut out = BTreeSet::new();
        for at in 0..self.out.contacts.len() {
            let group = self.out.contacts[at].clone();
            let Some(entry) = group.entries.first().filter(|entry| Slot::of(entry) == Slot::Group) else {
                continue;
            };
            let lost: Vec<&str> = Field::ALL
                .iter()
                .filter(|field| **field != Field::Name && !field.get(entry).is_empty())
                .map(|field| field.words())
                .collect();
            if !lost.is_empty() && !as_is(&group) {
                let text = format!("{} has no field of a group for: {}", self.name, lost.join(", "));
                self.note(&group, entry, Weight::Loss, "value_not_in_format", text);
                let mut bare = Slot::Group.entry();
                bare.name.clone_from(&entry.name);
                self.out.contacts[at].entries[0] = bare;
            }
            let mut name = entry.name.replace(":::", ":").trim().trim_start_matches('*').trim().to_string();
            if name.is_empty() {
                name = format!("Group {}", at + 1);
            }
            if name != entry.name && !as_is(&group) {
                let text = format!("the group is called `{name}` now");
                self.note(&group, entry, Weight::Correction, "name_changed", text);
                self.out.contacts[at].entries[0].name.clone_from(&name);
            }
            if group.members.is_empty() {
                let text = format!("{} has no groups without members; it stays out", self.name);
                self.note(&group, entry, Weight::Loss, "group_without_members", text);
            } else if let Some(first) = named.get(&name) {
                let text = format!("{} has one group of a name; its members are in the first", self.name);
                self.note(&group, entry, Weight::Loss, "group_joined", text);
                let first = &mut self.out.contacts[*first].members;
                let there: BTreeSet<Link> = first.iter().copied().collect();
                let more: Vec<Link> =
                    group.members.into_iter().filter(|link| !there.contains(link)).collect();
                first.extend(more);
            } else {
                named.insert(name, at);
                continue;
            }
            out.insert(at);
            self.out.kept_out += 1;
        }
        if !out.is_empty() {
            remove(&mut self.out.contacts, &out);
        }
    }

    /// Gives each contact a number of its own.
    fn number(&mut self, as_is: &impl Fn(&Contact) -> bool) {
        let Some((least, largest)) = self.holds.numbers else { return };
        let mut taken: BTreeSet<i64> = BTreeSet::new();
        let mut without = Vec::new();
        let number_of = |contact: &Contact| contact.entries.iter().find_map(|entry| entry.number);
        for (at, contact) in self.out.contacts.iter().enumerate() {
            match number_of(contact) {
                number if as_is(contact) => taken.extend(number),
                Some(number) if (least..=largest).contains(&number) && taken.insert(number) => {}
                _ => without.push(at),
            }
        }
        let mut next = least;
        let mut out = BTreeSet::new();
        for at in without {
            while taken.contains(&next) {
                next += 1;
            }
            let contact = self.out.contacts[at].clone();
            let old = number_of(&contact);
            let entry = &contact.entries[0];
            if next > largest {
                out.insert(at);
                self.out.kept_out += contact.entries.len();
                let text = format!("{} has numbers up to {largest} only; it stays out", self.name);
                self.note(&contact, entry, Weight::Loss, "no_number_left", text);
                continue;
            }
            taken.insert(next);
            if let Some(old) = old {
                let text = format!("its number {old} is {next} now");
                self.note(&contact, entry, Weight::Correction, "number_changed", text);
            }
            for entry in &mut self.out.contacts[at].entries {
                entry.number = Some(next);
            }
        }
        if !out.is_empty() {
            remove(&mut self.out.contacts, &out);
        }
    }
}

/// Takes contacts out, and the links to them.
pub(super) fn remove(contacts: &mut Vec<Contact>, out: &BTreeSet<usize>) {
    let mut new_places = Vec::new();
    let mut next = 0;
    for at in 0..contacts.len() {
        new_places.push((!out.contains(&at)).then_some(next));
        next += usize::from(!out.contains(&at));
    }
    let mut at = 0;
    contacts.retain(|_| {
        at += 1;
        !out.contains(&(at - 1))
    });
    for contact in contacts {
        contact.members.retain_mut(|link| match new_places.get(link.contact).copied().flatten() {
            Some(place) => {
                link.contact = place;
                true
            }
            None => false,
        });
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
