#![allow(clippy::unwrap_used)]

use super::{plan::OnRefusal, plan::plan, *};
use crate::{
    item::TABLE,
    machine::{DestinationAddress, Role, SyncState},
};
use alloc::{string::ToString, vec};

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
