//! `docs/rules.md` is generated from the rules: this fails when it is stale, and writes it with `UPDATE_DOCS=1`.
#![allow(clippy::unwrap_used)]

use core::fmt::Write as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};
use sync_core::{
    item::{Footnote, Item, TABLE},
    machine::{Machine, PolicyPassword, Role, SyncState},
    process::{Process, Processes},
    profile::{self, DEFAULT_INTERLOCK, Limit, Profile},
    rules::{
        Code, Denied, NothingDoes, Operation, Question, Step, decide, decide_prepare, decide_process,
        step::FILLS,
    },
    time::Timestamp,
};

const NOW: Timestamp = Timestamp(1_000_000_000);

/// Destinations by example: the own server's exact form, then others.
const DESTINATIONS: [&str; 5] = ["localhost:8443", "", "localhost", "127.0.0.1:8443", "server.example:8443"];

/// A machine on which rule 6 alone has something to say.
fn plain(role: Role, state: SyncState, destination: &str) -> Machine {
    Machine::new(role, state, destination.parse().unwrap())
        .with_administrator(true)
        .with_home_screen(true)
        .with_policy_password(PolicyPassword::NotSet)
}

/// The verdict of each operation.
type Verdicts = Vec<String>;

fn verdicts(role: Role, state: SyncState, destination: &str, item: Item) -> Verdicts {
    let machine = plain(role, state, destination);
    let verdict = |operation: &Operation| match decide(&machine, &Question::new(*operation, item, NOW)) {
        Ok(()) => "**allowed**".to_string(),
        Err(denied) => format!("{}", denied.code),
    };
    Operation::ALL.iter().map(verdict).collect()
}

/// Names those of `some` that behave alike: all of them by one word, all but one by what is left out.
fn alike(some: &[&str], all: &[&str]) -> String {
    if some.len() == all.len() {
        return "any".into();
    }
    let others: Vec<&&str> = all.iter().filter(|one| !some.contains(one)).collect();
    match others[..] {
        [one] if some.len() > 1 => format!("any but {one}"),
        _ => some.join(", "),
    }
}

/// Groups keys whose values are equal, in the order of their first.
fn grouped<K, V: PartialEq>(pairs: impl IntoIterator<Item = (K, V)>) -> Vec<(Vec<K>, V)> {
    let mut groups: Vec<(Vec<K>, V)> = Vec::new();
    for (key, value) in pairs {
        match groups.iter_mut().find(|(_, other)| *other == value) {
            Some((keys, _)) => keys.push(key),
            None => groups.push((vec![key], value)),
        }
    }
    groups
}

/// The rows of one item: role, state, destination, verdicts; what is alike stands in one row.
fn rows(item: Item) -> Vec<(String, String, String, Verdicts)> {
    let destinations: Vec<String> = DESTINATIONS
        .iter()
        .map(|destination| if destination.is_empty() { "blank".into() } else { format!("`{destination}`") })
        .collect();
    let destinations: Vec<&str> = destinations.iter().map(String::as_str).collect();
    let of_role = |role: &Role| {
        let of_state = |state: &SyncState| {
            let each = DESTINATIONS.iter().zip(&destinations);
            grouped(each.map(|(text, name)| (*name, verdicts(*role, *state, text, item))))
        };
        grouped(SyncState::ALL.iter().map(|state| (state.as_str(), of_state(state))))
    };
    let mut rows = Vec::new();
    for (roles, states) in grouped(Role::ALL.iter().map(|role| (role.as_str(), of_role(role)))) {
        for (states, destinations_of) in states {
            for (some, verdicts) in destinations_of {
                rows.push((
                    alike(&roles, Role::NAMES),
                    alike(&states, SyncState::NAMES),
                    alike(&some, &destinations),
                    verdicts,
                ));
            }
        }
    }
    rows
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "" }
}

fn items(text: &mut String) {
    text.push_str(
        "| item | name | individually | in batch | distributable | personalized | footnotes |\n\
         | --- | --- | :-: | :-: | :-: | :-: | --- |\n",
    );
    for row in TABLE {
        let footnotes: Vec<&str> = row
            .footnotes
            .iter()
            .map(|footnote| match footnote {
                Footnote::NeedsHomeScreen => "(1)",
                Footnote::SharedButtonsBySourceModel | Footnote::PersonalBySourceModel => "(2)",
                Footnote::PolicyPassword => "(3)",
            })
            .collect();
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {} | {} | {} | {} |",
            row.title,
            row.name,
            yes(row.individual),
            yes(row.batch),
            yes(row.distributable),
            yes(row.personalized),
            footnotes.join(" ")
        );
    }
}

