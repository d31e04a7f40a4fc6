//! Where a machine stands, for scripts and for people.

use crate::{error::Result, machine::Machine};
use core::fmt::Write as _;
use serde_json::{Value, json};
use sync_core::sharing::Subject;

impl Machine {
    /// Where it stands: role, state, destination, server, spaces, what waits, what went wrong last.
    ///
    /// # Errors
    /// What the disk says.
    pub fn status(&self) -> Result<Value> {
        let running = self.imports.running();
        if let Some(mut standing) = self.imports.standing() {
            standing["import"] = json!(running);
            return Ok(standing);
        }
        let contact = self.contact();
        let unfinished = self.unfinished()?;
        let store = self.store();
        let identity = store.identity();
        let interrupted: Vec<Value> = store
            .interrupted_imports()?
            .iter()
            .map(|line| json!({"import": line.import, "code": line.ended_code(), "text": line.ended()}))
            .collect();
        let (snapshots, superseded) = store.count_kept()?;
        let spaces = store.spaces()?;
        let chosen = store.device_specific()?;
        let scopes: serde_json::Map<String, Value> = Subject::all()
            .map(|subject| (subject.name().to_string(), subject.scope(&chosen).as_str().into()))
            .collect();
        let outbox: u64 = spaces.iter().map(|space| space.outbox).sum();
        let spaces: Vec<Value> = spaces
            .iter()
            .map(|space| {
                json!({
                    "space": space.name,
                    "member": space.member,
                    "stopped": space.head.stopped,
                    "generation": space.head.generation,
                    "seen": space.head.seen,
                    "cursor": space.head.cursor,
                    "head": space.wanted.map(|wanted| wanted.head),
                    "records": space.records,
                    "outbox": space.outbox,
                })
            })
            .collect();
        Ok(json!({
            "role": identity.role().as_str(),
            "state": store.state().as_str(),
            "destination": identity.destination.to_string(),
            "connect_to": identity.connect_to,
            "enrolled": identity.server.is_some(),
            "machine": identity.machine,
            "name": identity.name,
            "server": identity.server,
            "realm": identity.realm,
            "fingerprint": identity.fingerprint,
            "user": store.user(),
            "outbox": outbox,
            "spaces": spaces,
            "scopes": scopes,
            "prepared": store.prepared().time.map(|time| time.to_string()),
            "snapshots": snapshots,
            "superseded": superseded,
            "procedure": unfinished.map(|one| json!({"id": one.id(), "text": one.to_string()})),
            "import": running,
            "interrupted_imports": interrupted,
            "last_contact": contact.last.map(|time| time.to_string()),
            "last_error": contact.error.map(|(since, report)| json!({
                "since": since.to_string(),
                "code": report.code,
                "message": report.message,
                "remedy": report.remedy,
            })),
        }))
    }
}

/// The same for people.
#[must_use]
pub fn text(status: &Value) -> String {
    let word = |key: &str| match &status[key] {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::String(_) | Value::Null => "none".to_string(),
        other => other.to_string(),
    };
    let mut text = String::new();
    for (title, key) in [
        ("Role", "role"),
        ("State", "state"),
        ("Destination", "destination"),
        ("Logged in", "user"),
        ("Changes to send", "outbox"),
        ("Snapshots", "snapshots"),
        ("Superseded values", "superseded"),
        ("Last contact", "last_contact"),
    ] {
        let _ = writeln!(text, "{title:<18} {}", word(key));
    }
    if let Some(message) = status["last_error"]["message"].as_str() {
        let _ = writeln!(text, "{:<18} {message}", "Last error");
    }
    if let Some(procedure) = status["procedure"]["text"].as_str() {
        let _ = writeln!(
            text,
            "{:<18} {procedure}\n{:<18} go on: sync-client procedure --resume, take it back: --undo, or end it: --cancel",
            "Procedure", ""
        );
    }
    if !status["import"].is_null() {
        let import = &status["import"];
        let _ = writeln!(
            text,
            "{:<18} {}: {} of {} records; cancel it: sync-client import --cancel",
            "Running import",
            word_of(&import["stage"]),
            import["records"],
            import["records_total"]
        );
    }
    for line in status["interrupted_imports"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "{:<18} {}", "Interrupted", word_of(&line["text"]));
    }
    for space in status["spaces"].as_array().into_iter().flatten() {
        let _ = writeln!(
            text,
            "{:<28} {} records, {} changes to send{}",
            space["space"].as_str().unwrap_or_default(),
            space["records"],
            space["outbox"],
            if space["member"] == true { "" } else { ", no longer at this machine" }
        );
    }
    text.trim_end().to_string()
}

fn word_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
