//! What import, export and procedure have in common: which item a list belongs to, in which space it lies, what the rules
//! look at, and how a machine comes to have the lists that an administrator names.

use crate::{
    addresses::LOCAL_LISTS,
    draw::now,
    error::{Error, Result},
    facts::facts,
    machine::Machine,
    store::{Level, Store},
};
use std::collections::BTreeSet;
use sync_core::{
    api,
    catalogue::content,
    files::{Note, Place},
    item::Item,
    machine::{Machine as Facts, PolicyPassword, SyncState},
    process::{Process, Processes},
    protocol::{JoinRequest, Membership},
    rules::{
        Operation, Question,
        plan::{OnRefusal, Plan, plan},
    },
    space::{SpaceKind, SpaceName},
};

/// The items that an address book file holds.
pub(crate) const ITEMS: [Item; 3] =
    [Item::AddressBook, Item::PersonalAddressList, Item::UserGroupAddressList];

/// The item that a list belongs to.
pub(crate) fn item_of(place: &Place) -> Item {
    match place {
        Place::Local => Item::AddressBook,
        Place::Person(_) => Item::PersonalAddressList,
        Place::Group(_) => Item::UserGroupAddressList,
    }
}

/// Whose list a space holds.
pub(crate) fn place_of(space: &SpaceName) -> Place {
    match space.kind {
        SpaceKind::User => Place::Person(space.name.clone()),
        SpaceKind::Group => Place::Group(space.name.clone()),
        SpaceKind::Common | SpaceKind::Local => Place::Local,
    }
}

/// Where options say that rows without an owner go.
///
/// # Errors
/// [`Error::WrongCommand`] where they fit neither each other nor the items.
pub(crate) fn named_place(items: &[Item], user: Option<&str>, group: Option<&str>) -> Result<Option<Place>> {
    let place = match (user, group) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Error::WrongCommand("name a user or a group, not both".into()));
        }
        (Some(""), _) | (_, Some("")) => {
            return Err(Error::WrongCommand("the name of a user or group can't be empty".into()));
        }
        (Some(user), None) => Place::Person(user.into()),
        (None, Some(group)) => Place::Group(group.into()),
    };
    if !items.is_empty() && !items.contains(&item_of(&place)) {
        let option = if user.is_some() { "--user" } else { "--group" };
        return Err(Error::WrongCommand(format!(
            "{option} goes with the item {}, which is not among those named",
            item_of(&place)
        )));
    }
    Ok(Some(place))
}

/// What is asked of the rules, and what a file says of the machine that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// What is to be done.
    pub(crate) operation: Operation,
    /// Its display language.
    pub(crate) language: Option<String>,
    /// Its model.
    pub(crate) model: Option<String>,
    /// The salted hash of its security policy password.
    pub(crate) policy_password: PolicyPassword<String>,
    /// Whether one typed password was proved against that hash and this machine's.
    pub(crate) policy_password_proved: bool,
    /// The users and groups that it is about, of which rule 9 asks whether they were prepared; `None` while that is not
    /// known: then it asks whether anybody was.
    pub(crate) spaces: Option<BTreeSet<SpaceName>>,
    /// The one person whose list alone is asked for; where they are logged in, it is their own (rule 1).
    pub(crate) person: Option<String>,
}

impl From<Operation> for Source {
    /// A file that says nothing, or none.
    fn from(operation: Operation) -> Self {
        Self {
            operation,
            language: None,
            model: None,
            policy_password: PolicyPassword::NotKnown,
            policy_password_proved: false,
            spaces: None,
            person: None,
        }
    }
}

impl Source {
    /// An undo brings back what this machine itself had: it is an import from here, and as much a batch as what it takes
    /// back.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) fn of_undo(store: &Store, batch: bool) -> Result<Self> {
        let operation = if batch { Operation::ImportBatch } else { Operation::Import };
        let here = facts(store, Processes::default(), true)?;
        Ok(Self { model: here.model, policy_password: here.policy_password, ..Self::from(operation) })
    }
}

/// What the rules say of each item, as the machine stands while its store is held, with these processes.
pub(crate) fn verdicts(
    store: &Store,
    running: Processes,
    source: &Source,
    items: &[Item],
    administrator: bool,
) -> Result<Plan> {
    verdicts_on(store, &facts(store, running, administrator)?, source, items)
}