fn cells(text: &mut String) {
    for (items, rows) in grouped(Item::ALL.iter().map(|item| (*item, rows(*item)))) {
        let names: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
        let _ = write!(
            text,
            "\n{}\n\n| role | sync state | destination | {} |\n| --- | --- | --- |{}\n",
            names.join(", "),
            Operation::NAMES.join(" | "),
            " --- |".repeat(Operation::ALL.len())
        );
        for (role, state, destination, verdicts) in rows {
            let _ = writeln!(text, "| {role} | {state} | {destination} | {} |", verdicts.join(" | "));
        }
    }
}

/// Questions whose answers show every code alone: machine, question.
/// Denials that show every code alone, under the default profile and an older model's.
fn every_denial(older: &Profile) -> Vec<Denied> {
    let mut denied = Vec::new();
    let mut ask = |machine: &Machine, question: &Question<'_>| {
        denied.extend(decide(machine, question).err());
    };
    for role in Role::ALL {
        for state in SyncState::ALL {
            for destination in DESTINATIONS {
                for item in Item::ALL {
                    for operation in Operation::ALL {
                        // Two rules that fail at once are shown one by one.
                        let row = item.row();
                        let shape = if operation.is_batch() { row.batch } else { row.individual };
                        if shape || *state == SyncState::Stopped {
                            let question = Question::new(*operation, *item, NOW);
                            ask(&plain(*role, *state, destination), &question);
                        }
                    }
                }
            }
        }
    }
    let idle = plain(Role::Server, SyncState::Stopped, "");
    let home = Question::new(Operation::ImportBatch, Item::Home, NOW);
    ask(&idle.clone().with_administrator(false), &home);
    ask(&idle.clone().with_home_screen(false), &home);
    for process in Process::ALL {
        ask(&idle.clone().with_running(Processes::EMPTY.with(*process)), &home);
    }
    ask(&idle.clone().with_display_language("en"), &home.with_source_language("ja"));
    ask(&idle, &home.with_source_language("no language"));
    ask(&idle, &home.with_source_language("ja"));
    let policy = Question::new(Operation::ImportBatch, Item::SecurityPolicy, NOW);
    for here in [PolicyPassword::NotKnown, PolicyPassword::Set("x".to_string())] {
        for source in [PolicyPassword::NotKnown, PolicyPassword::NotSet, PolicyPassword::Set("y")] {
            let machine = idle.clone().with_policy_password(here.clone());
            ask(&machine, &policy.with_source_policy_password(source));
        }
    }
    for limit in Limit::ALL {
        ask(&idle, &home.with_would_hold(*limit, 10_000));
    }
    // What only a profile brings about.
    ask(&idle, &Question::new(Operation::ExportBatch, Item::Box, NOW).with_profile(older));
    ask(&idle, &home.with_source_model("A").with_profile(older));
    let personal = Question::new(Operation::ImportBatch, Item::PersonalSettings, NOW).with_profile(older);
    ask(&idle, &personal.with_source_model("A"));
    ask(&idle.clone().with_model("B"), &personal.with_source_model("A"));
    let group = Question::new(Operation::Import, Item::UserGroupAddressList, NOW).with_profile(older);
    let running = |role, destination| plain(role, SyncState::InProgress, destination);
    let own = running(Role::ServerWithClient, "localhost:8443");
    let elsewhere = [running(Role::ServerWithClient, ""), running(Role::Client, "")];
    for machine in elsewhere.iter().chain([&own]) {
        ask(machine, &group);
    }
    denied.extend(elsewhere.iter().filter_map(|machine| decide_prepare(machine, older, 1).err()));
    denied.extend(decide_prepare(&own, older, 1_000).err());
    let question = Question::new(Operation::Import, Item::AddressBook, Timestamp(0));
    denied.extend(decide_process(Process::Send, &question).err());
    denied
}

fn older() -> Profile {
    Profile::from_toml(
        "[preparation]\nrequired = true\nmost-at-once = 50\n[items]\nunsupported = [\"box\"]\n\
         [[refuse]]\nitem = \"home\"\nmodels = [\"A\"]\n[[refuse]]\nitem = \"personal-settings\"\nmodels = [\"*\"]\n",
    )
    .unwrap()
}

