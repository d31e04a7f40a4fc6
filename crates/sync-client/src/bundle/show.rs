//! `sync-client bundle`: what a bundle says of itself, and whether all of it is as it was written. Without any machine.

use super::{Lock, Work, is_encrypted, open, passphrase};
use crate::{command::Output, draw::hex, error::Result};
use core::fmt::Write as _;
use serde_json::{Value, json};
use std::path::PathBuf;
use sync_core::bundle::{Manifest, PolicyPassword};

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub enum Words {
    /// Show a bundle's manifest: where it comes from, and what is in it
    Show(Args),
    /// Read a bundle to its end and check every byte of it, then show its manifest
    Verify(Args),
}

/// Which bundle.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file
    file: PathBuf,
    /// A file whose first line is the pass phrase; where none is named, it is asked for at the terminal
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Carries a command out.
///
/// # Errors
/// Those of [`open`] and [`passphrase`]; of [`super::Opened::read_whole`] where all of it is read.
pub fn run(words: &Words) -> Result<Output> {
    let (Words::Show(args) | Words::Verify(args)) = words;
    let encrypted = is_encrypted(&args.file)?;
    let lock = match &args.passphrase_file {
        Some(file) => passphrase::from_file(file)?,
        None if encrypted => passphrase::ask(false)?,
        None => Lock::Plain,
    };
    let opened = open(&args.file, &lock, Work::default())?;
    let (manifest, verified) = match words {
        Words::Show(_) => (opened.manifest().clone(), false),
        Words::Verify(_) => (opened.read_whole(&mut |_, _| {}, |_| Ok(()))?, true),
    };
    Ok(Output::new(in_json(&manifest, encrypted, verified), text(&manifest, encrypted, verified)))
}

fn in_json(manifest: &Manifest, encrypted: bool, verified: bool) -> Value {
    let source = &manifest.source;
    let sections = manifest.sections.iter().map(|row| {
        json!({"item": row.item, "records": row.records, "bytes": row.bytes, "sha256": hex(&row.sha256)})
    });
    json!({
        "format": manifest.format(),
        "product": manifest.product,
        "made": manifest.made.to_string(),
        "heard": manifest.heard.map(|heard| heard.to_string()),
        "source": {
            "name": source.name,
            "model": source.model,
            "language": source.language,
            "versions": source.versions,
        },
        "policy_password": policy(&manifest.policy_password),
        "sections": sections.collect::<Vec<_>>(),
        "records": manifest.records(),
        "encrypted": encrypted,
        "verified": verified,
    })
}

/// Whether there is one. The hash is for machines to compare, and not for the screen.
const fn policy(password: &PolicyPassword) -> Option<bool> {
    match password {
        PolicyPassword::NotKnown => None,
        PolicyPassword::None => Some(false),
        PolicyPassword::Set(_) => Some(true),
    }
}

fn text(manifest: &Manifest, encrypted: bool, verified: bool) -> String {
    let source = &manifest.source;
    let mut text = format!(
        "Bundle of format {}, {}, made {} by {}\nfrom {} ({})",
        manifest.format(),
        if encrypted { "encrypted" } else { "not encrypted" },
        manifest.made,
        shown(&manifest.product),
        shown(&source.name),
        shown(&source.model),
    );
    if let Some(language) = &source.language {
        let _ = write!(text, ", display language {}", shown(language));
    }
    for (name, version) in &source.versions {
        let _ = write!(text, ", {} {}", shown(name), shown(version));
    }
    match policy(&manifest.policy_password) {
        None => {}
        Some(true) => text.push_str("\nThe source has a security policy password."),
        Some(false) => text.push_str("\nThe source has no security policy password."),
    }
    if let Some(heard) = manifest.heard {
        let _ = write!(text, "\nIts personalized data are as its server had them at {heard}.");
    }
    let _ = write!(text, "\n{:<26} {:>9} {:>12}  SHA-256", "item", "records", "bytes");
    for row in &manifest.sections {
        let _ = write!(text, "\n{:<26} {:>9} {:>12}  {}", row.item, row.records, row.bytes, hex(&row.sha256));
    }
    text.push_str(if verified { "\nEvery byte is as it was written." } else { "" });
    text
}

/// A text of a file, without what would play with the terminal.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::bundle::create;
    use std::fs;
    use sync_core::{
        bundle::{Entry, Section, Source},
        id::RecordId,
        time::Timestamp,
    };

    #[test]
    fn a_bundle_is_shown_and_verified() {
        let folder = tempfile::tempdir().unwrap();
        let (file, phrase) = (folder.path().join("batch"), folder.path().join("phrase"));
        let source =
            Source { name: "Copier\u{1b}[2J".into(), language: Some("de".into()), ..Source::default() };
        let mut manifest = Manifest::new("fleet-sync", Timestamp(0), source);
        manifest.policy_password = PolicyPassword::Set("5".repeat(64));
        manifest.sections.push(Section::named("box"));
        let id = RecordId::of_setting("x");
        let entries = || Ok([Ok(Entry::new("box", "local", id, [].into()))]);
        let lock = Lock::pass_phrase("correct horse").unwrap();
        create(&file, &lock, Work::QUICK, manifest, entries, &mut |_, _| {}).unwrap();
        fs::write(&phrase, "correct horse\n").unwrap();

        let args = || Args { file: file.clone(), passphrase_file: Some(phrase.clone()) };
        let shown = run(&Words::Show(args())).unwrap();
        assert_eq!(shown.json["sections"][0]["records"], 1);
        assert_eq!(shown.json["verified"], false);
        assert_eq!(shown.json["policy_password"], true);
        assert!(shown.text.contains("display language de"), "{}", shown.text);
        assert!(!shown.text.contains('\u{1b}') && !shown.text.contains("5555"), "{}", shown.text);
        assert_eq!(run(&Words::Verify(args())).unwrap().json["verified"], true);

        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(run(&Words::Verify(args())).unwrap_err().code(), "bundle_damaged");
        fs::write(&phrase, "wrong\n").unwrap();
        assert_eq!(run(&Words::Show(args())).unwrap_err().code(), "bundle_passphrase");
    }
}
