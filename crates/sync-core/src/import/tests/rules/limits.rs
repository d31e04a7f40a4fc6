//! Limits, secrets, and places.

use super::*;

#[test]
fn limits_say_what_there_would_be() {
    assert_eq!(full().limits, crate::profile::MACHINE.limits);
    let many = |count: i64, of: fn(i64) -> Address| -> Vec<Address> { (1..=count).map(of).collect() };
    let department = |n: u128| (id(n), fields("department", &[("id", n.to_string().into())]));
    let person = |n: u128| (id(n), user(&n.to_string(), &[]));
    let mut long = mail("Long", 201);
    long.access_code.0 = "12345678".into();
    for (file, code) in [
        (book(&many(1_601, |n| mail("a", n))), "too_many_list_entries"),
        (book(&many(201, |n| one_touch("a", n))), "too_many_one_touch_entries"),
        (book(&[long]), "access_number_too_long"),
        (one(Item::DepartmentIdManagement, (1..=1_001).map(department).collect()), "too_many_departments"),
        (one(Item::AuthenticationUsers, (1..=5_002).map(person).collect()), "too_many_users"),
    ] {
        let plan = plan_import(&World::new(), &file, full(), &mut ids_from(10_000));
        assert_eq!(errors(&plan), [code]);
        assert!(is_limit(code) && !is_limit("no_such_word"));
        // The one answer of rule 10, where it is one of its limits.
        let answer = rules::decide_limits(&crate::profile::MACHINE, plan.would_hold);
        let answer = answer.map_err(|denied| denied.code.as_str());
        assert_eq!(
            answer,
            if code == "access_number_too_long" { Ok(()) } else { Err("over_limit") },
            "{code}"
        );
        // A profile sets how many there may be, not what a value may be.
        let lifted = full().with_limits(PerLimit::NO_LIMIT);
        let plan = plan_import(&World::new(), &file, lifted, &mut ids_from(10_000));
        assert_eq!(plan.verdict().is_ok(), code != "access_number_too_long");
        // What is over it already, and grows no further, is not held against it.
        let mut here = World::new();
        apply(&mut here, &plan_import(&World::new(), &file, lifted, &mut ids_from(10_000)));
        let again = plan_import(&here, &file, full(), &mut ids_from(10_000));
        assert!(again.verdict().is_ok() || code == "access_number_too_long");
    }
    let group_of = |name: &str| {
        let mut gathered =
            Gathered::new(Item::UserGroupAddressList, SpaceName::group("office", name)).unwrap();
        gathered.incoming(mail("Desk", 201).into());
        gathered
    };
    for (lists, over) in [(49, false), (50, true)] {
        let mut planner = Planner::new(merge());
        (0..lists).for_each(|n| planner.group_list(&SpaceName::group("office", &n.to_string())));
        planner.take(group_of("new"), &mut ids_from(10_000));
        planner.take(group_of("1"), &mut ids_from(50_000));
        assert_eq!(errors(&planner.finish()) == ["too_many_group_lists"], over);
    }
}

#[test]
fn a_plain_file_has_no_secret() {
    let world = world(4);
    let items: Vec<Item> = Item::ALL.to_vec();
    for (_, _, entries) in export(&world, &items, Secrets::Nothing) {
        for (_, fields) in entries {
            for (name, value) in &fields {
                let shown = catalogue::secrecy(&fields, name) == catalogue::Secret::No;
                let login =
                    name == "login" && value.get("password").is_none() && value.get("encrypted").is_none();
                assert!(shown || login, "{fields:?}");
            }
            assert!(!matches!(catalogue::type_of(&fields), Some("key")));
        }
    }
    let with_passwords = export(&world, &[Item::AddressBook], Secrets::Credentials);
    let logins = |file: &File| {
        file[0].2.iter().filter(|(_, f)| f.get("login").is_some_and(|l| l.get("password").is_some())).count()
    };
    assert!(logins(&with_passwords) > 0);
    assert_eq!(logins(&export(&world, &[Item::AddressBook], Secrets::Nothing)), 0);
}

#[test]
fn no_place_is_forgotten() {
    for (item, part) in catalogue::parts() {
        let space = space_of(part.place);
        assert!(Gathered::new(item, space.clone()).is_some(), "{item} {space}");
        assert!(matches!(part.place, Place::User) == (space.kind == crate::space::SpaceKind::User));
    }
}

proptest! {
    /// An overwritten list differs from what it was only at the numbers of the file; it loses nothing, and the same file
    /// changes nothing the second time.
    #[test]
    fn an_overwrite_touches_only_the_numbers_of_the_file(
        before in prop::collection::btree_map(1_i64..9, "[a-d]", 0..8),
        file in prop::collection::btree_map(1_i64..9, "[a-d]", 0..8),
    ) {
        let list = |entries: &BTreeMap<i64, String>| -> Vec<Address> {
            entries.iter().map(|(number, name)| one_touch(name, *number)).collect()
        };
        let terms = Terms::new(ListMode::Overwrite, Carries::ADDRESSES);
        let mut fresh = ids_from(10_000);
        let mut here = World::new();
        apply(&mut here, &plan_import(&World::new(), &book(&list(&before)), terms, &mut fresh));
        let there = here.clone();
        let plan = plan_import(&here, &book(&list(&file)), terms, &mut fresh);
        apply(&mut here, &plan);
        prop_assert_eq!(plan.counts().removed, 0);
        let space = SpaceName::local(LISTS);
        let records = |world: &World| world.get(&space).cloned().unwrap_or_default();
        for (id, fields) in records(&there) {
            let now = &records(&here)[&id];
            let number = fields["number"].as_int().unwrap();
            prop_assert_eq!(&now["number"], &fields["number"]);
            prop_assert!(file.contains_key(&number) || *now == fields);
        }
        let mut wanted = before;
        wanted.extend(file.clone());
        let now = records(&here);
        let now: Vec<(i64, &str)> = now.values().map(|f| (f["number"].as_int().unwrap(), f["name"].as_text().unwrap())).collect();
        prop_assert_eq!(now.len(), wanted.len());
        prop_assert!(now.iter().all(|(number, name)| wanted[number] == *name));
        prop_assert_eq!(plan_import(&here, &book(&list(&file)), terms, &mut fresh).changes().count(), 0);
    }
}
