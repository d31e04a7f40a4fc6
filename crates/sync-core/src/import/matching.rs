//! Which entry of a file is which record that is there.

mod special;
mod way;

pub(super) use special::{protected, rest_mode};
pub(super) use way::{Side, Way, bare, is_group};

use super::{
    Fields, Packed,
    admit::{Admitted, admit},
    gather::Gathered,
    mode::{ListMode, RestMode},
    scope::Class,
    whole::{Problem, Terms},
};
use crate::{
    address::{Address, Member, pairs},
    catalogue::address_book::LOCAL_SPACE,
    files::{
        Note,
        canon_csv::{Spot, spots},
    },
    id::RecordId,
    space::SpaceName,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use special::special;
use way::{WAYS, alike, is_of_people, is_way_of, setting_id};

/// What a file has in place of a password that it does not tell.
pub const MASK: &str = "********";

/// A record that is there.
#[derive(Debug)]
pub(super) struct Stand {
    pub(super) id: RecordId,
    pub(super) fields: Packed,
    /// `None` where the item is not about it.
    pub(super) class: Option<Class>,
}

/// An entry of the file that is taken.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) line: Option<u64>,
    pub(super) source: Option<RecordId>,
    pub(super) fields: Packed,
    pub(super) class: Class,
    /// The place of the record that it is.
    pub(super) found: Option<usize>,
    /// The record that it becomes.
    pub(super) id: RecordId,
    /// Whether that record is the same thing, and not just has the same number.
    pub(super) kin: bool,
}

/// What becomes of a record that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Taken,
    Goes,
}

/// One space, matched: what is still to be done is to link what names one another, and to compare.
#[derive(Debug)]
pub(super) struct Matched {
    pub(super) item: crate::item::Item,
    pub(super) space: SpaceName,
    pub(super) stands: Vec<Stand>,
    pub(super) fates: Vec<Fate>,
    pub(super) arrivals: Vec<Arrival>,
    pub(super) notes: Vec<Note>,
    pub(super) problems: Vec<Problem>,
    /// The ids that were drawn for new records, in the order of the file.
    pub(super) fresh: Vec<RecordId>,
    /// Where an export puts what has no place of its own, where the file may be one.
    pub(super) spots: BTreeMap<RecordId, Spot>,
}

/// Matches what a file says with what is there. `fresh` gives the ids of new records.
pub(super) fn matched(mut gathered: Gathered, terms: &Terms, fresh: &mut dyn FnMut() -> RecordId) -> Matched {
    let incoming = core::mem::take(&mut gathered.incoming);
    let existing = core::mem::take(&mut gathered.existing);
    let Admitted { arrivals, mut notes, problems, foreign } = admit(&gathered, incoming, terms);
    if foreign > 0 {
        let text = format!("{foreign} records of the file do not belong to {}; they stay out", gathered.item);
        notes.push(Note::new(None, "not_of_item", text));
    }
    let stands: Vec<Stand> = existing
        .into_iter()
        .map(|(id, fields)| Stand { id, class: gathered.scope.class(&fields), fields })
        .collect();
    let mut matched = Matched {
        item: gathered.item,
        fates: alloc::vec![Fate::Stays; stands.len()],
        space: gathered.space,
        stands,
        arrivals,
        notes,
        problems,
        fresh: Vec::new(),
        spots: BTreeMap::new(),
    };
    if !terms.carries.every_field && matched.may_be_export() {
        matched.spots = matched.spots();
    }
    matched.pair(terms);
    matched.name(fresh);
    if terms.modes.lists == ListMode::Append {
        matched.settle_groups(terms, fresh);
    }
    matched.removals(terms);
    if terms.modes.lists != ListMode::Append {
        matched.settle_spots();
    }
    matched
}

impl Matched {
    fn standing_addresses(&self) -> impl Iterator<Item = (RecordId, &Packed)> + Clone {
        let addresses = |stand: &&Stand| stand.class == Some(Class::Address);
        self.stands.iter().filter(addresses).map(|stand| (stand.id, &stand.fields))
    }

    /// Whether the file may be an export: there each entry has a list and a number of its own.
    fn may_be_export(&self) -> bool {
        let entries = self.arrivals.iter().filter(|entry| entry.class == Class::Address);
        let places = entries.map(|entry| (entry.fields.int("list"), entry.fields.int("number")));
        let mut places: Vec<Spot> = places.collect();
        places.sort_unstable();
        each_its_own(&places)
    }

