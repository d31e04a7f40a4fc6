//! `docs/formats.md` is generated from the formats' tables: this fails when it is stale, and writes it with
//! `UPDATE_DOCS=1`.
#![allow(clippy::unwrap_used)]

use core::fmt::Write as _;
use std::{env, fs, path::Path};
use sync_core::files::{
    Format,
    field::{Field, Slot},
    holds::{Groups, Holds},
};

const PAGE: &str = "../../docs/formats.md";

const INTRODUCTION: &str = "# Formats of address book files

Generated from the code (`UPDATE_DOCS=1 cargo test -p sync-core --test formats_document`); a test fails when it is stale.

`sync-client convert IN OUT` turns a file of one format into a file of another, `sync-client inspect FILE` says what a file
is, and imports at a machine read all of these. The format of a file is found by its content, its encoding by its mark, by
what it says of itself, or by its bytes. What the new format can't hold is never dropped silently: the report names the
entry, its line and what was lost.

- **A contact** is what one row, card or element of a file is: a person or place with all that leads there. A format that
  has one destination a row gets a row for each; a format that has several gets them together again.
- **A group** names its members in the format's own way. A member that is not in the file is reported and left out.
- **Passwords** that can be read go along where the format has a place for them. Those that a source encrypted are kept for
  files of the same format and reported as not carried everywhere else.
- **Numbers** are given where the format needs one and an entry has none, and changed where two have the same; both are
  reported as corrections.
- **What only one format knows** (a tab, an icon, a paper size) stays beside the entry: it comes back when the entry is
  written in that format again, also after it was imported into a machine and exported.
- **An untouched file** comes back byte for byte; an edited contact changes its own row.
";

fn mark(limit: Option<usize>) -> String {
    match limit {
        None => String::new(),
        Some(0) => "yes".into(),
        Some(most) => format!("{most}"),
    }
}

fn kinds(holds: &Holds, slot: Slot) -> String {
    match holds.of_slot(slot) {
        0 => String::new(),
        1 => "yes".into(),
        most if most > 100 => "any number".into(),
        most => format!("up to {most}"),
    }
}

fn table(page: &mut String, head: &str, rows: impl Iterator<Item = (String, Vec<String>)>) {
    let _ = writeln!(
        page,
        "\n| {head} | {} |",
        Format::all().map(|f| format!("`{f}`")).collect::<Vec<_>>().join(" | ")
    );
    let _ = writeln!(page, "| --- |{}", " --- |".repeat(Format::all().count()));
    for (name, cells) in rows {
        let _ = writeln!(page, "| {name} | {} |", cells.join(" | "));
    }
}

fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## The formats\n\n| format | what it is | files end in | encoding of a new file | where it comes from |\n");
    page.push_str("| --- | --- | --- | --- | --- |\n");
    for format in Format::all() {
        let _ = writeln!(
            page,
            "| `{format}` | {} | {} | {} | {} |",
            format.title(),
            format.extensions().iter().map(|e| format!("`.{e}`")).collect::<Vec<_>>().join(", "),
            format.usual_encoding(),
            format.origin()
        );
    }
    page.push_str(
        "\n## What leads somewhere\n\nHow many of each kind one contact of a file may have. Empty: none.\n",
    );
    table(
        &mut page,
        "kind",
        Slot::ALL.into_iter().filter(|slot| *slot != Slot::Other).map(|slot| {
            (slot.words().into(), Format::all().map(|format| kinds(format.holds(), slot)).collect())
        }),
    );
    page.push_str("\n## Fields\n\nWhat an entry can say of itself. A number is the most characters that the format allows. Empty: no field.\n");
    table(
        &mut page,
        "field",
        Field::ALL.iter().map(|field| {
            (field.words().into(), Format::all().map(|format| mark(format.holds().limit(*field))).collect())
        }),
    );
    page.push_str("\n## The rest\n");
    let yes = |yes: bool| if yes { "yes".to_string() } else { String::new() };
    let all =
        |of: &dyn Fn(&Holds) -> String| Format::all().map(|format| of(format.holds())).collect::<Vec<_>>();
    let rows = vec![
        (
            "groups",
            all(&|holds| match holds.groups {
                Groups::None => String::new(),
                Groups::Flat => "of entries".into(),
                Groups::Nested => "of entries and groups".into(),
            }),
        ),
        ("boxes in groups", all(&|holds| yes(holds.boxes))),
        ("passwords that can be read", all(&|holds| yes(holds.passwords))),
        ("its own encrypted passwords", all(&|holds| yes(!holds.scheme.is_empty()))),
        ("a person's list", all(&|holds| yes(holds.owners.0))),
        ("a user group's list", all(&|holds| yes(holds.owners.1))),
        (
            "numbers",
            all(&|holds| match holds.numbers {
                None => String::new(),
                Some((least, i64::MAX)) => format!("from {least}"),
                Some((least, most)) => format!("{least} to {most}"),
            }),
        ),
        ("lines in a text", all(&|holds| yes(holds.lines))),
        ("most contacts", all(&|holds| if holds.most == 0 { String::new() } else { holds.most.to_string() })),
    ];
    table(&mut page, "", rows.into_iter().map(|(name, cells)| (name.to_string(), cells)));
    page
}

#[test]
fn the_page_says_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == page, "docs/formats.md is stale: UPDATE_DOCS=1 writes it");
}
