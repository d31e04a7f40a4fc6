//! Which entry of a file is which record that is there.

use super::{
    Fields, Packed,
    admit::{Admitted, admit},
    gather::Gathered,
    mode::{ListMode, RestMode},
    scope::Class,
    whole::{Problem, Terms},
};
use crate::{
    address::{Address, LIKENESSES, Likeness, MEMBER_PREFIX, Member, TYPE_FIELD, pairs},
    canonical::Encoder,
    catalogue::{RecordType, address_book::LOCAL_SPACE},
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

/// What a file has in place of a password that it does not tell.
pub const MASK: &str = "********";

/// What is special about a type of records.
pub(super) struct Special {
    /// The type.
    name: &'static str,
    /// Whether a file always replaces it, in whatever mode.
    always_replaced: bool,
    /// Whether a file without any entry of the type changes nothing, even one that holds all.
    empty_changes_nothing: bool,
    /// What is said of some of its records.
    protected: Option<Protected>,
}

/// Records that no import removes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Protected {
    /// The flag that they have set; the machine's own, which no file sets or unsets.
    pub(super) flag: &'static str,
    /// What a file doesn't change of them either.
    pub(super) kept: &'static [&'static str],
}

impl Protected {
    /// Whether a record is one.
    pub(super) fn has(&self, flag: Option<&Value>) -> bool {
        flag == Some(&Value::Bool(true))
    }
}

const ORDINARY: Special =
    Special { name: "", always_replaced: false, empty_changes_nothing: false, protected: None };
/// As administrators know it from such machines.
const SPECIAL: [Special; 2] = [
    // In both: all but the counter is taken; only in the file: added; only in the machine: deleted.
    Special { name: "department", always_replaced: true, empty_changes_nothing: true, ..ORDINARY },
    // A file could otherwise leave nobody who administers the machine.
    Special {
        name: "login-user",
        protected: Some(Protected { flag: "built_in", kept: &["name", "role", "enabled"] }),
        ..ORDINARY
    },
];

fn special(known: &RecordType) -> &'static Special {
    SPECIAL.iter().find(|special| special.name == known.name).unwrap_or(&ORDINARY)
}

/// Which of its records no import removes.
pub(super) fn protected(known: &RecordType) -> Option<Protected> {
    special(known).protected
}

/// Whether a type is replaced.
pub(super) fn rest_mode(known: &RecordType, terms: &Terms) -> RestMode {
    if special(known).always_replaced { RestMode::Replace } else { terms.modes.rest }
}

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

/// The ways in which an entry can be a record that is there, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A setting is its name, and where it is device-specific, its person.
    Setting,
    /// What tells one entry from another in a file.
    Identity,
    /// The same list and number.
    Number,
    /// The id that the source gives.
    Id,
    /// The same in all fields under the same id.
    IdAndEqual,
    /// The same in all fields.
    Equal,
    /// The same in all fields but those that a file without secrets leaves out.
    Bare,
    /// The same as an export of what is there would write it, which gives a number to what has none.
    Exported,
    /// The same, but for what a file without secrets leaves out.
    ExportedBare,
    /// The same but for list and number, where what is there has no number.
    Unnumbered,
    /// The same, but for what a file without secrets leaves out.
    UnnumberedBare,
    /// One of the likenesses of two addresses.
    Alike(usize),
}

const WAYS: [Way; 15] = [
    Way::Setting,
    Way::Identity,
    Way::Exported,
    Way::ExportedBare,
    Way::Number,
    Way::Id,
    Way::IdAndEqual,
    Way::Equal,
    Way::Bare,
    Way::Unnumbered,
    Way::UnnumberedBare,
    Way::Alike(1),
    Way::Alike(2),
    Way::Alike(3),
    Way::Alike(4),
];

