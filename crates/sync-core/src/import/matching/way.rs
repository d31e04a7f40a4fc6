//! The ways in which an entry can be a record that is there.

use super::special::rest_mode;
use crate::{
    address::{Address, LIKENESSES, Likeness, MEMBER_PREFIX, Member, TYPE_FIELD},
    canonical::Encoder,
    files::canon_csv::Spot,
    id::RecordId,
    import::{
        Packed,
        mode::{ListMode, RestMode},
        scope::{Class, DEVICE_SPECIFIC},
        whole::Terms,
    },
    space::SpaceName,
};
use alloc::collections::BTreeMap;

/// The ways in which an entry can be a record that is there, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::import) enum Way {
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

pub(super) const WAYS: [Way; 15] = [
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
pub(super) fn is_way_of(way: Way, class: Class, terms: &Terms) -> bool {
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
pub(in crate::import) struct Side {
    numbers: BTreeMap<RecordId, i64>,
    /// Where an export puts what has no place of its own.
    pub(super) spots: BTreeMap<RecordId, Spot>,
    /// Whether the settings are those of several people.
    of_people: bool,
}

impl Side {
    pub(in crate::import) fn empty(space: &SpaceName) -> Self {
        Self { numbers: BTreeMap::new(), spots: BTreeMap::new(), of_people: is_of_people(space) }
    }

    pub(super) fn of<'a>(
        space: &SpaceName,
        addresses: impl Iterator<Item = (RecordId, &'a Packed)> + Clone,
    ) -> Self {
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

    pub(in crate::import) fn key(
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
pub(in crate::import) fn bare(address: &mut Address) -> bool {
    let password = address.login.as_mut().and_then(|login| login.password.take());
    let code = core::mem::take(&mut address.access_code);
    password.is_some() || !code.0.is_empty()
}

pub(in crate::import) fn is_group(fields: &Packed) -> bool {
    fields.names().any(|name| name.starts_with(MEMBER_PREFIX))
}

pub(super) fn is_of_people(space: &SpaceName) -> bool {
    *space == SpaceName::local(DEVICE_SPECIFIC)
}

/// The record of a setting: what its name says; among those of several people, whose does not say it, what the source
/// says.
pub(super) fn setting_id(of_people: bool, id: Option<RecordId>, fields: &Packed) -> RecordId {
    let name = fields.text("name").unwrap_or_default();
    match (of_people, fields.text("user"), id) {
        (true, Some(user), _) => RecordId::of_setting(&[user, "/", name].concat()),
        (true, None, Some(id)) => id,
        _ => RecordId::of_setting(name),
    }
}

/// Whether two addresses are the same thing by any likeness.
pub(super) fn alike(ours: &Side, before: &Packed, theirs: &Side, after: &Packed) -> bool {
    let (Some(before), Some(after)) = (ours.in_file_form(before), theirs.in_file_form(after)) else {
        return false;
    };
    LIKENESSES.iter().any(|likeness| likeness(&before).is_some_and(|key| likeness(&after) == Some(key)))
}
