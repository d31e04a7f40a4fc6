//! The whole rule book, asked of the real program and judged by an oracle that is written from the prose of the rules. The
//! oracle imports nothing of the product's crates, and knows the product through `sync-client decide --json` alone.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use harness::programs::{Program, Programs};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, thread,
};

const ROLES: [&str; 3] = ["client", "server", "server-with-client"];
const STATES: [&str; 5] = ["stopped", "starting", "in-progress", "paused", "stopping"];
const DESTINATIONS: [&str; 3] = ["localhost:8443", "", "192.0.2.7:8443"];
const OPERATIONS: [&str; 4] = ["import", "import-batch", "export", "export-batch"];

/// Rule 2: items individually.
const INDIVIDUALLY: &str = "address-book device-settings web-access-favorites printer-settings paper-information \
                            personal-address-list user-group-address-list";
/// Rule 3: items in batch.
const IN_BATCH: &str = "basic-information paper-type-management printer-settings printer-download-profile forwarding box \
                        department-id-management key certificate-crl visual-message home web-access favorite address-book \
                        user-group-address-list authentication-users security-policy personal-settings \
                        meap-application-settings";

/// Rule 7: whatever excludes an import or export that would begin while it runs, beside synchronization.
const EXCLUDES: &str = "send forwarding fax i-fax report-print scan-and-store import-export batch-import-export \
                        device-information-distribution mail-box-backup workflow-import-export buttons-import-export \
                        address-book-transfer software-update remote-address-book shutdown error-code-display";
/// Rule 7: what does not.
const EXCLUDES_NOT: &str =
    "control-panel remote-ui web-access-content web-access-error-screen sleep synchronization";

/// Rule 10: the vendor's figures.
const LIMITS: [(&str, u64); 7] = [
    ("machines", 10),
    ("users", 1_000),
    ("addresses", 1_600),
    ("one-touch", 200),
    ("group-lists", 50),
    ("local-users", 5_001),
    ("department-ids", 1_000),
];

fn is_one_of(word: &str, words: &str) -> bool {
    words.split_whitespace().any(|one| one == word)
}

fn items() -> BTreeSet<&'static str> {
    INDIVIDUALLY.split_whitespace().chain(IN_BATCH.split_whitespace()).collect()
}

/// What a vendor may set, as the test's own profile file sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vendor {
    /// Nothing.
    Default,
    /// An older model, by the text of [`OLDER`].
    Older,
}

/// An older model: it wants the personalized data prepared, has no boxes, lets people export their own list, takes the
/// Home settings not from the models A and B, and personal settings only from its own.
const OLDER: &str = r#"
[preparation]
required = true
window-seconds = 600

[items]
unsupported = ["box"]

[[refuse]]
item = "home"
models = ["A", "B"]

[[refuse]]
item = "personal-settings"
models = ["*"]

[persons]
export-own-list = true
"#;

/// One question, in the words of the command line. What is not said is `None`, or false.
#[derive(Debug, Clone)]
struct Asked {
    role: &'static str,
    state: &'static str,
    destination: &'static str,
    operation: &'static str,
    item: &'static str,
    administrator: bool,
    languages: Option<(&'static str, &'static str)>,
    running: Vec<&'static str>,
    no_home_screen: bool,
    model: Option<&'static str>,
    source_model: Option<&'static str>,
    /// Blank: none.
    password: Option<&'static str>,
    source_password: Option<&'static str>,
    proved: bool,
    prepared_ago: Option<u64>,
    would_hold: Option<(&'static str, u64)>,
    own_list: bool,
    vendor: Vendor,
}

impl Asked {
    const fn plain(
        role: &'static str,
        state: &'static str,
        destination: &'static str,
        operation: &'static str,
        item: &'static str,
    ) -> Self {
        Self {
            role,
            state,
            destination,
            operation,
            item,
            administrator: true,
            languages: None,
            running: Vec::new(),
            no_home_screen: false,
            model: None,
            source_model: None,
            password: None,
            source_password: None,
            proved: false,
            prepared_ago: None,
            would_hold: None,
            own_list: false,
            vendor: Vendor::Default,
        }
    }

