//! Users and departments: who is built in, and what only the machine says of them.

use super::*;

#[test]
fn users_full_or_only_new_and_changed() {
    let built_in = [("built_in", Value::Bool(true)), ("password", hash(9))];
    let there = one(
        Item::AuthenticationUsers,
        vec![
            (id(901), user("Administrator", &built_in)),
            (id(902), user("alice", &[("password", hash(1)), ("mail", "a@office.example".into())])),
            (id(903), user("bob", &[])),
        ],
    );
    // Not by an import, which makes nobody a built-in one.
    let here: World =
        there.into_iter().map(|(_, space, users)| (space, users.into_iter().collect())).collect();
    let new_alice = user("alice", &[("password", MASK.into()), ("display_name", "Alice".into())]);
    let file = one(
        Item::AuthenticationUsers,
        vec![
            (id(1), new_alice),
            (id(2), user("alice", &[("display_name", "Another".into())])),
            (id(3), user("carol", &[("password", MASK.into())])),
        ],
    );
    let space = &file[0].1;
    let named = |world: &World, name: &str| {
        world[space].values().find(|user| user.get("name") == Some(&name.into())).cloned()
    };
    let mut merged = here.clone();
    let plan = plan_import(&here, &file, merge(), &mut ids_from(20_000));
    assert_eq!(plan.counts(), Counts { added: 1, changed: 1, ..Counts::default() });
    assert_eq!(codes(&plan), ["duplicate_in_file"]);
    apply(&mut merged, &plan);
    let alice = named(&merged, "alice").unwrap();
    assert_eq!((&alice["password"], &alice["display_name"]), (&hash(1), &"Alice".into()));
    assert_eq!(alice["mail"], "a@office.example".into());
    assert_eq!(named(&merged, "carol").unwrap().get("password"), None);

    let mut replaced = here.clone();
    let plan = plan_import(&here, &file, full(), &mut ids_from(20_000));
    assert_eq!(plan.counts(), Counts { added: 1, changed: 1, removed: 1, same: 0 });
    apply(&mut replaced, &plan);
    let alice = named(&replaced, "alice").unwrap();
    assert_eq!((&alice["password"], alice.get("mail")), (&hash(1), None));
    assert!(named(&replaced, "Administrator").is_some() && named(&replaced, "bob").is_none());
    // A file that holds all, and nobody: the built-in ones stay.
    let none = plan_import(&replaced, &one(Item::AuthenticationUsers, vec![]), full(), &mut ids_from(30_000));
    assert_eq!(none.counts(), Counts { removed: 2, ..Counts::default() });
}

/// Who is built in is the machine's own: no file makes somebody so or takes it away, nor what the built-in ones may.
#[test]
fn no_file_says_who_is_built_in() {
    let item = Item::AuthenticationUsers;
    let of = |name: &str, role: &str, built_in: Option<bool>| {
        let own =
            [("name", name.into()), ("role", role.into()), ("mail", format!("{name}@x.example").into())];
        let flag = built_in.map(|flag| ("built_in", Value::Bool(flag)));
        fields("login-user", &own.into_iter().chain(flag).collect::<Vec<_>>())
    };
    let space = space_of(catalogue::content(item)[0].place);
    let here = World::from([(
        space.clone(),
        [(id(901), of("admin", "administrator", Some(true))), (id(902), of("alice", "general-user", None))]
            .into(),
    )]);
    let mut bad = of("admin", "guest", Some(false));
    bad.insert("mail".into(), "new@x.example".into());
    let evil = of("evil", "administrator", Some(true));
    let file = one(item, vec![(id(1), bad), (id(2), evil), (id(3), of("alice", "guest", Some(true)))]);
    for terms in [full(), merge()] {
        let mut world = here.clone();
        let plan = plan_import(&world, &file, terms, &mut ids_from(20_000));
        assert_eq!(plan.verdict(), Ok(()));
        let of_flag = codes(&plan).iter().filter(|code| **code == "built_in_is_the_machines").count();
        assert_eq!((of_flag, codes(&plan).contains(&"built_in_kept")), (3, true));
        apply(&mut world, &plan);
        let named = |world: &World, name: &str| {
            world[&space].values().find(|user| user.get("name") == Some(&name.into())).cloned()
        };
        let admin = named(&world, "admin").unwrap();
        assert_eq!((&admin["role"], &admin["built_in"]), (&"administrator".into(), &Value::Bool(true)));
        assert_eq!(admin["mail"], "new@x.example".into());
        assert_eq!(named(&world, "evil").unwrap().get("built_in"), None);
        assert_eq!(named(&world, "alice").unwrap().get("built_in"), None);
        // The second import, which tried to delete who is built in, and keep whom it brought.
        let none = one(item, vec![(id(7), of("carol", "guest", None))]);
        let plan = plan_import(&world, &none, full(), &mut ids_from(30_000));
        apply(&mut world, &plan);
        let left: Vec<_> = world[&space].values().map(|user| user["name"].to_string()).collect();
        assert_eq!(
            (left.len(), named(&world, "admin").is_some(), named(&world, "carol").is_some()),
            (2, true, true)
        );
    }
    // And no export says it.
    let out = export(&here, &[item], Secrets::Everything);
    assert!(out.iter().flat_map(|(.., entries)| entries).all(|(_, user)| !user.contains_key("built_in")));
}

