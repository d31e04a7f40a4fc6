//! A whole import: several items in several spaces, planned as one, shown, and applied exactly as it was shown.

use super::{
    Becomes, Counts, Effect, Gathered, Live, Modes, Packed, Plan,
    admit::name,
    announce::Announced,
    limits::Tally,
    matching::{Fate, Matched, matched},
    mode::{ListKind, ListMode},
    settle::{Fingerprint, Links, may_refer},
};
use crate::{
    catalogue,
    change::Operation,
    files::{Format, Note},
    id::RecordId,
    item::Item,
    procedure::FileHash,
    profile::PerLimit,
    rules::Denied,
    space::SpaceName,
};
use alloc::{format, string::String, vec::Vec};
use serde::Serialize;

/// What a file can say, and so what its silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carries {
    /// Whether it has room for every field, a newer model's too. Where it has not, such fields stay as they are.
    pub every_field: bool,
    /// The format of a file of addresses, where it is known: what it has no field for stays as it is.
    pub format: Option<Format>,
    /// Whether it carries secrets. Where it does not, those that are there stay.
    pub secrets: bool,
    /// Whether it holds all that its source had of the items. Where it does not, replacing concerns only the lists and the
    /// types of records that it has entries of, and no setting that it lacks.
    pub all: bool,
}

impl Carries {
    /// A file of addresses in a format of other programs.
    pub const ADDRESSES: Self = Self { every_field: false, format: None, secrets: false, all: false };
    /// A plain bundle of whole items.
    pub const PLAIN: Self = Self { every_field: true, format: None, secrets: false, all: true };
    /// An encrypted bundle of whole items.
    pub const ENCRYPTED: Self = Self { every_field: true, format: None, secrets: true, all: true };
}

/// How an import is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What happens to what is there.
    pub modes: Modes,
    /// What the file can say.
    pub carries: Carries,
    /// How much the machine holds.
    pub limits: PerLimit,
    /// Whether entries whose values don't fit are passed over; otherwise they refuse the whole import.
    pub skip_unfit: bool,
    /// Whether a mode is taken for every list, also where it does not fit.
    pub(super) any_list: bool,
}

impl Terms {
    /// The usual machine, which takes all or nothing.
    #[must_use]
    pub fn new(modes: impl Into<Modes>, carries: Carries) -> Self {
        Self {
            modes: modes.into(),
            carries,
            limits: PerLimit::of_a_machine(),
            skip_unfit: false,
            any_list: false,
        }
    }

    /// The same as it holds for an entry's list: where the mode does not fit that, the one that it is taken by.
    pub(super) fn of_list(&self, space: &SpaceName, entry: &Packed) -> Self {
        if self.any_list || self.modes.lists != ListMode::Append {
            return *self;
        }
        let lists = ListKind::of(space, entry.int("list")).taken_by(self.modes.lists);
        Self { modes: Modes { lists, ..self.modes }, ..*self }
    }

    /// The same with other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: PerLimit) -> Self {
        self.limits = limits;
        self
    }

    /// The same, passing over what does not fit.
    #[must_use]
    pub const fn skipping_unfit(mut self, skip: bool) -> Self {
        self.skip_unfit = skip;
        self
    }
}

/// Why an import can't be done as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable word for scripts.
    pub code: &'static str,
    /// The item.
    pub item: Option<Item>,
    /// Where it would be.
    pub space: Option<SpaceName>,
    /// The line of the file, where there is one.
    pub line: Option<u64>,
    /// The record of the file, where it says one.
    pub record: Option<RecordId>,
    /// The field.
    pub field: Option<String>,
    /// What was wrong and what to do, for people. It never holds a secret.
    pub text: String,
}

/// What an import does to one space.
#[derive(Debug)]
pub struct SpacePlan {
    /// The space.
    pub space: SpaceName,
    /// Record by record.
    pub plan: Plan,
}

/// What an import does with one item.
#[derive(Debug)]
pub struct ItemPlan {
    /// The item.
    pub item: Item,
    /// Why the rules refuse it, if they do; it is passed over then.
    pub refused: Option<Denied>,
    /// Space by space.
    pub spaces: Vec<SpacePlan>,
}

/// What a whole import does, before anything is written.
#[derive(Debug)]
pub struct ImportPlan {
    /// Item by item, in the order in which they were taken in.
    pub items: Vec<ItemPlan>,
    /// Why it can't be done; nothing where it can.
    pub errors: Vec<Problem>,
    /// How many of something there would be, of what would be over a limit (rule 10): for
    /// [`crate::rules::decide_limits`].
    pub would_hold: PerLimit,
    /// What it does beside writing records, what should travel with it, what goes missing: of an item where there is one.
    pub notes: Vec<(Option<Item>, Note)>,
    /// SHA-256 of what was read and of what would be written. Another plan has the same one exactly if it does the same
    /// to the same, whatever ids it draws for new records.
    pub fingerprint: FileHash,
}

