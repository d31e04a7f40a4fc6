#![allow(clippy::unwrap_used)]

mod round;
mod rules;
mod whole;

use super::*;
use crate::{
    address::{Address, AddressKind, Folder, Login, Member, Password, Secret},
    change::Operation,
};
use alloc::{string::String, vec, vec::Vec};
use proptest::prelude::*;
use uuid::Uuid;

fn id(number: u128) -> RecordId {
    RecordId(Uuid::from_u128(number))
}

fn ids_from(mut number: u128) -> impl FnMut() -> RecordId {
    move || {
        number += 1;
        id(number)
    }
}

fn mail(name: &str, number: i64) -> Address {
    let mail = alloc::format!("{}@office.example", name.to_lowercase());
    Address { name: name.into(), mail, number: Some(number), list: Some(1), ..Address::default() }
}

fn group(name: &str, number: i64, members: &[i64]) -> Address {
    let mut group = Address {
        kind: AddressKind::Group,
        name: name.into(),
        number: Some(number),
        list: Some(1),
        ..Address::default()
    };
    group.set_members(members.iter().map(|number| Member::Number(*number)));
    group
}

fn none() -> BTreeMap<RecordId, Fields> {
    BTreeMap::new()
}

fn incoming(addresses: &[Address]) -> Vec<Incoming> {
    addresses.iter().cloned().map(Incoming::from).collect()
}

/// Carries a plan out, as a space does with its operations.
fn apply(space: &mut BTreeMap<RecordId, Fields>, plan: &Plan) {
    for (id, operation) in plan.operations() {
        match operation {
            Operation::Delete => {
                assert!(space.remove(&id).is_some());
            }
            Operation::Edit(edit) => {
                let fields = space.entry(id).or_default();
                for (name, value) in edit {
                    match value {
                        Some(value) => fields.insert(name, value),
                        None => fields.remove(&name),
                    };
                }
            }
        }
    }
}

fn addresses(space: &BTreeMap<RecordId, Fields>) -> BTreeMap<RecordId, Address> {
    space.iter().filter_map(|(id, fields)| Some((*id, Address::from_fields(fields.clone())?))).collect()
}

#[test]
fn a_replaced_list_keeps_the_ids_of_what_stays() {
    let mut fresh = ids_from(0);
    let first = [mail("Desk", 201), mail("Lobby", 202), mail("Porter", 203), group("All", 204, &[201, 202])];
    let mut space = BTreeMap::new();
    space.insert(id(900), Fields::from([("type".into(), "setting".into()), ("value".into(), "en".into())]));
    let setting = space.clone();
    let plan_one = plan(&space, incoming(&first), ListMode::Replace, &mut fresh);
    assert_eq!(plan_one.counts(), Counts { added: 4, ..Counts::default() });
    apply(&mut space, &plan_one);

    let mut lobby = mail("Lobby", 202);
    lobby.mail = "hall@office.example".into();
    let second = [group("All", 204, &[201, 202]), lobby, mail("Desk", 201), mail("Gate", 205)];
    let plan_two = plan(&space, incoming(&second), ListMode::Replace, &mut fresh);
    assert_eq!(plan_two.counts(), Counts { added: 1, changed: 1, removed: 1, same: 2 });
    assert_eq!(plan_two.changed[0].edit.names().collect::<Vec<_>>(), ["mail"]);
    apply(&mut space, &plan_two);
    assert!(setting.iter().all(|(id, fields)| space.get(id) == Some(fields)));

    let all = addresses(&space).into_values().find(|entry| entry.name == "All").unwrap();
    assert_eq!(all.members.keys().collect::<Vec<_>>(), [&Member::Record(id(1)), &Member::Record(id(2))]);
}

#[test]
fn an_append_adds_what_is_not_there_in_this_form() {
    let mut fresh = ids_from(0);
    let list = [mail("Desk", 201), mail("Desk", 201), group("All", 204, &[201]), group("Both", 205, &[204])];
    let mut space = BTreeMap::new();
    apply(&mut space, &plan(none(), incoming(&list), ListMode::Append, &mut fresh));
    assert_eq!(space.len(), 4);
    let again = plan(&space, incoming(&list), ListMode::Append, &mut fresh);
    assert_eq!(again.counts(), Counts { same: 4, ..Counts::default() });

    // The same numbers, but another entry behind one of them: the groups are others too, down to the last.
    let other = [mail("Door", 201), group("All", 204, &[201]), group("Both", 205, &[204])];
    let others = plan(&space, incoming(&other), ListMode::Append, &mut fresh);
    assert_eq!(others.counts(), Counts { added: 3, ..Counts::default() });
    let door = others.added[0].0;
    let group = Address::from_fields(others.added[1].1.fields()).unwrap();
    assert_eq!(group.members.keys().collect::<Vec<_>>(), [&Member::Record(door)]);
}

#[test]
fn what_a_file_cannot_say_stays() {
    let folder = Folder { protocol: "smb".into(), host: "files".into(), ..Folder::default() };
    let login = Login {
        username: "scanner".into(),
        password: Some(Password::Plain(Secret("hush".into()))),
        ..Login::default()
    };
    let full = Address {
        kind: AddressKind::Folder,
        name: "Scans".into(),
        folder: Some(folder),
        login: Some(login),
        other: [("colour".into(), "red".into())].into(),
        ..Address::default()
    };
    let mut bare = full.clone();
    bare.other.clear();
    bare.login.as_mut().unwrap().password = None;
    let space = BTreeMap::from([(id(1), full.to_fields())]);
    let kept = plan(&space, incoming(&[bare.clone()]), ListMode::Replace, &mut ids_from(1));
    assert_eq!(kept.counts(), Counts { same: 1, ..Counts::default() });
    assert_eq!(kept.notes[0].code, "password_kept");
    assert!(!alloc::format!("{kept:?}").contains("hush"));

    bare.login.as_mut().unwrap().username = "other".into();
    let changed = plan(&space, incoming(&[bare]), ListMode::Replace, &mut ids_from(1));
    let login = changed.changed[0].edit.get("login").unwrap();
    assert_eq!((login.get("username"), login.get("password")), (Some(&"other".into()), None));
}

