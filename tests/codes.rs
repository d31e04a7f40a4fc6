//! Whatever code a machine can answer with, or a plan and a report can note, stands in the docs.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|own| own == ending) {
            found.push(path);
        }
    }
}

/// The word in quotes that follows each of these places of a source, where it follows closely.
fn words_after<'a>(source: &'a str, place: &str, found: &mut BTreeSet<&'a str>) {
    for (at, _) in source.match_indices(place) {
        let rest = &source[at + place.len()..];
        let mut parts = rest.splitn(3, '"');
        let (Some(before), Some(word)) = (parts.next(), parts.next()) else { continue };
        let is_code =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if before.len() < 40 && !before.contains(';') && is_code(word) {
            found.insert(word);
        }
    }
}

#[test]
fn every_code_stands_in_the_docs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = Vec::new();
    files(&root.join("docs"), "md", &mut pages);
    let docs: String = pages.iter().map(|page| fs::read_to_string(page).unwrap()).collect();
    let mut sources = Vec::new();
    for folder in ["crates/sync-client/src", "crates/sync-core/src/import", "crates/sync-core/src/files"] {
        files(&root.join(folder), "rs", &mut sources);
    }
    sources.retain(|path| {
        path.strip_prefix(root)
            .unwrap()
            .components()
            .all(|part| !part.as_os_str().to_string_lossy().starts_with("tests"))
    });
    let sources: Vec<String> = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut codes = BTreeSet::new();
    for source in &sources {
        let source = source.split("#[cfg(test)]").next().unwrap();
        for place in ["Note::new(", "self.problem(", " code: ", "(Limit::"] {
            words_after(source, place, &mut codes);
        }
        // The errors of the client.
        if let Some((_, body)) = source.split_once("pub fn code(&self) -> &str {") {
            words_after(body.split("\n    }\n").next().unwrap(), " => ", &mut codes);
        }
    }
    assert!(
        codes.len() > 80 && codes.contains("value_refused") && codes.contains("nobody_logged_in"),
        "{codes:?}"
    );
    let missing: Vec<&&str> = codes.iter().filter(|code| !docs.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "in no page of docs/: {missing:?}");
}
