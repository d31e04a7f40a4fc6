//! What administrators ask.

use super::{
    Interface,
    machine::with_snapshots,
    message::{from_refusal, from_store, internal, problem},
};
use crate::{
    auth, clock,
    folder::make_private_folder,
    random,
    store::{SpaceContent, Store},
};
use core::time::Duration;
use std::path::PathBuf;
use sync_core::{
    api::{
        BackupAnswer, BackupRequest, BringBackAnswer, BringBackRequest, CodeAnswer, CodeRequest,
        DeleteAnswer, DeleteRequest, MachineInfo, RemoveMachineRequest, Source,
    },
    change::Author,
    id::{Incarnation, RecordId},
    protocol::Problem,
    record::Record,
    server::{Answer, Code, Refusal, Request},
};

/// The longest time for which a code can be used: 30 days.
const LONGEST_CODE: u64 = 30 * 24 * 3600;

impl<S: Store> Interface<S> {
    pub(super) async fn make_code(&self, request: CodeRequest) -> Result<CodeAnswer, Problem> {
        self.look_at_directory().await;
        self.groups_known(&request.scope)?;
        if !(1..=LONGEST_CODE).contains(&request.valid_for) {
            return Err(problem(
                422,
                "wrong_time",
                "a code can be used for 1 second to 30 days",
                "ask for a time between",
            ));
        }
        let code = auth::draw_code().map_err(|_| internal())?;
        let expires = clock::now().plus(Duration::from_secs(request.valid_for));
        self.commit_one(Request::MakeCode(Code {
            hash: auth::hash(&auth::normalise_code(&code)),
            scope: request.scope,
            expires,
            used_by: None,
        }))
        .await?;
        Ok(CodeAnswer { code, fingerprint: self.fingerprint.clone(), expires })
    }

    pub(super) fn machines(&self) -> Vec<MachineInfo> {
        let mut machines: Vec<MachineInfo> = self.store.known(|known| {
            let spaces = |id| {
                let machine = known.heads().machine(id);
                machine
                    .into_iter()
                    .flat_map(|machine| &machine.members)
                    .filter(|(_, member)| member.present)
                    .map(|(space, _)| space.clone())
                    .collect()
            };
            let machines = known.machines().iter();
            machines
                .map(|(id, machine)| MachineInfo {
                    machine: *id,
                    name: machine.name.clone(),
                    scope: machine.scope.clone(),
                    enrolled: machine.enrolled,
                    last_contact: known.last_contact(*id),
                    spaces: spaces(*id),
                })
                .collect()
        });
        machines.sort_by(|a, b| (&a.name, a.machine).cmp(&(&b.name, b.machine)));
        machines
    }

    /// Withdraws a machine's enrolment. What it was to take of distributions is over for it, with the reason.
    pub(super) async fn remove_machine(&self, request: RemoveMachineRequest) -> Result<MachineInfo, Problem> {
        let named = self.machines_named(core::slice::from_ref(&request.machine))?;
        let info = self.machines().into_iter().find(|info| named.contains(&info.machine));
        let info = info.ok_or_else(|| from_refusal(&Refusal::UnknownMachine))?;
        self.commit_one(Request::RemoveMachine { machine: info.machine, leave: info.spaces.clone() }).await?;
        tracing::info!(machine = %info.machine, name = info.name, "an administrator withdrew a machine's enrolment");
        self.over_for(info.machine).await;
        Ok(info)
    }

    pub(super) async fn delete(&self, request: DeleteRequest) -> Result<DeleteAnswer, Problem> {
        self.in_realm(&request.spaces)?;
        let answer = self
            .commit_one(Request::Delete {
                spaces: with_snapshots(request.spaces)?,
                by: "administrator".into(),
                procedure: None,
                now: clock::now(),
            })
            .await?;
        match answer {
            Answer::Deleted(deleted) => Ok(DeleteAnswer { deleted }),
            _ => Err(internal()),
        }
    }

    pub(super) async fn backup(&self, request: BackupRequest) -> Result<BackupAnswer, Problem> {
        let name = match request.name {
            Some(name) => name,
            None => {
                let time = clock::now().to_string().replace([':', '.'], "-");
                format!("backup-{time}.db")
            }
        };
        let path = self.backup_path(&name)?;
        let _one = self.backing_up.lock().await;
        if path.exists() {
            return Err(problem(
                409,
                "exists",
                "a backup of this name is there already",
                "choose another name",
            ));
        }
        self.back_up_to(name).await
    }

    /// Backs up under a name; the caller holds the lock of backups.
    pub(super) async fn back_up_to(&self, name: String) -> Result<BackupAnswer, Problem> {
        let path = self.backup_path(&name)?;
        make_private_folder(&self.backups).map_err(|error| {
            tracing::error!(%error, "no folder for backups");
            internal()
        })?;
        let made = self.store.backup(&path).await.map_err(|error| from_store(&error))?;
        tracing::info!(name, bytes = made.bytes, "backed up");
        Ok(BackupAnswer { name, bytes: made.bytes, sha256: random::hex(&made.sha256) })
    }

    pub(super) async fn bring_back(&self, request: BringBackRequest) -> Result<BringBackAnswer, Problem> {
        let (space, records) = match request.from {
            Source::Backup { name, space } => {
                let path = self.backup_path(&name)?;
                if !path.is_file() {
                    return Err(problem(
                        404,
                        "unknown_backup",
                        "there is no backup of this name",
                        "name a file of the server's backups folder",
                    ));
                }
                let found = self.store.space_in_backup(&path, space.clone()).await;
                let SpaceContent { head, records, .. } = found.map_err(|error| from_store(&error))?;
                if !head.exists() {
                    return Err(problem(
                        404,
                        "unknown_space",
                        &format!("the backup holds nothing of {space}"),
                        "name another space or another backup",
                    ));
                }
                (space, records)
            }
            Source::Snapshot(id) => {
                let snapshot =
                    self.store.snapshot(id).await.map_err(|error| from_store(&error))?.ok_or_else(|| {
                        problem(
                            404,
                            "unknown_snapshot",
                            "there is no snapshot of this name",
                            "list the snapshots to see their names",
                        )
                    })?;
                (snapshot.space, snapshot.records)
            }
        };
        self.in_realm(core::slice::from_ref(&space))?;
        let answer = self
            .commit_one(Request::BringBack {
                space: space.clone(),
                records: records.iter().filter_map(as_it_was).collect(),
                incarnation: Incarnation(random::uuid().map_err(|_| internal())?),
                snapshot: random::snapshot_id().map_err(|_| internal())?,
                author: Author { person: Some("administrator".into()), time: clock::now(), import: None },
            })
            .await?;
        match answer {
            Answer::BroughtBack { changes, snapshot } => Ok(BringBackAnswer { space, changes, snapshot }),
            _ => Err(internal()),
        }
    }

    /// The path of a backup: a plain file name in the folder of backups, nothing else.
    fn backup_path(&self, name: &str) -> Result<PathBuf, Problem> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > 128 || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(problem(
                400,
                "wrong_name",
                "a backup's name has letters, digits, `-`, `_` and `.` alone",
                "give a file name without a folder",
            ));
        }
        Ok(self.backups.join(name))
    }
}

pub(super) type Fields = std::collections::BTreeMap<String, sync_core::value::Value>;

/// A live record's fields that are set.
pub(super) fn as_it_was((id, record): &(RecordId, Record)) -> Option<(RecordId, Fields)> {
    Some((*id, record.clone().into_live()?))
}