    /// Where an export puts the addresses that have no list, no number, or one that another has too.
    fn spots(&self) -> BTreeMap<RecordId, Spot> {
        let places = self.standing_addresses().map(|(_, fields)| (fields.int("list"), fields.int("number")));
        let mut places: Vec<Spot> = places.collect();
        places.sort_unstable();
        if each_its_own(&places) {
            return BTreeMap::new();
        }
        let addresses = self.standing_addresses();
        spots(addresses.filter_map(|(id, fields)| Some((id, Address::from_fields(fields.fields())?))))
    }

    /// Takes the file's numbers where an export of what stands after the import would give others: only then do they say
    /// something that is not said again.
    fn settle_spots(&mut self) {
        if self.spots.is_empty() {
            return;
        }
        let of_file: BTreeSet<i64> =
            self.arrivals.iter().filter_map(|entry| entry.fields.int("number")).collect();
        let stay = self.stands.iter().zip(&self.fates).filter(|(_, fate)| **fate == Fate::Stays);
        let stay = stay.filter(|(stand, _)| stand.class == Some(Class::Address));
        let stay =
            stay.filter_map(|(stand, _)| Some((stand.id, Address::from_fields(stand.fields.fields())?)));
        let entries = self.arrivals.iter().filter(|entry| entry.class == Class::Address);
        let entries = entries.filter_map(|entry| {
            let mut address = Address::from_fields(self.as_it_stands(entry, entry.fields.fields()))?;
            // These become records.
            address.members.retain(|member, _| !matches!(member, Member::Number(n) if of_file.contains(n)));
            Some((entry.id, address))
        });
        let after = spots(stay.chain(entries));
        let said = |entry: &&Arrival| {
            let of_file = (entry.fields.int("list"), entry.fields.int("number"));
            self.spots.get(&entry.id) == Some(&of_file) && after.get(&entry.id) != Some(&of_file)
        };
        if self.arrivals.iter().any(|entry| said(&entry)) {
            self.spots.clear();
        }
    }

    /// An entry of the file beside the record that it is: a list or number that only an export gave it says nothing.
    pub(super) fn as_it_stands(&self, entry: &Arrival, mut fields: Fields) -> Fields {
        let Some(stand) = entry.found.filter(|_| entry.kin).map(|found| &self.stands[found]) else {
            return fields;
        };
        let of_file = |name: &str| fields.get(name).and_then(Value::as_int);
        if self.spots.get(&stand.id) == Some(&(of_file("list"), of_file("number"))) {
            for name in ["list", "number"] {
                match stand.fields.get(name) {
                    Some(own) => fields.insert(name.into(), own),
                    None => fields.remove(name),
                };
            }
        }
        fields
    }

    /// Finds the record that each entry is.
    fn pair(&mut self, terms: &Terms) {
        let addresses = |class: Class| class == Class::Address;
        let mut ours = Side::of(&self.space, self.standing_addresses());
        ours.spots.clone_from(&self.spots);
        let theirs = Side::of(
            &self.space,
            self.arrivals.iter().filter(|a| addresses(a.class)).filter_map(|a| Some((a.source?, &a.fields))),
        );
        for way in WAYS {
            let needed = match way {
                Way::Exported | Way::ExportedBare | Way::Unnumbered | Way::UnnumberedBare => {
                    !self.spots.is_empty()
                }
                _ => true,
            };
            if !needed {
                continue;
            }
            for (stand, arrival) in self.pairs_by(way, terms, &ours, &theirs) {
                self.fates[stand] = Fate::Taken;
                self.arrivals[arrival].found = Some(stand);
                if way == Way::Number {
                    let (before, after) = (&self.stands[stand].fields, &self.arrivals[arrival].fields);
                    self.arrivals[arrival].kin = alike(&ours, before, &theirs, after);
                }
            }
        }
    }

