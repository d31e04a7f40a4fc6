//! "May I?", asked of the real program and judged by a reference model of the rules that imports nothing of the crates.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::{
    programs::Programs,
    rules_model::{DESTINATIONS, OPERATIONS, ROLES, STATES, every_question, expected, items},
};

/// Of all questions, every so-manyeth is asked of the program: the model is compared with the function itself elsewhere.
const EVERY: usize = 331;

#[test]
fn the_program_answers_as_the_rules_say() {
    let client = Programs::built().unwrap().client;
    let (mut n, mut asked_of_it, mut denied) = (0_usize, 0, 0);
    every_question(|asked| {
        n += 1;
        if !n.is_multiple_of(EVERY) {
            return;
        }
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
        asked_of_it += 1;
        match expected(asked) {
            None => {
                assert_eq!((printed.status, &printed.json["verdict"]), (0, &"allowed".into()), "{asked:?}")
            }
            Some((code, rule)) => {
                denied += 1;
                assert_eq!((printed.status, &printed.json["verdict"]), (1, &"denied".into()), "{asked:?}");
                assert_eq!(
                    (&printed.json["code"], &printed.json["rule"]),
                    (&code.into(), &rule.into()),
                    "{asked:?}"
                );
                let remedy = printed.json["remedy"].as_array().unwrap();
                assert!(remedy.iter().all(|step| step["code"].is_string() && step["text"].is_string()));
                assert!(!remedy.is_empty(), "{asked:?}");
            }
        }
    });
    assert!(asked_of_it > 100 && denied > 10 && denied < asked_of_it, "{asked_of_it} asked, {denied} denied");
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
