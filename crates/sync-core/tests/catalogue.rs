//! `docs/catalogue.md` is what the code says, and what the catalogue once said still holds: names stay, ranges only widen.
//!
//! `UPDATE_DOCS=1 cargo test -p sync-core --test catalogue` writes both files anew. A name that went, or a range that
//! narrowed, fails all the same until `catalogue::VERSION` rises.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::PathBuf};
use sync_core::{
    catalogue::{
        self, Default, Field, InFile, Keys, Kind, Part, Place, RecordType, Secret, Setting, Sharing, content,
    },
    item::Item,
};

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), name].iter().collect()
}

fn updates() -> bool {
    env::var_os("UPDATE_DOCS").is_some()
}

/// Holds what the code says against a file, or writes it.
fn same_as(name: &str, now: &str) {
    let path = path(name);
    if updates() {
        fs::write(&path, now).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "{} is stale: run this test with UPDATE_DOCS=1", path.display());
}

#[test]
fn the_documentation_is_what_the_code_says() {
    same_as("../../docs/catalogue.md", &documentation());
}

#[test]
fn what_the_catalogue_once_said_still_holds() {
    const KEPT: &str = "tests/data/catalogue.txt";
    let now = snapshot();
    let kept = fs::read_to_string(path(KEPT)).unwrap_or_default();
    let version =
        |text: &str| text.lines().next().and_then(|line| line.strip_prefix("version ")?.parse::<u32>().ok());
    if version(&kept) == version(&now) {
        let broken = broken(&kept, &now);
        assert!(
            broken.is_empty(),
            "renamed, removed or narrowed, which older files and machines do not survive: undo it, or raise \
             catalogue::VERSION.\n{}",
            broken.join("\n")
        );
    }
    same_as(KEPT, &now);
}

#[test]
fn a_rename_and_a_narrowing_are_found() {
    let old = "version 1\ntype t Device\nfield t:a optional No text 10\nfield t:b optional No choice x y\nplace i Local(\"i\")\n";
    let found = |new: &str| broken(old, new).len();
    assert_eq!(found(old), 0);
    assert_eq!(found(&old.replace("text 10", "text 11").replace("x y", "x y z")), 0);
    assert_eq!(found(&old.replace("text 10", "lines 10")), 0);
    assert_eq!(found(&format!("{old}field t:c optional No flag\n")), 0);
    assert_eq!(found(&format!("{old}type u\nfield u:c required No flag\n")), 0);
    for new in [
        old.replace("t:a", "t:A"),
        old.replace("text 10", "text 9"),
        old.replace("text 10", "number 0 10"),
        old.replace("x y", "x"),
        old.replace("a optional", "a required"),
        old.replace("b optional No", "b optional Sealed"),
        old.replace("Device", "Shared"),
        format!("{old}field t:c required No flag\n"),
    ] {
        assert_eq!(found(&new), 1, "{new}");
    }
}

// What the catalogue says, one fact a line: `word name attributes kind`.

fn snapshot() -> String {
    let mut types: BTreeMap<&str, &RecordType> = BTreeMap::new();
    let mut settings: BTreeMap<&str, &Setting> = BTreeMap::new();
    let mut lines = Vec::new();
    for (item, part) in catalogue::parts() {
        lines.push(format!("place {item} {:?}", part.place));
        types.extend(part.types.iter().map(|known| (known.name, *known)));
        settings.extend(part.settings.iter().map(|setting| (setting.name, setting)));
    }
    for known in types.values() {
        let RecordType { name, sharing, in_file, identity, .. } = known;
        lines.push(format!("type {name} {sharing:?} {in_file:?} {}", identity.join(" ")));
        fields(&mut lines, &format!("{name}:"), known.fields);
    }
    for setting in settings.values() {
        let Setting { name, sharing, in_file, secret, kind, .. } = setting;
        kinds(&mut lines, &format!("setting {name} {sharing:?}/{in_file:?} {secret:?}"), name, kind);
    }
    lines.sort();
    format!("version {}\n{}\n", catalogue::VERSION, lines.join("\n"))
}

fn fields(lines: &mut Vec<String>, before: &str, fields: &[Field]) {
    for field in fields {
        let path = format!("{before}{}", field.name);
        let required = if field.required { "required" } else { "optional" };
        kinds(lines, &format!("field {path} {required} {:?}", field.secret), &path, &field.kind);
    }
}