/// Whether this is a way in which such an entry is looked for.
fn is_way_of(way: Way, class: Class, terms: &Terms) -> bool {
    match (class, way) {
        (Class::Setting(_), way) => way == Way::Setting,
        (Class::Typed(known), Way::Identity) => !known.identity.is_empty(),
        (Class::Typed(known), Way::Id) => {
            known.identity.is_empty() || rest_mode(known, terms) == RestMode::Replace
        }
        (Class::Typed(known), Way::Equal) => known.identity.is_empty(),
        (Class::Unknown, way) => matches!(way, Way::Id | Way::Equal),
        (Class::Address, way) => match terms.modes.lists {
            ListMode::Replace => match way {
                Way::Id | Way::Equal | Way::Exported | Way::Alike(_) => true,
                Way::Bare | Way::ExportedBare => !terms.carries.secrets,
                _ => false,
            },
            ListMode::Append | ListMode::Overwrite => match way {
                Way::IdAndEqual | Way::Equal | Way::Exported | Way::Unnumbered => true,
                Way::Bare | Way::ExportedBare | Way::UnnumberedBare => !terms.carries.secrets,
                way => way == Way::Number && terms.modes.lists == ListMode::Overwrite,
            },
        },
        (Class::Typed(_), _) => false,
    }
}

/// One side of a comparison, which knows what the ids of its own members are called in a file.
pub(super) struct Side {
    numbers: BTreeMap<RecordId, i64>,
    /// Where an export puts what has no place of its own.
    spots: BTreeMap<RecordId, Spot>,
    /// Whether the settings are those of several people.
    of_people: bool,
}

impl Side {
    pub(super) fn empty(space: &SpaceName) -> Self {
        Self { numbers: BTreeMap::new(), spots: BTreeMap::new(), of_people: is_of_people(space) }
    }

    fn of<'a>(space: &SpaceName, addresses: impl Iterator<Item = (RecordId, &'a Packed)> + Clone) -> Self {
        let groups = addresses.clone().any(|(_, fields)| is_group(fields));
        let numbers =
            addresses.filter(|_| groups).filter_map(|(id, fields)| Some((id, fields.int("number")?)));
        Self { numbers: numbers.collect(), ..Self::empty(space) }
    }

    /// An address as a file would have it: the members of groups are numbers where they can be, and nothing is there that
    /// no file can say.
    fn in_file_form(&self, fields: &Packed) -> Option<Address> {
        let mut address = Address::from_fields(fields.fields())?;
        rename_members(&mut address, |id| self.numbers.get(&id).copied());
        address.other.clear();
        Some(address)
    }

    /// The same as an export of this side would write it.
    fn exported(&self, id: Option<RecordId>, fields: &Packed) -> Option<Address> {
        let mut address = Address::from_fields(fields.fields())?;
        rename_members(&mut address, |id| {
            let spot = self.spots.get(&id).and_then(|(_, number)| *number);
            spot.or_else(|| self.numbers.get(&id).copied())
        });
        if let Some(spot) = id.and_then(|id| self.spots.get(&id)) {
            (address.list, address.number) = *spot;
        }
        address.other.clear();
        Some(address)
    }

    /// The same without list and number; of what is there, only what has no number.
    fn unnumbered(&self, id: Option<RecordId>, fields: &Packed, incoming: bool) -> Option<Address> {
        let numbered = fields.int("number").is_some();
        let mut address = self.exported(id, fields).filter(|_| incoming || !numbered)?;
        (address.list, address.number) = (None, None);
        Some(address)
    }

    pub(super) fn key(
        &self,
        way: Way,
        class: Class,
        id: Option<RecordId>,
        fields: &Packed,
        incoming: bool,
    ) -> Option<Likeness> {
        let mut encoder = Encoder::default();
        encoder.text(fields.text(TYPE_FIELD).unwrap_or_default());
        let by_id = |encoder: &mut Encoder, id: RecordId| encoder.bytes(id.0.as_bytes());
        match way {
            Way::Setting => by_id(&mut encoder, setting_id(self.of_people, id, fields)),
            Way::Identity => {
                let Class::Typed(known) = class else { return None };
                known.identity.iter().for_each(|name| encoder.option(fields.get(name).as_ref()));
            }
            Way::Number => {
                encoder.option(fields.get("list").as_ref());
                encoder.int(fields.int("number")?);
            }
            Way::Id => by_id(&mut encoder, id?),
            Way::IdAndEqual | Way::Equal if class == Class::Address => {
                let Likeness(hash) = LIKENESSES[0](&self.in_file_form(fields)?)?;
                encoder.bytes(&hash);
                if way == Way::IdAndEqual {
                    by_id(&mut encoder, id?);
                }
            }
            Way::IdAndEqual | Way::Equal => encoder.bytes(fields.as_bytes()),
            Way::Exported => {
                let Likeness(hash) = LIKENESSES[0](&self.exported(id, fields)?)?;
                encoder.bytes(&hash);
            }
            Way::Unnumbered => {
                let Likeness(hash) = LIKENESSES[0](&self.unnumbered(id, fields, incoming)?)?;
                encoder.bytes(&hash);
            }
            Way::Bare | Way::ExportedBare | Way::UnnumberedBare => {
                let mut address = match way {
                    Way::Bare => self.in_file_form(fields)?,
                    Way::ExportedBare => self.exported(id, fields)?,
                    _ => self.unnumbered(id, fields, incoming)?,
                };
                let had = bare(&mut address);
                if had && incoming {
                    return None;
                }
                let Likeness(hash) = LIKENESSES[0](&address)?;
                encoder.bytes(&hash);
            }
            Way::Alike(likeness) => {
                let Likeness(hash) = LIKENESSES.get(likeness)?(&self.in_file_form(fields)?)?;
                encoder.bytes(&hash);
            }
        }
        Some(Likeness::of(encoder))
    }
}