/// The same, as the machine stands or will stand.
fn verdicts_on(store: &Store, facts: &Facts, source: &Source, items: &[Item]) -> Result<Plan> {
    let profile = store.profile()?;
    let Some(first) = items.first() else {
        return Ok(Plan { operation: source.operation, lines: Vec::new() });
    };
    let question = Question::new(source.operation, *first, now())
        .with_profile(&profile)
        .with_own(source.person.is_some() && source.person.as_deref() == store.user())
        .with_source_language(source.language.as_deref().unwrap_or_default())
        .with_source_model(source.model.as_deref().unwrap_or_default())
        .with_source_policy_password(match &source.policy_password {
            PolicyPassword::NotKnown => PolicyPassword::NotKnown,
            PolicyPassword::NotSet => PolicyPassword::NotSet,
            PolicyPassword::Set(hash) => PolicyPassword::Set(hash),
        })
        .with_policy_password_proved(source.policy_password_proved);
    let (prepared, mut facts) = (store.prepared(), facts.clone());
    let mut lines = Vec::with_capacity(items.len());
    for item in items {
        let concerned = source.spaces.iter().flatten().filter(|space| concerns(*item, space));
        let least = prepared.least(concerned);
        facts.prepared = least.map_or(prepared.time, |(_, at)| at);
        let question = question.with_least_prepared(least.map(|(space, _)| space));
        lines.extend(plan(&facts, &question, &[*item]).lines);
    }
    Ok(Plan { operation: source.operation, lines })
}

/// Whether a user's or group's space holds something of an item.
fn concerns(item: Item, space: &SpaceName) -> bool {
    matches!(space.kind, SpaceKind::User | SpaceKind::Group)
        && content(item).iter().any(|part| part.place.covers(space))
}

/// What was refused, as remarks.
pub(crate) fn refusals(plan: &Plan) -> Vec<Note> {
    let refused = plan.lines.iter().filter_map(|line| {
        let denied = line.verdict.as_ref().err()?;
        Some(Note::new(None, denied.code.as_str(), denied.message.clone()))
    });
    refused.collect()
}

impl Machine {
    /// The space in which a list lies.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`]: before its enrolment the machine does not know in which realm people are.
    pub(crate) fn space_at(&self, place: &Place) -> Result<SpaceName> {
        Ok(match place {
            Place::Local => SpaceName::local(LOCAL_LISTS),
            Place::Person(user) => SpaceName::user(&self.realm()?, user),
            Place::Group(group) => SpaceName::group(&self.realm()?, group),
        })
    }

    /// Asks the rules of each item; says those that may run, and the refusals that are passed over.
    ///
    /// # Errors
    /// [`Error::Rules`]; [`Error::AdministratorRefused`] and whatever else proving an administrator can meet.
    pub(crate) async fn permitted(
        &self,
        source: &Source,
        items: &[Item],
        on_refusal: OnRefusal,
        administrator: Option<&str>,
    ) -> Result<(Vec<Item>, Vec<Note>)> {
        let plan = self.verdicts(source, items, administrator).await?;
        let allowed = plan.items(on_refusal).map_err(|denied| Error::Rules(Box::new(denied.clone())))?;
        Ok((allowed, refusals(&plan)))
    }

    /// Whether an import of all of these will be allowed to an administrator once the client function is stopped.
    ///
    /// # Errors
    /// [`Error::Rules`], or what the disk says.
    pub(crate) fn permitted_once_stopped(&self, source: &Source, items: &[Item]) -> Result<()> {
        let store = self.store();
        let mut facts = facts(&store, self.processes().without(Process::Synchronization), true)?;
        facts.state = SyncState::Stopped;
        let plan = verdicts_on(&store, &facts, source, items)?;
        plan.items(OnRefusal::RefuseAll).map_err(|denied| Error::Rules(Box::new(denied.clone())))?;
        Ok(())
    }

    /// What the rules say of each item.
    ///
    /// # Errors
    /// [`Error::AdministratorRefused`] and whatever else proving an administrator can meet.
    pub(crate) async fn verdicts(
        &self,
        source: &Source,
        items: &[Item],
        administrator: Option<&str>,
    ) -> Result<Plan> {
        self.prove(administrator).await?;
        verdicts(&self.store(), self.processes(), source, items, administrator.is_some())
    }

    /// Proves whoever says that they are the administrator.
    ///
    /// # Errors
    /// [`Error::AdministratorRefused`] and whatever else proving an administrator can meet.
    pub(crate) async fn prove(&self, administrator: Option<&str>) -> Result<()> {
        match administrator {
            Some(_) => self.prove_administrator(administrator).await,
            None => Ok(()),
        }
    }

