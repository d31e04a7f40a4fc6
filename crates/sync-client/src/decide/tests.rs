#![allow(clippy::unwrap_used)]

use super::*;
use clap::Parser;
use sync_core::item::TABLE;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn asked(arguments: &str) -> Answer {
    // `_` stands for an empty argument.
    let arguments = arguments.split(' ').map(|word| if word == "_" { "" } else { word });
    let command = Command::try_parse_from(["decide"].into_iter().chain(arguments)).unwrap();
    answer(&command.args, Timestamp(0))
}

fn json(arguments: &str) -> (u8, Value) {
    let answer = asked(&format!("{arguments} --json"));
    assert_eq!(answer.error, "");
    (answer.status, serde_json::from_str(&answer.output).unwrap())
}

const GROUP: &str = "--operation import --item user-group-address-list --administrator --state in-progress";

#[test]
fn allowed_denied_and_why() {
    let own = "--role server-with-client --destination localhost:8443";
    assert_eq!(json(&format!("{own} {GROUP}")), (0, json!({"verdict": "allowed"})));
    assert_eq!(asked(&format!("{own} {GROUP}")).output, "allowed\n");

    for destination in ["127.0.0.1:8443", "_"] {
        let (status, answer) =
            json(&format!("--role server-with-client --destination {destination} {GROUP}"));
        assert_eq!(status, 1);
        assert_eq!(answer["code"], "destination_not_localhost");
        assert_eq!(answer["rule"], "6");
        assert!(answer["message"].as_str().unwrap().contains("localhost:8443"));
        assert_eq!(answer["remedy"][0]["code"], "stop");
    }

    let text = asked(&format!("--role client {GROUP}"));
    assert_eq!(text.status, 1);
    for part in ["denied: ", "code: synchronizing", "rule: 6", "1. Stop", "localhost:8443"] {
        assert!(text.output.contains(part), "{part}: {}", text.output);
    }
}

#[test]
fn the_shape_comes_first_then_the_administrator() {
    let client = "--role client --state in-progress --operation";
    assert_eq!(json(&format!("{client} export --item personal-settings")).1["code"], "not_individual");
    let (_, answer) = json(&format!("{client} import-batch --item personal-address-list --administrator"));
    assert_eq!(answer["code"], "not_batch");
    assert_eq!(answer["remedy"][0]["item"], "personal-settings");
    assert_eq!(json(&format!("{client} export --item address-book")).1["code"], "administrator_required");
}

#[test]
fn languages_are_compared_where_the_file_says_one() {
    let import = "--role client --state stopped --operation import-batch --item home --administrator";
    assert_eq!(json(&format!("{import} --language en")).0, 0);
    assert_eq!(json(&format!("{import} --language en --source-language en")).0, 0);
    let (status, answer) = json(&format!("{import} --language en --source-language ja"));
    assert_eq!((status, &answer["rule"]), (1, &json!("4")));
    assert_eq!(json(&format!("{import} --source-language ja")).1["code"], "missing_option");
}

#[test]
fn wrong_questions_are_answered_in_the_form_that_was_asked_for() {
    let good = "--role client --state paused --operation export --item address-book";
    for (wrong, code) in [
        (good.replace("client", "master"), "unknown_role"),
        (good.replace("paused", "sleeping"), "unknown_state"),
        (good.replace("export", "exports"), "unknown_operation"),
        (good.replace("address-book", "adress-book"), "unknown_item"),
        (format!("{good} --destination https://localhost:8443"), "address_has_scheme"),
        (format!("{good} --destination localhost:99999"), "address_port"),
        ("--role client --state paused --operation export".into(), "missing_option"),
        ("--role client --operation export --item home".into(), "missing_option"),
    ] {
        let (status, answer) = json(&wrong);
        assert_eq!(status, 2, "{wrong}");
        assert_eq!(answer["verdict"], "wrong-question");
        assert_eq!(answer["code"], code, "{answer}");
        let text = asked(&wrong);
        assert_eq!((text.status, text.output.as_str()), (2, ""));
        assert!(text.error.contains(code));
    }
    // A server without a client function has no sync state.
    assert_eq!(json("--role server --operation export --item home").1["code"], "not_individual");
}

#[test]
fn the_items_are_listed() {
    let text = asked("--list-items");
    assert_eq!((text.status, text.output.lines().count()), (0, TABLE.len()));
    let (_, list) = json("--list-items");
    assert_eq!(list.as_array().unwrap().len(), TABLE.len());
    assert_eq!(list[0]["name"], "address-book");
}

