//! Items of every kind as records in a bundle, read from one moment of the replica.

use super::{ExportOrder, Section, Whole, cancelled};
use crate::{
    bundle::{self, Lock, Work},
    draw::{hex, now},
    error::{Error, Result},
    import::{Running, Watch},
    machine::Machine,
    store::{Moment, Records, SpaceStanding, Store},
};
use core::cell::{Cell, RefCell};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};
use sync_core::{
    bundle::{Entry, Manifest, PolicyPassword, Section as Row, Source, place_label},
    catalogue::{self, Catalogue, InFile},
    files::{Note, Place},
    import::{DEVICE_SPECIFIC, Departures, Secrets, alone},
    item::Item,
    machine::{Machine as Facts, PolicyPassword as Known},
    space::{SpaceKind, SpaceName},
};

/// What of one space goes into the section of an item.
struct Leaving {
    space: SpaceName,
    place: String,
    records: Records,
    /// Of what is device-specific of persons, only what belongs to this one.
    user: Option<String>,
    /// By what is let out: nothing secret, credentials, everything.
    by: [Departures; 3],
}

impl Leaving {
    /// A record as it goes out; and what of it stays because of that.
    fn entry(
        &self,
        moment: &Moment,
        item: Item,
        id: sync_core::id::RecordId,
        secrets: Secrets,
    ) -> Result<Option<(Option<Entry>, Kept)>> {
        let Some(fields) = moment.live(&self.records, id)? else { return Ok(None) };
        if self.user.is_some() && fields.get("user").and_then(|user| user.as_text()) != self.user.as_deref() {
            return Ok(None);
        }
        let [nothing, credentials, everything] = &self.by;
        let Some(whole) = everything.entry((&id, &fields)) else { return Ok(None) };
        let open = credentials.entry((&id, &fields));
        let sealed = open.as_ref() != Some(&whole);
        let (left, kept) = match secrets {
            Secrets::Everything => (Some(whole), Kept::default()),
            Secrets::Credentials => (open, Kept { sealed, credentials: false }),
            Secrets::Nothing => {
                let bare = nothing.entry((&id, &fields));
                let credentials = bare != open;
                (bare, Kept { sealed, credentials })
            }
        };
        let entry = left.map(|(id, fields)| Entry {
            secret: sealed && secrets == Secrets::Everything,
            ..Entry::new(item.as_str(), self.place.clone(), id, fields)
        });
        Ok(Some((entry, kept)))
    }
}

/// Whether something of a record stayed out.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    sealed: bool,
    credentials: bool,
}

/// How many records of an item left something behind.
#[derive(Debug, Default)]
struct KeptOut {
    sealed: usize,
    credentials: usize,
}

/// A bundle that waits for nobody any more.
struct Job {
    file: PathBuf,
    lock: Lock,
    work: Work,
    secrets: Secrets,
    manifest: Manifest,
    moment: Moment,
    sections: Vec<(Item, Vec<Leaving>)>,
}

