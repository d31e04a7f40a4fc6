//! One's own export, imported again, changes nothing: also of what has no number, or one that another has too.

use super::*;
use crate::files::{Place, canon_csv};

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