fn codes(text: &mut String, denied: &[Denied]) {
    let mut ways: BTreeMap<Code, BTreeSet<String>> = BTreeMap::new();
    for denied in denied {
        let of_code = ways.entry(denied.code).or_default();
        for way in &denied.remedy {
            let steps: Vec<&str> = way.steps.iter().map(Step::code).collect();
            of_code.insert(steps.join(" → "));
        }
        of_code.extend(denied.nothing_does.map(|reason| format!("*nothing does*: {reason}")));
    }
    text.push_str("| code | rule | meaning | ways out |\n| --- | :-: | --- | --- |\n");
    for code in Code::ALL {
        let ways = ways.get(code).unwrap_or_else(|| panic!("no question shows {code}"));
        let ways: Vec<&str> = ways.iter().map(String::as_str).collect();
        let _ = writeln!(text, "| `{code}` | {} | {} | {} |", code.rule(), code.meaning(), ways.join("<br>"));
    }
}

fn steps(text: &mut String, denied: &[Denied]) {
    let mut seen: BTreeMap<&str, &Step> = BTreeMap::new();
    for step in denied.iter().flat_map(|denied| &denied.remedy).flat_map(|way| &way.steps) {
        seen.entry(step.code()).or_insert(step);
    }
    text.push_str("| step | for example | done by | command | path |\n| --- | --- | --- | --- | --- |\n");
    for (code, step) in &seen {
        let mut command =
            step.command().map(|command| format!("`{}`", command.join(" "))).unwrap_or_default();
        if !step.import_words().is_empty() {
            let _ = write!(command, "; with `{}`", step.import_words().join(" "));
        }
        let path = step.http().map(|route| format!("`{} {}`", route.method, route.path)).unwrap_or_default();
        let _ = writeln!(text, "| `{code}` | {} | {} | {command} | {path} |", step.text(), step.by());
    }
}

fn interlock(text: &mut String) {
    text.push_str(
        "| process | may run during an import or export | an import or export may begin while it runs |\n\
         | --- | --- | --- |\n",
    );
    for row in DEFAULT_INTERLOCK {
        let names: Vec<String> = row.processes.iter().map(|process| format!("`{process}`")).collect();
        let _ = writeln!(text, "| {} | {} | {} |", names.join(", "), row.during, row.begin);
    }
}

fn limits(text: &mut String) {
    text.push_str("| limit | of what | a machine | the standalone server |\n| --- | --- | --: | --: |\n");
    let figure = |profile: &Profile, limit: Limit| match profile.limits.get(limit) {
        u64::MAX => "none".to_string(),
        most => most.to_string(),
    };
    for limit in Limit::ALL {
        let _ = writeln!(
            text,
            "| `{limit}` | {} | {} | {} |",
            limit.title(),
            figure(&profile::MACHINE, *limit),
            figure(&profile::STANDALONE, *limit)
        );
    }
}

