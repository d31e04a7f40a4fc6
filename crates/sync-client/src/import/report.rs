//! What an import or an undo did, or would do: for scripts and for people.

use core::fmt::Write as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_core::{
    files::Note,
    id::{ImportId, RecordId},
    import::Problem,
    item::Item,
    procedure::ListMode,
    rules::plan::Line,
    space::SpaceName,
};

/// A remark on an import or export, as it is kept and sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The line of the file, where there is one.
    pub line: Option<u64>,
    /// A stable word for scripts.
    pub code: String,
    /// What a person reads.
    pub text: String,
}

impl From<Note> for Remark {
    fn from(note: Note) -> Self {
        Self { line: note.line, code: note.code.into(), text: note.text }
    }
}

impl From<&Problem> for Remark {
    fn from(problem: &Problem) -> Self {
        Self { line: problem.line, code: problem.code.into(), text: problem.text.clone() }
    }
}

/// What an import did to one space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceReport {
    /// The item of which it holds something; `None` where an undo takes several back at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// The space.
    pub space: SpaceName,
    /// New records.
    pub added: usize,
    /// Records whose fields changed.
    pub changed: usize,
    /// Records that went.
    pub removed: usize,
    /// Records that were what they should be already.
    pub same: usize,
}

impl SpaceReport {
    pub(super) fn new(space: SpaceName) -> Self {
        Self { item: None, space, added: 0, changed: 0, removed: 0, same: 0 }
    }
}

/// One record in a plan that is only shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The item to which it belongs; `None` where an undo takes several back at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// Where.
    pub space: SpaceName,
    /// `add`, `change`, `remove` or `same`.
    pub effect: String,
    /// The record; `None` where it would be a new one.
    pub record: Option<RecordId>,
    /// Its name.
    pub name: String,
    /// The fields that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What the rules say of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemVerdict {
    /// The item.
    pub item: Item,
    /// Whether it may be imported now.
    pub allowed: bool,
    /// The rule's code, where it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What a person reads, where it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl From<&Line> for ItemVerdict {
    fn from(line: &Line) -> Self {
        let denied = line.verdict.as_ref().err();
        Self {
            item: line.item,
            allowed: denied.is_none(),
            code: denied.map(|denied| denied.code.as_str().to_string()),
            message: denied.map(|denied| denied.message.clone()),
        }
    }
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The import's id, which all its changes carry; `None` of a plan that is only shown.
    pub import: Option<ImportId>,
    /// The item, where one was named.
    pub item: Option<Item>,
    /// The items that were taken.
    pub items: Vec<Item>,
    /// What happened to lists that had entries.
    pub mode: ListMode,
    /// Space by space.
    pub spaces: Vec<SpaceReport>,
    /// How many rows of the file are entries.
    pub read: usize,
    /// How many rows are none; each has a warning.
    pub unreadable: usize,
    /// How many entries stayed out, by whose they are.
    pub kept_out: BTreeMap<String, usize>,
    /// What was odd.
    pub warnings: Vec<Remark>,
    /// Why it can't be applied, where a plan is only shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Remark>,
    /// What the rules say, item by item, where the plan is only shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<ItemVerdict>,
    /// Record by record, where the plan is only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Vec<Effect>>,
    /// By this exactly this plan is applied, where it is only shown; `None` where a rule refuses it as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl ImportReport {
    /// How many records it touched.
    #[must_use]
    pub fn touched(&self) -> u64 {
        touched(&self.spaces)
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.facts();
        if let Some(import) = self.import.filter(|_| self.touched() > 0) {
            let _ = write!(text, "\nTo take it back: sync-client import --undo {import}");
        }
        text
    }

    /// For people to whom somebody else says how to take it back.
    pub(crate) fn facts(&self) -> String {
        let mut text = String::new();
        for ItemVerdict { item, allowed, message, .. } in &self.verdicts {
            let verdict = if *allowed { "allowed" } else { message.as_deref().unwrap_or("refused") };
            let _ = writeln!(text, "{item}: {verdict}");
        }
        spaces_and_effects(&mut text, &self.spaces, self.plan.as_deref());
        let _ = write!(text, "{} entries were read", self.read);
        if self.unreadable > 0 {
            let _ = write!(text, ", {} rows are none", self.unreadable);
        }
        for (place, count) in &self.kept_out {
            let _ = write!(text, "; {count} of {place} stayed out");
        }
        text.push('.');
        warnings(&mut text, &self.warnings);
        for problem in &self.problems {
            let line = problem.line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let _ = write!(text, "\nproblem: {line}{} ({})", problem.text, problem.code);
        }
        if let Some(fingerprint) = &self.fingerprint {
            let _ = write!(text, "\nTo apply exactly this: the same command with --apply-plan {fingerprint}");
        }
        text
    }
}

