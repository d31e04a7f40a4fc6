//! The one-touch list, whose entries go by their numbers.

use super::*;

#[test]
fn the_one_touch_list_is_overwritten_or_replaced() {
    let file = book(&[one_touch("Desk", 1), mail("Lobby", 201)]);
    let terms = |mode| Terms::new(mode, Carries::ADDRESSES);
    for mode in [ListMode::Overwrite, ListMode::Replace] {
        let plan = plan_import(&World::new(), &file, terms(mode), &mut ids_from(10_000));
        assert_eq!((plan.verdict(), plan.counts().added), (Ok(()), 2));
    }
}

#[test]
fn where_entries_are_appended_those_of_the_one_touch_list_go_by_their_numbers() {
    let (mine, theirs) = (id(901), id(902));
    let here: World = [(
        SpaceName::local(LISTS),
        [
            (mine, one_touch("Porter", 1).to_fields()),
            (id(903), one_touch("Gate", 3).to_fields()),
            (theirs, mail("Porter", 201).to_fields()),
        ]
        .into(),
    )]
    .into();
    let in_list = |list, entry: Address| Address { list: Some(list), ..entry };
    let file = book(&[
        one_touch("Desk", 1),
        one_touch("Hall", 2),
        mail("Lobby", 201),
        in_list(ONE_TOUCH_LIST, group("Buttons", 4, &[1, 3])),
        // This list has no such number, and buttons that are here are none of its own.
        group("Others", 300, &[3]),
    ]);
    let terms = Terms::new(ListMode::Append, Carries::ADDRESSES);
    let plan = plan_import(&here, &file, terms, &mut ids_from(10_000));
    assert_eq!(plan.verdict(), Ok(()));
    assert_eq!(plan.counts(), Counts { added: 4, changed: 1, ..Counts::default() });
    assert_eq!(codes(&plan), ["one_touch_overwritten", "member_missing"]);
    let mut after = here.clone();
    apply(&mut after, &plan);
    let after = &after[&SpaceName::local(LISTS)];
    assert_eq!(after[&mine]["name"], "Desk".into());
    assert_eq!(after[&theirs]["name"], "Porter".into());
    let buttons = after.values().find(|fields| fields["name"] == "Buttons".into()).unwrap();
    for member in [mine, id(903)] {
        assert!(buttons.contains_key(&alloc::format!("member:{member}")), "{buttons:?}");
    }
    // The same file again changes nothing.
    let here: World = [(SpaceName::local(LISTS), after.clone())].into();
    let again = plan_import(&here, &file, terms, &mut ids_from(20_000));
    assert_eq!(again.changes().count(), 0);
    // Where all is overwritten anyway, nothing more is to be said.
    let terms = Terms::new(ListMode::Overwrite, Carries::ADDRESSES);
    let overwritten = plan_import(&World::new(), &file, terms, &mut ids_from(10_000));
    assert!(!codes(&overwritten).contains(&"one_touch_overwritten"));
}

#[test]
fn an_overwritten_number_keeps_its_record_and_not_its_secrets() {
    let mut desk = one_touch("Desk", 1);
    desk.access_code.0 = "1234".into();
    desk.other.insert("colour".into(), "red".into());
    let there = [(id(901), desk.to_fields()), (id(902), one_touch("Lobby", 2).to_fields())];
    let all = group("All", 3, &[1, 2, 9]);
    let file = [one_touch("Porter", 1), one_touch("Twice", 1), Address { list: Some(ONE_TOUCH_LIST), ..all }];
    let incoming = file.iter().cloned().map(Incoming::from).collect();
    let overwritten = plan(there, incoming, ListMode::Overwrite, &mut ids_from(10_000));
    assert_eq!(overwritten.counts(), Counts { added: 1, changed: 1, ..Counts::default() });
    let porter = overwritten.changed[0].edit();
    assert_eq!(porter["name"], Some("Porter".into()));
    assert_eq!((&porter["access_code"], &porter["colour"]), (&None, &None));
    // Its numbers are those of the list itself.
    let members = Address::from_fields(overwritten.added[0].1.fields()).unwrap().members;
    let members: Vec<String> = members.keys().map(|member| member.field()).collect();
    assert_eq!(
        members,
        [
            alloc::format!("member:{}", id(901)),
            alloc::format!("member:{}", id(902)),
            "member:number/9".into()
        ]
    );
    let codes: Vec<_> = overwritten.notes.iter().map(|note| note.code).collect();
    assert_eq!(codes, ["duplicate_in_file", "member_missing"]);
}

#[test]
fn an_identical_entry_counts_as_there_although_the_file_tells_no_password() {
    let login = crate::address::Login {
        username: "scan".into(),
        password: Some(crate::address::Password::Plain(crate::address::Secret("hush".into()))),
        ..crate::address::Login::default()
    };
    let with = Address { login: Some(login.clone()), ..mail("Scans", 201) };
    let without = Address {
        login: Some(crate::address::Login { password: None, ..login.clone() }),
        ..mail("Scans", 201)
    };
    let mut other = with.clone();
    other.login.as_mut().unwrap().password =
        Some(crate::address::Password::Plain(crate::address::Secret("new".into())));
    for (entry, added) in [(with.clone(), 0), (without, 0), (other, 1)] {
        let appended =
            plan([(id(1), with.to_fields())], vec![entry.into()], ListMode::Append, &mut ids_from(1));
        assert_eq!((appended.counts().added, appended.counts().changed), (added, 0));
    }
}
