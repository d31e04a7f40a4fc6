//! Which machine is a member of which spaces: those of the people who logged in there and of their groups, and what an
//! administrator's act named; all of it within the machine's enrolment.

use super::{
    Interface,
    message::{from_refusal, problem},
};
use crate::{
    clock,
    directory::{DirectoryError, People},
    store::{Store, StoreError},
};
use core::sync::atomic::Ordering;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use sync_core::{
    api::WithinEnrolment,
    id::MachineId,
    protocol::{JoinRequest, LoginRequest, Membership, Problem},
    server::{Refusal, Request, Scope, outside_scope},
    space::{SpaceKind, SpaceName},
};

/// The note that keeps the people for whom the memberships were last brought level.
const PEOPLE_NOTE: &str = "people";

impl<S: Store> Interface<S> {
    /// A person logged in: the machine becomes a member of their space and their groups'.
    pub(super) async fn login(
        &self,
        machine: MachineId,
        request: LoginRequest,
    ) -> Result<Membership, Problem> {
        self.look_at_directory().await;
        // The people as they are from here on: who leaves a group later is seen when the memberships are brought level.
        let _one = self.aligning.lock().await;
        let people = self.directory.people();
        if !people.users.contains_key(&request.user) {
            return Err(problem(
                422,
                "unknown_user",
                "the directory does not know this user",
                "add them to the server's file of users and groups",
            ));
        }
        let scope = self.scope_of(machine)?;
        let users = core::iter::once(request.user.as_str());
        let spaces = wanted(&self.directory.realm(), &people, &scope, users);
        self.commit_one(Request::Membership {
            machine,
            login: Some(request.user),
            join: spaces.iter().cloned().collect(),
            leave: Vec::new(),
            now: clock::now(),
        })
        .await?;
        Ok(Membership { spaces: spaces.into_iter().collect() })
    }

    /// An administrator's act at a machine makes it a member of the spaces that the act names.
    pub(super) async fn join(&self, machine: MachineId, request: JoinRequest) -> Result<Membership, Problem> {
        self.look_at_directory().await;
        let _one = self.aligning.lock().await;
        self.in_realm(&request.spaces)?;
        self.in_directory(&request.spaces)?;
        self.within_enrolment(machine, &request.spaces)?;
        self.commit_one(Request::Membership {
            machine,
            login: None,
            join: request.spaces.clone(),
            leave: Vec::new(),
            now: clock::now(),
        })
        .await?;
        Ok(Membership { spaces: request.spaces })
    }

    /// Whose data the server has within a machine's enrolment.
    pub(super) async fn held_within_enrolment(&self, machine: MachineId) -> Result<WithinEnrolment, Problem> {
        self.look_at_directory().await;
        let (scope, people) = (self.scope_of(machine)?, self.directory.people());
        let personalized = |space: &SpaceName| matches!(space.kind, SpaceKind::User | SpaceKind::Group);
        let held: Vec<SpaceName> = self.store.known(|known| {
            let spaces = known.heads().spaces().filter(|(_, head)| head.exists());
            spaces.map(|(space, _)| space).filter(|space| personalized(space)).cloned().collect()
        });
        let outside: BTreeSet<SpaceName> =
            outside_scope(&scope, &held, |user| people.groups_of(user)).into_iter().collect();
        let within = held.into_iter().filter(|space| !outside.contains(space));
        let (spaces, unknown) = within.partition(|space| unknown_code(&people, space).is_none());
        Ok(WithinEnrolment { spaces, unknown })
    }