impl Machine {
    /// Writes the records of these items into a bundle.
    pub(super) async fn export_records(
        &self,
        order: &ExportOrder,
        items: &[Item],
        named: Option<&Place>,
        running: &Arc<Running>,
        watch: Watch<'_>,
    ) -> Result<Whole> {
        let Some(file) = order.file.clone() else {
            return Err(Error::WrongCommand("a bundle goes into a file, not to the standard output".into()));
        };
        let mut warnings = Vec::new();
        let (lock, secrets) = match &order.secrets.pass_phrase {
            Some(phrase) => (Lock::pass_phrase(phrase.0.clone())?, Secrets::Everything),
            None if order.with_passwords => (Lock::Plain, Secrets::Credentials),
            None => (Lock::Plain, Secrets::Nothing),
        };
        let mut items = items.to_vec();
        // In the order of the table, each once.
        items.sort_unstable();
        items.dedup();
        if secrets != Secrets::Everything {
            let (sealed, rest): (Vec<Item>, Vec<Item>) =
                items.iter().partition(|item| is_sealed(&self.catalogue, **item));
            let asked = sealed.iter().any(|item| order.items.contains(item)) && !order.skip_refused;
            if let Some(first) = sealed.first()
                && (asked || rest.is_empty())
            {
                return Err(Error::Denied {
                    code: "item_needs_passphrase".into(),
                    message: format!(
                        "all of {} is secret, and leaves a machine only encrypted",
                        first.title()
                    ),
                    remedy: "export with a pass phrase: --passphrase-file FILE, or --encrypt".into(),
                });
            }
            warnings.extend(sealed.iter().map(|item| {
                let text =
                    format!("{item} stays out: it leaves a machine only encrypted; give a pass phrase");
                Note::new(None, "item_needs_passphrase", text)
            }));
            items = rest;
        }
        let facts = self.facts(false)?;
        let heard = if items.iter().any(|item| item.is_personalized()) { self.heard()? } else { None };
        let manifest = Manifest {
            heard,
            policy_password: policy(&facts, &items, secrets),
            sections: items.iter().map(|item| Row::named(item.as_str())).collect(),
            ..Manifest::new(bundle::PRODUCT, now(), source(&self.store(), &facts))
        };
        let (moment, sections) = {
            let store = self.store();
            let moment = store.moment()?;
            let mut sections = Vec::with_capacity(items.len());
            for item in &items {
                sections.push((*item, leaving(&self.catalogue, &store, &moment, *item, named)?));
            }
            (moment, sections)
        };
        match secrets {
            Secrets::Nothing => {}
            Secrets::Credentials => {
                self.note_secrets(order, "passwords_exported", "readable passwords are exported")?;
            }
            Secrets::Everything => {
                self.note_secrets(order, "secrets_exported", "secrets are exported, encrypted,")?;
            }
        }
        let work = self.options().bundle_work;
        let job = Job { file, lock, work, secrets, manifest, moment, sections };
        let (made, kept, spaces) = running.work(watch, move |running| job.write(running)).await?;
        for (item, kept) in kept {
            let mut note = |count: usize, code, text: &str| {
                if count > 0 {
                    warnings.push(Note::new(None, code, format!("{item}: {text} ({count} records)")));
                }
            };
            note(kept.sealed, "sealed_left_out", "what leaves a machine only encrypted stays out");
            note(kept.credentials, "passwords_left_out", "passwords stay out");
        }
        warnings.extend(alone(&items));
        let entries = usize::try_from(made.manifest.records()).unwrap_or(usize::MAX);
        if entries == 0 {
            warnings.push(Note::new(None, "no_entries", "what was asked for has no entries"));
        }
        let sections = items.iter().zip(&made.manifest.sections).map(|(item, row)| Section {
            item: *item,
            entries: usize::try_from(row.records).unwrap_or(usize::MAX),
            bytes: Some(row.bytes),
        });
        Ok(Whole {
            entries,
            bytes: usize::try_from(made.bytes).unwrap_or(usize::MAX),
            sha256: hex(&made.sha256),
            spaces: spaces.into_iter().collect(),
            sections: sections.collect(),
            warnings,
            content: None,
        })
    }
}

impl Job {
    /// Gives also what stayed out, by item, and the spaces that gave something.
    #[allow(clippy::type_complexity)]
    fn write(
        self,
        running: &Running,
    ) -> Result<(bundle::Made, BTreeMap<Item, KeptOut>, BTreeSet<SpaceName>)> {
        let Self { file, lock, work, secrets, manifest, moment, sections } = self;
        // In how many items and records the writer is: it goes over them once to count and once to write.
        let (at, ways) = (Cell::new((0_u64, 0_u64)), Cell::new(0_u8));
        running.update(|now| now.items_total = sections.len() as u64);
        let kept_out: RefCell<BTreeMap<Item, KeptOut>> = RefCell::default();
        let gave: RefCell<BTreeSet<SpaceName>> = RefCell::default();
        let one = |place: usize, item: Item, leaving: &Leaving, id| -> Result<Option<Entry>> {
            running.go_on().map_err(|_| cancelled())?;
            let Some((entry, kept)) = leaving.entry(&moment, item, id, secrets)? else { return Ok(None) };
            let mut kept_out = kept_out.borrow_mut();
            let count = kept_out.entry(item).or_default();
            count.sealed += usize::from(kept.sealed);
            count.credentials += usize::from(kept.credentials);
            at.set((place as u64, at.get().1 + u64::from(entry.is_some())));
            if entry.is_some() && !gave.borrow().contains(&leaving.space) {
                gave.borrow_mut().insert(leaving.space.clone());
            }
            Ok(entry)
        };
        let one = &one;
        let entries = || {
            // Each way over the records counts anew.
            kept_out.borrow_mut().clear();
            ways.set(ways.get() + 1);
            let (_, counted) = at.replace((0, 0));
            running.update(|now| now.records_total = counted);
            Ok(sections.iter().enumerate().flat_map(move |(place, (item, of))| {
                of.iter().flat_map(move |leaving| {
                    let ids = leaving.records.ids.iter();
                    ids.filter_map(move |id| one(place, *item, leaving, *id).transpose())
                })
            }))
        };
        let mut told = None;
        let mut tell = |bytes: u64, total: u64| {
            // As often as a bar can show it.
            let percent = (bytes * 100).checked_div(total);
            if ways.get() > 1 && told != Some(percent) {
                told = Some(percent);
                let (items, records) = at.get();
                running.update(|now| {
                    (now.bytes, now.bytes_total) = (bytes, total);
                    (now.items, now.records) = (items, records);
                });
            }
        };
        let made = bundle::create(&file, &lock, work, manifest, entries, &mut tell)?;
        running.update(|now| {
            (now.items, now.records, now.bytes) = (now.items_total, now.records_total, now.bytes_total);
        });
        Ok((made, kept_out.into_inner(), gave.into_inner()))
    }
}

