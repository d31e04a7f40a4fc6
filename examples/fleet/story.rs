//! What the fleet does, act by act.

use crate::{AS_CLIENT, AS_SERVER, book::Book, checks::Checks};
use harness::{
    fleet::{Fleet, Machine, OWN_SERVER, THREE},
    programs::{Failure, Printed, Programs, until},
    proxy::Link,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::{path::Path, thread, time::Duration};

/// How many sentences the story has, about: for the progress display.
const SENTENCES: u64 = 34;

/// How many entries the list from outside has that is imported while a machine is killed.
const OUTSIDE: u32 = 2_000;
/// The entry that the story's person makes.
const OWN_ENTRY: &str = "Fleet demo entry";

/// Everything that an act needs.
struct Story<'a> {
    fleet: Fleet,
    book: &'a Book,
    file: &'a str,
    /// The file from which the group's list is imported alone.
    group_file: &'a str,
    /// What the group's list must hold then.
    group_entries: Vec<String>,
    person: &'a str,
    group: &'a str,
    checks: Checks,
    progress: Progress,
}

/// The display: a bar on a terminal, and the sentences above it.
struct Progress(ProgressBar);

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::new(SENTENCES);
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn act(&self, title: &str) {
        self.0.set_message(title.to_string());
        self.line(&format!("\n{title}"));
    }

    fn say(&self, sentence: impl AsRef<str>) {
        self.line(&format!("  {}", sentence.as_ref()));
        self.0.inc(1);
    }

    fn line(&self, text: &str) {
        if self.0.is_hidden() {
            println!("{text}");
        } else {
            self.0.println(text);
        }
    }
}

/// Tells the story with the people and groups of `file`.
pub(crate) fn tell(file: &Path, keep: bool, falsify: Option<&str>) -> Result<Checks, Failure> {
    let book = Book::read(file)?;
    let root = std::env::temp_dir().join(format!("fleet-{}", std::process::id()));
    std::fs::create_dir_all(&root)?;
    let told = acts(&root, file, &book, falsify);
    if keep || told.is_err() {
        println!("\nThe data folders are in {}", root.display());
    } else {
        std::fs::remove_dir_all(&root)?;
    }
    told
}

fn acts(root: &Path, file: &Path, book: &Book, falsify: Option<&str>) -> Result<Checks, Failure> {
    let progress = Progress::new();
    progress.act("1. Three machines start");
    let fleet = Fleet::start(
        Programs::this(AS_SERVER, AS_CLIENT)?,
        root,
        &book.users_toml(),
        "127.0.0.1:8443",
        THREE,
    )?;
    let file = file.to_str().ok_or("the file's name is not UTF-8")?;
    let groups = book.group_names();
    let (person, group) = (book.person(), groups[0]);
    // Where no row can be a group's, the group's list comes from a file of its own.
    let of_group = root.join("group.csv");
    let (text, group_entries) = outside_list(group, "Group entry", 5);
    std::fs::write(&of_group, text)?;
    let has_group_rows = !book.groups.is_empty() || !book.unowned.is_empty();
    let group_file = if has_group_rows { file } else { of_group.to_str().unwrap_or(file) };
    let group_entries = match book.groups.get(group) {
        Some(rows) => rows.clone(),
        None if has_group_rows => book.unowned.clone(),
        None => group_entries,
    };
    let mut story = Story {
        fleet,
        book,
        file,
        group_file,
        group_entries,
        person,
        group,
        checks: Checks::new(falsify),
        progress,
    };
    story.started()?;
    story.two_machines()?;
    story.refused_and_allowed()?;
    story.procedure()?;
    story.killed(root)?;
    story.progress.0.finish_and_clear();
    Ok(story.checks)
}

fn sorted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    names
}

fn told(names: &[String]) -> String {
    let text = serde_json::to_string(names).unwrap_or_default();
    format!("{} entries: {text}", names.len())
}

