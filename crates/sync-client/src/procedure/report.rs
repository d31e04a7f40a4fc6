//! A procedure for people and scripts: where it stands, what each step left as evidence.

use super::{import_id, undo::counted};
use crate::{
    error::{Error, Result},
    import::{ImportReport, Remark},
    machine::Machine,
};
use core::fmt::Write as _;
use serde::{Deserialize, Serialize};
use sync_core::{
    files::Note,
    id::ProcedureId,
    item::Item,
    procedure::{Done, Evidence, ListMode, Phase, Procedure, Source, Step, UndoEvidence, Undone},
    space::SpaceName,
};

/// A procedure for scripts: what was ordered, where it stands, and what each step left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcedureReport {
    /// Its id.
    pub procedure: ProcedureId,
    /// Where it stands, in a word: `planned`, `running`, `failed`, `cancelling`, `cancelled`, `finished`, `undoing`,
    /// `undo-failed`, `undone`.
    pub phase: String,
    /// The same as a sentence.
    pub text: String,
    /// When it began, as RFC 3339.
    pub began: Option<String>,
    /// Who ordered it.
    pub by: Option<String>,
    /// The step that runs or failed, or is being undone.
    pub step: Option<Step>,
    /// The users and groups concerned.
    pub spaces: Vec<SpaceName>,
    /// The items.
    pub items: Vec<Item>,
    /// What happens to lists that have entries.
    pub mode: ListMode,
    /// The file and its hash.
    pub source: Source,
    /// The steps that are done, with what they left behind.
    pub steps: Vec<Done>,
    /// The steps that are undone, with what that did.
    pub undone: Vec<Undone>,
    /// What the import did.
    pub import: Option<ImportReport>,
    /// What was odd.
    pub warnings: Vec<Remark>,
}

impl ProcedureReport {
    /// For people who have just run it.
    #[must_use]
    pub fn lines(&self) -> String {
        let mut text = format!("The procedure {} is {}.", self.procedure, self.text);
        match &self.import {
            Some(import) if self.undone.is_empty() => {
                let _ = write!(
                    text,
                    "\n{}\nTo take it back: sync-client procedure --undo {}",
                    import.facts(),
                    self.procedure
                );
            }
            _ => {}
        }
        for undone in &self.undone {
            if let UndoEvidence::BroughtBack { spaces } = &undone.evidence {
                for one in spaces {
                    let _ = write!(text, "\n{}", counted(one, ""));
                }
            }
        }
        for warning in &self.warnings {
            let _ = write!(text, "\nwarning: {} ({})", warning.text, warning.code);
        }
        text
    }

    /// With each step's evidence, for people who look it up.
    #[must_use]
    pub fn full(&self) -> String {
        let names: Vec<String> = self.spaces.iter().map(ToString::to_string).collect();
        let mut text = format!("The procedure {} is {}.", self.procedure, self.text);
        let _ = write!(
            text,
            "\nBegan {} by {}, with {} (SHA-256 {}), for {}.",
            self.began.as_deref().unwrap_or("at an unknown time"),
            self.by.as_deref().unwrap_or("somebody"),
            self.source.name,
            self.source.hash,
            names.join(", ")
        );
        let mut line = |before: &str, at: &str, evidence: serde_json::Value| {
            let step = evidence["step"].as_str().unwrap_or_default().to_string();
            let parts = evidence.as_object().into_iter().flatten().filter(|(name, _)| *name != "step");
            let parts: Vec<String> = parts.map(|(name, value)| format!("{name} {value}")).collect();
            let _ = write!(text, "\n{at}  {before}{step:<8} {}", parts.join(", "));
        };
        for done in &self.steps {
            line("", &done.at.to_string(), serde_json::to_value(&done.evidence).unwrap_or_default());
        }
        for undone in &self.undone {
            let evidence = serde_json::to_value(&undone.evidence).unwrap_or_default();
            line("undo ", &undone.at.to_string(), evidence);
        }
        for warning in &self.warnings {
            let _ = write!(text, "\nwarning: {} ({})", warning.text, warning.code);
        }
        text
    }
}

impl Machine {
    pub(super) fn procedure_report(
        &self,
        procedure: &Procedure,
        mut warnings: Vec<Note>,
    ) -> Result<ProcedureReport> {
        let (phase, step) = match procedure.phase() {
            Phase::Planned => ("planned", None),
            Phase::Running { step } => ("running", Some(*step)),
            Phase::Failed { step, .. } => ("failed", Some(*step)),
            Phase::Cancelling { in_flight, .. } => ("cancelling", *in_flight),
            Phase::Cancelled { .. } => ("cancelled", None),
            Phase::Finished { .. } => ("finished", None),
            Phase::Undoing { step } => ("undoing", Some(*step)),
            Phase::UndoFailed { step, .. } => ("undo-failed", Some(*step)),
            Phase::Undone { .. } => ("undone", None),
            _ => ("unknown", None),
        };
        match procedure.phase() {
            Phase::Undone { .. } => warnings.extend(left_by_undo(procedure)),
            Phase::Cancelled { .. } => warnings.extend(left_by_cancel(procedure)),
            _ => warnings.extend(left_by_steps(procedure)),
        }
        let order = procedure.order();
        Ok(ProcedureReport {
            procedure: procedure.id(),
            phase: phase.into(),
            text: procedure.to_string(),
            began: procedure.began().map(|at| at.to_string()),
            by: order.by.clone(),
            step,
            spaces: order.spaces.clone(),
            items: order.items.clone(),
            mode: order.mode,
            source: order.source.clone(),
            steps: procedure.done().to_vec(),
            undone: procedure.undone().to_vec(),
            import: self.store().imported(import_id(procedure))?,
            warnings: warnings.into_iter().map(Remark::from).collect(),
        })
    }