#[test]
fn what_a_question_leaves_out() {
    let import = "--role client --state stopped --operation import-batch --administrator --item";
    assert_eq!(json(&format!("{import} home")).0, 0);
    assert_eq!(json(&format!("{import} home --home-screen")).0, 0);
    let (status, answer) = json(&format!("{import} home --no-home-screen"));
    assert_eq!((status, &answer["rule"]), (1, &json!("3")));
    assert_eq!(answer["nothing_does"]["reason"], "no_home_screen");
    assert_eq!((&answer["ways"], &answer["remedy"]), (&json!([]), &json!([])));

    // The policy: none here; the file does not say.
    assert_eq!(json(&format!("{import} security-policy")).0, 0);
    assert_eq!(json(&format!("{import} security-policy --source-policy-password x")).0, 0);
    let here = format!("{import} security-policy --policy-password x");
    assert_eq!(json(&here).1["code"], "policy_password_differs");
    assert_eq!(json(&format!("{here} --source-policy-password x")).0, 0);
    assert_eq!(json(&format!("{here} --source-policy-password y")).0, 1);
    assert_eq!(json(&format!("{here} --source-policy-password y --policy-password-proved")).0, 0);
    assert_eq!(json(&format!("{here} --source-policy-password _")).0, 1);
    assert_eq!(json(&format!("{here} --policy-password-proved")).0, 1);
}

#[test]
fn what_runs_and_what_would_be_held() {
    let import = "--role server --operation import-batch --administrator --item address-book";
    assert_eq!(json(&format!("{import} --running control-panel --running sleep")).0, 0);
    let (status, answer) = json(&format!("{import} --running send --running remote-address-book"));
    assert_eq!((status, &answer["code"], &answer["rule"]), (1, &json!("interlocked"), &json!("7")));
    assert_eq!(answer["remedy"][0]["process"], "send");
    assert_eq!(answer["remedy"][0]["by"], "machine");
    assert_eq!(answer["remedy"][1]["code"], "end_process");
    assert_eq!(answer["lengths"], json!([{"way": 1, "steps": 2}]));
    assert_eq!(json(&format!("{import} --would-hold addresses=1600")).0, 0);
    let (_, answer) = json(&format!("{import} --would-hold addresses=1603 --would-hold one-touch=201"));
    assert_eq!((&answer["code"], &answer["rule"]), (&json!("over_limit"), &json!("10")));
    assert_eq!(
        (&answer["remedy"][0]["limit"], &answer["remedy"][0]["count"]),
        (&json!("addresses"), &json!(3))
    );
    for (wrong, code) in [
        ("--running sending", "unknown_process"),
        ("--would-hold pages=3", "unknown_limit"),
        ("--would-hold addresses", "would_hold"),
        ("--would-hold addresses=many", "not_a_number"),
        ("--prepared-ago -5", "not_a_number"),
        ("--profile /nowhere/at-all.toml", "file"),
    ] {
        let (status, answer) = json(&format!("{import} {wrong}"));
        assert_eq!((status, &answer["code"]), (2, &json!(code)), "{answer}");
    }
}

#[test]
fn a_profile_is_read_or_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.toml");
    let own = "--role server-with-client --state in-progress --destination localhost:8443 --administrator";
    let question =
        format!("{own} --operation import --item user-group-address-list --profile {}", path.display());
    fs::write(&path, "[preparation]\nrequired = true\n").unwrap();
    let (_, answer) = json(&question);
    assert_eq!((&answer["code"], &answer["rule"]), (&json!("not_prepared"), &json!("9")));
    assert_eq!(answer["remedy"][0]["code"], "prepare");
    assert_eq!(json(&format!("{question} --prepared")).0, 0);
    assert_eq!(json(&format!("{question} --prepared-ago 900")).0, 0);
    assert_eq!(json(&format!("{question} --prepared-ago 901")).0, 1);

    fs::write(&path, "[preparation]\nneeded = true\n").unwrap();
    let (status, answer) = json(&question);
    assert_eq!((status, &answer["code"], &answer["line"]), (2, &json!("bad_profile"), &json!(2)));

    // What is printed is read back.
    fs::write(&path, asked("--print-profile").output).unwrap();
    assert_eq!(json(&question).0, 0);
    let limits: Value = json("--list-limits").1;
    assert_eq!(limits[0], json!({"name": "machines", "title": "machines, the server included", "most": 10}));
    assert_eq!(json("--list-processes").1[0]["during"], "no");
    assert_eq!(asked("--list-processes").output.lines().count(), Process::ALL.len());
}