    fn words(&self, profile: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut say = |option: &str, value: &str| words.extend([option.into(), value.into()]);
        say("--role", self.role);
        say("--state", self.state);
        say("--destination", self.destination);
        say("--operation", self.operation);
        say("--item", self.item);
        if let Some((source, here)) = self.languages {
            say("--source-language", source);
            say("--language", here);
        }
        self.running.iter().for_each(|process| say("--running", process));
        for (option, value) in [
            ("--model", self.model),
            ("--source-model", self.source_model),
            ("--policy-password", self.password),
            ("--source-policy-password", self.source_password),
        ] {
            value.into_iter().for_each(|value| say(option, value));
        }
        self.prepared_ago.iter().for_each(|ago| say("--prepared-ago", &ago.to_string()));
        self.would_hold.iter().for_each(|(limit, held)| say("--would-hold", &format!("{limit}={held}")));
        if self.vendor == Vendor::Older {
            say("--profile", profile);
        }
        for (option, given) in [
            ("--administrator", self.administrator),
            ("--no-home-screen", self.no_home_screen),
            ("--policy-password-proved", self.proved),
            ("--own-list", self.own_list),
        ] {
            if given {
                words.push(option.into());
            }
        }
        words
    }
}

/// What must be answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Expected {
    /// The code and the rule of the first rule that fails.
    first: Option<(&'static str, &'static str)>,
    /// The reason, where nothing does.
    nothing: Option<&'static str>,
}

/// The answer that the rules require.
fn expected(asked: &Asked) -> Expected {
    let older = asked.vendor == Vendor::Older;
    let batch = asked.operation.ends_with("-batch");
    let import = asked.operation.starts_with("import");
    let mut fails: Vec<(&str, &str)> = Vec::new();
    let mut nothing = Vec::new();

    // The item's shape. What is asked for wrongly is judged further as what should have been asked for.
    let (mut item, mut batch_then) = (asked.item, batch);
    if batch && !is_one_of(asked.item, IN_BATCH) {
        fails.push(("not_batch", "3"));
        if asked.item == "personal-address-list" {
            // Personal Setting Information carries the personal address lists with it.
            item = "personal-settings";
        } else {
            batch_then = false;
        }
    } else if !batch && !is_one_of(asked.item, INDIVIDUALLY) {
        fails.push(("not_individual", "2"));
        batch_then = true;
    }
    let batch = batch_then;

    // 1. The profile may let a person export their own personal address list.
    let own = older && asked.own_list && !import && !batch && item == "personal-address-list";
    if !asked.administrator && !own {
        fails.push(("administrator_required", "1"));
    }

    // 3's footnotes, and the items of the machine.
    if older && item == "box" {
        fails.push(("item_not_supported", "3"));
        nothing.push("item_not_supported");
    }
    if import && item == "home" && asked.no_home_screen {
        fails.push(("home_screen_required", "3"));
        nothing.push("no_home_screen");
    }
    if import && older {
        let accepted = match (item, asked.source_model) {
            ("home", source) => source.is_some_and(|source| source != "A" && source != "B"),
            ("personal-settings", source) => source.is_some() && source == asked.model,
            _ => true,
        };
        if !accepted {
            fails.push(("model_refused", "3"));
            if item == "personal-settings" && asked.model.is_none() {
                nothing.push("model_refused");
            }
        }
    }

    // 6. A role without the client function ignores the sync state.
    let personalized = is_one_of(item, "personal-settings personal-address-list user-group-address-list");
    let runs = asked.state != "stopped" || asked.running.contains(&"synchronization");
    let synchronizes = asked.role != "server" && runs;
    let mut allowed_although = false;
    if synchronizes && personalized {
        let both = asked.role == "server-with-client";
        // Address lists individually both ways, and every export; an import in a batch never.
        let on_own_server = !(import && batch);
        allowed_although = both && asked.destination == "localhost:8443" && on_own_server;
        if !allowed_although {
            let by_form = both && asked.destination != "localhost:8443" && on_own_server;
            fails.push((if by_form { "destination_not_localhost" } else { "synchronizing" }, "6"));
        }
    }

    // 7.
    if asked.running.iter().any(|process| is_one_of(process, EXCLUDES)) {
        fails.push(("interlocked", "7"));
    }

    // 9. Where it is required, the allowed cells of rule 6 hold for a while only.
    if older && allowed_although && asked.prepared_ago.is_none_or(|ago| ago > 600) {
        fails.push(("not_prepared", "9"));
    }

    // 4.
    if import && asked.languages.is_some_and(|(source, here)| source != here) {
        fails.push(("language_differs", "4"));
    }

    // 5. When the passwords match, or when the destination has none.
    if import && item == "security-policy" {
        let here = asked.password.filter(|here| !here.is_empty());
        let source = asked.source_password.filter(|source| !source.is_empty());
        if here.is_some() && !(source.is_some() && (source == here || asked.proved)) {
            fails.push(("policy_password_differs", "5"));
        }
    }

    // 10.
    if let Some((limit, held)) = asked.would_hold
        && import
        && LIMITS.iter().any(|(name, most)| *name == limit && held > *most)
    {
        fails.push(("over_limit", "10"));
    }
    Expected { first: fails.first().copied(), nothing: nothing.first().copied() }
}