    /// Makes the machine a member of these spaces and brings its copies of them level, where it is to write into them.
    /// Owners whom the server does not know are left out, with a note each.
    ///
    /// A stopped machine takes the spaces also while the server is out of reach: the next Start compares them.
    ///
    /// # Errors
    /// `outside_enrolment`, or the network's where the machine synchronizes and does not have all of the spaces yet.
    pub(crate) async fn admit(
        &self,
        spaces: Vec<SpaceName>,
        administrator: Option<&str>,
    ) -> Result<(BTreeSet<SpaceName>, Vec<Note>)> {
        let heads = self.store().heads(&spaces)?;
        let stopped = self.state() == SyncState::Stopped;
        let mut admitted = BTreeSet::new();
        let mut wanted = Vec::new();
        for (space, head) in heads {
            let level = head.is_some_and(|head| !head.stopped && !head.unpulled && head.epoch.is_some());
            if !space.synchronizes() || level {
                admitted.insert(space);
            } else {
                wanted.push(space);
            }
        }
        if wanted.is_empty() {
            return Ok((admitted, Vec::new()));
        }
        let token = administrator.ok_or(Error::AdministratorNeeded)?;
        match self.join_known(&wanted, token).await {
            Ok((joined, notes)) => {
                if !stopped && !joined.is_empty() {
                    self.level().await?;
                }
                admitted.extend(joined);
                Ok((admitted, notes))
            }
            Err(error) if stopped && error.is_of_the_network() => {
                let mut store = self.store();
                store.join(&wanted)?;
                let mut unasked = store.unasked()?;
                unasked.extend(
                    wanted.iter().filter(|space| !unasked.contains(space)).cloned().collect::<Vec<_>>(),
                );
                store.set_unasked(&unasked)?;
                drop(store);
                admitted.extend(wanted);
                let text =
                    "the server did not say whether it knows these users and groups; the next start asks it";
                Ok((admitted, vec![Note::new(None, "owners_not_asked", text)]))
            }
            Err(error) => Err(error),
        }
    }

    /// Joins at the server what was joined here while it was out of reach, so that a Start sends it: a space of which the
    /// machine is no member there would only be set aside. One that the server does not know, or that the enrolment does
    /// not cover, is, and the log says so.
    ///
    /// # Errors
    /// The network's.
    pub(crate) async fn join_unasked(&self, token: &str) -> Result<()> {
        let mut unasked = self.store().unasked()?;
        while let Some(space) = unasked.last().cloned() {
            let refusal = match self.join_if_known(core::slice::from_ref(&space), token).await {
                Ok(Ok(_)) => None,
                Ok(Err(note)) => Some((note.code.to_string(), note.text)),
                Err(Error::Refused(problem)) if problem.status < 500 => Some((problem.code, problem.title)),
                Err(error) => return Err(error),
            };
            let mut store = self.store();
            if let Some((code, text)) = refusal {
                store.note(Level::Error, &code, &format!("{space} can't be sent: {text}"), now())?;
            }
            unasked.pop();
            store.set_unasked(&unasked)?;
        }
        Ok(())
    }

    /// Joins those of the spaces that the server knows.
    pub(crate) async fn join_known(
        &self,
        spaces: &[SpaceName],
        token: &str,
    ) -> Result<(Vec<SpaceName>, Vec<Note>)> {
        match self.join_if_known(spaces, token).await? {
            Ok(joined) => return Ok((joined, Vec::new())),
            Err(note) if spaces.len() == 1 => return Ok((Vec::new(), vec![note])),
            Err(_) => {}
        }
        // One unknown owner refuses them all: asked one by one, each answer is its own.
        let (mut joined, mut notes) = (Vec::new(), Vec::new());
        for space in spaces {
            match self.join_if_known(core::slice::from_ref(space), token).await? {
                Ok(one) => joined.extend(one),
                Err(note) => notes.push(note),
            }
        }
        Ok((joined, notes))
    }

    async fn join_if_known(&self, spaces: &[SpaceName], token: &str) -> Result<Result<Vec<SpaceName>, Note>> {
        let ask = JoinRequest { spaces: spaces.to_vec() };
        let answered: Result<Membership> =
            self.link()?.call_with_administrator(&api::JOIN, &ask, token).await;
        match answered {
            Ok(membership) => {
                self.store().join(&membership.spaces)?;
                self.changed();
                Ok(Ok(membership.spaces))
            }
            Err(Error::Refused(problem)) if matches!(&*problem.code, "unknown_user" | "unknown_group") => {
                Ok(Err(Note::new(None, "unknown_owner", problem.title)))
            }
            Err(error) => Err(error),
        }
    }
}
