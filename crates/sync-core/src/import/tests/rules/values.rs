//! Settings and records: what fits, what a newer model brings, what is not the item's, what leads where.

use super::*;

#[test]
fn a_setting_without_a_name_is_refused_as_such() {
    let nameless = [("type".to_string(), "setting".into()), ("setting".to_string(), "sleep".into())];
    let file = one(Item::BasicInformation, vec![(id(1), nameless.into_iter().collect())]);
    let plan = plan_import(&World::new(), &file, full(), &mut ids_from(10_000));
    assert_eq!(errors(&plan), ["setting_without_name"]);
}

#[test]
fn what_an_import_deletes_beside_records_is_announced() {
    let manager = Value::Map([("id".to_string(), "7".into()), ("pin".to_string(), "7".into())].into());
    for (item, (id, fields), code) in [
        (
            Item::DepartmentIdManagement,
            setting("department.system-manager", manager),
            "system_manager_overwritten",
        ),
        (Item::Box, setting("box.auto-delete-hours", 24), "stored_documents_deleted"),
        (
            Item::Box,
            (id(5), fields("mail-box", &[("number", 3.into()), ("auto_delete_hours", 12.into())])),
            "stored_documents_deleted",
        ),
        (Item::Forwarding, setting("forwarding.errors", "off"), "failed_jobs_deleted"),
    ] {
        let file = one(item, vec![(id, fields)]);
        let plan = plan_import(&World::new(), &file, merge(), &mut ids_from(10_000));
        assert_eq!((plan.verdict(), codes(&plan)), (Ok(()), vec![code]));
        let again = plan_import(&machine_with(&file), &file, merge(), &mut ids_from(10_000));
        assert!(codes(&again).is_empty(), "nothing changes, so nothing follows: {code}");
    }
    let never = one(Item::Box, vec![setting("box.auto-delete-hours", 0)]);
    assert!(codes(&plan_import(&World::new(), &never, merge(), &mut ids_from(10_000))).is_empty());
}

#[test]
fn references_follow_and_those_that_lead_nowhere_are_said() {
    let theirs = world(1);
    let both = [Item::Forwarding, Item::Favorite, Item::AddressBook];
    let file = export(&theirs, &both, Secrets::Everything);
    let mut here = World::new();
    let plan = plan_import(&here, &file, full(), &mut ids_from(40_000));
    assert!(!codes(&plan).contains(&"reference_missing"), "{:?}", plan.notes);
    apply(&mut here, &plan);
    let lists: Vec<RecordId> = here[&SpaceName::local(LISTS)].keys().copied().collect();
    for (space, kind) in [("forwarding", "forwarding-rule"), ("favorite", "favorite-sending")] {
        let records = here[&SpaceName::local(space)].values();
        let references: Vec<RecordId> = records
            .filter(|fields| catalogue::type_of(fields) == Some(kind))
            .flat_map(catalogue::references)
            .collect();
        assert!(!references.is_empty() && references.iter().all(|id| lists.contains(id)), "{space}");
    }
    // Alone, the rules lead nowhere: said, and kept.
    let alone_file = export(&theirs, &[Item::Forwarding], Secrets::Everything);
    let plan = plan_import(&World::new(), &alone_file, full(), &mut ids_from(10_000));
    let missing =
        plan.spaces().flat_map(|(_, space)| &space.plan.notes).find(|n| n.code == "reference_missing");
    assert!(missing.unwrap().text.ends_with("import address-book with it"));
    assert_eq!(alone(&[Item::Forwarding])[0].code, "should_travel_together");
    assert!(alone(&both).is_empty() && alone(&[Item::DeviceSettings]).is_empty());

    // The same list again, as a file that names no ids: what names its entries still does. Without them: said.
    let space = SpaceName::local(LISTS);
    let book = |entries: Vec<(RecordId, Fields)>| vec![(Item::AddressBook, space.clone(), entries)];
    let empty = plan_import(&here, &book(vec![]), full(), &mut ids_from(10_000));
    assert_eq!(empty.counts().removed, lists.len());
    for code in ["favorites_kept", "reference_goes_missing"] {
        assert!(codes(&empty).contains(&code), "{code}");
    }
    let again = plan_import(
        &here,
        &export(&theirs, &[Item::AddressBook], Secrets::Everything),
        full(),
        &mut ids_from(10_000),
    );
    // The sample's group names a number that nobody has.
    assert_eq!((again.counts().touched(), codes(&again)), (0, vec!["member_missing"]));
}

