//! Nothing is allocated where the answer is yes: counted over every allowed cell of the whole product, and with every new
//! fact stated.
#![allow(clippy::unwrap_used)]

use allocation_counter::measure;
use sync_core::{
    item::Item,
    machine::{DestinationAddress, Machine, PolicyPassword, Role, SyncState},
    process::{Process, Processes},
    profile::{self, Limit, Profile},
    rules::{Operation, Question, decide, may_run_during},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp(1_000_000);

/// Asks, and counts: how many were allowed.
fn count(machine: &Machine, question: &Question<'_>, allowed: &mut usize) {
    let mut answer = Ok(());
    let counted = measure(|| answer = decide(machine, question));
    if answer.is_ok() {
        assert_eq!(counted.count_total, 0, "{machine:?} {question:?}");
        *allowed += 1;
    } else {
        // The counter counts: a remedy is made of texts.
        assert!(counted.count_total > 0);
    }
}

#[test]
fn an_allowed_question_allocates_nothing() {
    let strict = Profile::from_toml(
        "[preparation]\nrequired = true\n[[refuse]]\nitem = \"home\"\nmodels = [\"old\"]\n\
         [[refuse]]\nitem = \"personal-settings\"\nmodels = [\"*\"]\n[persons]\nexport-own-list = true\n",
    )
    .unwrap();
    let running = Processes::EMPTY.with(Process::ControlPanel).with(Process::RemoteUi).with(Process::Sleep);
    let (mut allowed, mut asked) = (0, 0);
    for role in Role::ALL {
        for state in SyncState::ALL {
            for destination in [DestinationAddress::own_server(), DestinationAddress::automatic()] {
                let idle = Machine::new(*role, *state, destination)
                    .with_administrator(true)
                    .with_home_screen(true)
                    .with_policy_password(PolicyPassword::NotSet);
                let busy = idle
                    .clone()
                    .with_display_language("en")
                    .with_model("new")
                    .with_running(running)
                    .with_policy_password(PolicyPassword::Set("salt$hash".into()))
                    .with_prepared(NOW);
                let person = busy.clone().with_administrator(false);
                for operation in Operation::ALL {
                    for item in Item::ALL {
                        let plain = Question::new(*operation, *item, NOW);
                        let full = plain
                            .with_source_language("EN")
                            .with_source_model("NEW")
                            .with_source_policy_password(PolicyPassword::Set("salt$hash"))
                            .with_would_hold(Limit::Addresses, 1_600)
                            .with_would_hold(Limit::DepartmentIds, 1_000)
                            .with_from_remote_ui(true)
                            .with_own(true)
                            .with_profile(&strict);
                        count(&idle, &plain, &mut allowed);
                        count(&idle, &plain.with_profile(&profile::STANDALONE), &mut allowed);
                        count(&busy, &full, &mut allowed);
                        count(&person, &full, &mut allowed);
                        asked += 4;
                        let run = measure(|| {
                            let _ = may_run_during(Process::Synchronization, &full);
                        });
                        assert_eq!(run.count_total, 0);
                    }
                }
            }
        }
    }
    assert!(allowed > asked / 4 && allowed < asked, "{allowed} of {asked}");
}