fn document() -> String {
    let mut text = String::from(
        "<!-- Generated from the code by crates/sync-core/tests/rules_document.rs: UPDATE_DOCS=1 writes it. -->\n\n\
         # The rules of import and export\n\n\
         One question, \"may this operation on this item run on this machine now?\", one answer: allowed, or denied with \
         the code of the first rule that fails and a remedy that covers all that fail. They are asked in this order: the \
         item's shape (2, 3), 1, 3's footnotes, 6, 7, 9, 4, 5, 10. What a caller does not say has the default that \
         restricts, in the library; `sync-client decide --help` says what the command line takes it to be.\n\n\
         ## Items (rules 2 and 3)\n\n",
    );
    items(&mut text);
    text.push_str(
        "\nFootnotes: (1) imported only into a machine that has a Home screen; (2) may be refused by the source's model, \
         where the profile says so: a file that does not say its model is refused then; (3) see rule 5.\n\n\
         ## The verdicts of shape and synchronization (rules 2, 3 and 6)\n\n\
         For an administrator, on a machine that has a Home screen and no security policy password, on which nothing \
         runs, under the default profile. States, destinations, roles and items that behave alike stand in one row. \
         `localhost:8443` is compared as the machine stores it: trimmed, the host in lower case, the port written out.\n",
    );
    cells(&mut text);
    text.push_str(
        "\n## Administrator (rule 1)\n\nEvery import and every export, every start, stop, backup, restore, deletion and \
         preparation needs administrator privileges. A profile may let people export their own personal address list, \
         individually (`export-own-list`).\n\n\
         ## Display language (rule 4)\n\nThe file's and the machine's are compared without regard to ASCII case, for an \
         import. A file that does not say its language is not held to it; a machine whose language is not known is \
         refused.\n\n\
         ## Security policy password (rule 5)\n\nFor an import of `security-policy`.\n\n\
         | this machine | the source has one | the source has none | the file does not say |\n\
         | --- | --- | --- | --- |\n",
    );
    let question = Question::new(Operation::ImportBatch, Item::SecurityPolicy, NOW);
    for (name, here) in [
        ("has none", PolicyPassword::NotSet),
        ("has one", PolicyPassword::Set("x".to_string())),
        ("not known", PolicyPassword::NotKnown),
    ] {
        let machine = plain(Role::Server, SyncState::Stopped, "").with_policy_password(here);
        let ask = |source| {
            let asked = question.with_source_policy_password(source);
            if decide(&machine, &asked).is_ok() {
                "allowed"
            } else if decide(&machine, &asked.with_policy_password_proved(true)).is_ok() {
                "where the salted hashes are equal, or one typed password was proved against both"
            } else {
                "refused"
            }
        };
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} |",
            ask(PolicyPassword::Set("y")),
            ask(PolicyPassword::NotSet),
            ask(PolicyPassword::NotKnown)
        );
    }
    text.push_str("\n## Interlock (rule 7)\n\nThe default profile's table.\n\n");
    interlock(&mut text);
    text.push_str(
        "\n`paused`: for personalized data, and it resumes after; beside everything else it runs. `by-rule-6`: personalized \
         data by rule 6, everything else may begin. A machine whose sync state is not `stopped` runs `synchronization`. The \
         remote UI session that runs the import or export is the one exception to its row.\n\n\
         A process that may not run during one is told to wait when it wants to begin (`import_export_runs`). What may begin \
         does not stop what already runs: the processes that an import or export is asked of are those that it found when it \
         began.\n\n\
         ## Preparation (rule 9)\n\n",
    );
    let preparation = &profile::MACHINE.preparation;
    let _ = write!(
        text,
        "An administrator prepares personalized data on a machine that is server and client and whose destination is \
         `localhost:8443`. Where a profile requires it (by default: {}), what rule 6 allows while the machine synchronizes is \
         allowed only for {} seconds after the preparation of every user and group whose data it is about; one that named \
         nobody prepared all. Preparing begins when an import or export may (rule 7), and counts as one while it runs. A profile \
         bounds how many users and groups are prepared at once (by default: {}).\n\n## Limits (rule 10)\n\n",
        if preparation.required { "yes" } else { "no" },
        preparation.window.as_secs(),
        preparation.most_at_once.map_or("no bound".into(), |most| most.to_string())
    );
    limits(&mut text);
    text.push_str(
        "\nThe numbers that an import states are compared with them; what it does not state is not.\n\n\
         ## Codes and ways out\n\nEach code alone; where several rules fail, a way has the steps of all. Where an `import` or \
         `export` stands in a way, the operation is allowed at that step, else after the last one. Whoever is no \
         administrator logs in as one before the first step that needs it.\n\n",
    );
    let older = older();
    let denied = every_denial(&older);
    codes(&mut text, &denied);
    text.push_str(
        "\n## Steps\n\nWords in capitals stand for what the caller knows; the table after this one, and `fill` of each step in \
         JSON, say what that is. *With* are words that the import's own command needs from that step on (`import_with`). What \
         the `machine` does is a function of its firmware, told by the step's code and what it carries.\n\n",
    );
    steps(&mut text, &denied);
    text.push_str("\n| word | what to put in its place |\n| --- | --- |\n");
    for (word, meaning) in FILLS {
        let _ = writeln!(text, "| `{word}` | {meaning} |");
    }
    text.push_str(
        "\n## When nothing does\n\nFor these reasons alone; the answer has them as `nothing_does`.\n\n\
         | reason | meaning |\n| --- | --- |\n",
    );
    for reason in NothingDoes::ALL {
        let _ = writeln!(text, "| `{reason}` | {} |", reason.text());
    }
    let _ = write!(
        text,
        "\n## Profile\n\nA vendor's profile replaces what is data in the rules: `sync-client decide --profile FILE`, \
         `Profile::from_toml`. A section that is left out keeps the default; an interlock or limits that are there are whole. \
         Unknown keys, items, processes and limits, missing and repeated rows, and negative numbers are refused with their \
         line. `[[refuse]]` with `item` (`home` or `personal-settings`) and `models` names the models from which an item is not \
         taken; `\"*\"` is every model but the machine's own. This is the default, as `sync-client decide --print-profile` \
         prints it:\n\n```toml\n{}```\n",
        profile::MACHINE.to_toml()
    );
    text
}

#[test]
fn the_document_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md");
    let document = document();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &document).unwrap();
        return;
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    let wrong = there.lines().zip(document.lines()).position(|(there, now)| there != now);
    assert!(
        there == document,
        "docs/rules.md is stale from line {}: write it with UPDATE_DOCS=1 cargo test -p sync-core --test rules_document",
        wrong.unwrap_or_else(|| there.lines().count().min(document.lines().count())) + 1
    );
}