#[test]
fn only_the_lists_that_a_file_speaks_of_are_replaced() {
    let mut other = mail("Other", 201);
    other.list = Some(2);
    let space = BTreeMap::from([(id(1), mail("Desk", 201).to_fields()), (id(2), other.to_fields())]);
    let file = incoming(&[mail("Lobby", 201)]);
    let some = records_of_lists(space.clone(), &file);
    assert_eq!(some.keys().collect::<Vec<_>>(), [&id(1)]);
    assert_eq!(records_of_lists(space.clone(), &[]), space);
}

fn any_address() -> impl Strategy<Value = Address> {
    let kind = prop::sample::select(vec![AddressKind::Email, AddressKind::Fax, AddressKind::Group]);
    let word = || prop::sample::select(vec!["", "a", "b", "c"]).prop_map(String::from);
    let number = prop::option::of(201_i64..206);
    let members = prop::collection::btree_set(201_i64..208, 0..4);
    (kind, word(), word(), number, prop::option::of(1_i64..3), members).prop_map(
        |(kind, name, mail, number, list, members)| {
            let is_group = kind == AddressKind::Group;
            let mut address = Address { kind, name, mail, number, list, ..Address::default() };
            if is_group {
                address.set_members(members.into_iter().map(Member::Number));
            }
            address
        },
    )
}

/// What an export of a list says: what has no number of its own gets one.
fn numbered(space: &BTreeMap<RecordId, Fields>) -> Vec<String> {
    let addresses = addresses(space);
    let spots = crate::files::canon_csv::spots(addresses.iter().map(|(id, address)| (*id, address.clone())));
    let placed = addresses.into_iter().map(|(id, mut address)| {
        if let Some(spot) = spots.get(&id) {
            (address.list, address.number) = *spot;
        }
        (id, address.to_fields())
    });
    content(&placed.collect())
}

/// What a list says, whatever its records are called: groups name their members by what those say, two levels deep.
fn content(space: &BTreeMap<RecordId, Fields>) -> Vec<String> {
    let addresses = addresses(space);
    let plain = |address: &Address| {
        let mut address = address.clone();
        let members = core::mem::take(&mut address.members);
        alloc::format!("{address:?} {}", members.len())
    };
    let mut lines: Vec<String> = addresses
        .values()
        .map(|address| {
            let members = address.members_in_order().map(|member| match member {
                Member::Record(id) => plain(&addresses[id]),
                other => alloc::format!("{other:?}"),
            });
            alloc::format!("{} {:?}", plain(address), members.collect::<Vec<_>>())
        })
        .collect();
    lines.sort();
    lines
}

proptest! {
    /// Whatever was there: a replaced list is the file's, and the same file changes nothing the second time.
    #[test]
    fn the_list_is_what_the_file_says(
        before in prop::collection::vec(any_address(), 0..8),
        file in prop::collection::vec(any_address(), 0..8),
    ) {
        let mut fresh = ids_from(0);
        let mut space = BTreeMap::new();
        apply(&mut space, &plan(none(), incoming(&before), ListMode::Append, &mut fresh));
        prop_assert_eq!(space.len(), before.len());
        let mut wanted = BTreeMap::new();
        apply(&mut wanted, &plan(none(), incoming(&file), ListMode::Replace, &mut fresh));

        let replaced = plan(&space, incoming(&file), ListMode::Replace, &mut fresh);
        let counts = replaced.counts();
        prop_assert_eq!(counts.added + counts.changed + counts.same, file.len());
        prop_assert_eq!(counts.removed + counts.changed + counts.same, before.len());
        apply(&mut space, &replaced);
        prop_assert!(content(&space) == content(&wanted) || numbered(&space) == numbered(&wanted));
        let again = plan(&space, incoming(&file), ListMode::Replace, &mut fresh);
        prop_assert_eq!(again.operations().count(), 0);
    }

    /// An append loses nothing, and the same file changes nothing the second time.
    #[test]
    fn an_append_leaves_what_is_there(
        mut before in prop::collection::vec(any_address(), 0..8),
        mut file in prop::collection::vec(any_address(), 0..8),
    ) {
        // A group whose members have no numbers of their own names them otherwise as the list grows.
        if before.iter().any(|one| one.list.is_none() || one.number.is_none()) {
            before.iter_mut().chain(&mut file).for_each(|one| one.members.clear());
        }
        let mut fresh = ids_from(0);
        let mut space = BTreeMap::new();
        apply(&mut space, &plan(none(), incoming(&before), ListMode::Append, &mut fresh));
        let stood = space.clone();
        apply(&mut space, &plan(&stood, incoming(&file), ListMode::Append, &mut fresh));
        prop_assert!(stood.iter().all(|(id, fields)| space.get(id) == Some(fields)));
        let again = plan(&space, incoming(&file), ListMode::Append, &mut fresh);
        prop_assert_eq!(again.operations().count(), 0);
    }
}
