//! What each real file is read as, with all that is odd about it, is checked in as text beside it: this fails when a report
//! changes, and writes them with `UPDATE_DOCS=1`.
#![allow(clippy::unwrap_used)]

use core::fmt::Write as _;
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use sync_core::files::{ReadOptions, Weight, read};

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpora")
}

fn report(bytes: &[u8]) -> String {
    let book = read(bytes, &ReadOptions::default()).unwrap();
    let mut text = format!(
        "{}, {}: {} contacts, {} entries, {} rows kept out\n",
        book.format(),
        book.encoding,
        book.contacts.len(),
        book.entries(),
        book.report.kept_out
    );
    for note in &book.report.warnings {
        let weight = match note.weight {
            Weight::Remark => "note",
            Weight::Correction => "corrected",
            Weight::Loss => "lost",
        };
        let line = note.line.map_or_else(String::new, |line| format!("line {line}: "));
        let _ = writeln!(text, "{weight} [{}] {line}{}", note.code, note.text);
    }
    text
}

#[test]
fn every_file_has_the_report_that_is_checked_in() {
    let counts = fs::read_to_string(corpora().join("counts.txt")).unwrap();
    for line in counts.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let file = line.split_whitespace().next().unwrap();
        let found = report(&fs::read(corpora().join(file)).unwrap());
        let path = corpora().join("reports").join(format!("{}.txt", file.replace('/', "-")));
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &found).unwrap();
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, there, "{file}: UPDATE_DOCS=1 writes the report anew; look at what changed");
    }
}
