//! Laws of a whole import, over machines whose every setting was changed.

use super::{id, ids_from};
use crate::{
    catalogue::{self, Place, samples},
    change::Operation,
    id::RecordId,
    import::*,
    item::Item,
    space::{SpaceKind, SpaceName},
};
use alloc::{collections::BTreeMap, vec::Vec};
use proptest::prelude::*;

/// A machine: the live records of its spaces.
pub(super) type World = BTreeMap<SpaceName, BTreeMap<RecordId, Fields>>;
/// A file: for each item and space, its entries.
pub(super) type File = Vec<(Item, SpaceName, Vec<(RecordId, Fields)>)>;

pub(super) fn space_of(place: Place) -> SpaceName {
    match place {
        Place::Local(name) => SpaceName::local(name),
        Place::User => SpaceName::user("office", "alice"),
        Place::Group => SpaceName::group("office", "sales"),
        Place::Common(name) => {
            SpaceName { realm: "office".into(), kind: SpaceKind::Common, name: name.into() }
        }
    }
}

/// The items that hold everything once.
const ITEMS: [Item; 20] = [
    Item::AddressBook,
    Item::UserGroupAddressList,
    Item::PrinterSettings,
    Item::PaperInformation,
    Item::BasicInformation,
    Item::PaperTypeManagement,
    Item::PrinterDownloadProfile,
    Item::Forwarding,
    Item::Box,
    Item::DepartmentIdManagement,
    Item::Key,
    Item::CertificateCrl,
    Item::VisualMessage,
    Item::Home,
    Item::WebAccess,
    Item::Favorite,
    Item::AuthenticationUsers,
    Item::SecurityPolicy,
    Item::PersonalSettings,
    Item::MeapApplicationSettings,
];

pub(super) fn world(seed: u64) -> World {
    let mut world = World::new();
    for sample in ITEMS.iter().flat_map(|item| samples(*item, seed)) {
        world.entry(space_of(sample.place)).or_default().insert(sample.id, sample.fields);
    }
    world
}

pub(super) fn export(world: &World, items: &[Item], secrets: Secrets) -> File {
    let parts = items.iter().flat_map(|item| catalogue::content(*item).iter().map(|part| (*item, part)));
    parts
        .map(|(item, part)| {
            let space = space_of(part.place);
            let records = world.get(&space).into_iter().flatten();
            let entries = departing(item, &space, secrets, records).collect();
            (item, space, entries)
        })
        .collect()
}

pub(super) fn plan_import(
    world: &World,
    file: &File,
    terms: Terms,
    fresh: &mut dyn FnMut() -> RecordId,
) -> ImportPlan {
    let mut planner = Planner::new(terms);
    for (item, space, entries) in file {
        let mut gathered = Gathered::new(*item, space.clone()).unwrap();
        world.get(space).into_iter().flatten().for_each(|record| gathered.existing(record));
        entries.iter().for_each(|(id, fields)| gathered.incoming(Incoming::of_record(*id, fields)));
        planner.take(gathered, fresh);
    }
    for (space, records) in world.iter().filter(|(space, _)| !file.iter().any(|(_, of, _)| of == *space)) {
        records.iter().for_each(|record| planner.beside(space, record));
    }
    planner.finish()
}

pub(super) fn apply(world: &mut World, plan: &ImportPlan) {
    let mut count = 0;
    for (space, id, operation) in plan.operations() {
        let records = world.entry(space.clone()).or_default();
        count += 1;
        match operation {
            Operation::Delete => assert!(records.remove(&id).is_some()),
            Operation::Edit(edit) => {
                let fields = records.entry(id).or_default();
                for (name, value) in edit {
                    match value {
                        Some(value) => fields.insert(name, value),
                        None => fields.remove(&name),
                    };
                }
            }
        }
    }
    assert_eq!(count, plan.counts().touched());
    assert_eq!(plan.changes().count(), count);
}

fn terms(lists: ListMode, carries: Carries) -> Terms {
    Terms::new(lists, carries)
}

