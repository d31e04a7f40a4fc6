//! "May I?", asked of the real program and judged by a reference model of the rules that imports nothing of the crates.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    programs::{Program, Programs},
    rules_model::{Asked, DESTINATIONS, OPERATIONS, ROLES, STATES, every_question, expected, items},
};

/// Of all questions, every so-manyeth is asked of the program: the model is compared with the function itself elsewhere.
const EVERY: usize = 797;

/// Asks the program, and compares. Whether it is allowed.
fn judge(client: &Program, asked: &Asked<'_>) -> bool {
    let mut args = vec![
        "decide",
        "--json",
        "--role",
        asked.role,
        "--state",
        asked.state,
        "--destination",
        asked.destination,
        "--operation",
        asked.operation,
        "--item",
        asked.item,
    ];
    if asked.administrator {
        args.push("--administrator");
    }
    if let Some((source, here)) = asked.languages {
        args.extend(["--source-language", source, "--language", here]);
    }
    let printed = client.run(&args).unwrap();
    let Some((code, rule)) = expected(asked) else {
        assert_eq!((printed.status, &printed.json["verdict"]), (0, &"allowed".into()), "{asked:?}");
        return true;
    };
    assert_eq!((printed.status, &printed.json["verdict"]), (1, &"denied".into()), "{asked:?}");
    assert_eq!((&printed.json["code"], &printed.json["rule"]), (&code.into(), &rule.into()), "{asked:?}");
    let remedy = printed.json["remedy"].as_array().unwrap();
    assert!(remedy.iter().all(|step| step["code"].is_string() && step["text"].is_string()));
    assert!(!remedy.is_empty(), "{asked:?}");
    false
}

#[test]
fn the_program_answers_as_the_rules_say() {
    let client = Programs::built().unwrap().client;
    let (mut n, mut asked_of_it, mut allowed) = (0_usize, 0, 0);
    every_question(|asked| {
        n += 1;
        if n.is_multiple_of(EVERY) {
            asked_of_it += 1;
            allowed += usize::from(judge(&client, asked));
        }
    });
    assert!(asked_of_it > 100 && allowed > 10 && allowed < asked_of_it - 10, "{allowed} of {asked_of_it}");
}

/// Rule 6, cell by cell: every role, state and operation with each kind of personalized data.
#[test]
fn the_program_answers_every_cell_of_rule_6() {
    let client = Programs::built().unwrap().client;
    let cells = [
        ("personal-settings", &["import-batch", "export-batch"][..]),
        ("personal-address-list", &["import", "export"]),
        ("user-group-address-list", &OPERATIONS),
    ];
    let (mut asked_of_it, mut allowed) = (0, 0);
    for role in ROLES {
        for state in STATES {
            for destination in ["localhost:8443", "", "127.0.0.1:8443", "server.example"] {
                for (item, operations) in cells {
                    for operation in operations {
                        let (administrator, languages) = (true, None);
                        let asked =
                            Asked { role, state, destination, operation, item, administrator, languages };
                        asked_of_it += 1;
                        allowed += usize::from(judge(&client, &asked));
                    }
                }
            }
        }
    }
    // All of the server's and of the stopped machines', and six on a machine that is its own server.
    assert_eq!((asked_of_it, allowed), (480, 160 + 2 * 32 + 4 * 6));
}

#[test]
fn a_wrong_question_is_no_denial() {
    let client = Programs::built().unwrap().client;
    let right = ["--role", "client", "--state", "stopped", "--operation", "import", "--item", "address-book"];
    for (place, wrong) in [(1, "printer"), (3, "asleep"), (5, "delete"), (7, "everything")] {
        let mut args = right;
        args[place] = wrong;
        let printed = client.run(&[&["decide", "--json"], &args[..]].concat()).unwrap();
        assert_eq!((printed.status, &printed.json["verdict"]), (2, &"wrong-question".into()), "{wrong}");
    }
    let address =
        client.run(&[&["decide", "--json", "--destination", "host:port"], &right[..]].concat()).unwrap();
    assert_eq!(address.status, 2);
    let listed = client.run(&["decide", "--list-items", "--json"]).unwrap();
    let mut names: Vec<&str> =
        listed.json.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, items());
    assert_eq!((ROLES.len(), STATES.len(), OPERATIONS.len(), DESTINATIONS.len()), (3, 5, 4, 12));
}
