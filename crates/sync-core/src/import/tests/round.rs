//! One's own export, imported again, changes nothing: also of what has no number, or one that another has too.

use super::{
    whole::{World, apply, plan_import},
    *,
};
use crate::{
    files::{
        Book, Format, Place, ReadOptions, WriteOptions, canon_csv, convert, each_listed,
        field::{Field, Slot},
    },
    item::Item,
    space::SpaceName,
};

fn any_list() -> impl Strategy<Value = Vec<(Address, Vec<usize>)>> {
    let kind = prop::sample::select(vec![
        AddressKind::Email,
        AddressKind::Fax,
        AddressKind::Folder,
        AddressKind::Group,
    ]);
    let word = || prop::sample::select(vec!["", "a", "b"]).prop_map(String::from);
    let number = prop::option::of(201_i64..204);
    // Between two lists with the same numbers a file can't say which entry a group means.
    let list = prop::sample::select(vec![None, Some(1)]);
    let password = prop::option::of(word());
    let members = prop::collection::vec(0_usize..6, 0..4);
    let entry = (kind, word(), word(), number, list, password, members).prop_map(
        |(kind, name, mail, number, list, password, members)| {
            let mut address = Address { kind, name, mail, number, list, ..Address::default() };
            if let (AddressKind::Folder, Some(password)) = (&address.kind, password) {
                let folder = Folder { protocol: "smb".into(), host: "files".into(), ..Folder::default() };
                let password = (!password.is_empty()).then_some(Password::Plain(Secret(password)));
                address.folder = Some(folder);
                address.login = Some(Login { username: "scan".into(), password, ..Login::default() });
            }
            (address, members)
        },
    );
    prop::collection::vec(entry, 0..6)
}

/// The list as a space has it: members are records.
fn space_of(list: Vec<(Address, Vec<usize>)>) -> BTreeMap<RecordId, Fields> {
    let count = list.len();
    let at = |place: usize| id(place as u128 + 1);
    let records = list.into_iter().enumerate().map(|(place, (mut address, members))| {
        if address.kind == AddressKind::Group {
            let members: BTreeSet<usize> = members.into_iter().collect();
            let members = members.into_iter().filter(|member| *member < count && *member != place);
            address.set_members(members.map(|member| Member::Record(at(member))));
        }
        (at(place), address.to_fields())
    });
    records.collect()
}

fn exported(space: &BTreeMap<RecordId, Fields>) -> Vec<Incoming> {
    let mut entries: Vec<_> = addresses(space).into_iter().collect();
    canon_csv::sort(&mut entries);
    let place = Place::Person("alice".into());
    let listed: Vec<_> = entries.into_iter().map(|(id, address)| outgoing(id, &place, address)).collect();
    let book = canon_csv::new_book(&listed, &canon_csv::Options::default()).unwrap();
    let bytes = canon_csv::write(&book).unwrap();
    let mut rows = Vec::new();
    canon_csv::each_row(&bytes, |row| rows.push(Incoming::of_row(row.line, &row.owner, &row.address)))
        .unwrap();
    rows
}

proptest! {
    #[test]
    fn an_export_imported_again_changes_nothing(list in any_list()) {
        let space = space_of(list);
        for mode in [ListMode::Append, ListMode::Overwrite, ListMode::Replace] {
            let again = plan(&space, exported(&space), mode, &mut ids_from(900));
            let operations: Vec<_> = again.operations().collect();
            prop_assert_eq!(operations, vec![], "{:?}", mode);
            prop_assert_eq!(again.counts().same, space.len());
        }
    }
}

#[test]
fn a_number_that_only_the_export_gave_stays_none() {
    let bare = |name: &str| Address { number: None, list: None, ..mail(name, 0) };
    let space = BTreeMap::from([(id(1), bare("Desk").to_fields()), (id(2), bare("Lobby").to_fields())]);
    // What was edited in the file changes; the number that nobody chose does not come along.
    let mut file = exported(&space);
    let mut lobby = Address::from_fields(file[1].fields.fields()).unwrap();
    lobby.mail = "hall@office.example".into();
    file[1].fields = Packed::from(&lobby.to_fields());
    let plan_one = plan(&space, file, ListMode::Replace, &mut ids_from(9));
    assert_eq!(plan_one.changed[0].edit.names().collect::<Vec<_>>(), ["mail"]);
}

#[test]
fn a_number_that_a_machine_gave_comes_in() {
    let bare = |name: &str| Address { number: None, list: None, ..mail(name, 0) };
    let space = BTreeMap::from([(id(1), bare("Desk").to_fields()), (id(2), bare("Lobby").to_fields())]);
    let file = [mail("Lobby", 305), mail("Desk", 304), group("All", 306, &[304, 305])];
    let replaced = plan(&space, incoming(&file), ListMode::Replace, &mut ids_from(9));
    assert_eq!(replaced.counts(), Counts { added: 1, changed: 2, ..Counts::default() });
    assert_eq!(replaced.changed[0].id, id(2));
    assert_eq!(replaced.changed[0].edit.names().collect::<Vec<_>>(), ["list", "number"]);
    let overwritten = plan(&space, incoming(&file), ListMode::Overwrite, &mut ids_from(9));
    assert_eq!(overwritten.counts(), Counts { added: 1, changed: 2, ..Counts::default() });
    // Beside what is there nothing comes twice, and nothing changes.
    let appended = plan(&space, incoming(&file), ListMode::Append, &mut ids_from(9));
    assert_eq!(appended.counts(), Counts { added: 1, same: 2, ..Counts::default() });
}