impl ImportPlan {
    /// Whether it can be done.
    ///
    /// # Errors
    /// Why not. Nothing may be written then.
    pub fn verdict(&self) -> Result<(), &[Problem]> {
        if self.errors.is_empty() { Ok(()) } else { Err(&self.errors) }
    }

    /// Its spaces, in the order in which they were taken in within each item.
    pub fn spaces(&self) -> impl Iterator<Item = (Item, &SpacePlan)> {
        self.items.iter().flat_map(|item| item.spaces.iter().map(|space| (item.item, space)))
    }

    /// How many records of all spaces it adds, changes, removes and leaves.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.spaces().map(|(_, space)| space.plan.counts()).fold(Counts::default(), |sum, one| Counts {
            added: sum.added + one.added,
            changed: sum.changed + one.changed,
            removed: sum.removed + one.removed,
            same: sum.same + one.same,
        })
    }

    /// The operations of all spaces, each unpacked when it is asked for.
    pub fn operations(&self) -> impl Iterator<Item = (&SpaceName, RecordId, Operation)> {
        self.spaces().flat_map(|(_, space)| {
            space.plan.operations().map(|(record, operation)| (&space.space, record, operation))
        })
    }

    /// What becomes of each record.
    pub fn effects(&self) -> impl Iterator<Item = (Item, &SpaceName, Effect)> {
        self.spaces()
            .flat_map(|(item, space)| space.plan.effects().map(move |effect| (item, &space.space, effect)))
    }

    /// What becomes of each record that does not stay as it is.
    pub fn changes(&self) -> impl Iterator<Item = (Item, &SpaceName, Effect)> {
        self.effects().filter(|(.., effect)| effect.effect != Becomes::Same)
    }
}

/// A record that the import leaves alone but that names others.
struct Beside {
    space: SpaceName,
    name: String,
    references: Vec<RecordId>,
}

/// Plans a whole import: takes in space by space, and then links and compares.
///
/// ```
/// use sync_core::{address::Address, id::RecordId, import::*, item::Item, space::SpaceName};
/// let lists = SpaceName::local("address-lists");
/// let mut ids = (1..).map(|n| RecordId(uuid::Uuid::from_u128(n)));
/// let mut planner = Planner::new(Terms::new(ListMode::Append, Carries::ADDRESSES));
/// let mut gathered = Gathered::new(Item::AddressBook, lists).unwrap();
/// let desk = Address { name: "Desk".into(), list: Some(1), ..Address::default() };
/// gathered.incoming(Incoming::from(desk));
/// planner.take(gathered, &mut || ids.next().unwrap());
/// let plan = planner.finish();
/// assert_eq!((plan.verdict(), plan.counts().added), (Ok(()), 1));
/// ```
pub struct Planner {
    terms: Terms,
    spaces: Vec<Matched>,
    refused: Vec<(Item, Denied)>,
    beside: Vec<Beside>,
    known: Vec<RecordId>,
    tally: Tally,
}

impl Planner {
    /// Nothing yet.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            spaces: Vec::new(),
            refused: Vec::new(),
            beside: Vec::new(),
            known: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Takes in a space of an item. `fresh` gives the ids of new records.
    pub fn take(&mut self, gathered: Gathered, fresh: &mut dyn FnMut() -> RecordId) {
        self.spaces.push(matched(gathered, &self.terms, fresh));
    }

    /// Says that the rules refuse an item, which is passed over.
    pub fn refuse(&mut self, item: Item, denied: Denied) {
        self.refused.push((item, denied));
    }

    /// Takes in a live record of a space that the import leaves alone: references may lead to it, or from it to what goes.
    pub fn beside(&mut self, space: &SpaceName, record: impl Live) {
        let (id, fields) = record.packed();
        self.known.push(id);
        let references = references(&fields);
        if !references.is_empty() {
            self.beside.push(Beside { space: space.clone(), name: name(&fields), references });
        }
    }

    /// Takes in a list of a user group that the machine has, for its limit.
    pub fn group_list(&mut self, space: &SpaceName) {
        self.tally.group(space);
    }

