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

/// What the notes of a report mean, by code.
const NOTES: &str = "
## What a report says

Each note has a code, the entry that it speaks of, and its line. *Lost*: it is not in what was read or written. *Corrected*: it
was written otherwise than it stood. *Note*: it is odd, and nothing was lost.

| code | weight | meaning |
| --- | --- | --- |
| `kind_not_in_format` | lost | the new format holds no entry of this kind; it stays out |
| `field_not_in_format` | lost | it has no field for what is named |
| `column_not_in_format` | lost | what only the old format understands (a tab, an icon, a photo) is not carried |
| `columns_by_order` | note | the column names are in an unknown language; the columns were taken by their order |
| `group_in_itself` | note, lost | a group contains itself, at once or by way of others; that member goes into no other format |
| `structure_left_behind` | note | what only makes the structure of the old format's files (the names and classes of a directory, ids that a program draws) stays behind |
| `value_not_in_format`, `value_elsewhere` | lost | it has no word for a value, or another place |
| `character_not_in_format`, `character_replaced` | lost, corrected | it can't have a character; the entry stays out, or a blank stands for it |
| `mail_not_in_format` | lost | it holds only what looks like an e-mail address |
| `cut`, `too_long` | lost | a name was cut to the format's length; an address that is too long stays out |
| `control_character`, `lines_joined`, `line_ends` | corrected | control characters were taken out, lines joined, line ends made alike |
| `name_changed`, `name_joined` | lost, corrected | the format makes the name of its parts, in its order; it has one field for the whole |
| `contact_split` | corrected | a contact with several destinations is as many entries there; they are tied together only where the format can |
| `number_given`, `number_changed`, `no_number_left` | corrected, lost | the format's numbers are its own, and each is one entry's: the note names the old and the new one |
| `owner_not_in_format` | lost | it does not say whose list an entry is in |
| `password_not_in_format`, `password_not_carried`, `password_left_out`, `password_kept` | lost | no place for a password; its source encrypted it; the encoding lacks a character of it; it was not asked for |
| `password_encrypted`, `password_may_be_encrypted`, `secret_not_taken` | note | a password can't be used elsewhere; one of a directory's own is not taken over |
| `member_missing`, `member_left_out`, `member_not_representable`, `nested_group` | note, lost | a group names what is not in the file, or what the new format can't name |
| `member_narrowed` | corrected | a group named a contact that is several entries in the new format; it names the first |
| `empty_group`, `group_merged`, `group_joined`, `group_without_members` | lost | the format has no such groups |
| `too_many_entries`, `too_many_destinations` | lost | the format, or one contact, holds no more |
| `no_kind`, `no_name`, `no_destination`, `not_an_address` | lost, corrected, note | an entry without what it must have; one that leads nowhere stays out, or is written without a destination |
| `merged` | corrected, lost | an entry is another once more (`--merge-duplicates`); a number that goes with it is named, and one in another list is lost |
| `unmappable_character` | lost | the encoding lacks a character; a question mark stands for it |
| `encoding_guessed`, `charset_differs` | note | the file does not say its encoding, or says another |
| `separator_changed` | corrected | a spreadsheet saved a Canon file with `;` or tabs between the cells; it is written with commas, as machines read it |
| `too_many_cells`, `quote_not_closed`, `short_row`, `text_after_quote`, `not_name_and_mail`, `unknown_row`, `line_not_read`, `no_colon`, `content_not_read`, `value_not_text`, `card_cut_off`, `no_end_line`, `referral`, `number_not_a_number`, `repeated_attribute` | lost, note | something of the file is not as its format has it; the rest is read, and what was not stays where it is |
| `duplicate_number`, `index_used_twice`, `button_used_twice` | note | two entries have one number |
| `duplicate_entry` | note | `inspect`: an entry is there twice: the same kind, destination and name in the same list |
| `key_leads_nowhere`, `key_left_out`, `folder_protocol_not_known`, `scan_protocol_not_known`, `send_mode_kept`, `check_digits_not_known` | note, lost | a maker's own: a one-touch key without its contact, a protocol by a number that is not known, a destination that is kept as it is, a first line whose check digits nobody can make |
| `column_not_understood` | note | columns of plain CSV that hold something and mean nothing here; they are kept, and a mapping says what they mean |
| `mapped_column_missing`, `columns_by_place` | note | the mapping names a column that the file lacks; no row names the columns, so that they were read in the format's order |
| `contacts_without_destination` | lost | at an import: contacts that lead nowhere stay out |

A file as a whole is refused with `unknown_format`, `empty_file`, `file_too_large`, `too_many_rows`, `too_many_columns`, `not_in_charset`, `nul_byte`,
`unterminated_quote`, `file_cut_off`, `no_column_line`, `duplicate_column`, `unsafe_xml`, `not_xml`, `changes_only` (LDIF that
orders changes), `mapping` or `mapping_does_not_fit` (a column mapping that is none, or another file's); an export to the
standard output with `format_needs_file` where the format is not UTF-8. `convert` also refuses OUT that is IN (`same_file`), a
name that tells no format (`format_not_told`), losses with `--strict` (`would_lose`), and says of a folder what is no file
(`not_a_file`), or that it is empty (`nothing_to_convert`).
";

const MAPPINGS: &str = "
## Column mappings

CSV whose column names are not known is read with a mapping: `sync-client convert FILE --save-mapping FILE.toml` writes one with
what is known, to be changed, and `--mapping FILE.toml` reads the file by it, or writes plain CSV with those columns.
`no_column_line = true` says that no row names the columns: they are those of the mapping, in their order. Ready mappings go by
their names: `--mapping fujitsu` (user lists of Fujitsu's network scanners), `--mapping oki` (OKI's five columns without names:
the name first, the e-mail address and the fax number by what the cells hold). Lists with each value in brackets, as Epson's
machines write them, are read and written so.

```toml
separator = \";\"

[[column]]
heading = \"Navn\"
means = \"name\"

[[column]]
heading = \"Elpost\"
means = \"e-mail\"

[[column]]
heading = \"Faks\"
means = \"fax\"
```

`means` is a field (`name`, `first-name`, `last-name`, `organization`, `number`, ...), a destination (`e-mail`, `e-mail 2`, `fax`,
`ifax e-mail`), a field of a folder with its protocol (`smb folder-host`, `ftp folder-path`, `smb folder-user`), `keep` (the
column comes back when the entry is written as CSV again) or `ignore`. The names of fields are those of the table above, with
hyphens: `convert --list-formats --report json` names those of each format.
";

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
        ("kept, and no loss elsewhere", all(&|holds| holds.structure.join(", "))),
        ("lines in a text", all(&|holds| yes(holds.lines))),
        ("most contacts", all(&|holds| if holds.most == 0 { String::new() } else { holds.most.to_string() })),
    ];
    table(&mut page, "", rows.into_iter().map(|(name, cells)| (name.to_string(), cells)));
    page.push_str(MAPPINGS);
    page.push_str(NOTES);
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