#[test]
fn values_that_do_not_fit_refuse_the_import() {
    let wrong = fields("mail-box", &[("number", 700.into())]);
    let right = fields("mail-box", &[("number", 7.into())]);
    let (setting_id, unfit) = setting("box.auto-delete-hours", "soon");
    let file = one(Item::Box, vec![(id(1), wrong), (id(2), right), (setting_id, unfit)]);
    let plan = plan_import(&World::new(), &file, merge(), &mut ids_from(10_000));
    assert_eq!(errors(&plan), ["value_refused", "value_refused"]);
    let problem = &plan.verdict().unwrap_err()[0];
    assert_eq!((problem.record, problem.field.as_deref()), (Some(id(1)), Some("number")));
    assert_eq!(plan.errors[1].field.as_deref(), Some("box.auto-delete-hours"));
    let skipped = plan_import(&World::new(), &file, merge().skipping_unfit(true), &mut ids_from(10_000));
    assert_eq!((skipped.verdict(), skipped.counts().added), (Ok(()), 1));
    assert_eq!(codes(&skipped), ["value_refused", "value_refused"]);
}

#[test]
fn a_setting_of_another_models_range_is_kept_and_one_of_another_type_refused() {
    let id_of = |name: &str| setting(name, "").0;
    let valued = |name: &str, value: Value| fields("setting", &[("name", name.into()), ("value", value)]);
    let (hours, store, pin, times) = (
        "box.auto-delete-hours",
        "box.hard-disk-store",
        "box.memory-reception-pin",
        "box.memory-reception-times",
    );
    let span = |from: &str| -> Value {
        Value::Map([("from".to_string(), from.into()), ("until".to_string(), "07:00".into())].into())
    };
    for (name, value, taken) in [
        (hours, 5_000.into(), true),
        (hours, "24".into(), false),
        (store, "engrave".into(), true),
        (store, 3.into(), false),
        (store, "a\nb".into(), false),
        (pin, "12345678".into(), true),
        (pin, "12a".into(), false),
        (times, span("22:00"), true),
        (times, span("25:00"), false),
        (times, Value::List(vec![]), false),
    ] {
        let file = one(Item::Box, vec![(id_of(name), valued(name, value.clone()))]);
        let plan = plan_import(&World::new(), &file, merge(), &mut ids_from(10_000));
        let said = if taken { vec![] } else { vec!["value_refused"] };
        assert_eq!(errors(&plan), said, "{name} {value:?}");
        if taken {
            let noted = codes(&plan).contains(&"value_not_usable");
            assert_eq!((plan.counts().added, noted), (1, name != times), "{name} {value:?}");
        }
    }
}

#[test]
fn a_newer_models_records_come_and_stay() {
    let newer = fields("hologram", &[("depth", 3.into())]);
    let (setting_id, new_setting) = setting("box.hologram", "on");
    let known = fields("mail-box", &[("number", 7.into()), ("scent", "rose".into())]);
    let file = one(Item::Box, vec![(id(1), newer), (setting_id, new_setting), (id(2), known)]);
    let mut here = machine_with(&file);
    let space = file[0].1.clone();
    assert_eq!(here[&space].len(), 3);
    assert_eq!(here[&space][&id(1)]["depth"], 3.into());
    assert_eq!(plan_import(&here, &file, full(), &mut ids_from(10_000)).counts().same, 3);
    // A file that can't hold all of it changes nothing of what it can't say.
    let bare = one(Item::Box, vec![(id(2), fields("mail-box", &[("number", 7.into())]))]);
    let terms = Terms::new(ListMode::Replace, Carries::ADDRESSES);
    let plan = plan_import(&here, &bare, terms, &mut ids_from(10_000));
    assert_eq!(plan.counts(), Counts { same: 1, ..Counts::default() });
    let all_of_it = plan_import(&here, &bare, full(), &mut ids_from(10_000));
    apply(&mut here, &all_of_it);
    assert_eq!(here[&space].len(), 1);
}

#[test]
fn a_setting_that_the_file_lacks_stays_unless_it_holds_all() {
    let here = machine_with(&one(
        Item::Box,
        vec![setting("box.advanced-open", true), setting("box.memory-reception", true)],
    ));
    let file = one(Item::Box, vec![setting("box.advanced-open", false)]);
    for (terms, removed) in [
        (full(), 1),
        (merge(), 0),
        (Terms::new(ListMode::Replace, Carries { all: false, ..Carries::ENCRYPTED }), 0),
    ] {
        let plan = plan_import(&here, &file, terms, &mut ids_from(10_000));
        assert_eq!(plan.counts(), Counts { changed: 1, removed, ..Counts::default() });
    }
    // What a plain file can't hold is not missing from it.
    let keys = world(3);
    let plain = export(&keys, &[Item::Key, Item::Box], Secrets::Nothing);
    assert!(plain.iter().any(|(item, _, entries)| *item == Item::Key && entries.is_empty()));
    let plan =
        plan_import(&keys, &plain, Terms::new(ListMode::Replace, Carries::PLAIN), &mut ids_from(10_000));
    assert_eq!(plan.counts().touched(), 0);
}