impl Story<'_> {
    fn machine(&self, number: usize) -> &Machine {
        &self.fleet.machines[number - 1]
    }

    fn started(&mut self) -> Result<(), Failure> {
        let port = self.fleet.address.port();
        if port != 8443 {
            self.progress.say(format!(
                "Port 8443 is taken, so the server listens on {port}. The rule still compares the destination address \
                 with the text {OWN_SERVER}; where that text leads to is told to each machine with --connect-to."
            ));
        }
        self.progress.say(format!(
            "The server listens with TLS on {}; each machine pins its certificate {}…",
            self.fleet.address,
            self.fleet.fingerprint.chars().take(16).collect::<String>()
        ));
        for number in 1..=3 {
            let status =
                until(|| self.machine(number).ok(&["status"]), |status| status["state"] == "in-progress")?;
            self.progress.say(format!(
                "{} is a {} whose destination is {}.",
                self.machine(number).name,
                status["role"].as_str().unwrap_or_default(),
                status["destination"].as_str().unwrap_or_default(),
            ));
            let name = format!("machine {number} synchronizes");
            self.checks.row(&name, "in-progress", status["state"].as_str().unwrap_or("?"));
        }
        Ok(())
    }

    fn setting(&self, number: usize) -> Result<String, Failure> {
        let printed = self.machine(number).ok(&["get", "display-language", "--user", self.person])?;
        Ok(printed["value"].as_str().unwrap_or_default().to_string())
    }

    fn setting_becomes(&self, number: usize, value: &str) -> Result<String, Failure> {
        until(|| self.setting(number), |found| found == value)
    }

    fn names_become(&self, number: usize, list: &[&str], wanted: &[String]) -> Result<Vec<String>, Failure> {
        until(|| self.machine(number).names(list), |found| found == wanted)
    }

    fn two_machines(&mut self) -> Result<(), Failure> {
        let person = self.person;
        self.progress.act("2. A person's settings and addresses follow the login");
        self.machine(1).ok(&["login", person])?;
        self.machine(1).ok(&["set", "display-language", "de"])?;
        self.machine(1).ok(&["address", "add", "--name", OWN_ENTRY, "--mail", "own-entry@fleet.example"])?;
        self.progress.say(format!(
            "{person} logs in on Machine 1, sets the display language to de and adds an address."
        ));
        self.machine(2).ok(&["login", person])?;
        self.progress.say(format!("{person} logs in on Machine 2."));
        let found = self.setting_becomes(2, "de")?;
        self.checks.row("machine 2 has the setting", "de", found);
        let wanted = vec![OWN_ENTRY.to_string()];
        let found = self.names_become(2, &["--user", person], &wanted)?;
        self.checks.row("machine 2 has the address", told(&wanted), told(&found));

        self.machine(2).link.set(Link::Down);
        self.progress.say("Machine 2's cable is pulled. Both machines change the setting.");
        self.machine(2).ok(&["set", "display-language", "fr"])?;
        let offline = self.setting(2)?;
        self.checks.row("machine 2 works offline", "fr", offline);
        self.machine(1).ok(&["set", "display-language", "es"])?;
        self.machine(1).ok(&["sync"])?;
        self.machine(2).link.set(Link::Up);
        let (first, second) = (self.setting_becomes(1, "es")?, self.setting_becomes(2, "es")?);
        self.progress.say("The cable is back: the first value to reach the server stands on both.");
        self.checks.row("both machines converge", "es and es", format!("{first} and {second}"));
        let list = until(
            || self.machine(2).ok(&["superseded", "list"]),
            |list| list.as_array().is_some_and(|list| !list.is_empty()),
        )?;
        let lost = &list[0];
        self.progress.say(format!(
            "Machine 2 shows what was superseded: {} = {}; {} stands.",
            lost["field"].as_str().unwrap_or_default(),
            lost["value"].as_str().unwrap_or_default(),
            lost["stands"].as_str().unwrap_or_default(),
        ));
        self.checks.row("the superseded value is kept", "fr", lost["value"].as_str().unwrap_or("nothing"));
        self.machine(2).ok(&["superseded", "take", &lost["id"].to_string()])?;
        let found = self.setting_becomes(1, "fr")?;
        self.progress.say(format!("{person} takes it after all, and Machine 1 has it too."));
        self.checks.row("a superseded value can be taken", "fr", found);
        Ok(())
    }

    /// The options of an import that say where rows without an owner go, where the file has no owners.
    fn placing(&self, group: bool) -> Vec<&str> {
        match (group, self.book.groups.is_empty(), self.book.persons.is_empty()) {
            (true, true, _) if !self.book.unowned.is_empty() => vec!["--group", self.group],
            (false, _, true) if !self.book.groups.is_empty() => vec!["--user", self.person],
            _ => vec![],
        }
    }

    /// What the list of the story's group must hold once the file is imported.
    fn group_names(&self) -> Vec<String> {
        sorted(self.group_entries.iter().cloned())
    }

    fn person_names(&self) -> Vec<String> {
        let rows = self.book.persons.get(self.person).cloned();
        // Rows without an owner go to the group where the file names nobody at all, else to the person.
        let unowned = || if self.book.groups.is_empty() { Vec::new() } else { self.book.unowned.clone() };
        sorted(rows.unwrap_or_else(unowned))
    }

    fn import(&self, number: usize) -> Result<Printed, Failure> {
        let import = ["import", self.group_file, "--item", "user-group-address-list"];
        self.machine(number).ask(&[&import[..], &self.placing(true)].concat())
    }

    fn refused_and_allowed(&mut self) -> Result<(), Failure> {
        let group = self.group;
        let list = ["--group", group];
        self.progress.act("3. A group's address list is imported, where the rule allows it");
        let before = self.machine(1).names(&list)?;
        let refused = self.import(1)?;
        let denial = refused.json["error"].clone();
        self.progress.say(format!(
            "On Machine 1, a Client that synchronizes, the import is refused: {}",
            denial["message"].as_str().unwrap_or_default()
        ));
        for step in denial["remedy"].as_array().into_iter().flatten() {
            self.progress.say(format!("  remedy: {}", step["text"].as_str().unwrap_or_default()));
        }
        let found = format!("{} (exit {})", denial["code"].as_str().unwrap_or_default(), refused.status);
        self.checks.row("a Client is refused", "synchronizing (exit 1)", found);
        let steps = denial["remedy"].as_array().map_or(0, Vec::len);
        self.checks.row("the refusal says what to do", true, steps > 0);
        let after = self.machine(1).names(&list)?;
        self.checks.row("a refusal changes nothing", told(&before), told(&after));

        let other = "127.0.0.1:8443";
        let leads_to = self.machine(3).connect_to();
        self.machine(3).ok(&["set-destination", other, "--connect-to", &leads_to])?;
        let refused = self.import(3)?;
        let denial = &refused.json["error"];
        self.progress.say(format!(
            "On Machine 3, the ServerWithClient, with the destination {other} it is refused: {}",
            denial["message"].as_str().unwrap_or_default()
        ));
        let found = format!("{} (exit {})", denial["code"].as_str().unwrap_or_default(), refused.status);
        self.checks.row("127.0.0.1:8443 is another address", "destination_not_localhost (exit 1)", found);
        self.machine(3).ok(&["set-destination", OWN_SERVER, "--connect-to", &leads_to])?;
        let imported = self.import(3)?.ok()?;
        self.progress.say(format!(
            "With {OWN_SERVER} it succeeds; {} rows that are not of a group's list stay out.",
            kept_out(&imported)
        ));
        let wanted = self.group_names();
        let here = self.names_become(3, &list, &wanted)?;
        self.checks.row("localhost:8443 is allowed", told(&wanted), told(&here));
        let there = self.names_become(1, &list, &wanted)?;
        self.progress.say(format!(
            "Machine 1, where a member of {group} is logged in, shows the {} entries.",
            there.len()
        ));
        self.checks.row("the group's members have it", told(&wanted), told(&there));
        Ok(())
    }

    fn procedure(&mut self) -> Result<(), Failure> {
        let (person, group) = (self.person, self.group);
        self.progress.act("4. The procedure brings lists from outside into the fleet");
        self.machine(3).ok(&["login", person])?;
        let mut args = vec!["procedure", self.file];
        args.extend(self.placing(true));
        args.extend(self.placing(false));
        let done = self.machine(1).ok(&args)?;
        for step in ["stop", "back-up", "delete", "import", "start"] {
            self.progress.say(format!("{step}: {}", in_short(evidence(&done, step))));
        }
        let (own, of_group) = (self.person_names(), self.group_names());
        // A file that names no person leaves the person's list as it was.
        let own = if own.is_empty() { vec![OWN_ENTRY.to_string()] } else { own };
        for number in 1..=3 {
            let list = self.names_become(number, &["--user", person], &own)?;
            let name = format!("machine {number} shows the person's list");
            self.checks.row(&name, told(&own), told(&list));
            let list = self.names_become(number, &["--group", group], &of_group)?;
            let name = format!("machine {number} shows the group's list");
            self.checks.row(&name, told(&of_group), told(&list));
        }
        let language = self.setting_becomes(3, "fr")?;
        self.checks.row("the procedure kept the settings", "fr", language);

        let backup = evidence(&done, "back-up")["backup"]
            .as_str()
            .ok_or_else(|| format!("the procedure names no backup: {done}"))?
            .to_string();
        let space = format!("user/{person}");
        self.fleet.server_command(&["restore", "--space", &space, "--from", &backup, "--as-changes"])?;
        let mut wanted = own;
        if !wanted.contains(&OWN_ENTRY.to_string()) {
            wanted.push(OWN_ENTRY.into());
        }
        let wanted = sorted(wanted);
        self.progress.say(format!(
            "{person}'s data of before are brought back from the backup as new changes, beside what was imported."
        ));
        for number in 1..=3 {
            let list = self.names_become(number, &["--user", person], &wanted)?;
            let name = format!("machine {number} has both, nothing doubled");
            self.checks.row(&name, told(&wanted), told(&list));
        }
        Ok(())
    }

    fn killed(&mut self, root: &Path) -> Result<(), Failure> {
        let (person, group) = (self.person, self.group);
        self.progress.act("5. A machine and the server are killed in the middle of their work");
        let list = ["--user", person];
        let mut wanted = self.machine(2).names(&list)?;
        for n in 1..=20 {
            match n {
                5 => {
                    self.fleet.kill_server();
                    self.progress.say("The server is killed while Machine 2 sends; Machine 2 works on.");
                }
                10 => {
                    self.fleet.restart_server()?;
                    self.progress.say("The server starts again from its data folder.");
                }
                15 => {
                    self.fleet.machines[1].kill();
                    self.fleet.machines[1].run()?;
                    self.progress.say("Machine 2 is killed while it sends, and starts again.");
                }
                _ => {}
            }
            let name = format!("Kept {n:02}");
            let args = ["address", "add", "--name", &name, "--mail", "kept@branch.example"];
            self.machine(2).ok(&[&args[..], &list].concat())?;
            wanted.push(name);
        }
        let wanted = sorted(wanted);
        for number in [1, 2] {
            let found = self.names_become(number, &list, &wanted)?;
            let name = format!("machine {number}: nothing lost, nothing doubled");
            self.checks.row(&name, told(&wanted), told(&found));
        }

        let outside = root.join("outside.csv");
        let (text, new) = outside_list(group, "Outside", OUTSIDE);
        std::fs::write(&outside, text)?;
        let file = outside.to_str().ok_or("the folder's name is not UTF-8")?;
        let list = ["--group", group];
        let before = self.machine(3).names(&list)?;
        let after = sorted(before.iter().cloned().chain(new));
        let args = ["import", file, "--item", "user-group-address-list", "--mode", "append"];
        let mut starts = Vec::new();
        for wait in [15, 40, 90] {
            let mut import = self.machine(3).begin(&args)?;
            thread::sleep(Duration::from_millis(wait));
            self.fleet.machines[2].kill();
            let _ = import.kill();
            let _ = import.wait();
            self.fleet.machines[2].run()?;
            let found = self.machine(3).names(&list)?;
            starts.push(match found {
                found if found == before => "before",
                found if found == after => "after",
                _ => "a mixture",
            });
        }
        self.progress.say(format!(
            "Machine 3 is killed three times in an import of {OUTSIDE} entries, and starts with the state: {}.",
            starts.join(", ")
        ));
        self.checks.row("a killed import leaves no mixture", true, !starts.contains(&"a mixture"));
        self.machine(3).ok(&args)?;
        self.progress.say("The import is repeated, and every machine has it once.");
        for number in [1, 3] {
            let found = self.names_become(number, &list, &after)?;
            let name = format!("machine {number} has the import once");
            self.checks.row(&name, told(&after), told(&found));
        }
        Ok(())
    }
}