/// Not by its id either: a copy of the machine in which the built-in user has another name, or may not log in.
#[test]
fn no_file_renames_or_disables_a_built_in_user() {
    let built_in =
        [("built_in", Value::Bool(true)), ("role", "administrator".into()), ("enabled", true.into())];
    let there = one(Item::AuthenticationUsers, vec![(id(901), user("Administrator", &built_in))]);
    let here: World =
        there.into_iter().map(|(_, space, users)| (space, users.into_iter().collect())).collect();
    let other = [("role", "guest".into()), ("enabled", false.into())];
    let file = one(Item::AuthenticationUsers, vec![(id(901), user("Bob", &other))]);
    for terms in [full(), merge()] {
        let (mut world, plan) = (here.clone(), plan_import(&here, &file, terms, &mut ids_from(10_000)));
        apply(&mut world, &plan);
        let standing = world.values().flat_map(|users| users.values());
        let built_in: Vec<_> =
            standing.filter(|user| user.get("built_in") == Some(&Value::Bool(true))).collect();
        let said = |name: &str| built_in[0].get(name).cloned();
        assert_eq!((built_in.len(), said("name")), (1, Some("Administrator".into())));
        assert_eq!((said("role"), said("enabled")), (Some("administrator".into()), Some(true.into())));
    }
}

#[test]
fn departments_take_all_but_the_counter() {
    let count = |pages: i64| Value::Map([("total".to_string(), pages.into())].into());
    let department = |id: &str, name: &str, pages: i64| {
        fields("department", &[("id", id.into()), ("name", name.into()), ("counter", count(pages))])
    };
    let item = Item::DepartmentIdManagement;
    let space = space_of(catalogue::content(item)[0].place);
    let here: World = [(
        space.clone(),
        [(id(901), department("1", "Sales", 77)), (id(902), department("2", "Support", 5))].into(),
    )]
    .into();
    let file = one(item, vec![(id(1), department("1", "Selling", 3)), (id(3), department("3", "Works", 9))]);
    for terms in [merge(), full()] {
        let mut now = here.clone();
        let plan = plan_import(&here, &file, terms, &mut ids_from(10_000));
        assert_eq!(plan.counts(), Counts { added: 1, changed: 1, removed: 1, same: 0 });
        apply(&mut now, &plan);
        let sales = &now[&space][&id(901)];
        assert_eq!((&sales["name"], &sales["counter"]), (&"Selling".into(), &count(77)));
        assert!(
            now[&space]
                .values()
                .filter(|one| one["id"] == "3".into())
                .all(|one| !one.contains_key("counter"))
        );
        let empty = plan_import(&here, &one(item, vec![]), terms, &mut ids_from(10_000));
        assert_eq!(empty.counts(), Counts::default());
    }
}
