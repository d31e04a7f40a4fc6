//! How long the question "may this import or export run now?" takes, beside hand-written comparisons of the same facts
//! (the floor: what no table can go below). `cargo bench --bench decide`

use harness::measure::{Contender, in_turn, report};
use std::{hint::black_box, time::Instant};
use sync_core::{
    item::Item,
    machine::{DestinationAddress, Machine, PolicyPassword, Role, SyncState},
    process::{Process, Processes},
    profile::{Limit, Profile},
    rules::{Operation, Question, decide},
    time::Timestamp,
};

const QUESTIONS: u32 = 2_000_000;

fn per_second(mut ask: impl FnMut()) -> f64 {
    let begun = Instant::now();
    for _ in 0..QUESTIONS {
        ask();
    }
    f64::from(QUESTIONS) / begun.elapsed().as_secs_f64()
}

/// What an answer that allows may take at most, in the median.
const MOST_NANOSECONDS: f64 = 50.0;
/// The answers that are held to it.
const ALLOWED: [&str; 3] = [
    "decide, allowed while synchronizing",
    "decide, allowed while stopped",
    "decide, allowed with every fact stated",
];

fn main() {
    let facts =
        |role, state| Machine::new(role, state, DestinationAddress::own_server()).with_administrator(true);
    let machine = facts(Role::ServerWithClient, SyncState::InProgress);
    let stopped = facts(Role::ServerWithClient, SyncState::Stopped);
    let client = facts(Role::Client, SyncState::InProgress);
    let question = Question::new(Operation::Import, Item::UserGroupAddressList, Timestamp(0));
    // Every fact stated, under a profile that refuses models and wants a preparation; each rule looks, and allows.
    let strict = Profile::from_toml(
        "[preparation]\nrequired = true\n[[refuse]]\nitem = \"personal-settings\"\nmodels = [\"old\"]\n",
    )
    .unwrap_or_default();
    let busy = machine
        .clone()
        .with_display_language("en")
        .with_home_screen(true)
        .with_model("new")
        .with_running(Processes::EMPTY.with(Process::ControlPanel).with(Process::Sleep))
        .with_policy_password(PolicyPassword::Set("salt$hash".into()))
        .with_prepared(Timestamp(0));
    let full = question
        .with_source_language("en")
        .with_source_model("new")
        .with_would_hold(Limit::GroupLists, 50)
        .with_profile(&strict);
    let policy = Question::new(Operation::ImportBatch, Item::SecurityPolicy, Timestamp(0))
        .with_source_policy_password(PolicyPassword::Set("salt$hash"));
    let blocked = stopped.clone().with_running(Processes::EMPTY.with(Process::Send));
    let by_hand = |machine: &Machine, question: &Question<'_>| {
        machine.administrator
            && (!machine.role.has_client()
                || !machine.state.in_progress()
                || (machine.role == Role::ServerWithClient
                    && machine.destination.is_own_server()
                    && question.operation == Operation::Import))
    };
    let measured = in_turn(
        5,
        vec![
            Contender {
                name: "the same facts compared by hand",
                round: Box::new(|| {
                    per_second(|| {
                        black_box(by_hand(black_box(&machine), black_box(&question)));
                    })
                }),
            },
            Contender {
                name: "decide, allowed while synchronizing",
                round: Box::new(|| {
                    per_second(|| {
                        let _ = black_box(decide(black_box(&machine), black_box(&question)));
                    })
                }),
            },
            Contender {
                name: "decide, allowed while stopped",
                round: Box::new(|| {
                    per_second(|| {
                        let _ = black_box(decide(black_box(&stopped), black_box(&question)));
                    })
                }),
            },
            Contender {
                name: "decide, allowed with every fact stated",
                round: Box::new(|| {
                    per_second(|| {
                        let _ = black_box(decide(black_box(&busy), black_box(&full)));
                    })
                }),
            },
            Contender {
                name: "decide, allowed by equal policy passwords",
                round: Box::new(|| {
                    per_second(|| {
                        let _ = black_box(decide(black_box(&busy), black_box(&policy)));
                    })
                }),
            },
            Contender {
                name: "decide, denied with its remedy",
                round: Box::new(|| {
                    per_second(|| {
                        let _ = black_box(decide(black_box(&client), black_box(&question)));
                    })
                }),
            },
            Contender {
                name: "decide, denied by what runs",
                round: Box::new(|| {
                    per_second(|| {
                        let _ = black_box(decide(black_box(&blocked), black_box(&question)));
                    })
                }),
            },
        ],
    );
    report("decide", "questions/s", &measured);
    for m in &measured {
        println!("  {:<44} {:>8.1} ns a question", m.name, 1e9 / m.median());
    }
    // A debug build says nothing of what a machine would take.
    let slow = measured.iter().filter(|m| ALLOWED.contains(&&*m.name) && 1e9 / m.median() > MOST_NANOSECONDS);
    let slow: Vec<&str> = slow.map(|m| &*m.name).collect();
    if !cfg!(debug_assertions) && !slow.is_empty() {
        eprintln!("decide: more than {MOST_NANOSECONDS} ns a question: {}", slow.join("; "));
        std::process::exit(1);
    }
}