/// How many rows an import left out.
fn kept_out(imported: &Value) -> u64 {
    match &imported["kept_out"] {
        Value::Object(places) => places.values().filter_map(Value::as_u64).sum(),
        other => other.as_u64().unwrap_or(0),
    }
}

/// What a step of the procedure left as evidence.
fn evidence<'a>(done: &'a Value, step: &str) -> &'a Value {
    let steps = done["steps"].as_array().map_or(&[][..], Vec::as_slice);
    steps.iter().map(|done| &done["evidence"]).find(|found| found["step"] == step).unwrap_or(&Value::Null)
}

fn in_short(evidence: &Value) -> String {
    let Value::Object(fields) = evidence else { return "not done".into() };
    let short = |value: &Value| match value {
        Value::Array(items) => items.len().to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let fields = fields.iter().filter(|(name, _)| !["step", "hash", "sent"].contains(&name.as_str()));
    fields.map(|(name, value)| format!("{name} {}", short(value))).collect::<Vec<_>>().join(", ")
}

/// A group's list from outside, as a Canon address book, and the names in it.
fn outside_list(group: &str, title: &str, entries: u32) -> (String, Vec<String>) {
    let mut text = String::from(
        "# Canon AddressBook CSV version: 0x0003\n# CharSet: UTF-8\n# SubAddressBookName: \n# DB Version: 0x010b\n\n\
         objectclass,cn,mailaddress,protocol,indxid,usergroupname,\n",
    );
    let mut names = Vec::new();
    let group = group.replace('"', "\"\"");
    for n in 1..=entries {
        let name = format!("{title} {n:04}");
        text.push_str(&format!(
            "email,\"{name}\",\"outside{n:04}@outside.example\",smtp,{},\"{group}\",\n",
            9_000 + n
        ));
        names.push(name);
    }
    (text, names)
}
