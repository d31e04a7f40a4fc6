//! What can be asked about: items, processes, limits.

use core::fmt::Write as _;
use serde_json::{Value, json};
use sync_core::{
    item::{ItemRow, TABLE},
    process::Process,
    profile::{Limit, Profile},
};

pub(super) fn items(json: bool) -> String {
    if json {
        return super::line(&TABLE.iter().map(item_form).collect());
    }
    let width = TABLE.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in TABLE {
        let mut can: Vec<&str> = Vec::new();
        for (is, word) in [
            (row.individual, "individually"),
            (row.batch, "in batch"),
            (row.distributable, "distributed"),
            (row.personalized, "personalized data"),
        ] {
            if is {
                can.push(word);
            }
        }
        let _ = writeln!(text, "{:width$}  {} ({})", row.name, row.title, can.join(", "));
    }
    text
}

fn item_form(row: &ItemRow) -> Value {
    json!({
        "name": row.name,
        "title": row.title,
        "individual": row.individual,
        "batch": row.batch,
        "distributable": row.distributable,
        "personalized": row.personalized,
    })
}

/// Rule 7's table, as the profile has it.
pub(super) fn processes(profile: &Profile, json: bool) -> String {
    let rows = Process::ALL.iter().map(|process| {
        let (begin, during) = (profile.interlock.begin(*process), profile.interlock.during(*process));
        (*process, begin, during)
    });
    if json {
        return super::line(
            &rows
                .map(|(process, begin, during)| {
                    json!({"name": process, "title": process.title(), "begin": begin, "during": during})
                })
                .collect(),
        );
    }
    let width = Process::NAMES.iter().map(|name| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (process, begin, during) in rows {
        let _ = writeln!(
            text,
            "{process:width$}  {} (an import or export may begin while it runs: {begin}; it may run during one: {during})",
            process.title()
        );
    }
    text
}

/// Rule 10's figures, as the profile has them.
pub(super) fn limits(profile: &Profile, json: bool) -> String {
    let rows = Limit::ALL.iter().map(|limit| {
        let most = profile.limits.get(*limit);
        (*limit, (most != u64::MAX).then_some(most))
    });
    if json {
        return super::line(
            &rows.map(|(limit, most)| json!({"name": limit, "title": limit.title(), "most": most})).collect(),
        );
    }
    let width = Limit::NAMES.iter().map(|name| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (limit, most) in rows {
        let most = most.map_or("no limit".into(), |most| format!("at most {most}"));
        let _ = writeln!(text, "{limit:width$}  {} ({most})", limit.title());
    }
    text
}