    /// What is not paired yet and is the same in this way.
    fn pairs_by(&self, way: Way, terms: &Terms, ours: &Side, theirs: &Side) -> Vec<(usize, usize)> {
        // Who has a number has its place in an overwritten list, unless nobody has that number.
        let by_number = |entry: &Arrival| {
            terms.modes.lists == ListMode::Overwrite
                && entry.class == Class::Address
                && entry.fields.int("number").is_some()
        };
        let with_number = matches!(
            way,
            Way::Number | Way::Exported | Way::ExportedBare | Way::Unnumbered | Way::UnnumberedBare
        );
        let mut free = Vec::new();
        let mut open = Vec::new();
        for (place, entry) in self.arrivals.iter().enumerate() {
            if entry.found.is_none()
                && is_way_of(way, entry.class, &terms.of_list(&self.space, &entry.fields))
                && (with_number || !by_number(entry))
                && let Some(key) = theirs.key(way, entry.class, entry.source, &entry.fields, true)
            {
                open.push((key, place));
            }
        }
        if open.is_empty() {
            return Vec::new();
        }
        for (place, stand) in self.stands.iter().enumerate() {
            if self.fates[place] == Fate::Stays
                && let Some(class) = stand.class
                && is_way_of(way, class, &terms.of_list(&self.space, &stand.fields))
                && let Some(key) = ours.key(way, class, Some(stand.id), &stand.fields, false)
            {
                free.push((key, place));
            }
        }
        pairs(free, open)
    }

    /// Gives each entry its record.
    fn name(&mut self, fresh: &mut dyn FnMut() -> RecordId) {
        let mut taken: BTreeSet<RecordId> = BTreeSet::new();
        if self.arrivals.iter().any(|entry| matches!(entry.class, Class::Setting(_) | Class::Unknown)) {
            taken.extend(self.stands.iter().map(|stand| stand.id));
        }
        for entry in &mut self.arrivals {
            let named = match entry.class {
                Class::Setting(_) => Some(setting_id(is_of_people(&self.space), entry.source, &entry.fields)),
                // Only its id tells it from others the next time.
                Class::Unknown => entry.source,
                Class::Address | Class::Typed(_) => None,
            };
            entry.id = match (entry.found, named) {
                (Some(found), _) => self.stands[found].id,
                (None, Some(id)) if taken.insert(id) => id,
                (None, _) => {
                    let id = fresh();
                    self.fresh.push(id);
                    id
                }
            };
        }
    }

    /// Says which of the records that the file does not have go.
    fn removals(&mut self, terms: &Terms) {
        let mut lists: BTreeSet<Option<i64>> = BTreeSet::new();
        let mut types: BTreeSet<&str> = BTreeSet::new();
        let mut people: BTreeSet<String> = BTreeSet::new();
        for entry in &self.arrivals {
            match entry.class {
                Class::Address => {
                    lists.insert(entry.fields.int("list"));
                }
                Class::Typed(known) => {
                    types.insert(known.name);
                }
                Class::Setting(_) | Class::Unknown => {}
            }
            people.extend(entry.fields.text("user").map(ToString::to_string));
        }
        let all = terms.carries.all;
        // What was left without a list is shown in the first one.
        let first_list = (self.space == SpaceName::local(LOCAL_SPACE) && !terms.any_list).then_some(1);
        let device_specific = is_of_people(&self.space);
        for (stand, fate) in self.stands.iter().zip(&mut self.fates) {
            let Some(class) = stand.class.filter(|_| *fate == Fate::Stays) else { continue };
            let goes = match class {
                Class::Address => {
                    terms.modes.lists == ListMode::Replace
                        && (all
                            || lists.contains(&stand.fields.int("list").or(first_list))
                            || self.space.synchronizes() && !lists.is_empty())
                }
                Class::Typed(known) => {
                    let special = special(known);
                    let spoken_of = types.contains(known.name) || all && !special.empty_changes_nothing;
                    let kept = special
                        .protected
                        .is_some_and(|these| these.has(stand.fields.get(these.flag).as_ref()));
                    rest_mode(known, terms) == RestMode::Replace && spoken_of && !kept
                }
                Class::Setting(_) | Class::Unknown => all && terms.modes.rest == RestMode::Replace,
            };
            let of_others =
                device_specific && !stand.fields.text("user").is_some_and(|user| people.contains(user));
            if goes && class.fits_file(terms.carries.secrets) && !of_others {
                *fate = Fate::Goes;
            }
        }
    }
}

/// Whether each of these, which are in order, has a list and a number that no other has.
fn each_its_own(places: &[Spot]) -> bool {
    places.iter().all(|(list, number)| list.is_some() && number.is_some())
        && places.windows(2).all(|two| two[0] != two[1])
}
