//! What became of the files, for people and for scripts. No secret is in it.

use super::{Outcome, Refused};
use core::fmt::Write as _;
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};
use sync_core::files::{Book, Duplicate, Format, Note, Weight, Written, field::Slot};

/// How a report looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Style {
    /// One JSON value.
    Json,
    /// Lines for people.
    Text,
}

/// What was read from a file.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Found {
    pub(super) format: Format,
    pub(super) encoding: String,
    /// Rows, blocks or elements: a person or place each.
    pub(super) contacts: usize,
    /// Rows that could not be read; each is in the notes.
    pub(super) kept_out: usize,
    /// Entries: each contact counts as often as it has destinations.
    pub(super) entries: usize,
    pub(super) by_kind: BTreeMap<Slot, usize>,
}

impl Found {
    pub(super) fn of(book: &Book) -> Self {
        Self {
            format: book.format(),
            encoding: book.encoding.to_string(),
            contacts: book.contacts.len(),
            kept_out: book.report.kept_out,
            entries: book.entries(),
            by_kind: book.by_kind(),
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Serialize)]
struct Made {
    format: Format,
    encoding: String,
    entries: usize,
    kept_out: usize,
    bytes: usize,
}

/// What became of one file: entries read = written + merged + kept out, and rows of the file = contacts + kept out.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    input: String,
    output: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refused>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<Made>,
    merged: Vec<Duplicate>,
    losses: usize,
    corrections: usize,
    notes: Vec<Note>,
}

impl Report {
    pub(super) fn of(input: &Path, output: &Path) -> Self {
        Self {
            input: input.display().to_string(),
            output: output.display().to_string(),
            outcome: "not_written",
            error: None,
            read: None,
            written: None,
            merged: Vec::new(),
            losses: 0,
            corrections: 0,
            notes: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, book: &Book) {
        self.read = Some(Found::of(book));
        self.note(book.report.warnings.clone());
    }

    pub(super) fn merged(&mut self, merged: Vec<Duplicate>) {
        self.note(merged.iter().map(Duplicate::note).collect());
        self.merged = merged;
    }

    /// Takes the report of what was written, and gives the bytes.
    pub(super) fn written(&mut self, format: Format, written: Written, source: &[u8]) -> Vec<u8> {
        if written.bytes == source {
            // What could not be read stands where it stood: nothing is lost.
            self.notes.iter_mut().for_each(|note| note.weight = Weight::Remark);
            (self.losses, self.corrections) = (0, 0);
        }
        self.note(written.notes);
        self.written = Some(Made {
            format,
            encoding: written.encoding.to_string(),
            entries: written.written,
            kept_out: written.kept_out,
            bytes: written.bytes.len(),
        });
        self.outcome = if self.losses > 0 { "written_with_losses" } else { "written" };
        written.bytes
    }

    pub(super) fn planned(mut self) -> Self {
        self.outcome = if self.losses > 0 { "would_lose" } else { "would_be_whole" };
        self
    }

    pub(super) fn refused(mut self, refused: Refused) -> Self {
        self.error = Some(refused);
        self.written = None;
        self.outcome = "not_written";
        self
    }

    fn note(&mut self, notes: Vec<Note>) {
        let count = |weight| notes.iter().filter(|note| note.weight == weight).count();
        self.losses += count(Weight::Loss);
        self.corrections += count(Weight::Correction);
        self.notes.extend(notes);
    }

    pub(super) fn outcome(&self) -> Outcome {
        match (&self.error, self.losses) {
            (Some(_), _) => Outcome::NotWritten,
            (None, 0) => Outcome::Whole,
            (None, _) => Outcome::WithLosses,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(found) = &self.read {
            let _ = writeln!(text, "{}: {}", self.input, of_found(found));
        }
        if let Some(made) = &self.written {
            let planned = self.outcome.starts_with("would") || self.error.is_some();
            let word = if planned { "would be" } else { "are" };
            let _ = writeln!(
                text,
                "{}: {} ({}, {}): {} of {} entries {word} in it, {} merged, {} stay out; {} losses, {} corrections",
                self.output,
                made.format.title(),
                made.format,
                made.encoding,
                made.entries,
                self.read.as_ref().map_or(0, |found| found.entries),
                self.merged.len(),
                made.kept_out,
                self.losses,
                self.corrections
            );
        }
        for note in &self.notes {
            let _ = writeln!(text, "  {}", of_note(note));
        }
        if let Some(refused) = &self.error {
            let _ = writeln!(text, "{}: nothing was written: {}", self.input, refused.message);
            let _ = writeln!(text, "  what to do: {}", refused.remedy);
        }
        text
    }
}

pub(super) fn of_found(found: &Found) -> String {
    let kinds: Vec<String> =
        found.by_kind.iter().map(|(kind, count)| format!("{count} {}", kind.words())).collect();
    let kinds = if kinds.is_empty() { "none".into() } else { kinds.join(", ") };
    let mut text = format!(
        "{} ({}, {}): {} contacts with {} entries: {kinds}",
        found.format.title(),
        found.format,
        found.encoding,
        found.contacts,
        found.entries
    );
    if found.kept_out > 0 {
        let _ = write!(text, "; {} rows could not be read", found.kept_out);
    }
    text
}

/// The longest text of a note that is shown to people; JSON has it whole.
const LONGEST: usize = 1_000;

pub(super) fn of_note(note: &Note) -> String {
    let weight = match note.weight {
        Weight::Loss => "lost",
        Weight::Correction => "corrected",
        Weight::Remark => "note",
    };
    let line = note.line.map(|line| format!("line {line}: ")).unwrap_or_default();
    // A name may hold what moves the cursor, or a whole letter.
    let mut text: String = note.text.chars().take(LONGEST).collect();
    if note.text.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    let text: String =
        text.chars().map(|one| if one.is_control() { char::REPLACEMENT_CHARACTER } else { one }).collect();
    format!("{weight}: {line}{text} [{}]", note.code)
}

pub(super) fn shown(reports: &[Report], style: Style, folder: bool) -> String {
    match (style, reports) {
        (Style::Text, _) => reports.iter().map(Report::text).collect(),
        (Style::Json, [one]) if !folder => serde_json::json!(one).to_string(),
        (Style::Json, _) => serde_json::json!({ "files": reports }).to_string(),
    }
}

/// That of all files: nothing written only where none was.
pub(super) fn outcome(reports: &[Report]) -> Outcome {
    let all = reports.iter().map(Report::outcome);
    let (best, worst) = (all.clone().min(), all.max());
    match (best, worst) {
        (Some(Outcome::NotWritten) | None, _) => Outcome::NotWritten,
        (_, Some(Outcome::Whole)) => Outcome::Whole,
        _ => Outcome::WithLosses,
    }
}
