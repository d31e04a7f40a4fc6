//! What a procedure would do, before anything is touched.

use super::{Prepared, ProcedureOrder, Rows, about, unknown_owner, unreadable};
use crate::{
    error::{Error, Result},
    import::{ImportOrder, ImportReport, Read, Remark},
    machine::Machine,
};
use core::fmt::Write as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_core::{
    api::{PlannedSpace, ServerStep, StepAnswer},
    files::{Note, Place},
    id::ProcedureId,
    item::Item,
    machine::SyncState,
    procedure::{ListMode, Source, Step},
    protocol::Problem,
    space::SpaceName,
};

/// One step, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPlan {
    /// The step.
    pub step: Step,
    /// For people.
    pub text: String,
}

/// A list as the procedure would meet it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpacePlan {
    /// The space.
    pub space: SpaceName,
    /// Whether the server knows this user or group; otherwise their rows stay out.
    pub known: bool,
    /// How many records would be deleted on the server, settings included; each is kept recoverable.
    pub deleted: u64,
    /// How many other machines have it, and wait until the start.
    pub machines: u64,
    /// Until when it is reserved for another procedure.
    pub reserved_until: Option<String>,
}

/// What a procedure would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcedurePlan {
    /// The file and its hash.
    pub source: Source,
    /// The items.
    pub items: Vec<Item>,
    /// What happens to lists that have entries.
    pub mode: ListMode,
    /// The users and groups of the file.
    pub spaces: Vec<SpacePlan>,
    /// The steps, in their order.
    pub steps: Vec<StepPlan>,
    /// What the import would do to each list.
    pub import: ImportReport,
    /// What is odd.
    pub warnings: Vec<Remark>,
}

impl ProcedurePlan {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from("The procedure would be:\n");
        for step in &self.steps {
            let _ = writeln!(text, "  {:<8} {}", step.step.as_str(), step.text);
        }
        for one in &self.spaces {
            let what = if one.known {
                format!("{} records would be deleted on the server, and kept", one.deleted)
            } else {
                "not known to the server; its rows stay out".into()
            };
            let _ = writeln!(text, "{}: {what}", one.space);
        }
        let _ = write!(text, "{}", self.import.text());
        for warning in &self.warnings {
            let _ = write!(text, "\nwarning: {} ({})", warning.text, warning.code);
        }
        text
    }
}

impl Machine {
    /// Says what a procedure would do; changes nothing.
    ///
    /// # Errors
    /// As [`Machine::begin_procedure`](Self::begin_procedure), before it begins: `outside_enrolment`, `unknown_owner`,
    /// what the file says, the network's.
    pub async fn plan_procedure(
        &self,
        order: &ProcedureOrder,
        administrator: Option<&str>,
    ) -> Result<ProcedurePlan> {
        self.prove_administrator(administrator).await?;
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        let Prepared { items, source, file, spaces, .. } = self.gather(order).await?;
        let planned = self.covered(spaces, token).await?;
        if !planned.iter().any(|one| one.known) {
            return Err(unknown_owner());
        }
        if self.state() == SyncState::InProgress {
            // The import is planned over the machine's copy: as new as it can be.
            self.level().await?;
        }
        let import = ImportOrder {
            items: items.clone(),
            user: order.user.clone(),
            group: order.group.clone(),
            mode: order.mode,
            plan: true,
            ..ImportOrder::new(&order.file)
        };
        let known: Vec<SpaceName> =
            planned.iter().filter(|one| one.known).map(|one| one.space.clone()).collect();
        let import = match file {
            Rows::Addresses(file) => self.show_addresses(&import, file, &known)?,
            Rows::Bundle(looked) => self.show_bundle(&import, *looked, &known, Vec::new())?,
        };
        let warnings = self.warnings_of(&planned, order.mode)?;
        Ok(ProcedurePlan {
            source,
            items,
            mode: order.mode,
            steps: Step::ALL.iter().map(|step| StepPlan { step: *step, text: about(*step).into() }).collect(),
            spaces: planned.into_iter().map(space_plan).collect(),
            import,
            warnings: warnings.into_iter().map(Remark::from).collect(),
        })
    }