    /// Reads the directory again where it has changed, and brings the memberships level with it.
    pub(crate) async fn look_at_directory(&self) {
        let (directory, changes) = (Arc::clone(&self.directory), Arc::clone(&self.changes));
        // On a thread that may wait for the disk. A change is noted there: whoever asked may be gone before it is done.
        let look = move || {
            let changed = directory.reload()?;
            changes.fetch_add(u64::from(changed), Ordering::SeqCst);
            Ok(())
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok(())) => *self.complaint.lock() = None,
            Ok(Err(error)) => self.warn_of(&error),
            Err(error) => tracing::error!(%error, "users and groups could not be looked at"),
        }
        // Until it succeeds: who left a group must not keep it because the store was busy, or a request was cut off.
        let seen = self.changes.load(Ordering::SeqCst);
        if self.level.load(Ordering::SeqCst) < seen {
            match self.align().await {
                Ok(changed) => {
                    self.level.fetch_max(seen, Ordering::SeqCst);
                    tracing::info!(changed, "users and groups were read again");
                }
                Err(error) => tracing::error!(%error, "memberships could not be brought level"),
            }
        }
    }

    /// Says once what is wrong with the directory, not at every look.
    fn warn_of(&self, error: &DirectoryError) {
        let mut complaint = self.complaint.lock();
        let text = error.to_string();
        if complaint.as_ref() != Some(&text) {
            tracing::warn!(%error, code = error.code(), "users and groups could not be read again; what was read before stands");
            *complaint = Some(text);
        }
    }

    /// A machine that was enrolled again, for less, leaves what its enrolment no longer covers.
    pub(super) async fn leave_outside(&self, machine: MachineId) -> Result<(), Problem> {
        let _one = self.aligning.lock().await;
        let scope = self.scope_of(machine)?;
        let people = self.directory.people();
        let leave = self.store.known(|known| {
            let members = known.heads().machine(machine).into_iter().flat_map(|head| &head.members);
            let present = members.filter(|(_, member)| member.present).map(|(space, _)| space);
            outside_scope(&scope, present, |user| people.groups_of(user))
        });
        if !leave.is_empty() {
            let now = clock::now();
            self.commit_one(Request::Membership { machine, login: None, join: Vec::new(), leave, now })
                .await?;
        }
        Ok(())
    }

    /// Brings the memberships of all machines level with the directory: what people came to have is joined, what they
    /// had by the directory before and have no more is left. Returns the number of machines that changed.
    pub(crate) async fn align(&self) -> Result<usize, StoreError> {
        let _one = self.aligning.lock().await;
        let (realm, now) = (self.directory.realm(), self.directory.people());
        let before: People = match self.store.note(PEOPLE_NOTE).await? {
            Some(note) => serde_json::from_str(&note).map_err(|error| StoreError::Row(error.to_string()))?,
            None => People::default(),
        };
        if before == *now {
            return Ok(0);
        }
        let mut users: BTreeMap<MachineId, BTreeSet<String>> = BTreeMap::new();
        for login in self.store.logins().await? {
            users.entry(login.machine).or_default().insert(login.user);
        }
        let time = clock::now();
        let requests: Vec<Request> = self.store.known(|known| {
            let machines = users.iter().filter_map(|(id, users)| {
                let scope = &known.machines().get(id)?.scope;
                let users = || users.iter().map(String::as_str);
                let had = wanted(&realm, &before, scope, users());
                let has = wanted(&realm, &now, scope, users());
                let member = |space: &&SpaceName| known.heads().is_member(*id, space);
                let join: Vec<_> = has.iter().filter(|s| !member(s)).cloned().collect();
                let leave: Vec<_> = had.difference(&has).filter(member).cloned().collect();
                (!join.is_empty() || !leave.is_empty()).then_some(Request::Membership {
                    machine: *id,
                    login: None,
                    join,
                    leave,
                    now: time,
                })
            });
            machines.collect()
        });
        let changed = requests.len();
        if changed > 0 {
            self.store.commit(requests).await?;
        }
        // After the commit: a crash between repeats it, which changes nothing.
        let note = serde_json::to_string(&*now).map_err(|error| StoreError::Row(error.to_string()))?;
        self.store.keep_note(PEOPLE_NOTE, note).await?;
        Ok(changed)
    }

    fn scope_of(&self, machine: MachineId) -> Result<Scope, Problem> {
        self.store
            .known(|known| known.machines().get(&machine).map(|m| m.scope.clone()))
            .ok_or_else(|| from_refusal(&Refusal::UnknownMachine))
    }

    /// Refuses spaces of another realm, and local ones.
    pub(super) fn in_realm(&self, spaces: &[SpaceName]) -> Result<(), Problem> {
        let realm = self.directory.realm();
        match spaces.iter().find(|space| space.realm != realm) {
            None => Ok(()),
            Some(space) => Err(problem(
                422,
                "other_realm",
                &format!("{space} is not of this server's realm"),
                &format!("name spaces of the realm {realm}"),
            )),
        }
    }

    pub(super) fn in_directory(&self, spaces: &[SpaceName]) -> Result<(), Problem> {
        let people = self.directory.people();
        for space in spaces {
            if let Some(code) = unknown_code(&people, space) {
                return Err(problem(
                    422,
                    code,
                    &format!("the directory does not know {space}"),
                    "add it to the server's file of users and groups",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn within_enrolment(&self, machine: MachineId, spaces: &[SpaceName]) -> Result<(), Problem> {
        let (scope, people) = (self.scope_of(machine)?, self.directory.people());
        match outside_scope(&scope, spaces, |user| people.groups_of(user)).first() {
            None => Ok(()),
            Some(space) => Err(from_refusal(&Refusal::OutsideEnrolment(space.clone()))),
        }
    }

    /// Whether groups are in the directory.
    pub(super) fn groups_known(&self, scope: &Scope) -> Result<(), Problem> {
        let Scope::Groups(groups) = scope else {
            return Ok(());
        };
        let realm = self.directory.realm();
        let spaces: Vec<_> = groups.iter().map(|id| SpaceName::group(&realm, id)).collect();
        self.in_directory(&spaces)
    }
}

/// What is said of a space whose owner the directory does not know.
fn unknown_code(people: &People, space: &SpaceName) -> Option<&'static str> {
    match space.kind {
        SpaceKind::User => (!people.users.contains_key(&space.name)).then_some("unknown_user"),
        SpaceKind::Group => (!people.groups.contains_key(&space.name)).then_some("unknown_group"),
        SpaceKind::Common | SpaceKind::Local => None,
    }
}

/// The spaces of these users and of their groups, as far as the machine's enrolment covers them.
fn wanted<'a>(
    realm: &str,
    people: &People,
    scope: &Scope,
    users: impl Iterator<Item = &'a str>,
) -> BTreeSet<SpaceName> {
    let mut spaces = BTreeSet::new();
    for user in users {
        if let Some(groups) = people.users.get(user) {
            spaces.insert(SpaceName::user(realm, user));
            spaces.extend(groups.iter().map(|id| SpaceName::group(realm, id)));
        }
    }
    for outside in outside_scope(scope, &spaces.clone(), |user| people.groups_of(user)) {
        spaces.remove(&outside);
    }
    spaces
}
