#![allow(clippy::unwrap_used)]

use super::{plan::OnRefusal, plan::plan, *};
use crate::{
    item::TABLE,
    machine::{DestinationAddress, Prepared, Role, SyncState},
    process::{Process, Processes},
    profile::{Begin, During, Limit, Preparation, Refusal},
};
use alloc::{string::ToString, vec};
use core::time::Duration;

const NOW: Timestamp = Timestamp(0);
const DESTINATIONS: [&str; 8] = [
    "localhost:8443",
    " LOCALHOST:8443 ",
    "",
    "localhost",
    "localhost:443",
    "127.0.0.1:8443",
    "[::1]:8443",
    "server.example:8443",
];

/// Every question there is to ask, languages and destinations by example.
pub(super) fn product(mut each: impl FnMut(Machine, Question<'_>)) -> usize {
    let mut asked = 0;
    for role in Role::ALL {
        for state in SyncState::ALL {
            for destination in DESTINATIONS {
                for administrator in [true, false] {
                    for operation in Operation::ALL {
                        for row in TABLE {
                            for (here, source) in
                                [(None, ""), (Some("en"), "EN"), (Some("en"), "ja"), (None, "ja")]
                            {
                                let mut machine = Machine::new(*role, *state, destination.parse().unwrap())
                                    .with_administrator(administrator)
                                    .with_home_screen(true)
                                    .with_policy_password(PolicyPassword::NotSet);
                                machine.display_language = here.map(Into::into);
                                let question =
                                    Question::new(*operation, row.item, NOW).with_source_language(source);
                                each(machine, question);
                                asked += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    asked
}

/// Rule 6 once more, from its prose: which questions wait for synchronization to stop.
fn waits(machine: &Machine, operation: Operation, item: &str) -> bool {
    let personalized = ["personal-settings", "personal-address-list", "user-group-address-list"];
    if machine.role == Role::Server || machine.state == SyncState::Stopped || !personalized.contains(&item) {
        return false;
    }
    let own = machine.role == Role::ServerWithClient && machine.destination.to_string() == "localhost:8443";
    match operation {
        Operation::Import => !own || item == "personal-settings",
        Operation::ImportBatch => true,
        Operation::Export | Operation::ExportBatch => !own,
    }
}

#[test]
fn the_whole_product_has_the_code_of_the_first_rule_that_fails() {
    let asked = product(|machine, question| {
        let row = question.item.row();
        let code = if question.operation.is_batch() && !row.batch {
            Some("not_batch")
        } else if !question.operation.is_batch() && !row.individual {
            Some("not_individual")
        } else if !machine.administrator {
            Some("administrator_required")
        } else if waits(&machine, question.operation, row.name) {
            let mut own = machine.clone();
            own.destination = DestinationAddress::own_server();
            Some(if machine.role == Role::ServerWithClient && !waits(&own, question.operation, row.name) {
                "destination_not_localhost"
            } else {
                "synchronizing"
            })
        } else if question.operation.is_import() && question.source_language == Some("ja") {
            Some("language_differs")
        } else {
            None
        };
        let answer = decide(&machine, &question);
        assert_eq!(
            answer.as_ref().err().map(|denied| denied.code.as_str()),
            code,
            "{machine:?} {question:?}"
        );
        if let Err(denied) = answer {
            assert_eq!(denied.rule, denied.code.rule());
            assert!(!denied.message.is_empty());
            assert!(!denied.remedy.is_empty());
        }
    });
    assert_eq!(asked, 3 * 5 * 8 * 2 * 4 * 23 * 4);
}

fn administrated(role: Role, destination: &str) -> Machine {
    Machine::new(role, SyncState::Paused, destination.parse().unwrap()).with_administrator(true)
}

fn codes(denied: &Denied) -> Vec<Vec<&'static str>> {
    denied.remedy.iter().map(|way| way.steps.iter().map(Step::code).collect()).collect()
}

#[test]
fn both_ways_out_of_rule_6() {
    let import = Question::new(Operation::Import, Item::UserGroupAddressList, NOW);
    let procedure = vec!["stop", "back_up", "delete", "import", "start"];

    let denied = decide(&administrated(Role::Client, "localhost:8443"), &import).unwrap_err();
    assert_eq!(codes(&denied), [procedure.clone(), vec!["go_to_server_machine", "import"]]);

    for destination in ["127.0.0.1:8443", ""] {
        let machine = administrated(Role::ServerWithClient, destination);
        let denied = decide(&machine, &import).unwrap_err();
        assert!(denied.message.contains("exact form `localhost:8443`"), "{denied}");
        assert_eq!(
            codes(&denied),
            [procedure.clone(), vec!["set_destination", "import"], vec!["go_to_server_machine", "import"]]
        );
    }

    let batch = Question::new(Operation::ImportBatch, Item::PersonalSettings, NOW);
    let own = administrated(Role::ServerWithClient, "localhost:8443");
    let denied = decide(&own, &batch).unwrap_err();
    assert_eq!(denied.code, Code::Synchronizing);
    assert_eq!(codes(&denied), [procedure, vec!["ask_for", "import"]]);

    let export = Question::new(Operation::ExportBatch, Item::PersonalSettings, NOW);
    let denied = decide(&administrated(Role::Client, "server.example"), &export).unwrap_err();
    assert_eq!(codes(&denied), [vec!["stop", "export"], vec!["go_to_server_machine", "export"]]);
}

#[test]
fn a_remedy_covers_all_that_fail() {
    let machine = Machine::new(Role::Client, SyncState::InProgress, DestinationAddress::automatic())
        .with_display_language("en");
    let question =
        Question::new(Operation::ImportBatch, Item::PersonalAddressList, NOW).with_source_language("ja");
    let denied = decide(&machine, &question).unwrap_err();
    assert_eq!(denied.code, Code::NotBatch);
    assert!(denied.remedy[0].steps.contains(&Step::AskFor(Operation::ImportBatch, Item::PersonalSettings)));
    assert_eq!(
        codes(&denied)[0],
        [
            "log_in_as_administrator",
            "ask_for",
            "set_display_language",
            "stop",
            "back_up",
            "delete",
            "import",
            "start"
        ]
    );
    assert_eq!(denied.remedy.len(), 4);
}

#[test]
fn the_form_in_json() {
    let machine = administrated(Role::ServerWithClient, "");
    let question = Question::new(Operation::Export, Item::PersonalAddressList, NOW);
    let answer = decide(&machine, &question);
    let json = serde_json::to_value(Verdict::from(&answer)).unwrap();
    assert_eq!(json["verdict"], "denied");
    assert_eq!(json["code"], "destination_not_localhost");
    assert_eq!(json["rule"], "6");
    assert_eq!(json["ways"].as_array().unwrap().len(), 3);
    assert_eq!(json["remedy"][0]["way"], 1);
    assert_eq!(json["remedy"][0]["code"], "stop");
    assert_eq!(json["remedy"][1]["item"], "personal-address-list");
    assert_eq!(json["remedy"][2]["destination"], "localhost:8443");
    assert_eq!(serde_json::to_string(&Verdict::Allowed).unwrap(), r#"{"verdict":"allowed"}"#);
}

#[test]
fn administrative_acts_need_the_administrator() {
    for act in Act::ALL {
        let machine = administrated(Role::Server, "");
        assert_eq!(decide_act(&machine, *act), Ok(()));
        let denied = decide_act(&machine.with_administrator(false), *act).unwrap_err();
        assert_eq!(denied.code, Code::AdministratorRequired);
        assert_eq!(codes(&denied), [["log_in_as_administrator"]]);
    }
}

#[test]
fn one_refused_item_refuses_the_batch_unless_it_may_be_skipped() {
    let machine = administrated(Role::Client, "server.example");
    let question = Question::new(Operation::ImportBatch, Item::AddressBook, NOW);
    let mixed = plan(&machine, &question, &[Item::AddressBook, Item::UserGroupAddressList]);
    assert_eq!(mixed.items(OnRefusal::RefuseAll).unwrap_err().code, Code::Synchronizing);
    assert_eq!(mixed.items(OnRefusal::Skip).unwrap(), [Item::AddressBook]);
    let refused = plan(&machine, &question, &[Item::PersonalSettings]);
    assert!(refused.items(OnRefusal::Skip).is_err());
    let json = serde_json::to_value(&mixed).unwrap();
    assert_eq!(json["lines"][0]["answer"]["verdict"], "allowed", "{json}");
    assert_eq!(json["lines"][1]["answer"]["code"], "synchronizing");
}

/// The table speaks of each (role, destination, item) once: a second row would never be read.
#[test]
fn the_table_of_rule_6_speaks_of_everything_once() {
    use super::synchronization::{Destination, TABLE as CELLS};
    for role in [Role::Client, Role::ServerWithClient] {
        for own in [true, false] {
            for row in TABLE {
                let rows = CELLS
                    .iter()
                    .filter(|cells| {
                        cells.role == role
                            && cells.items.contains(&row.item)
                            && match cells.destination {
                                Destination::Any => true,
                                Destination::OwnServer => own,
                                Destination::NotOwnServer => !own,
                            }
                    })
                    .count();
                assert_eq!(rows, usize::from(row.personalized), "{role} {}", row.name);
            }
        }
    }
    assert!(CELLS.iter().all(|cells| cells.role != Role::Server));
}

fn code(answer: &Result<(), Denied>) -> Option<&'static str> {
    answer.as_ref().err().map(|denied| denied.code.as_str())
}

/// Where the table of rule 6 is silent, personalized data waits.
#[test]
fn rule_6_fails_closed() {
    let own = administrated(Role::ServerWithClient, "localhost:8443");
    let import = Question::new(Operation::Import, Item::UserGroupAddressList, NOW);
    assert!(synchronization::allows(&own, &import));
    // No row speaks of this role, nor of this item.
    assert!(!synchronization::allows(&administrated(Role::Server, "localhost:8443"), &import));
    assert!(!synchronization::allows(&own, &Question { item: Item::Box, ..import }));
}

#[test]
fn a_person_may_export_their_own_list_where_the_profile_says_so() {
    let person = Machine::new(Role::Server, SyncState::Stopped, DestinationAddress::automatic());
    let own = Profile { export_own_list: true, ..Profile::default() };
    let export = Question::new(Operation::Export, Item::PersonalAddressList, NOW).with_own(true);
    assert_eq!(decide(&person, &export.with_profile(&own)), Ok(()));
    for refused in [
        export,
        export.with_profile(&own).with_own(false),
        Question { operation: Operation::Import, ..export }.with_profile(&own),
        Question { item: Item::UserGroupAddressList, ..export }.with_profile(&own),
    ] {
        assert_eq!(code(&decide(&person, &refused)), Some("administrator_required"), "{refused:?}");
    }
    // The way out of another rule is an administrator's all the same.
    let denied = decide(
        &Machine::new(Role::Client, SyncState::InProgress, DestinationAddress::automatic()),
        &export.with_profile(&own),
    )
    .unwrap_err();
    assert_eq!(denied.code, Code::Synchronizing);
    assert_eq!(
        codes(&denied),
        [vec!["log_in_as_administrator", "stop", "export"], vec!["go_to_server_machine", "export"]]
    );
}

#[test]
fn the_session_that_runs_the_import_does_not_stand_in_its_own_way() {
    let mut profile = Profile::default();
    profile.interlock = profile.interlock.with(Process::RemoteUi, Begin::No, During::No);
    let running = Processes::EMPTY.with(Process::RemoteUi);
    let machine = administrated(Role::Server, "").with_running(running);
    let export = Question::new(Operation::Export, Item::AddressBook, NOW).with_profile(&profile);
    let denied = decide(&machine, &export).unwrap_err();
    assert_eq!(
        (denied.code, &denied.remedy[0].steps[..]),
        (Code::Interlocked, &[Step::EndProcess(Process::RemoteUi)][..])
    );
    assert_eq!(decide(&machine, &export.with_from_remote_ui(true)), Ok(()));
    assert_eq!(may_run_during(Process::RemoteUi, &export), During::No);
    assert_eq!(may_run_during(Process::RemoteUi, &export.with_from_remote_ui(true)), During::Yes);
    assert_eq!(may_run_during(Process::ControlPanel, &export.with_from_remote_ui(true)), During::No);
    assert_eq!(may_run_during(Process::Shutdown, &export), During::Yes);
}

/// The other column of rule 7: what may not run during an import or export is told what it waits for.
#[test]
fn what_may_not_run_beside_waits() {
    let profile = Profile::default();
    for operation in Operation::ALL {
        let question = Question::new(*operation, Item::PersonalSettings, NOW).with_profile(&profile);
        for process in Process::ALL {
            let answer = decide_process(*process, &question);
            let waits = profile.interlock.during(*process) == During::No;
            assert_eq!(code(&answer), waits.then_some("import_export_runs"), "{process} {operation}");
            let Err(denied) = answer else { continue };
            let wanted: &[&[&str]] = if operation.is_import() {
                &[&["wait_for_process"], &["cancel_import"]]
            } else {
                &[&["wait_for_process"]]
            };
            assert_eq!(
                (codes(&denied), denied.rule),
                (wanted.iter().map(|way| way.to_vec()).collect(), Rule::Interlock)
            );
        }
    }
}

/// A profile that lets nothing begin while the machine synchronizes: the sync state counts, a server's does not.
#[test]
fn synchronization_is_what_the_sync_state_says() {
    let mut profile = Profile::default();
    profile.interlock = profile.interlock.with(Process::Synchronization, Begin::No, During::Paused);
    let export = Question::new(Operation::Export, Item::AddressBook, NOW).with_profile(&profile);
    let denied = decide(&administrated(Role::Client, ""), &export).unwrap_err();
    assert_eq!((denied.code, codes(&denied)), (Code::Interlocked, vec![vec!["stop"]]));
    assert_eq!(decide(&administrated(Role::Server, ""), &export), Ok(()));
    // What is said to synchronize does, whatever the state that was noted.
    let mut machine = administrated(Role::Client, "");
    machine.state = SyncState::Stopped;
    let group = Question::new(Operation::Export, Item::UserGroupAddressList, NOW);
    assert_eq!(decide(&machine, &group), Ok(()));
    machine.running = Processes::EMPTY.with(Process::Synchronization);
    let denied = decide(&machine, &group).unwrap_err();
    assert_eq!(denied.code, Code::Synchronizing);
    let said =
        "the process `synchronization` is said to run, although the sync state is said to be `stopped`";
    assert!(denied.message.contains(said), "{}", denied.message);
}

#[test]
fn a_preparation_holds_for_its_window() {
    let preparation = Preparation { required: true, window: Duration::from_secs(900), most_at_once: Some(2) };
    let profile = Profile { preparation, ..Profile::default() };
    let own = administrated(Role::ServerWithClient, "localhost:8443");
    let export = |now| Question::new(Operation::ExportBatch, Item::PersonalSettings, Timestamp(now));
    for (prepared, now, wanted) in [
        (None, 0, Some("not_prepared")),
        (Some(0), 0, None),
        (Some(0), 900_000, None),
        (Some(0), 900_001, Some("not_prepared")),
        // A clock that jumped proves nothing.
        (Some(1), 0, Some("not_prepared")),
    ] {
        let mut machine = own.clone();
        machine.prepared = prepared.map(Timestamp);
        assert_eq!(
            code(&decide(&machine, &export(now).with_profile(&profile))),
            wanted,
            "{prepared:?} {now}"
        );
        assert_eq!(decide(&machine, &export(now)), Ok(()));
    }
    // What does not synchronize needs none, and what is refused anyway is not helped by one here.
    let mut stopped = own.clone();
    stopped.state = SyncState::Stopped;
    assert_eq!(decide(&stopped, &export(0).with_profile(&profile)), Ok(()));

    assert_eq!(decide_prepare(&own, &profile, 2), Ok(()));
    let denied = decide_prepare(&own, &profile, 3).unwrap_err();
    assert_eq!(
        (denied.code, &denied.remedy[0].steps[..]),
        (Code::TooManyToPrepare, &[Step::PrepareInParts(2)][..])
    );
    let client = administrated(Role::Client, "").with_administrator(false);
    let denied = decide_prepare(&client, &profile, 3).unwrap_err();
    assert_eq!(denied.code, Code::AdministratorRequired);
    assert_eq!(codes(&denied), [vec!["go_to_server_machine", "log_in_as_administrator", "prepare_in_parts"]]);
}

#[test]
fn who_was_not_prepared_is_named_and_the_window_is_theirs() {
    let preparation = Preparation { required: true, window: Duration::from_secs(900), most_at_once: None };
    let profile = Profile { preparation, ..Profile::default() };
    let [alice, bob, sales] = [
        SpaceName::user("office", "alice"),
        SpaceName::user("office", "bob"),
        SpaceName::group("office", "s"),
    ];
    let mut prepared = Prepared::default();
    prepared.succeeded([alice.clone()], false, Timestamp(1_000));
    let ask = |prepared: &Prepared, spaces: &[&SpaceName], now| {
        let least = prepared.least(spaces.iter().copied());
        let mut machine = administrated(Role::ServerWithClient, "localhost:8443");
        machine.prepared = least.map_or(prepared.time, |(_, at)| at);
        let export = Question::new(Operation::Export, Item::PersonalAddressList, Timestamp(now))
            .with_least_prepared(least.map(|(space, _)| space))
            .with_profile(&profile);
        decide(&machine, &export)
    };
    assert_eq!(ask(&prepared, &[&alice], 2_000), Ok(()));
    let denied = ask(&prepared, &[&alice, &bob], 2_000).unwrap_err();
    assert_eq!((denied.code, codes(&denied)), (Code::NotPrepared, vec![vec!["prepare"]]));
    assert!(denied.message.ends_with("that of the user bob never was"), "{}", denied.message);
    let denied = ask(&prepared, &[&alice], 902_000).unwrap_err();
    assert!(denied.message.contains("that of the user alice was last at"), "{}", denied.message);
    // Where nobody was named all were, also those of whom there was nothing.
    prepared.succeeded([alice.clone(), bob.clone()], true, Timestamp(500_000));
    assert_eq!(ask(&prepared, &[&alice, &bob, &sales], 1_000_000), Ok(()));
    prepared.succeeded([sales.clone()], false, Timestamp(1_500_000));
    assert!(ask(&prepared, &[&alice], 1_500_000).is_err());
    assert_eq!(ask(&prepared, &[&sales], 1_500_000), Ok(()));
}

#[test]
fn preparing_begins_when_an_import_may() {
    let own = administrated(Role::ServerWithClient, "localhost:8443");
    let profile = Profile::default();
    for process in Process::ALL {
        let machine = own.clone().with_running(Processes::EMPTY.with(*process));
        // By the prose: what an import may not begin beside, a preparation may not either.
        let may = matches!(
            process,
            Process::Synchronization
                | Process::ControlPanel
                | Process::RemoteUi
                | Process::WebAccessContent
                | Process::WebAccessErrorScreen
                | Process::Sleep
        );
        let answer = decide_prepare(&machine, &profile, 1);
        assert_eq!(code(&answer), (!may).then_some("interlocked"), "{process}");
        if let Err(denied) = answer {
            assert_eq!((denied.remedy.len(), denied.remedy[0].steps.len()), (1, 1), "{process}");
            assert!(denied.message.contains("can't be prepared during"), "{}", denied.message);
        }
    }
    // A vendor's table counts as well as the default.
    let lenient = Profile {
        interlock: profile.interlock.with(Process::SoftwareUpdate, Begin::Yes, During::Yes),
        ..profile
    };
    let updated = own.with_running(Processes::EMPTY.with(Process::SoftwareUpdate));
    assert_eq!(decide_prepare(&updated, &lenient, 1), Ok(()));
}

#[test]
fn models_are_refused_by_name_or_all_but_the_own() {
    let refusal = |models: &[&str], others| Refusal {
        item: Item::Home,
        models: models.iter().map(ToString::to_string).collect(),
        others,
    };
    let machine = administrated(Role::Server, "").with_home_screen(true);
    let ask = |refusal: Refusal, own: Option<&str>, source: &str| {
        let profile = Profile { refusals: vec![refusal], ..Profile::default() };
        let mut machine = machine.clone();
        machine.model = own.map(Into::into);
        let home = Question::new(Operation::ImportBatch, Item::Home, NOW).with_profile(&profile);
        let export = Question { operation: Operation::ExportBatch, ..home };
        assert_eq!(decide(&machine, &export.with_source_model(source)), Ok(()));
        decide(&machine, &home.with_source_model(source))
    };
    assert_eq!(ask(refusal(&["A"], false), None, "B"), Ok(()));
    assert_eq!(code(&ask(refusal(&["A"], false), None, " a ")), Some("model_refused"));
    // A file that does not say its model is not shown to be of another.
    assert_eq!(code(&ask(refusal(&["A"], false), None, " ")), Some("model_refused"));
    assert_eq!(ask(refusal(&[], true), Some("B"), "b"), Ok(()));
    let denied = ask(refusal(&[], true), Some("B"), "A").unwrap_err();
    let to_own = Step::ImportFromAnotherSource { model: Some("B".into()), refused: vec![] };
    assert_eq!((&denied.remedy[0].steps[..], denied.nothing_does), (&[to_own][..], None));
    let denied = ask(refusal(&[], true), None, "A").unwrap_err();
    assert_eq!((denied.remedy.len(), denied.nothing_does), (0, Some(NothingDoes::ModelRefused)));
}

/// Every word of a command that nobody can type as it stands is explained.
#[test]
fn every_word_in_capitals_says_what_stands_for_it() {
    let mut seen = alloc::collections::BTreeSet::new();
    let mut look = |step: &Step| {
        let command = step.command().unwrap_or_default();
        let words = command.iter().map(String::as_str).chain(step.import_words().iter().copied());
        for word in words.filter(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '-')) {
            assert!(step.fills().iter().any(|(known, _)| *known == word), "{step:?}: {word}");
            seen.insert(word.to_string());
        }
    };
    product(|machine, question| {
        for way in decide(&machine, &question).err().into_iter().flat_map(|denied| denied.remedy) {
            way.steps.iter().for_each(&mut look);
        }
    });
    for limit in Limit::ALL {
        look(&Step::RemoveEntries(*limit, 1));
    }
    for step in [Step::SetPolicyPassword, Step::PrepareInParts(2), Step::Prepare, Step::RemovePolicyPassword]
    {
        look(&step);
    }
    assert_eq!(seen.len(), step::FILLS.len(), "{seen:?}");
}

#[test]
fn a_step_says_who_does_it_and_how() {
    let import = Question::new(Operation::Import, Item::UserGroupAddressList, NOW)
        .with_would_hold(Limit::GroupLists, 52);
    let machine =
        administrated(Role::Client, "server.example").with_running(Processes::EMPTY.with(Process::Send));
    let answer = decide(&machine, &import);
    let json = serde_json::to_value(Verdict::from(&answer)).unwrap();
    let steps: Vec<(&str, &str)> = json["remedy"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["way"] == 1)
        .map(|step| (step["code"].as_str().unwrap(), step["by"].as_str().unwrap()))
        .collect();
    assert_eq!(
        steps,
        [
            ("wait_for_process", "machine"),
            ("remove_entries", "command"),
            ("stop", "command"),
            ("back_up", "command"),
            ("delete", "command"),
            ("import", "command"),
            ("start", "command"),
        ]
    );
    assert_eq!(json["remedy"][1]["count"], 2);
    let fill = json["remedy"][4]["fill"].as_object().unwrap();
    assert!(fill.keys().eq(["ID", "NAME", "SERVER-DIR"]), "{fill:?}");
    assert_eq!(json["remedy"][3]["http"]["path"], "/v1/backup");
    assert_eq!(json["lengths"][0]["steps"], 7);
    let procedure = json["lengths"][0]["procedure"].as_array().unwrap();
    assert!(procedure.iter().any(|word| word == "procedure") && procedure.iter().any(|word| word == "FILE"));
    assert!(json["lengths"][1]["procedure"].is_null() && json["nothing_does"].is_null());
}