/// Asks the program, and compares.
fn judge(client: &Program, asked: &Asked, profile: &str) -> Expected {
    let mut words = vec!["decide".to_string(), "--json".into()];
    words.extend(asked.words(profile));
    let printed = client.run(&words).unwrap();
    let expected = expected(asked);
    let json = &printed.json;
    let told = format!("{asked:?}: {json}, but {expected:?}");
    let Some((code, rule)) = expected.first else {
        assert_eq!((printed.status, json), (0, &serde_json::json!({"verdict": "allowed"})), "{told}");
        return expected;
    };
    assert_eq!((printed.status, &json["verdict"]), (1, &"denied".into()), "{told}");
    assert_eq!((&json["code"], &json["rule"]), (&code.into(), &rule.into()), "{told}");
    let remedy = json["remedy"].as_array().unwrap();
    if let Some(reason) = expected.nothing {
        assert_eq!(json["nothing_does"]["reason"], reason, "{told}");
        assert!(remedy.is_empty() && json["ways"].as_array().unwrap().is_empty(), "{told}");
    } else {
        assert!(json["nothing_does"].is_null(), "{told}");
        let ways = json["ways"].as_array().unwrap();
        assert!(!ways.is_empty(), "{told}");
        for (number, length) in (1..=ways.len()).zip(json["lengths"].as_array().unwrap()) {
            let steps = remedy.iter().filter(|step| step["way"] == number).count();
            assert!(steps > 0 && length["steps"] == steps && length["way"] == number, "{told}");
        }
        for step in remedy {
            assert!(step["code"].is_string() && step["text"].is_string(), "{told}");
            let by = step["by"].as_str().unwrap();
            assert_eq!(step["command"].is_array(), by == "command", "{told}");
            assert!(["command", "machine", "person"].contains(&by), "{told}");
        }
    }
    expected
}

