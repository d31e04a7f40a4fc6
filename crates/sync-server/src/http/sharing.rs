//! How settings are shared across the fleet: what administrators see and change, and how every machine comes to hear of it.

use super::{
    Interface,
    message::{from_store, internal, problem},
};
use crate::{
    clock, random,
    store::{Store, StoreError},
};
use std::collections::BTreeSet;
use sync_core::{
    api::{ScopeAnswer, ScopeInfo, ScopeRequest},
    catalogue::Sharing,
    change::Author,
    id::{Incarnation, MachineId},
    protocol::Problem,
    server::{Answer, Request},
    sharing::{self, Subject},
    space::SpaceName,
};

impl<S: Store> Interface<S> {
    fn scopes(&self) -> SpaceName {
        sharing::space(&self.directory.realm())
    }

    pub(super) async fn sharing_scopes(&self) -> Result<Vec<ScopeInfo>, Problem> {
        let chosen = self.chosen().await?;
        let infos = Subject::all().map(|subject| ScopeInfo {
            setting: subject.name().into(),
            title: subject.title().into(),
            scope: subject.scope(&chosen),
            selectable: subject.sharing() == Sharing::Selectable,
        });
        Ok(infos.collect())
    }

    pub(super) async fn set_sharing_scope(&self, request: ScopeRequest) -> Result<ScopeAnswer, Problem> {
        let ScopeRequest { setting, scope } = request;
        let known = Subject::find(&setting).ok_or_else(|| {
            problem(
                422,
                "unknown_setting",
                &format!("there is no setting `{setting}`"),
                "list the sharing scopes to see the names",
            )
        })?;
        if known.sharing() != Sharing::Selectable {
            let fixed = known.scope(&BTreeSet::new());
            return Err(problem(
                422,
                "scope_not_selectable",
                &format!("{setting} is always {fixed}"),
                "list the sharing scopes to see which can be changed",
            ));
        }
        // Of a setting without a choice the catalogue's default stands: nothing is written to say it once more.
        if known.scope(&self.chosen().await?) == scope {
            return Ok(ScopeAnswer { setting, scope, changed: false });
        }
        let written = self
            .commit_one(Request::Write {
                space: self.scopes(),
                records: vec![(sharing::record(&setting), sharing::fields(&setting, scope))],
                incarnation: Incarnation(random::uuid().map_err(|_| internal())?),
                author: Author { person: Some("administrator".into()), time: clock::now(), import: None },
            })
            .await?;
        match written {
            Answer::BroughtBack { changes, .. } => {
                tracing::info!(setting, %scope, "the sharing scope was changed");
                Ok(ScopeAnswer { setting, scope, changed: changes > 0 })
            }
            _ => Err(internal()),
        }
    }

    /// The settings that are device-specific by choice.
    async fn chosen(&self) -> Result<BTreeSet<String>, Problem> {
        let space = self.store.space(self.scopes()).await.map_err(|error| from_store(&error))?;
        Ok(sharing::device_specific(space.records.iter().map(|(_, record)| record)))
    }

    /// The request by which a machine becomes a member of the space of the choices.
    pub(super) fn hears_of_scopes(&self, machine: MachineId) -> Request {
        let join = vec![self.scopes()];
        Request::Membership { machine, login: None, join, leave: Vec::new(), now: clock::now() }
    }

    /// Every enrolled machine is a member, also one that was enrolled before there were choices.
    pub(crate) async fn all_hear_of_scopes(&self) -> Result<(), StoreError> {
        let space = self.scopes();
        let missing: Vec<MachineId> = self.store.known(|known| {
            let machines = known.machines().keys();
            machines.filter(|machine| !known.heads().is_member(**machine, &space)).copied().collect()
        });
        if !missing.is_empty() {
            let requests = missing.into_iter().map(|machine| self.hears_of_scopes(machine));
            self.store.commit(requests.collect()).await?;
        }
        Ok(())
    }
}