    /// The report of a procedure that has come to rest; a failed step is an error.
    pub(super) fn ended(&self, procedure: &Procedure, warnings: Vec<Note>) -> Result<ProcedureReport> {
        const UNDO: &str = "go back to where it began: sync-client procedure --undo";
        const CANCEL: &str = "end it where it is: sync-client procedure --cancel";
        let failed = match procedure.phase() {
            Phase::Failed { step, failure, .. } => {
                Some((format!("the step `{step}`"), failure, format!("{UNDO}; or {CANCEL}")))
            }
            Phase::Cancelling { failure: Some(failure), .. } => {
                Some(("ending the reservation".to_string(), failure, UNDO.to_string()))
            }
            Phase::UndoFailed { step, failure, .. } => {
                Some((format!("undoing the step `{step}`"), failure, CANCEL.to_string()))
            }
            _ => None,
        };
        if let Some((what, failure, or)) = failed {
            let again = if failure.permanent {
                "put right what is said there, then go on"
            } else if failure.code == "cancelled" {
                "go on all the same"
            } else {
                "go on when it has passed"
            };
            return Err(Error::Denied {
                code: failure.code.clone(),
                message: format!("{what} of the procedure {} failed: {}", procedure.id(), failure.message),
                remedy: format!("{again}: sync-client procedure --resume; or {or}"),
            });
        }
        self.procedure_report(procedure, warnings)
    }
}

fn left_by_steps(procedure: &Procedure) -> Vec<Note> {
    let left = procedure.done().iter().filter_map(|done| match &done.evidence {
        Evidence::Started { set_aside, .. } if !set_aside.is_empty() => {
            let names: Vec<String> = set_aside.iter().map(ToString::to_string).collect();
            let text = format!(
                "the server had data of {} before the import arrived; there the server's stands, and the import is kept as \
                 a snapshot: sync-client snapshots list",
                names.join(", ")
            );
            Some(Note::new(None, "set_aside", text))
        }
        Evidence::Stopped { unsent } if *unsent > 0 => {
            let text = format!("{unsent} changes could not be sent before the stop");
            Some(Note::new(None, "unsent", text))
        }
        _ => None,
    });
    left.collect()
}

/// What stands after a cancel, and what brings it back.
fn left_by_cancel(procedure: &Procedure) -> Vec<Note> {
    let left = procedure.done().iter().filter_map(|done| match &done.evidence {
        Evidence::Stopped { .. } => {
            Some(Note::new(None, "stopped", "the client function stays stopped; start it: sync-client start"))
        }
        Evidence::Deleted { spaces, .. } => {
            let names: Vec<String> = spaces.iter().map(|(space, _)| space.to_string()).collect();
            let text = format!(
                "{} stay deleted on the server; sync-client procedure --undo brings them back",
                names.join(", ")
            );
            Some(Note::new(None, "deleted", text))
        }
        Evidence::Imported { .. } => {
            let text = "this machine's copy stays imported; sync-client procedure --undo takes it out, and what was \
                        before is kept: sync-client snapshots list";
            Some(Note::new(None, "imported", text))
        }
        _ => None,
    });
    left.collect()
}

/// What an undo leaves, and where what it took out is kept.
fn left_by_undo(procedure: &Procedure) -> Vec<Note> {
    let mut notes = Vec::new();
    for undone in procedure.undone() {
        match &undone.evidence {
            UndoEvidence::Stopped { unsent } if *unsent > 0 => {
                let text = format!(
                    "{unsent} changes of this machine could not be sent; they are kept as a snapshot: sync-client \
                     snapshots list"
                );
                notes.push(Note::new(None, "unsent", text));
            }
            UndoEvidence::BroughtBack { spaces } => {
                let kept: u64 = spaces.iter().map(|one| one.kept).sum();
                if kept > 0 {
                    let text =
                        format!("{kept} entries were edited since the procedure, and stay as they are");
                    notes.push(Note::new(None, "edited_since", text));
                }
                let snapshots: Vec<String> =
                    spaces.iter().filter_map(|one| one.snapshot.map(|id| id.to_string())).collect();
                if !snapshots.is_empty() {
                    let text = format!(
                        "what stood before the undo is kept at the server as the snapshots {}",
                        snapshots.join(", ")
                    );
                    notes.push(Note::new(None, "kept", text));
                }
            }
            _ => {}
        }
    }
    let unsent = procedure.done().iter().find_map(|done| match done.evidence {
        Evidence::Stopped { unsent } if unsent > 0 => Some(unsent),
        _ => None,
    });
    if let Some(unsent) = unsent {
        let text = format!(
            "{unsent} changes of this machine had not been sent when the procedure stopped it; they are in its \
             snapshots: sync-client snapshots list"
        );
        notes.push(Note::new(None, "unsent_before", text));
    }
    notes
}
