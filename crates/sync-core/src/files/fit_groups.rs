//! What a format can hold of groups and of numbers: what is told when all contacts are fitted.

use super::{
    Weight,
    book::{Contact, Link},
    field::{Field, Slot},
    fit::Fitter,
    holds::Groups,
    rings,
};
use crate::address::Member;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

impl Fitter<'_> {
    /// Groups name what their members became.
    pub(super) fn link(&mut self, contacts: &[Contact]) {
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

    /// Takes out what makes a group contain itself, but where a group of the same format stays as it is.
    pub(super) fn cut_rings(&mut self, as_is: &impl Fn(&Contact) -> bool) {
        let mut found = rings::closing(&self.out.contacts);
        found.retain(|(group, _)| !as_is(&self.out.contacts[*group]));
        // The last of a group first, so that the places of the others stay.
        found.sort_unstable_by(|one, other| other.cmp(one));
        for at in found {
            self.out.notes.push(rings::note(&self.out.contacts, at, Weight::Loss));
            self.out.contacts[at.0].members.remove(at.1);
        }
    }

    /// Groups that are no rows: only their names are said, and only by their members.
    pub(super) fn groups_by_members(&mut self, as_is: &impl Fn(&Contact) -> bool) {
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
    pub(super) fn number(&mut self, as_is: &impl Fn(&Contact) -> bool) {
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