    /// What the server has of these spaces.
    ///
    /// # Errors
    /// `outside_enrolment` where it knows one that the machine's enrolment does not cover; the network's.
    async fn covered(&self, spaces: Vec<SpaceName>, token: &str) -> Result<Vec<PlannedSpace>> {
        let ask = ServerStep::Plan { spaces };
        let planned = match self.server_step(ProcedureId(uuid::Uuid::nil()), ask, token).await? {
            StepAnswer::Planned(planned) => planned,
            other => return Err(unreadable(&format!("{other:?}"))),
        };
        match planned.iter().find(|one| one.known && !one.covered) {
            None => Ok(planned),
            Some(outside) => Err(Error::Refused(Problem {
                code: "outside_enrolment".into(),
                title: format!("the machine's enrolment does not cover {}", outside.space),
                detail: "enrol it for that group, or name another file".into(),
                status: 403,
            })),
        }
    }

    /// Refuses the plan of an import into spaces outside the enrolment, as the import itself would be. Where the server is
    /// out of reach nothing is known of that.
    pub(crate) async fn may_join(&self, spaces: Vec<SpaceName>, administrator: Option<&str>) -> Result<()> {
        let heads = self.store().heads(&spaces)?;
        let strange = heads.into_iter().filter(|(space, head)| space.synchronizes() && head.is_none());
        let strange: Vec<SpaceName> = strange.map(|(space, _)| space).collect();
        let Some(token) = administrator.filter(|_| !strange.is_empty()) else { return Ok(()) };
        match self.covered(strange, token).await {
            Err(error @ Error::Refused(_)) if error.code() == "outside_enrolment" => Err(error),
            Err(error @ (Error::Store(_) | Error::Damaged(_))) => Err(error),
            _ => Ok(()),
        }
    }

    fn show_addresses(
        &self,
        order: &ImportOrder,
        mut file: Read,
        known: &[SpaceName],
    ) -> Result<ImportReport> {
        let mut places: BTreeMap<SpaceName, Place> = BTreeMap::new();
        for place in file.split.taken.keys() {
            places.insert(self.space_at(place)?, place.clone());
        }
        places.retain(|space, _| known.contains(space));
        let mut notes = core::mem::take(&mut file.warnings);
        notes.extend(file.split.keep_out_unknown(|place| places.values().any(|known| known == place)));
        self.show(order, file, &places, notes)
    }

    fn warnings_of(&self, planned: &[PlannedSpace], mode: ListMode) -> Result<Vec<Note>> {
        let mut warnings = Vec::new();
        for one in planned {
            if let Some(until) = one.reserved_until {
                let text = format!("{} is reserved for another procedure until {until}", one.space);
                warnings.push(Note::new(None, "reserved", text));
            }
        }
        let store = self.store();
        let unsent: u64 = store.spaces()?.iter().map(|space| space.outbox).sum();
        if unsent > 0 {
            let text = format!("{unsent} changes of this machine wait to be sent; the stop sends them first");
            warnings.push(Note::new(None, "unsent", text));
        }
        if store.state() == SyncState::Stopped {
            let text = "the client function is stopped: this machine's copy may be old, and it is what comes in beside \
                        the file; afterwards the machine synchronizes";
            warnings.push(Note::new(None, "stopped", text));
        }
        if mode == ListMode::Append {
            let text = "the entries that this machine has come in again, beside the file's";
            warnings.push(Note::new(None, "append", text));
        }
        Ok(warnings)
    }
}

fn space_plan(one: PlannedSpace) -> SpacePlan {
    SpacePlan {
        known: one.known,
        deleted: if one.known { one.records } else { 0 },
        machines: one.machines,
        reserved_until: one.reserved_until.map(|until| until.to_string()),
        space: one.space,
    }
}