/// The spaces of an item that the machine has, in the order of a bundle.
fn leaving(
    known: &Catalogue,
    store: &Store,
    moment: &Moment,
    item: Item,
    named: Option<&Place>,
) -> Result<Vec<Leaving>> {
    let realm = store.identity().realm.clone().unwrap_or_default();
    let (user, group) = match named {
        Some(Place::Person(user)) => (Some(user), None),
        Some(Place::Group(group)) => (None, Some(group)),
        Some(Place::Local) | None => (None, None),
    };
    let mut spaces: Vec<(SpaceName, Option<&String>)> = Vec::new();
    let members = store.spaces()?;
    let members = |kind: SpaceKind, only: Option<&String>| -> Result<Vec<SpaceName>> {
        let here = |standing: &&SpaceStanding| {
            let name = &standing.name;
            standing.member
                && name.kind == kind
                && name.realm == realm
                && only.is_none_or(|only| *only == name.name)
        };
        let found: Vec<SpaceName> =
            members.iter().filter(here).map(|standing| standing.name.clone()).collect();
        match only {
            Some(only) if found.is_empty() => {
                Err(Error::NotAMember(SpaceName { realm: realm.clone(), kind, name: only.clone() }))
            }
            _ => Ok(found),
        }
    };
    for part in catalogue::content(item) {
        match part.place {
            catalogue::Place::Local(name) => spaces.push((SpaceName::local(name), None)),
            catalogue::Place::User => {
                spaces.extend(members(SpaceKind::User, user)?.into_iter().map(|space| (space, None)));
                if item == Item::PersonalSettings {
                    spaces.push((SpaceName::local(DEVICE_SPECIFIC), user));
                }
            }
            catalogue::Place::Group => {
                spaces.extend(members(SpaceKind::Group, group)?.into_iter().map(|space| (space, None)));
            }
            catalogue::Place::Common(name) => spaces.extend(
                members(SpaceKind::Common, None)?
                    .into_iter()
                    .filter(|space| space.name == name)
                    .map(|space| (space, None)),
            ),
        }
    }
    let mut all = Vec::with_capacity(spaces.len());
    for (space, user) in spaces {
        let by = |secrets| Departures::with(known, item, &space, secrets);
        let (Some(nothing), Some(credentials), Some(everything)) =
            (by(Secrets::Nothing), by(Secrets::Credentials), by(Secrets::Everything))
        else {
            continue;
        };
        all.push(Leaving {
            place: place_label(&space),
            records: moment.records(&space)?,
            user: user.cloned(),
            by: [nothing, credentials, everything],
            space,
        });
    }
    all.sort_by(|a, b| a.place.cmp(&b.place));
    all.dedup_by(|a, b| a.place == b.place);
    Ok(all)
}

/// Whether an item has nothing that a plain file can hold.
fn is_sealed(known: &Catalogue, item: Item) -> bool {
    let types = catalogue::content(item).iter().flat_map(|part| part.types).map(|known| known.in_file);
    !types.chain(known.settings(item).map(|setting| setting.in_file)).any(|in_file| in_file == InFile::Yes)
}

/// What a bundle says of the machine.
fn source(store: &Store, facts: &Facts) -> Source {
    Source {
        name: store.identity().name.clone(),
        model: facts.model.clone().unwrap_or_default(),
        language: facts.display_language.clone(),
        versions: [("sync-client".to_string(), env!("CARGO_PKG_VERSION").to_string())].into(),
        ..Source::default()
    }
}

/// What it says of the security policy password: that there is none, or, encrypted, its salted hash.
fn policy(facts: &Facts, items: &[Item], secrets: Secrets) -> PolicyPassword {
    match &facts.policy_password {
        _ if !items.contains(&Item::SecurityPolicy) => PolicyPassword::NotKnown,
        Known::NotSet => PolicyPassword::None,
        Known::Set(hash) if secrets == Secrets::Everything => PolicyPassword::Set(hash.clone()),
        Known::Set(_) | Known::NotKnown => PolicyPassword::NotKnown,
    }
}