/// The entries of a file in a format, as an import of a person's own list takes them.
fn entries_of(bytes: &[u8]) -> (Format, Vec<(RecordId, Fields)>) {
    let mut entries = Vec::new();
    let (_, _, format) = each_listed(bytes, &ReadOptions::default(), |id, _, _, address| {
        entries.push((id.unwrap_or(id_of_row(entries.len())), address.to_fields()));
    })
    .unwrap();
    (format, entries)
}

fn id_of_row(row: usize) -> RecordId {
    id(row as u128 + 1)
}

/// Imports a file into a world, in place of what is there; says which fields changed.
fn import_into(world: &mut World, bytes: &[u8], seed: u128) -> BTreeSet<String> {
    let (format, entries) = entries_of(bytes);
    let file = vec![(Item::PersonalAddressList, SpaceName::user("office", "alice"), entries)];
    let carries = Carries { format: Some(format), all: true, ..Carries::ADDRESSES };
    let terms = Terms::new(ListMode::Replace, carries);
    let plan = plan_import(world, &file, terms, &mut ids_from(seed));
    let changed = plan.operations().flat_map(|(_, _, operation)| match operation {
        Operation::Edit(edit) => edit.into_keys().collect(),
        Operation::Delete => vec![String::from("deleted")],
    });
    let changed = changed.collect();
    apply(world, &plan);
    changed
}

fn exported_to(world: &World, format: Format) -> Vec<u8> {
    let place = Place::Person("alice".into());
    let records = world.values().flatten().filter_map(|(id, fields)| {
        let address = Address::from_fields(fields.clone())?;
        Some(outgoing(*id, &place, address))
    });
    convert(&Book::of_listed(records.collect()), format, &WriteOptions::default()).unwrap().bytes
}

#[test]
fn an_export_in_a_poorer_format_takes_nothing_away_when_it_comes_back() {
    let cards = "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:Ann Doe\nN:Doe;Ann;;;\nORG:Sample\nNOTE:of the choir\n\
                 EMAIL:ann@x.example\nEMAIL;TYPE=HOME:ann@home.example\nTEL;TYPE=FAX:+1 5\nEND:VCARD\n\
                 BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Bo\nN:;Bo;;;\nEMAIL:bo@x.example\nEND:VCARD\n";
    for format in Format::all().filter(|format| format.holds().of_slot(Slot::Mail) > 0) {
        let mut world = World::new();
        import_into(&mut world, cards.as_bytes(), 100);
        let before = world.clone();
        let first = import_into(&mut world, &exported_to(&before, format), 200);
        if format.holds().of_slot(Slot::Fax) == 0 {
            continue;
        }
        // A format in which each entry has a number, and each fax a speed, can't say that there is none.
        let mut allowed: BTreeSet<&str> = BTreeSet::new();
        allowed.extend(format.holds().numbers.map(|_| "number"));
        allowed.extend(format.holds().limit(Field::FaxSpeed).map(|_| "fax"));
        assert!(first.iter().all(|name| allowed.contains(&**name)), "{format}: {first:?}");
        let again = exported_to(&world, format);
        let second = import_into(&mut world, &again, 300);
        assert_eq!(second, BTreeSet::new(), "{format}");
        let cards = String::from_utf8(exported_to(&world, Format::Vcard)).unwrap();
        for line in ["UID:one", "N:Doe;Ann;;;", "NOTE:of the choir", "EMAIL;TYPE=HOME:ann@home.example"] {
            assert!(cards.contains(line), "{format}: {cards}");
        }
        assert_eq!(cards.matches("BEGIN:VCARD").count(), 2, "{format}: {cards}");
    }
}

#[test]
fn the_parts_of_a_name_that_was_edited_in_a_poorer_format_go_and_the_rest_stays() {
    let card =
        "BEGIN:VCARD\nVERSION:3.0\nFN:Ann Doe\nN:Doe;Ann;;;\nORG:Sample\nEMAIL:ann@x.example\nEND:VCARD\n";
    let mut world = World::new();
    import_into(&mut world, card.as_bytes(), 100);
    let file = String::from_utf8(exported_to(&world, Format::RicohCsv)).unwrap();
    import_into(&mut world, file.replace("Ann Doe", "Ann Roe").as_bytes(), 200);
    let address = Address::from_fields(world.values().flatten().next().unwrap().1.clone()).unwrap();
    let person = address.person.unwrap();
    assert_eq!((&*address.name, &*person.family, &*person.organization), ("Ann Roe", "", "Sample"));
}
