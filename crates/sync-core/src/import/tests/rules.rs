//! One rule at a time.

use super::{
    group, id, ids_from, mail,
    whole::{File, World, apply, export, plan_import, space_of, world},
};
use crate::{
    address::{Address, ONE_TOUCH_LIST},
    catalogue::{self, Place, SETTING_TYPE},
    import::*,
    item::Item,
    machine::{Machine, Role, SyncState},
    profile::PerLimit,
    rules::{self, Operation, Question},
    space::SpaceName,
    time::Timestamp,
    value::Value,
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use proptest::prelude::*;

const LISTS: &str = catalogue::address_book::LOCAL_SPACE;

fn fields(kind: &str, all: &[(&str, Value)]) -> Fields {
    let all = all.iter().map(|(name, value)| ((*name).to_string(), value.clone()));
    [("type".to_string(), kind.into())].into_iter().chain(all).collect()
}

fn setting(name: &str, value: impl Into<Value>) -> (RecordId, Fields) {
    let fields = fields(SETTING_TYPE, &[("name", name.into()), ("value", value.into())]);
    (RecordId::of_setting(name), fields)
}

fn one(item: Item, entries: Vec<(RecordId, Fields)>) -> File {
    vec![(item, space_of(catalogue::content(item)[0].place), entries)]
}

fn machine_with(file: &File) -> World {
    let mut world = World::new();
    apply(&mut world, &plan_import(&World::new(), file, full(), &mut ids_from(10_000)));
    world
}

fn full() -> Terms {
    Terms::new(ListMode::Replace, Carries::ENCRYPTED)
}

fn merge() -> Terms {
    Terms::new(Modes { lists: ListMode::Overwrite, rest: RestMode::Merge }, Carries::ENCRYPTED)
}

fn codes(plan: &ImportPlan) -> Vec<&'static str> {
    let notes = plan.notes.iter().map(|(_, note)| note.code);
    let of_spaces = plan.spaces().flat_map(|(_, space)| space.plan.notes.iter().map(|note| note.code));
    notes.chain(of_spaces).collect()
}

fn errors(plan: &ImportPlan) -> Vec<&'static str> {
    plan.errors.iter().map(|problem| problem.code).collect()
}

fn user(name: &str, more: &[(&str, Value)]) -> Fields {
    let own = [("name", name.into()), ("role", "general-user".into())];
    fields("login-user", &[&own[..], more].concat())
}

fn hash(byte: u8) -> Value {
    let parts =
        [("scheme", "sha256".into()), ("salt", Value::Bytes(vec![1])), ("hash", Value::Bytes(vec![byte]))];
    Value::Map(parts.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

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
fn a_setting_without_a_name_is_refused_as_such() {
    let nameless = [("type".to_string(), "setting".into()), ("setting".to_string(), "sleep".into())];
    let file = one(Item::BasicInformation, vec![(id(1), nameless.into_iter().collect())]);
    let plan = plan_import(&World::new(), &file, full(), &mut ids_from(10_000));
    assert_eq!(errors(&plan), ["setting_without_name"]);
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

fn one_touch(name: &str, number: i64) -> Address {
    Address { list: Some(ONE_TOUCH_LIST), ..mail(name, number) }
}

fn book(addresses: &[Address]) -> File {
    let entries = addresses.iter().zip(1..).map(|(address, n)| (id(n), address.to_fields()));
    one(Item::AddressBook, entries.collect())
}

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
