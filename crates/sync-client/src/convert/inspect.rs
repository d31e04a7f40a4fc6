//! What a file is and holds, and what is odd about it, without changing anything.

use super::{
    Outcome, encoding_named, format_named, mapping, read_bytes,
    report::{Found, Style, of_found, of_note},
};
use crate::cli::print;
use core::fmt::Write as _;
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};
use sync_core::{
    address::Password,
    files::{self, Book, Duplicate, Encoding, Format, ReadOptions},
};

/// Says what an address book file is, how many entries of which kinds it has, its encoding, and what is odd about it.
/// Nothing is changed, and no secret is shown.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  sync-client inspect abook.csv
  sync-client inspect --duplicates contacts.vcf
  sync-client --json inspect - < book.xml

Exit status: 0 it is a file that is known, 2 it is none.")]
pub struct InspectArgs {
    /// The file, or - for the standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Its format, where its content leaves doubt
    #[arg(long, value_name = "FORMAT", value_parser = format_named)]
    pub from: Option<Format>,
    /// Its encoding; otherwise it is found
    #[arg(long, value_name = "ENCODING", value_parser = encoding_named)]
    pub encoding: Option<Encoding>,
    /// A column mapping of a CSV file
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Show also which entries are the same address
    #[arg(long)]
    pub duplicates: bool,
    /// How the report looks
    #[arg(long, value_enum, value_name = "json|text", default_value = "text")]
    pub report: Style,
}

/// Runs `inspect`.
#[must_use]
pub fn inspect(args: &InspectArgs, json: bool) -> ExitCode {
    let json = json || args.report == Style::Json;
    let read = args.mapping.as_deref().map(mapping::read).transpose().and_then(|mapping| {
        let options = ReadOptions { format: args.from, encoding: args.encoding, mapping };
        read_bytes(&args.file)
            .and_then(|bytes| files::read(&bytes, &options).map_err(|error| super::Refused::from(&error)))
    });
    let book = match read {
        Ok(book) => book,
        Err(refused) => {
            if json {
                print(&json!({ "file": args.file.display().to_string(), "error": refused }).to_string());
            } else {
                eprintln!("{}: {}", args.file.display(), refused.message);
            }
            return ExitCode::from(Outcome::NotWritten.exit());
        }
    };
    let found = Found::of(&book);
    let (readable, encrypted) = passwords(&book);
    let owners = owners(&book);
    let duplicates = book.duplicates();
    let mut notes = book.report.warnings.clone();
    notes.extend(duplicates.iter().map(Duplicate::as_found));
    if json {
        let mut value = json!({
            "file": args.file.display().to_string(),
            "read": found,
            "title": found.format.title(),
            "passwords": { "readable": readable, "encrypted": encrypted },
            "owners": owners,
            "duplicates": duplicates.len(),
            "notes": notes,
        });
        if args.duplicates {
            value["duplicates"] = json!(duplicates);
        }
        print(&value.to_string());
        return ExitCode::SUCCESS;
    }
    let mut text = format!("{}: {}\n", args.file.display(), of_found(&found));
    for (owner, count) in &owners {
        let _ = writeln!(text, "  {count} entries of {owner}");
    }
    if readable + encrypted > 0 {
        let _ = writeln!(
            text,
            "  {readable} passwords that can be read, {encrypted} that their source encrypted"
        );
    }
    if !duplicates.is_empty() {
        let _ = writeln!(text, "  {} entries are there twice", duplicates.len());
    }
    if args.duplicates {
        for duplicate in &duplicates {
            let _ = writeln!(text, "    {}", of_note(&duplicate.note()));
        }
    }
    for note in &notes {
        let _ = writeln!(text, "  {}", of_note(note));
    }
    print(&text);
    ExitCode::SUCCESS
}

fn passwords(book: &Book) -> (usize, usize) {
    let entries = book.contacts.iter().flat_map(|contact| &contact.entries);
    let all = entries.filter_map(|entry| entry.login.as_ref()?.password.as_ref());
    let (readable, encrypted): (Vec<_>, Vec<_>) = all.partition(|one| matches!(one, Password::Plain(_)));
    (readable.len(), encrypted.len())
}

fn owners(book: &Book) -> BTreeMap<String, usize> {
    let mut owners = BTreeMap::new();
    for contact in &book.contacts {
        let place = contact.owner.place();
        if place != files::Place::Local {
            *owners.entry(place.to_string()).or_insert(0) += contact.entries.len();
        }
    }
    owners
}