/// What an undo did not take back, since somebody changed it after the import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stayed {
    /// Where.
    pub space: SpaceName,
    /// The record.
    pub record: RecordId,
    /// Its name.
    pub name: String,
    /// The field; `None` where it is the record as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// `edited`: somebody changed it. `removed`: somebody removed the record. `not_here`: the machine does not have the
    /// space any more.
    pub why: String,
}

/// What an undo did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoReport {
    /// The undo's own id, by which it can be taken back; `None` of a plan that is only shown.
    pub import: Option<ImportId>,
    /// The import that it takes back.
    pub undoes: ImportId,
    /// The items concerned.
    pub items: Vec<Item>,
    /// Space by space.
    pub spaces: Vec<SpaceReport>,
    /// What stays as somebody made it since.
    pub stayed: Vec<Stayed>,
    /// What was odd.
    pub warnings: Vec<Remark>,
    /// Record by record, where the plan is only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Vec<Effect>>,
    /// By this exactly this plan is applied, where it is only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl UndoReport {
    /// How many records it touched.
    #[must_use]
    pub fn touched(&self) -> u64 {
        touched(&self.spaces)
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        spaces_and_effects(&mut text, &self.spaces, self.plan.as_deref());
        for Stayed { space, name, field, why, .. } in &self.stayed {
            let field = field.as_ref().map(|field| format!(": {field}")).unwrap_or_default();
            let _ = writeln!(text, "  stays  {space}  {name}{field} ({why} since)");
        }
        let would = if self.plan.is_some() { "would be" } else { "is" };
        let _ = write!(text, "The import {} {would} undone", self.undoes);
        if !self.stayed.is_empty() {
            let _ = write!(text, ", but for what was changed since (--force takes that back too)");
        }
        text.push('.');
        warnings(&mut text, &self.warnings);
        if let Some(fingerprint) = &self.fingerprint {
            let _ = write!(text, "\nTo apply exactly this: the same command with --apply-plan {fingerprint}");
        }
        if let Some(import) = self.import {
            let _ = write!(text, "\nTo take the undo back: sync-client import --undo {import}");
        }
        text
    }
}

fn touched(spaces: &[SpaceReport]) -> u64 {
    spaces.iter().map(|space| (space.added + space.changed + space.removed) as u64).sum()
}

fn spaces_and_effects(text: &mut String, spaces: &[SpaceReport], plan: Option<&[Effect]>) {
    let would = if plan.is_some() { "would be " } else { "" };
    for SpaceReport { space, added, changed, removed, same, .. } in spaces {
        let _ = writeln!(
            text,
            "{space}: {added} {would}added, {changed} changed, {removed} removed, {same} as they were"
        );
    }
    for Effect { space, effect, name, fields, .. } in plan.into_iter().flatten() {
        let _ = writeln!(text, "  {effect:<6} {space}  {name}  {}", fields.join(", "));
    }
}

fn warnings(text: &mut String, warnings: &[Remark]) {
    for warning in warnings {
        let line = warning.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let _ = write!(text, "\nwarning: {line}{} ({})", warning.text, warning.code);
    }
}
