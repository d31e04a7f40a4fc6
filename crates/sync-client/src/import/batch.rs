//! A bundle as the source of an import: its manifest says what is asked of the rules, and its records are sorted by item
//! and by the space in which they go.

use super::{
    Bounds, FileSecrets, ImportOrder, Prepared, permitted,
    plan::Part,
    progress::{Running, Stage, Watch},
    read::RowCounts,
    write::Job,
};
use crate::{
    bundle::{self, Lock, Opened, Work},
    error::{Error, Result},
    facts::POLICY_PASSWORD,
    lists::{Source, named_place, refusals, verdicts as ask},
    machine::Machine,
    password,
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};
use sync_core::{
    address::{ADDRESS_TYPE, TYPE_FIELD},
    bundle::{Entry, Manifest, PolicyPassword as Stated},
    catalogue::{self, Place as CataloguePlace},
    files::{Note, Place},
    id::{ImportId, RecordId},
    import::{Carries, Gathered, Incoming},
    item::Item,
    machine::PolicyPassword,
    procedure::ListMode,
    rules::Operation,
    space::{SpaceKind, SpaceName},
    value::Value,
};

/// A place that the item names.
const LOCAL: &str = SpaceKind::Local.as_str();

/// Whether a file begins as a bundle does, encrypted or not. One that can't be read is none: who reads it says so. What is
/// no file (a pipe gives its bytes once) is none either.
pub(crate) fn is_bundle(path: &Path) -> bool {
    if !fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return false;
    }
    let mut head = [0; 32];
    let mut begin = || -> io::Result<usize> {
        let mut file = File::open(path)?;
        let mut filled = 0;
        while filled < head.len() {
            match file.read(&mut head[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    };
    let filled = begin().unwrap_or(0);
    bundle::begins_as_bundle(&head[..filled])
}

/// The entries of a bundle, by item and space.
type Sorted = BTreeMap<(Item, SpaceName), Vec<Incoming>>;

/// What a bundle gave.
#[derive(Default)]
struct Taken {
    sorted: Sorted,
    read: usize,
    kept_out: BTreeMap<String, usize>,
    /// How many records are of which item in places where it has nothing here.
    unknown: BTreeMap<(String, String), usize>,
}

impl Taken {
    fn keep_out(&mut self, keep: impl Fn(&SpaceName) -> bool) {
        let kept_out = &mut self.kept_out;
        self.sorted.retain(|(_, space), entries| {
            let keep = keep(space);
            if !keep {
                *kept_out.entry(sync_core::bundle::place_label(space)).or_default() += entries.len();
            }
            keep
        });
    }
}

impl Machine {
    /// As for a file of addresses: everything that may have to wait, and everything that can be refused before anything
    /// is planned.
    pub(super) async fn ready_bundle(
        &self,
        id: ImportId,
        order: &ImportOrder,
        bounds: Bounds<'_>,
        administrator: Option<&str>,
        running: &Arc<Running>,
        watch: Watch<'_>,
    ) -> Result<Prepared> {
        let named = named_place(&[], order.user.as_deref(), order.group.as_deref())?;
        // Whoever asks is proved before the pass phrase is put to work.
        self.prove(administrator).await?;
        let work = self.begin_import(order.plan)?;
        if let Some(did) = self.store().imported(id)? {
            return Ok(Prepared::Done(Box::new(did)));
        }
        let lock = Lock::of(order.secrets.pass_phrase.as_ref())?;
        let begun = self.journal(id, order)?;
        let encrypted = matches!(lock, Lock::PassPhrase(_));
        let path = order.file.clone();
        let opened = running
            .work(watch, move |running| {
                let bytes = fs::metadata(&path).map_or(0, |found| found.len());
                running.update(|now| (now.stage, now.bytes_total) = (Stage::Reading, bytes));
                bundle::open(&path, &lock, Work::default())
            })
            .await?;
        let mut source = self.source_of(opened.manifest(), order)?;
        let (held, mut warnings) = items_of(opened.manifest());
        let wanted = if order.items.is_empty() { held.clone() } else { order.items.clone() };
        let ask =
            |source: &Source| ask(&self.store(), work.found(), source, &wanted, administrator.is_some());
        let mut verdicts = ask(&source)?;
        let mut allowed = permitted(&verdicts, order)?;
        if administrator.is_none() && wanted.is_empty() {
            return Err(Error::AdministratorNeeded);
        }
        warnings.extend(refusals(&verdicts));

        let (realm, hashed) = (self.store().identity().realm.clone(), order.plan || order.apply.is_some());
        let (path, items) = (order.file.clone(), allowed.clone());
        let (mut taken, file) = running
            .work(watch, move |running| {
                let taken = take(opened, &items, named.as_ref(), realm.as_deref(), Some(running))?;
                let file = if hashed { hash_of(&path)? } else { [0; 32] };
                Ok((taken, file))
            })
            .await?;
        warnings.extend(taken.unknown.iter().map(|((item, place), count)| {
            let text =
                format!("{item} has nothing in `{place}` at this machine; its {count} records stay out");
            Note::new(None, "unknown_place", text)
        }));
        if let Some(only) = bounds.only {
            taken.keep_out(|space| only.contains(space));
        }
        // Now that it is known whose data these are.
        source.spaces = Some(taken.sorted.keys().map(|(_, space)| space.clone()).collect());
        let again = ask(&source)?;
        if again != verdicts {
            allowed = permitted(&again, order)?;
            taken.sorted.retain(|(item, _), _| allowed.contains(item));
            let known = refusals(&verdicts);
            warnings.extend(refusals(&again).into_iter().filter(|note| !known.contains(note)));
            verdicts = again;
        }
        let whole = order.user.is_none() && order.group.is_none() && bounds.only.is_none();
        if order.mode == ListMode::Replace && whole {
            for item in allowed.iter().filter(|item| held.contains(item)) {
                // What the source had nothing of is replaced by nothing.
                let local = catalogue::content(*item).iter().filter_map(|part| match part.place {
                    CataloguePlace::Local(name) => Some((*item, SpaceName::local(name))),
                    _ => None,
                });
                local.for_each(|key| {
                    taken.sorted.entry(key).or_default();
                });
            }
        }
        if taken.sorted.is_empty() {
            return Err(Error::Denied {
                code: "nothing_to_import".into(),
                message: "the bundle holds no record of what was asked for; nothing was changed".into(),
                remedy: "look at what it holds: sync-client bundle show FILE".into(),
            });
        }
        let spaces = taken.sorted.keys().map(|(_, space)| space.clone());
        if order.plan {
            self.may_join(spaces.collect(), administrator).await?;
        } else {
            let spaces = spaces.collect();
            let (admitted, notes) =
                self.admit_as_planned(spaces, bounds.planned, administrator, running).await?;
            warnings.extend(notes);
            taken.keep_out(|space| admitted.contains(space));
        }
        let rows = RowCounts { read: taken.read, unreadable: 0, kept_out: taken.kept_out };
        let parts = taken.sorted.into_iter();
        let carries = if encrypted { Carries::ENCRYPTED } else { Carries::PLAIN };
        Ok(Prepared::Ready(Box::new(Job {
            id,
            work,
            begun,
            order: order.clone(),
            planned: bounds.planned,
            administrator: administrator.is_some(),
            source,
            verdicts,
            allowed,
            parts: parts.map(|((item, space), entries)| Part { item, space, entries }).collect(),
            rows,
            file,
            carries: Carries { all: whole, ..carries },
            catalogue: self.catalogue,
            warnings,
        })))
    }

    /// What the rules are told of the machine that made the bundle.
    pub(crate) fn source_of(&self, manifest: &Manifest, order: &ImportOrder) -> Result<Source> {
        let batch = order.batch || order.items.is_empty();
        let operation = if batch { Operation::ImportBatch } else { Operation::Import };
        let policy_password = match &manifest.policy_password {
            Stated::NotKnown => PolicyPassword::NotKnown,
            Stated::None => PolicyPassword::NotSet,
            Stated::Set(hash) => PolicyPassword::Set(hash.clone()),
        };
        let proved = match (&order.secrets.policy_password, &policy_password) {
            (Some(typed), PolicyPassword::Set(theirs)) => {
                let proves = |hash: &Value| password::matches(hash, &typed.0);
                let space = SpaceName::local(Item::SecurityPolicy.as_str());
                let ours = self.store().view(&space, RecordId::of_setting(POLICY_PASSWORD))?;
                password::of_word(theirs).is_some_and(|hash| proves(&hash))
                    && ours.is_some_and(|record| record.get("value").is_some_and(proves))
            }
            _ => false,
        };
        Ok(Source {
            language: manifest.source.language.clone(),
            model: Some(manifest.source.model.clone()).filter(|model| !model.is_empty()),
            policy_password,
            policy_password_proved: proved,
            ..Source::from(operation)
        })
    }
}

/// A bundle that was read for somebody who is not about to import it.
pub(crate) struct Looked(Taken, Carries, Manifest);

/// Reads what of a bundle belongs to these items; it may take a while, for its pass phrase.
pub(crate) fn look(
    path: &Path,
    items: &[Item],
    named: Option<&Place>,
    realm: Option<&str>,
    secrets: &FileSecrets,
) -> Result<Looked> {
    let lock = Lock::of(secrets.pass_phrase.as_ref())?;
    let carries = if matches!(lock, Lock::Plain) { Carries::PLAIN } else { Carries::ENCRYPTED };
    let opened = bundle::open(path, &lock, Work::default())?;
    let manifest = opened.manifest().clone();
    let carries = Carries { all: named.is_none(), ..carries };
    Ok(Looked(take(opened, items, named, realm, None)?, carries, manifest))
}

impl Looked {
    /// What it says of the machine that made it.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.2
    }

    /// The items that it has records of.
    pub(crate) fn items(&self) -> BTreeSet<Item> {
        self.0.sorted.keys().map(|(item, _)| *item).collect()
    }

    /// The spaces that it has records of.
    pub(crate) fn spaces(&self) -> BTreeSet<SpaceName> {
        self.0.sorted.keys().map(|(_, space)| space.clone()).collect()
    }

    pub(super) fn into_parts(mut self, only: &[SpaceName]) -> (Vec<Part>, RowCounts, Carries) {
        self.0.keep_out(|space| only.contains(space));
        let Taken { sorted, read, kept_out, .. } = self.0;
        let parts = sorted.into_iter().map(|((item, space), entries)| Part { item, space, entries });
        (parts.collect(), RowCounts { read, unreadable: 0, kept_out }, self.1)
    }
}

/// The items of a bundle; what nobody here knows is told.
pub(crate) fn items_of(manifest: &Manifest) -> (Vec<Item>, Vec<Note>) {
    let (mut items, mut notes) = (Vec::new(), Vec::new());
    for section in &manifest.sections {
        match section.item.parse() {
            Ok(item) => items.push(item),
            Err(_) => {
                let text = format!(
                    "`{}` is an item of a newer model, which this machine does not have; its {} records stay out",
                    section.item, section.records
                );
                notes.push(Note::new(None, "unknown_item", text));
            }
        }
    }
    (items, notes)
}

/// Reads a bundle to its end, and sorts what belongs to these items; nothing of it counts before the end was right.
fn take(
    opened: Opened,
    items: &[Item],
    named: Option<&Place>,
    realm: Option<&str>,
    running: Option<&Running>,
) -> Result<Taken> {
    let mut taken = Taken::default();
    let mut told = 0;
    let (_, total) = opened.progress();
    if let Some(running) = running {
        running.update(|now| (now.stage, now.bytes_total) = (Stage::Reading, total));
    }
    let mut progress = |done: u64, total: u64| {
        // Not for each of 100,000 records.
        if done == total || done - told > 1 << 18 {
            told = done;
            let Some(running) = running else { return };
            running.update(|now| (now.stage, now.bytes, now.bytes_total) = (Stage::Reading, done, total));
        }
    };
    opened.read_whole(&mut progress, |entry| {
        running.map_or(Ok(()), Running::go_on)?;
        let Some(item) = item_of(&entry, items) else {
            *taken.kept_out.entry(entry.item).or_default() += 1;
            return Ok(());
        };
        let Some(space) = space_of(item, &entry.place, realm)? else {
            *taken.unknown.entry((entry.item, entry.place.clone())).or_default() += 1;
            *taken.kept_out.entry(entry.place).or_default() += 1;
            return Ok(());
        };
        if !is_named(&space, named) {
            *taken.kept_out.entry(entry.place).or_default() += 1;
            return Ok(());
        }
        taken.read += 1;
        taken.sorted.entry((item, space)).or_default().push(Incoming::of_record(entry.id, &entry.fields));
        Ok(())
    })?;
    Ok(taken)
}

/// The item as which a record is taken, if it is one of those. Personal Setting Information carries the personal address
/// lists, which can be taken from it alone.
fn item_of(entry: &Entry, items: &[Item]) -> Option<Item> {
    let item: Item = entry.item.parse().ok()?;
    if items.contains(&item) {
        return Some(item);
    }
    let is_address = entry.fields.get(TYPE_FIELD).and_then(Value::as_text) == Some(ADDRESS_TYPE);
    (item == Item::PersonalSettings && is_address && items.contains(&Item::PersonalAddressList))
        .then_some(Item::PersonalAddressList)
}

/// The space of a place; `None` where the item has nothing in such a one, as a later version's may have.
fn space_of(item: Item, label: &str, realm: Option<&str>) -> Result<Option<SpaceName>> {
    let space = if label == LOCAL {
        // The item says which, where it has one.
        let mut own = catalogue::content(item).iter().filter_map(|part| match part.place {
            CataloguePlace::Local(name) => Some(name),
            _ => None,
        });
        let (first, more) = (own.next(), own.next());
        first.filter(|first| more.is_none_or(|more| more == *first)).map(SpaceName::local)
    } else {
        let local = label.split_once('/').is_some_and(|(kind, _)| kind == LOCAL);
        let realm = if local { "" } else { realm.ok_or(Error::NotEnrolled)? };
        SpaceName::parse_in(realm, label).ok()
    };
    Ok(space.filter(|space| Gathered::new(item, space.clone()).is_some()))
}

/// Whether a user or group that was named bounds it: it does only its own kind.
fn is_named(space: &SpaceName, named: Option<&Place>) -> bool {
    match (named, space.kind) {
        (Some(Place::Person(user)), SpaceKind::User) => *user == space.name,
        (Some(Place::Group(group)), SpaceKind::Group) => *group == space.name,
        _ => true,
    }
}

/// SHA-256 of a file's bytes.
pub(crate) fn hash_of(path: &Path) -> Result<[u8; 32]> {
    let at = |source| Error::File { path: path.into(), source };
    let mut file = File::open(path).map_err(at)?;
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut HashOf(&mut hash)).map_err(at)?;
    Ok(hash.finalize().into())
}

struct HashOf<'a>(&'a mut Sha256);

impl io::Write for HashOf<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