/// Members that have a number are known by it.
fn rename_members(address: &mut Address, number: impl Fn(RecordId) -> Option<i64>) {
    let renamed = |member: Member| match member {
        Member::Record(id) => number(id).map_or(member, Member::Number),
        other => other,
    };
    let members = core::mem::take(&mut address.members);
    address.members = members.into_iter().map(|(member, place)| (renamed(member), place)).collect();
}

/// Takes out what a file without secrets leaves out; says whether there was anything.
pub(super) fn bare(address: &mut Address) -> bool {
    let password = address.login.as_mut().and_then(|login| login.password.take());
    let code = core::mem::take(&mut address.access_code);
    password.is_some() || !code.0.is_empty()
}

pub(super) fn is_group(fields: &Packed) -> bool {
    fields.names().any(|name| name.starts_with(MEMBER_PREFIX))
}

fn is_of_people(space: &SpaceName) -> bool {
    *space == SpaceName::local(super::scope::DEVICE_SPECIFIC)
}

/// The record of a setting: what its name says; among those of several people, whose does not say it, what the source
/// says.
fn setting_id(of_people: bool, id: Option<RecordId>, fields: &Packed) -> RecordId {
    let name = fields.text("name").unwrap_or_default();
    match (of_people, fields.text("user"), id) {
        (true, Some(user), _) => RecordId::of_setting(&[user, "/", name].concat()),
        (true, None, Some(id)) => id,
        _ => RecordId::of_setting(name),
    }
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
        let ours = Side { spots: self.spots.clone(), ..Side::of(&self.space, self.standing_addresses()) };
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

/// Whether two addresses are the same thing by any likeness.
fn alike(ours: &Side, before: &Packed, theirs: &Side, after: &Packed) -> bool {
    let (Some(before), Some(after)) = (ours.in_file_form(before), theirs.in_file_form(after)) else {
        return false;
    };
    LIKENESSES.iter().any(|likeness| likeness(&before).is_some_and(|key| likeness(&after) == Some(key)))
}
