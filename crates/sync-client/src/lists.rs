//! What import, export and procedure have in common: which item a list belongs to, in which space it lies, what the rules
//! look at, and how a machine comes to have the lists that an administrator names.

use crate::{
    addresses::LOCAL_LISTS,
    draw::now,
    error::{Error, Result},
    machine::Machine,
};
use std::collections::BTreeSet;
use sync_core::{
    api,
    files::{Note, Place},
    item::Item,
    machine::{Machine as Facts, SyncState},
    protocol::{JoinRequest, Membership},
    rules::{Operation, Question, plan::OnRefusal, plan::plan},
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
        operation: Operation,
        items: &[Item],
        on_refusal: OnRefusal,
        administrator: Option<&str>,
    ) -> Result<(Vec<Item>, Vec<Note>)> {
        if administrator.is_some() {
            self.prove_administrator(administrator).await?;
        }
        let facts = {
            let store = self.store();
            let identity = store.identity();
            let facts = Facts::new(identity.role(), store.state(), identity.destination.clone())
                .with_administrator(administrator.is_some())
                .with_home_screen(true);
            match store.prepared().time {
                Some(at) => facts.with_prepared(at),
                None => facts,
            }
        };
        let Some(first) = items.first() else {
            return Ok((Vec::new(), Vec::new()));
        };
        let plan = plan(&facts, &Question::new(operation, *first, now()), items);
        let allowed = plan.items(on_refusal).map_err(|denied| Error::Rules(Box::new(denied.clone())))?;
        let refused = plan.lines.iter().filter_map(|line| {
            let denied = line.verdict.as_ref().err()?;
            Some(Note::new(None, denied.code.as_str(), denied.message.clone()))
        });
        Ok((allowed, refused.collect()))
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
                self.store().join(&wanted)?;
                admitted.extend(wanted);
                let text =
                    "the server did not say whether it knows these users and groups; the next start asks it";
                Ok((admitted, vec![Note::new(None, "owners_not_asked", text)]))
            }
            Err(error) => Err(error),
        }
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