    /// The plan.
    #[must_use]
    pub fn finish(self) -> ImportPlan {
        let Self { terms, spaces, refused, beside, known, mut tally } = self;
        spaces.iter().for_each(|space| tally.space(space));
        let links = Links::of(&spaces, known);
        let mut notes = missing(&spaces, &beside, &links);
        let mut errors = Vec::new();
        let mut would_hold = PerLimit::NONE_STATED;
        for (counted, code, what, most, would) in tally.over(&terms.limits) {
            let text = format!(
                "there would be {would} {what}, and the machine holds {most}: import fewer, or remove some first"
            );
            if let Some(limit) = counted {
                would_hold = would_hold.with(limit, would);
            }
            let (item, space, line, record, field) = (None, None, None, None, None);
            errors.push(Problem { code, item, space, line, record, field, text });
        }
        let mut fingerprint = Fingerprint::new();
        let mut items: Vec<ItemPlan> = Vec::new();
        for (at, matched) in spaces.into_iter().enumerate() {
            let (item, space) = (matched.item, matched.space.clone());
            let mut announced = Announced::default();
            let (plan, problems) = matched.settle(at, &terms, &links, &mut fingerprint, &mut announced);
            notes.extend(announced.notes().into_iter().map(|note| (Some(item), note)));
            for problem in problems {
                if terms.skip_unfit {
                    notes.push((Some(item), Note::new(problem.line, problem.code, problem.text)));
                } else {
                    errors.push(problem);
                }
            }
            let place = items.iter().position(|one| one.item == item).unwrap_or_else(|| {
                items.push(ItemPlan { item, refused: None, spaces: Vec::new() });
                items.len() - 1
            });
            items[place].spaces.push(SpacePlan { space, plan });
        }
        let refused = refused.into_iter();
        items.extend(refused.map(|(item, denied)| ItemPlan {
            item,
            refused: Some(denied),
            spaces: Vec::new(),
        }));
        ImportPlan { items, errors, would_hold, notes, fingerprint: FileHash(fingerprint.finish()) }
    }
}

fn references(packed: &Packed) -> Vec<RecordId> {
    let fields = packed.fields();
    if may_refer(&fields) { catalogue::references(&fields).into_iter().collect() } else { Vec::new() }
}

/// The references that the import makes lead nowhere.
fn missing(spaces: &[Matched], beside: &[Beside], links: &Links) -> Vec<(Option<Item>, Note)> {
    let mut gone: Vec<RecordId> = Vec::new();
    for space in spaces {
        let goes = space.stands.iter().zip(&space.fates).filter(|(_, fate)| **fate == Fate::Goes);
        gone.extend(goes.map(|(stand, _)| stand.id).filter(|id| !links.has(*id)));
    }
    gone.sort_unstable();
    if gone.is_empty() {
        return Vec::new();
    }
    let note = |space: &SpaceName, name: &str, references: &[RecordId]| {
        let count = references.iter().filter(|id| gone.binary_search(id).is_ok()).count();
        let text = format!("{space}: {name} names {count} records that go; the references stay, as missing");
        (count > 0).then(|| Note::new(None, "reference_goes_missing", text))
    };
    let of_others =
        beside.iter().filter_map(|one| Some((None, note(&one.space, &one.name, &one.references)?)));
    let mut notes: Vec<(Option<Item>, Note)> = of_others.collect();
    for space in spaces {
        for (stand, fate) in space.stands.iter().zip(&space.fates) {
            if *fate == Fate::Stays {
                let references = references(&stand.fields);
                notes.extend(
                    note(&space.space, &name(&stand.fields), &references)
                        .map(|note| (Some(space.item), note)),
                );
            }
        }
    }
    notes
}

/// Plans the import of addresses into one space, whatever mode it has.
///
/// [`super::ListMode::Replace`] makes the list what the file says: an entry that is there already (see
/// [`crate::address::match_existing`]) keeps its record, the others go. What a file can't say stays with the record:
/// fields of a newer model, and the password of a login that the file names without one. [`super::ListMode::Append`]
/// leaves all that is there, and adds what is not there in exactly this form. [`super::ListMode::Overwrite`] puts an
/// entry into the place of the one with the same list and number.
///
/// `existing` are the space's live records, addresses and others; whoever wants to replace only some of its lists
/// passes the records of these ([`super::records_of_lists`]). `fresh` gives the ids of new records.
pub fn plan<L: Live>(
    existing: impl IntoIterator<Item = L>,
    incoming: Vec<super::Incoming>,
    mode: ListMode,
    fresh: &mut dyn FnMut() -> RecordId,
) -> Plan {
    let carries = Carries { all: true, ..Carries::ADDRESSES };
    let terms = Terms { any_list: true, ..Terms::new(mode, carries) };
    let space = SpaceName::local(catalogue::address_book::LOCAL_SPACE);
    let existing = existing.into_iter().map(Live::packed).collect();
    let scope = super::scope::Scope::addresses();
    let gathered = Gathered { item: Item::AddressBook, space, scope, existing, incoming };
    let matched = [matched(gathered, &terms, fresh)];
    let links = Links::of(&matched, Vec::new());
    let [matched] = matched;
    let mut announced = Announced::default();
    let (mut plan, problems) = matched.settle(0, &terms, &links, &mut Fingerprint::new(), &mut announced);
    // One list alone has no verdict: what does not fit stays out, and is said.
    plan.notes
        .extend(problems.into_iter().map(|problem| Note::new(problem.line, problem.code, problem.text)));
    plan
}