fn kinds(lines: &mut Vec<String>, line: &str, path: &str, kind: &Kind) {
    let words = match kind {
        Kind::Flag => "flag".into(),
        Kind::Number(least, most) => format!("number {least} {most}"),
        Kind::Choice(words) => format!("choice {}", words.join(" ")),
        Kind::Text(most) => format!("text {most}"),
        Kind::Lines(most) => format!("lines {most}"),
        Kind::Form(form) => format!("form {}", format!("{form:?}").replace(' ', "")),
        Kind::Bytes(most) => format!("bytes {most}"),
        Kind::Der(form, most) => format!("der-{form:?} {most}"),
        Kind::Reference => "reference".into(),
        Kind::Map(_) => "map".into(),
        Kind::List(_, most) => format!("list {most}"),
    };
    lines.push(format!("{line} {words}"));
    match kind {
        Kind::Map(parts) => fields(lines, &format!("{path}."), parts),
        Kind::List(kind, _) => {
            kinds(lines, &format!("field {path}[] optional -"), &format!("{path}[]"), kind)
        }
        _ => {}
    }
}

/// The lines that no longer hold.
fn broken(old: &str, new: &str) -> Vec<String> {
    fn key(line: &str) -> (&str, &str) {
        let mut words = line.splitn(3, ' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }
    let index = |text: &str| -> Vec<((String, String), String)> {
        text.lines()
            .skip(1)
            .map(|line| ((key(line).0.into(), key(line).1.into()), line.to_string()))
            .collect()
    };
    let (old, new) = (index(old), index(new));
    let mut broken = Vec::new();
    for (fact, line) in &old {
        // An item may come to lie in further places.
        let mut same = new.iter().filter(|(other, _)| other == fact);
        if !same.any(|(_, now)| holds(line, now)) {
            broken.push(format!("  was: {line}"));
        }
    }
    let before = |word: &str, name: &str| old.iter().any(|((w, n), _)| w == word && n == name);
    for ((word, name), line) in &new {
        let owner = name.rsplit_once(['.', ':']).map_or(name.as_str(), |(owner, _)| owner);
        let known = before("type", owner) || before("field", owner) || before("setting", owner);
        if word == "field" && line.contains(" required ") && !before(word, name) && known {
            broken.push(format!("  newly required: {line}"));
        }
    }
    broken
}

/// Whether whatever fitted the old line fits the new one.
fn holds(old: &str, new: &str) -> bool {
    let words = |line: &str| line.split(' ').map(str::to_string).collect::<Vec<_>>();
    let (old, new) = (words(old), words(new));
    match old[0].as_str() {
        "field" | "setting" => {
            let lighter = old[2] == new[2] || (old[2] == "required" && new[2] == "optional");
            let number =
                |words: &[String], at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
            let wider = match (old[4].as_str(), new[4].as_str()) {
                ("number", "number") => {
                    number(&new, 5) <= number(&old, 5) && number(&new, 6) >= number(&old, 6)
                }
                ("choice", "choice") => old[5..].iter().all(|word| new[5..].contains(word)),
                // Every word for a language is a language tag.
                ("choice", "form") => {
                    new[5] == "Language" && old[5..].iter().all(|word| catalogue::is_language(word))
                }
                ("text", "lines") => number(&new, 5) >= number(&old, 5),
                (a, b) => {
                    a == b
                        && (old[5..] == new[5..]
                            || (number(&old, 5).is_some() && number(&new, 5) > number(&old, 5)))
                }
            };
            lighter && old[3] == new[3] && wider
        }
        _ => old == new,
    }
}

// The page for people.

fn documentation() -> String {
    let mut page = String::from(HEAD);
    for item in Item::ALL {
        let row = item.row();
        let _ = write!(page, "\n## {} (`{}`)\n\n", row.title, row.name);
        let mut marks = Vec::new();
        for (mark, has) in [
            ("individually", row.individual),
            ("in a batch", row.batch),
            ("can be distributed", row.distributable),
            ("personalized data", row.personalized),
        ] {
            if has {
                marks.push(mark);
            }
        }
        let _ = writeln!(page, "{}.", capital(&marks.join(", ")));
        for part in content(*item) {
            section(&mut page, *item, part);
        }
    }
    let _ = write!(page, "\n# Record types\n");
    let mut types: BTreeMap<&str, &RecordType> = BTreeMap::new();
    for (_, part) in catalogue::parts() {
        types.extend(part.types.iter().map(|known| (known.name, *known)));
    }
    for known in types.values() {
        record_type(&mut page, known);
    }
    page
}

const HEAD: &str = "<!-- Written by `UPDATE_DOCS=1 cargo test -p sync-core --test catalogue`; a test fails where it is stale. -->

# The catalogue

What every item is made of: where its records lie, of which types they are, and its settings. The record types follow
after the items.

- A setting is a record of its own; where nobody set it, its default holds.
- *Synchronizes*: `yes`; `selectable`: yes, unless the server chose that it is device-specific; `no`.
- *In a file*: whether it goes to another machine; `encrypted`: only in an encrypted file. A *sealed* value leaves the
  machine in an encrypted file alone; a *credential* goes into a plain one only when asked for.
- A name that ends in `:*` stands for the elements of a set, each a field of its own.
- An empty text, list or map, and no bytes, say \"none\".
- *Written here*: what people may write at this machine where a file may bring more. What a file brings beyond that is kept
  as it is, and noted in the import's plan (`value_unusual`).
";

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn section(page: &mut String, item: Item, part: &Part) {
    let place = match part.place {
        Place::Local(name) => format!("On the machine, in `/local/{name}`"),
        Place::User => "In each user's space".into(),
        Place::Group => "In each group's space".into(),
        Place::Common(name) => {
            format!("For the whole fleet, in `REALM/common/{name}`, where a profile says so")
        }
    };
    let types: Vec<String> =
        part.types.iter().map(|known| format!("[`{}`](#{})", known.name, anchor(known))).collect();
    let records = if types.is_empty() { String::new() } else { format!(": records {}", types.join(", ")) };
    let _ = write!(page, "\n{place}{records}");
    if part.settings.is_empty() {
        page.push_str(".\n");
        return;
    }
    // A part that several items share is shown once, at the item that has its name.
    if matches!(part.place, Place::Local(name) if name != item.as_str()) {
        let Place::Local(name) = part.place else { return };
        let _ = writeln!(page, "; and the settings of `{name}`, shown there.");
        return;
    }
    let _ = write!(page, "{} settings:\n\n", if types.is_empty() { ":" } else { "; and" });
    page.push_str("| setting | what it is | holds | default | synchronizes | in a file |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for setting in part.settings {
        let Setting { name, title, kind, default, .. } = setting;
        let sealed = secrecy(setting.secret);
        let _ = writeln!(
            page,
            "| `{name}` | {title}{sealed} | {} | {} | {} | {} |",
            kind.wanted(),
            shown(default),
            sharing(setting.sharing),
            in_file(setting.in_file)
        );
    }
}

fn record_type(page: &mut String, known: &RecordType) {
    let _ = write!(page, "\n## {}: `{}`\n\n", known.title, known.name);
    let identity: Vec<String> = known.identity.iter().map(|name| format!("`{name}`")).collect();
    let _ = write!(
        page,
        "Told apart by {}. Synchronizes (in a space that does): {}. In a file: {}.",
        identity.join(", "),
        sharing(known.sharing),
        in_file(known.in_file)
    );
    if let Some(most) = known.newest {
        let _ = write!(page, " The newest {most} stay.");
    }
    for name in known.stays {
        let _ = write!(page, " An import leaves `{name}` as it is.");
    }
    page.push_str("\n\n| field | what it is | holds |\n| --- | --- | --- |\n");
    for field in known.fields {
        let required = if field.required { " (required)" } else { "" };
        let _ = writeln!(
            page,
            "| `{}`{required} | {}{} | {} |",
            field.name,
            field.title,
            secrecy(field.secret),
            what_fits(field)
        );
    }
}

fn what_fits(field: &Field) -> String {
    let keys = (field.keys != Keys::Any)
        .then(|| format!("; written here, after the colon: {}", field.keys.wanted()));
    let written = field.written.map(|kind| format!("; written here: {}", kind.wanted()));
    [Some(field.kind.wanted()), written, keys].into_iter().flatten().collect()
}

fn anchor(known: &RecordType) -> String {
    let text = format!("{}-{}", known.title, known.name).to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

fn secrecy(secret: Secret) -> &'static str {
    match secret {
        Secret::No => "",
        Secret::Credential => " (credential)",
        Secret::Sealed => " (sealed)",
    }
}

fn sharing(sharing: Sharing) -> &'static str {
    match sharing {
        Sharing::Shared => "yes",
        Sharing::Selectable => "selectable",
        Sharing::Device => "no",
    }
}

fn in_file(in_file: InFile) -> &'static str {
    match in_file {
        InFile::Yes => "yes",
        InFile::No => "no",
        InFile::Encrypted => "encrypted",
    }
}

fn shown(default: &Default) -> String {
    match default {
        Default::Flag(true) => "on".into(),
        Default::Flag(false) => "off".into(),
        Default::Text("") | Default::List([]) | Default::Map([]) | Default::NoBytes => "none".into(),
        other => other.value().to_string(),
    }
}