/// What a machine holds of the items, whatever its records are called.
fn content(world: &World, secrets: Secrets) -> Vec<(SpaceName, Vec<Fields>)> {
    // A reference says what it leads to, without its own references.
    let names: BTreeMap<RecordId, RecordId> = world
        .values()
        .flatten()
        .map(|(id, fields)| {
            let mut fields = catalogue::renamed(fields, |_| self::id(0));
            fields.remove("counter");
            let packed = Packed::from(&fields);
            (*id, RecordId::of_setting(&alloc::format!("{:?}", packed.as_bytes())))
        })
        .collect();
    let mut content: Vec<_> = export(world, &ITEMS, secrets)
        .into_iter()
        .map(|(_, space, entries)| {
            let mut entries: Vec<Fields> = entries
                .into_iter()
                .map(|(_, fields)| catalogue::renamed(&fields, |id| names.get(&id).copied().unwrap_or(id)))
                .collect();
            entries.sort();
            (space, entries)
        })
        .collect();
    content.sort();
    content
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Importing what was exported changes nothing, in every mode, with and without secrets.
    #[test]
    fn what_was_exported_is_there(seed in 0_u64..1_000) {
        let world = world(seed);
        for (secrets, carries) in [
            (Secrets::Everything, Carries::ENCRYPTED),
            (Secrets::Credentials, Carries::PLAIN),
            (Secrets::Nothing, Carries::PLAIN),
        ] {
            let file = export(&world, &ITEMS, secrets);
            for mode in [ListMode::Replace, ListMode::Append] {
                let mut terms = terms(mode, carries);
                terms.any_list = true;
                let plan = plan_import(&world, &file, terms, &mut ids_from(0));
                prop_assert_eq!(plan.verdict(), Ok(()));
                let touched: Vec<_> = plan.changes().collect();
                prop_assert!(touched.is_empty(), "{:?} {:?} {:?}", secrets, mode, touched);
            }
        }
    }

    /// Whatever another machine held: it holds what the file says, and the file changes nothing the second time.
    #[test]
    fn a_replaced_machine_is_the_other_one(ours in 0_u64..1_000, theirs in 0_u64..1_000) {
        let mut fresh = ids_from(0);
        let theirs = world(theirs);
        let file = export(&theirs, &ITEMS, Secrets::Everything);
        for mut here in [World::new(), world(ours)] {
            let there = here.clone();
            // Whom no import removes.
            here.values_mut().flat_map(BTreeMap::values_mut).for_each(|fields| { fields.remove("built_in"); });
            let terms = terms(ListMode::Replace, Carries::ENCRYPTED);
            let first = plan_import(&here, &file, terms, &mut fresh);
            prop_assert_eq!(first.verdict(), Ok(()));
            apply(&mut here, &first);
            let again = plan_import(&here, &file, terms, &mut fresh);
            let touched: Vec<_> = again.changes().collect();
            prop_assert!(touched.is_empty(), "{:?}", touched);
            prop_assert_eq!(content(&here, Secrets::Everything), content(&theirs, Secrets::Everything));
            // What can't be in a file stays.
            let stays = |world: &World| -> usize {
                let of_files: usize = export(world, &ITEMS, Secrets::Everything).iter().map(|(.., e)| e.len()).sum();
                world.values().map(BTreeMap::len).sum::<usize>() - of_files
            };
            prop_assert_eq!(stays(&here), stays(&there));
        }
    }

    /// The fingerprint is the same whatever ids are drawn, and another one when anything that was compared changed.
    #[test]
    fn a_fingerprint_is_of_what_is_read_and_written(ours in 0_u64..1_000, theirs in 0_u64..1_000, pick in any::<prop::sample::Index>()) {
        let items = [Item::AddressBook, Item::Forwarding, Item::DepartmentIdManagement];
        let file = export(&world(theirs), &items, Secrets::Everything);
        let mut here = world(ours);
        here.retain(|space, _| file.iter().any(|(_, of, _)| of == space));
        let terms = terms(ListMode::Replace, Carries::ENCRYPTED);
        let print = |world: &World, from: u128| plan_import(world, &file, terms, &mut ids_from(from)).fingerprint;
        let shown = print(&here, 0);
        prop_assert_eq!(print(&here, 1_000_000), shown);
        let mut records: Vec<&mut Fields> = here.values_mut().flat_map(BTreeMap::values_mut).collect();
        let at = pick.index(records.len());
        records[at].insert("new".into(), 1.into());
        prop_assert_ne!(print(&here, 0), shown);
    }

    /// A merge or an append takes nothing away; an append changes no address.
    #[test]
    fn what_is_there_stays(ours in 0_u64..1_000, theirs in 0_u64..1_000) {
        let items: Vec<Item> =
            ITEMS.iter().filter(|item| **item != Item::DepartmentIdManagement).copied().collect();
        let file = export(&world(theirs), &items, Secrets::Everything);
        let mut here = world(ours);
        let there = here.clone();
        let mut terms = terms(ListMode::Append, Carries::ENCRYPTED);
        terms.any_list = true;
        let plan = plan_import(&here, &file, terms, &mut ids_from(0));
        prop_assert_eq!(plan.counts().removed, 0);
        apply(&mut here, &plan);
        for (space, records) in &there {
            for (id, fields) in records {
                let now = &here[space][id];
                prop_assert!(fields.keys().all(|name| now.contains_key(name)));
                prop_assert!(catalogue::type_of(fields) != Some("address") || now == fields);
            }
        }
        let again = plan_import(&here, &file, terms, &mut ids_from(1_000));
        prop_assert_eq!(again.changes().count(), 0);
    }
}