#[test]
fn what_is_not_the_items_stays_out() {
    let item = Item::PersonalAddressList;
    let file = one(item, vec![setting("copy.copies", 3), (id(1), mail("Desk", 201).to_fields())]);
    let plan = plan_import(&World::new(), &file, full(), &mut ids_from(10_000));
    assert_eq!((plan.counts().added, codes(&plan)), (1, vec!["not_of_item"]));
    let file = one(Item::PersonalSettings, vec![setting("network.ssid", "office")]);
    let plan = plan_import(&World::new(), &file, full(), &mut ids_from(10_000));
    assert_eq!((plan.counts().added, codes(&plan)), (0, vec!["not_for_files"]));
    assert!(Gathered::new(Item::Box, SpaceName::local("key")).is_none());
}

#[test]
fn a_setting_of_another_item_stays_out() {
    let here = one(Item::BasicInformation, vec![setting("policy.no-direct-connection", true)]);
    let plan = plan_import(&World::new(), &here, full(), &mut ids_from(10_000));
    assert_eq!((plan.counts().added, codes(&plan)), (0, vec!["not_of_item"]));
    // At its own item it comes, and so does a newer model's.
    for (item, name) in
        [(Item::SecurityPolicy, "policy.no-direct-connection"), (Item::BasicInformation, "policy.hologram")]
    {
        let plan =
            plan_import(&World::new(), &one(item, vec![setting(name, true)]), full(), &mut ids_from(10_000));
        assert_eq!((plan.counts().added, codes(&plan)), (1, vec![]), "{name}");
    }
}

#[test]
fn what_files_bring_beyond_what_can_be_written_here_is_kept_and_said() {
    let odd = Address {
        kind: crate::address::AddressKind::named("pigeon"),
        list: Some(55),
        number: Some(99_999_999),
        mail: "loft".into(),
        ..mail("Loft", 201)
    };
    let without = Address { list: None, ..mail("Desk", 202) };
    let mut rule = fields("forwarding-rule", &[("name", "All".into()), ("receives", "fax".into())]);
    rule.insert("destination:junk".into(), 1.into());
    let mut file = book(&[odd.clone(), odd, without]);
    file.extend(one(Item::Forwarding, vec![(id(9), rule.clone())]));
    let plan = plan_import(&World::new(), &file, full(), &mut ids_from(10_000));
    assert_eq!((plan.verdict(), plan.counts().added), (Ok(()), 4));
    assert_eq!(
        codes(&plan),
        ["list_given", "value_unusual", "value_unusual", "value_unusual", "value_unusual", "value_unusual"]
    );
    let mut here = World::new();
    apply(&mut here, &plan);
    let lists: Vec<_> =
        here[&SpaceName::local(LISTS)].values().map(|fields| fields["list"].clone()).collect();
    assert_eq!(lists.iter().filter(|list| **list == 55.into()).count(), 2);
    assert_eq!(lists.iter().filter(|list| **list == 1.into()).count(), 1);
    assert!(here[&SpaceName::local("forwarding")].values().any(|fields| *fields == rule));
    // In the list of a person these numbers are the source's own.
    let item = Item::PersonalAddressList;
    let own = one(item, vec![(id(1), Address { list: Some(13), ..mail("Desk", 70_001) }.to_fields())]);
    let plan = plan_import(&World::new(), &own, full(), &mut ids_from(10_000));
    assert_eq!((plan.counts().added, codes(&plan)), (1, vec![]));
}

#[test]
fn a_record_without_a_type_is_refused_as_such() {
    let mut bare = mail("Desk", 201).to_fields();
    bare.remove("type");
    for item in [Item::AddressBook, Item::Box] {
        let file = one(item, vec![(id(1), bare.clone())]);
        let plan = plan_import(&World::new(), &file, full(), &mut ids_from(10_000));
        assert_eq!(errors(&plan), ["type_missing"]);
    }
}

#[test]
fn what_is_device_specific_is_told_apart_by_person() {
    let space = SpaceName::local(DEVICE_SPECIFIC);
    let of = |user: &str, value: bool| {
        let (_, mut fields) = setting("print-waiting-jobs-at-login", value);
        fields.insert("user".into(), user.into());
        (RecordId::of_setting(&[user, "/print-waiting-jobs-at-login"].concat()), fields)
    };
    let here: World = [(space.clone(), [of("alice", true), of("bob", true)].into())].into();
    let file = vec![(Item::PersonalSettings, space, vec![of("alice", false)])];
    let plan = plan_import(&here, &file, full(), &mut ids_from(10_000));
    assert_eq!(plan.counts(), Counts { changed: 1, ..Counts::default() });
}

#[test]
fn the_rules_refusal_of_an_item_is_in_the_plan() {
    let machine = Machine::new(Role::Client, SyncState::Stopped, "localhost:8443".parse().unwrap());
    let question = Question::new(Operation::Import, Item::Box, Timestamp(0));
    let denied = rules::decide(&machine, &question).unwrap_err();
    let mut planner = Planner::new(merge());
    planner.refuse(Item::Box, denied);
    let plan = planner.finish();
    assert!(plan.items[0].refused.is_some() && plan.counts() == Counts::default());
}