/// Judges all of them, a few at a time; how often each answer was expected.
fn judge_all(questions: &[Asked]) -> BTreeMap<Expected, usize> {
    let client = Programs::built().unwrap().client;
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("older.toml");
    fs::write(&profile, OLDER).unwrap();
    let profile = profile.to_str().unwrap();
    let threads = thread::available_parallelism().map_or(2, usize::from).min(8);
    let share = questions.len().div_ceil(threads);
    thread::scope(|scope| {
        let judges: Vec<_> = questions
            .chunks(share)
            .map(|questions| {
                let client = &client;
                scope.spawn(move || {
                    questions.iter().map(|asked| judge(client, asked, profile)).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut counted = BTreeMap::new();
        for expected in judges.into_iter().flat_map(|judge| judge.join().unwrap()) {
            *counted.entry(expected).or_insert(0) += 1;
        }
        counted
    })
}

fn count(counted: &BTreeMap<Expected, usize>, code: Option<&str>) -> usize {
    counted
        .iter()
        .filter(|(expected, _)| expected.first.map(|(code, _)| code) == code)
        .map(|(_, count)| count)
        .sum()
}

/// Every role, state, destination, operation and item.
fn product() -> Vec<Asked> {
    let mut all = Vec::new();
    for role in ROLES {
        for state in STATES {
            for destination in DESTINATIONS {
                for operation in OPERATIONS {
                    for item in items() {
                        all.push(Asked::plain(role, state, destination, operation, item));
                    }
                }
            }
        }
    }
    all
}

#[test]
fn the_program_answers_every_cell_of_the_product() {
    let questions = product();
    assert_eq!(questions.len(), 3 * 5 * 3 * 4 * 23);
    let counted = judge_all(&questions);
    for code in [
        None,
        Some("not_batch"),
        Some("not_individual"),
        Some("synchronizing"),
        Some("destination_not_localhost"),
    ] {
        assert!(count(&counted, code) > 40, "{code:?}: {counted:?}");
    }
}

/// Machines between which the rules tell.
const MACHINES: [(&str, &str, &str); 5] = [
    ("client", "in-progress", "192.0.2.7:8443"),
    ("client", "stopped", ""),
    ("server", "in-progress", ""),
    ("server-with-client", "paused", "localhost:8443"),
    ("server-with-client", "starting", "192.0.2.7:8443"),
];

/// Operations and items between which the rules tell.
const CELLS: [(&str, &str); 12] = [
    ("import", "address-book"),
    ("import", "personal-address-list"),
    ("import", "home"),
    ("import-batch", "home"),
    ("import-batch", "box"),
    ("import-batch", "security-policy"),
    ("import-batch", "personal-settings"),
    ("import-batch", "personal-address-list"),
    ("export", "user-group-address-list"),
    ("export", "personal-address-list"),
    ("export-batch", "security-policy"),
    ("export-batch", "personal-settings"),
];

fn cells() -> Vec<Asked> {
    let plain = |(role, state, destination)| {
        CELLS.iter().map(move |(operation, item)| Asked::plain(role, state, destination, operation, item))
    };
    MACHINES.into_iter().flat_map(plain).collect()
}

#[test]
fn every_new_fact_is_asked_of_every_kind_of_cell() {
    let mut questions = Vec::new();
    let mut vary = |change: &dyn Fn(&mut Asked)| {
        for mut asked in cells() {
            change(&mut asked);
            questions.push(asked);
        }
    };
    vary(&|asked| asked.administrator = false);
    vary(&|asked| asked.languages = Some(("ja", "en")));
    vary(&|asked| asked.no_home_screen = true);
    vary(&|asked| asked.would_hold = Some(("addresses", 1_601)));
    vary(&|asked| asked.running = vec!["control-panel", "sleep", "send"]);
    vary(&|asked| asked.running = vec!["synchronization"]);
    vary(&|asked| (asked.vendor, asked.prepared_ago) = (Vendor::Older, Some(599)));
    vary(&|asked| (asked.vendor, asked.model, asked.source_model) = (Vendor::Older, Some("C"), Some("A")));
    vary(&|asked| {
        (asked.vendor, asked.model, asked.source_model) = (Vendor::Older, Some("C"), Some("C"));
        asked.prepared_ago = Some(601);
    });
    vary(&|asked| {
        (asked.vendor, asked.administrator, asked.own_list) = (Vendor::Older, false, true);
        asked.prepared_ago = Some(0);
    });
    // All that can fail at once: the first rule gives the code.
    vary(&|asked| {
        asked.languages = Some(("ja", "en"));
        asked.running = vec!["fax"];
        (asked.password, asked.source_password) = (Some("x"), Some("y"));
        asked.would_hold = Some(("one-touch", 500));
        asked.vendor = Vendor::Older;
    });

    // Rule 7, process by process; rule 10, limit by limit, at the figure and above it.
    let one = Asked::plain("client", "stopped", "", "import", "address-book");
    for process in EXCLUDES.split_whitespace().chain(EXCLUDES_NOT.split_whitespace()) {
        for operation in ["import", "export"] {
            questions.push(Asked { running: vec![process], operation, ..one.clone() });
        }
    }
    for (limit, most) in LIMITS {
        for held in [most, most + 1] {
            questions.push(Asked { would_hold: Some((limit, held)), ..one.clone() });
        }
    }
    // Rule 5, every pair of passwords.
    let policy = Asked::plain("server", "stopped", "", "import-batch", "security-policy");
    for password in [None, Some(""), Some("x"), Some("y")] {
        for source_password in [None, Some(""), Some("x"), Some("y")] {
            for proved in [false, true] {
                questions.push(Asked { password, source_password, proved, ..policy.clone() });
            }
        }
    }
    let counted = judge_all(&questions);
    for code in [
        "administrator_required",
        "item_not_supported",
        "home_screen_required",
        "model_refused",
        "interlocked",
        "not_prepared",
        "language_differs",
        "policy_password_differs",
        "over_limit",
    ] {
        assert!(count(&counted, Some(code)) >= 3, "{code}: {counted:?}");
    }
    for reason in ["no_home_screen", "model_refused", "item_not_supported"] {
        assert!(counted.keys().any(|expected| expected.nothing == Some(reason)), "{reason}");
    }
}

/// The table of rule 7, both columns, and the figures of rule 10, as the program lists them.
#[test]
fn the_interlock_and_the_limits_are_the_manuals() {
    let client = Programs::built().unwrap().client;
    let listed = client.run(&["decide", "--list-processes", "--json"]).unwrap().json;
    let mut named = 0;
    for row in listed.as_array().unwrap() {
        let (name, begin, during) =
            (row["name"].as_str().unwrap(), row["begin"].as_str().unwrap(), row["during"].as_str().unwrap());
        assert_eq!(
            begin,
            match name {
                "synchronization" => "by-rule-6",
                name if is_one_of(name, EXCLUDES) => "no",
                name => {
                    assert!(is_one_of(name, EXCLUDES_NOT), "{name}");
                    "yes"
                }
            },
            "{name}"
        );
        // They cannot be held back.
        let through = is_one_of(name, "shutdown error-code-display");
        let during_wanted = if through {
            "yes"
        } else if name == "synchronization" {
            "paused"
        } else {
            "no"
        };
        assert_eq!(during, during_wanted, "{name}");
        named += 1;
    }
    assert_eq!(named, EXCLUDES.split_whitespace().chain(EXCLUDES_NOT.split_whitespace()).count());
    let limits = client.run(&["decide", "--list-limits", "--json"]).unwrap().json;
    let limits: Vec<(&str, u64)> = limits
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["most"].as_u64().unwrap()))
        .collect();
    assert_eq!(limits, LIMITS);
}

/// Every command that a remedy names is one of the programs'.
#[test]
fn the_commands_of_remedies_are_commands() {
    let Programs { client, server } = Programs::built().unwrap();
    let mut asked: Vec<Asked> = cells();
    asked.extend(cells().into_iter().map(|asked| Asked { would_hold: Some(("users", 2_000)), ..asked }));
    asked.extend(cells().into_iter().map(|asked| Asked { would_hold: Some(("one-touch", 2_000)), ..asked }));
    asked.extend(cells().into_iter().map(|asked| Asked { would_hold: Some(("addresses", 2_000)), ..asked }));
    let mut commands: BTreeSet<Vec<String>> = BTreeSet::new();
    for asked in asked {
        let mut words = vec!["decide".to_string(), "--json".into()];
        words.extend(asked.words(""));
        let json = client.run(&words).unwrap().json;
        let steps = json["remedy"].as_array().into_iter().flatten().map(|step| &step["command"]);
        let ways = json["lengths"].as_array().into_iter().flatten().map(|way| &way["procedure"]);
        let texts = |command: &Value| -> Option<Vec<String>> {
            Some(command.as_array()?.iter().map(|word| word.as_str().unwrap().to_string()).collect())
        };
        commands.extend(steps.chain(ways).filter_map(texts));
    }
    for command in &commands {
        // With the question for help at its end the program reads all that stands before, and does nothing. Of what
        // stands for something the form must be right.
        let stands_for = |word: &String| match word.as_str() {
            "LIST" => "3".to_string(),
            "ROLE" => "client".into(),
            "STATE" => "stopped".into(),
            _ => word.clone(),
        };
        let words: Vec<String> = command[1..].iter().map(stands_for).chain(["--help".to_string()]).collect();
        let program = if command[0] == "sync-server" { &server } else { &client };
        let printed = program.run(&words).unwrap();
        assert_eq!(printed.status, 0, "{command:?}: {}", printed.said);
    }
    assert!(commands.len() >= 15, "{commands:?}");
}
