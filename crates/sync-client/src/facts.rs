//! What the rules look at on this machine: its model, its Home screen, its display language, its security policy password,
//! what runs on it, and what its vendor set.
//!
//! The display language and the security policy password are settings of the machine, where an import finds them too
//! (`preferences.language` of the basic information, `policy.password` of the security policy). The model, the Home
//! screen and the vendor's profile are stated by whoever builds the machine. What runs is told by its firmware, and
//! forgotten with the process that owns the folder: after a power cut nothing runs.

use crate::{
    draw::now,
    error::{Error, Result},
    machine::Machine,
    password, settings,
    store::Store,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::{collections::BTreeMap, sync::Arc};
use sync_core::{
    catalogue,
    change::Author,
    id::RecordId,
    item::Item,
    machine::{Machine as Facts, PolicyPassword},
    process::{Process, Processes},
    profile::{self, Profile},
    rules::{Operation, Question, decide_process},
    space::SpaceName,
    value::Value,
};

/// The setting that holds the machine's display language.
pub const DISPLAY_LANGUAGE: &str = "preferences.language";
/// The setting that holds the salted hash of its security policy password.
pub const POLICY_PASSWORD: &str = "policy.password";

/// What whoever builds the machine states of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stated {
    /// Its model.
    pub model: Option<String>,
    /// Whether it has a Home screen; an office machine has one where nothing is said.
    pub home_screen: Option<bool>,
    /// What the vendor set of the rules, as TOML.
    pub profile: Option<String>,
}

/// What is stated anew; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statement {
    /// The model; blank takes it back.
    pub model: Option<String>,
    /// Whether the machine has a Home screen.
    pub home_screen: Option<bool>,
    /// The vendor's profile as TOML; blank takes it back.
    pub profile: Option<String>,
    /// The display language.
    pub display_language: Option<String>,
}

impl Statement {
    fn says_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What is told of the processes of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessWord {
    /// It began.
    Begin(Process),
    /// It is over: one of those that run.
    End(Process),
    /// All of them are over.
    EndAll(Process),
    /// What runs?
    List,
}

/// What runs on a machine, and the imports and exports that it runs beside. Clones speak of the same machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<Beside>>);

#[derive(Debug, Default)]
struct Beside {
    /// How many of each process run, by its place in the list of all.
    counts: [u32; Process::COUNT],
    /// The imports, exports and preparations under way, each under its number.
    works: BTreeMap<u64, Work>,
    number: u64,
}

/// An import, export or preparation under way.
#[derive(Debug, Clone)]
struct Work {
    operation: Operation,
    profile: Arc<Profile>,
}

impl Beside {
    fn now(&self) -> Processes {
        Process::ALL.iter().copied().filter(|process| self.counts[*process as usize] > 0).collect()
    }

    fn add(&mut self, process: Process) {
        let count = &mut self.counts[process as usize];
        *count = count.saturating_add(1);
    }

    fn remove(&mut self, process: Process) {
        let count = &mut self.counts[process as usize];
        *count = count.saturating_sub(1);
    }
}

impl Counts {
    /// Those that run.
    fn now(&self) -> Processes {
        self.0.lock().now()
    }

    /// A process begins, unless it waits for an import or export; `Some` where it begins beside one.
    fn begin(&self, process: Process) -> Result<Option<Operation>> {
        let mut beside = self.0.lock();
        for Work { operation, profile } in beside.works.values() {
            // Whatever the items are: they say only whether synchronization pauses, which it does by itself.
            let question = Question::new(*operation, Item::PersonalSettings, now()).with_profile(profile);
            decide_process(process, &question).map_err(|denied| Error::Rules(Box::new(denied)))?;
        }
        beside.add(process);
        Ok(beside.works.values().next().map(|work| work.operation))
    }

    fn end(&self, process: Process) {
        self.0.lock().remove(process);
    }

    fn end_all(&self, process: Process) {
        self.0.lock().counts[process as usize] = 0;
    }

    /// An import, export or preparation begins, in one moment with finding what runs beside it: what begins after asks
    /// [`decide_process`].
    fn work(&self, work: Work, process: Option<Process>) -> AtWork {
        let mut beside = self.0.lock();
        let found = beside.now();
        beside.number += 1;
        let number = beside.number;
        beside.works.insert(number, work);
        process.into_iter().for_each(|process| beside.add(process));
        AtWork { found, under_way: Some((self.clone(), number, process)) }
    }
}

/// While it lives, an import, export or preparation is under way, and what may not run during one waits.
#[derive(Debug)]
pub(crate) struct AtWork {
    found: Processes,
    under_way: Option<(Counts, u64, Option<Process>)>,
}

impl AtWork {
    /// What ran when it began. The rules are asked of these until its end: whatever began later was allowed to by the table
    /// of rule 7, and does not stop it.
    pub(crate) fn found(&self) -> Processes {
        self.found
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let Some((counts, number, process)) = &self.under_way else { return };
        let mut beside = counts.0.lock();
        beside.works.remove(number);
        process.iter().for_each(|process| beside.remove(*process));
    }
}

/// While it lives, the process counts as running.
#[derive(Debug)]
pub struct Running {
    counts: Counts,
    process: Process,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.counts.end(self.process);
    }
}

/// What the rules look at, as the machine stands while its store is held.
pub(crate) fn facts(store: &Store, running: Processes, administrator: bool) -> Result<Facts> {
    let identity = store.identity();
    let mut facts = Facts::new(identity.role(), store.state(), identity.destination.clone())
        .with_administrator(administrator)
        .with_home_screen(identity.stated.home_screen.unwrap_or(true))
        .with_running(running)
        .with_policy_password(match machine_setting(store, Item::SecurityPolicy, POLICY_PASSWORD)? {
            Some(hash) => password::word(&hash).map_or(PolicyPassword::NotSet, PolicyPassword::Set),
            None => PolicyPassword::NotSet,
        });
    facts.model.clone_from(&identity.stated.model);
    facts.display_language = Some(display_language(store)?);
    facts.prepared = store.prepared().time;
    Ok(facts)
}

impl Machine {
    /// What the rules look at, asked by somebody with or without administrator privileges.
    ///
    /// # Errors
    /// What the disk says.
    pub fn facts(&self, administrator: bool) -> Result<Facts> {
        facts(&self.store(), self.processes(), administrator)
    }

    /// What the vendor set of the rules.
    ///
    /// # Errors
    /// `bad_profile`, where a newer version of the product wrote one that this one can't read.
    pub fn profile(&self) -> Result<Arc<Profile>> {
        self.store().profile()
    }

    /// States what the machine is.
    ///
    /// # Errors
    /// [`Error::AdministratorNeeded`] and whatever else proving an administrator can meet; `bad_profile`; a display
    /// language that there is not. Nothing is changed then.
    pub async fn state_facts(&self, statement: &Statement, administrator: Option<&str>) -> Result<Json> {
        if !statement.says_nothing() {
            self.prove_administrator(administrator).await?;
            let text = |new: &Option<String>, old: &Option<String>| match new.as_deref().map(str::trim) {
                None => old.clone(),
                Some("") => None,
                Some(text) => Some(text.to_string()),
            };
            let mut store = self.store();
            let mut identity = store.identity().clone();
            identity.stated = Stated {
                model: text(&statement.model, &identity.stated.model),
                home_screen: statement.home_screen.or(identity.stated.home_screen),
                profile: text(&statement.profile, &identity.stated.profile),
            };
            if let Some(profile) = &identity.stated.profile {
                read_profile(profile)?;
            }
            if let Some(language) = &statement.display_language {
                let author = Author { person: store.user().map(str::to_string), time: now(), import: None };
                let language = Some(language.as_str().into());
                set_machine_setting(&mut store, Item::BasicInformation, DISPLAY_LANGUAGE, language, author)?;
            }
            store.set_identity(identity)?;
        }
        self.facts_json()
    }

    fn facts_json(&self) -> Result<Json> {
        let facts = self.facts(false)?;
        let store = self.store();
        let stated = &store.identity().stated;
        Ok(json!({
            "role": facts.role,
            "state": facts.state,
            "destination": facts.destination,
            "display_language": facts.display_language,
            "home_screen": facts.home_screen,
            "model": facts.model,
            "policy_password_set": facts.policy_password.is_set(),
            "running": facts.running,
            "profile": stated.profile,
        }))
    }

    /// What runs on the machine beside imports and exports, as its firmware told, with what the product itself runs.
    #[must_use]
    pub fn processes(&self) -> Processes {
        self.running.now()
    }

    /// The firmware asks whether a process may begin, and it has where the answer is yes. Several of a kind may run at once:
    /// each is ended on its own. Where it begins beside an import or export, as a shutdown may, the answer says which.
    ///
    /// # Errors
    /// [`Error::Rules`] with `import_export_runs`, where it waits for an import or export (rule 7).
    pub fn process_begins(&self, process: Process) -> Result<Option<Operation>> {
        self.running.begin(process)
    }

    /// The firmware tells that a process is over; one that did not begin is no error.
    pub fn process_ended(&self, process: Process) {
        self.running.end(process);
    }

    /// Counts a process as running while the answer lives.
    ///
    /// # Errors
    /// As [`Machine::process_begins`].
    pub fn running(&self, process: Process) -> Result<Running> {
        self.process_begins(process)?;
        Ok(Running { counts: self.running.clone(), process })
    }

    /// An import, export or preparation begins, which counts as this process while the answer lives. Whoever asks for it was
    /// proved before.
    ///
    /// # Errors
    /// As [`Machine::profile`].
    pub(crate) fn at_work(&self, operation: Operation, process: Option<Process>) -> Result<AtWork> {
        Ok(self.running.work(Work { operation, profile: self.profile()? }, process))
    }

    /// The same for what is only shown: nothing waits for it.
    pub(crate) fn aside(&self) -> AtWork {
        AtWork { found: self.processes(), under_way: None }
    }

    pub(crate) fn process_word(&self, word: ProcessWord) -> Result<Json> {
        let beside = match word {
            ProcessWord::Begin(process) => {
                self.process_begins(process)?.filter(|_| process == Process::Shutdown)
            }
            ProcessWord::End(process) => {
                self.process_ended(process);
                None
            }
            ProcessWord::EndAll(process) => {
                self.running.end_all(process);
                None
            }
            ProcessWord::List => None,
        };
        let mut answer = json!({"running": self.processes()});
        if let Some(operation) = beside {
            // Nobody can hold it back; whoever still can waits with the power (rule 8).
            answer["wait"] = if operation.is_import() {
                "an import runs: wait until it has ended, or cancel it (sync-client import --cancel); where the power goes \
                 before, the next start says whether it happened"
            } else {
                "an export runs: wait until it has ended; where the power goes before, no file is left half written"
            }
            .into();
        }
        Ok(answer)
    }

    /// Sets the security policy password, or takes it away; only its salted hash is kept.
    ///
    /// # Errors
    /// Whatever proving an administrator can meet, a password that is empty, or what the disk says.
    pub async fn set_policy_password(
        &self,
        password: Option<&str>,
        administrator: Option<&str>,
    ) -> Result<()> {
        self.prove_administrator(administrator).await?;
        let hash = password.map(password::hash).transpose()?;
        let author = self.author(None);
        set_machine_setting(&mut self.store(), Item::SecurityPolicy, POLICY_PASSWORD, hash, author)
    }
}

/// For people: a line each.
pub(crate) fn text(facts: &Json) -> String {
    let word = |value: &Json| match value {
        Json::Null => "-".to_string(),
        Json::String(text) => text.clone(),
        Json::Array(list) if list.is_empty() => "nothing".into(),
        Json::Array(list) => list.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    let lines = facts.as_object().into_iter().flatten();
    lines.map(|(name, value)| format!("{name}: {}", word(value))).collect::<Vec<_>>().join("\n")
}

impl Store {
    /// What the vendor set of the rules, as it was read when the identity was.
    pub(crate) fn profile(&self) -> Result<Arc<Profile>> {
        match (self.read_profile(), &self.identity().stated.profile) {
            (Some(read), _) => Ok(read.clone()),
            // Only to say what is wrong with it.
            (None, Some(text)) => read_profile(text).map(Arc::new),
            (None, None) => Ok(Arc::new(profile::MACHINE.clone())),
        }
    }
}

impl Stated {
    /// The profile, read; `None` where it can't be.
    pub(crate) fn read(&self) -> Option<Arc<Profile>> {
        match &self.profile {
            Some(text) => read_profile(text).ok().map(Arc::new),
            None => Some(Arc::new(profile::MACHINE.clone())),
        }
    }
}

fn read_profile(text: &str) -> Result<Profile> {
    Profile::from_toml(text).map_err(|bad| Error::Denied {
        code: "bad_profile".into(),
        message: format!("the profile is wrong: {bad}"),
        remedy: "correct it; sync-client decide --print-profile shows a whole one".into(),
    })
}

/// The display language: what is set, else the catalogue's default.
fn display_language(store: &Store) -> Result<String> {
    let set = machine_setting(store, Item::BasicInformation, DISPLAY_LANGUAGE)?;
    let fits = |value: Value| match value {
        Value::Text(text) => Some(text),
        _ => None,
    };
    let default = || {
        let setting = catalogue::find_in(Item::BasicInformation, DISPLAY_LANGUAGE);
        setting.and_then(|setting| fits(setting.default_value()))
    };
    Ok(set.and_then(fits).or_else(default).unwrap_or_else(|| "en".into()))
}

/// A setting of the machine itself, where it was set.
fn machine_setting(store: &Store, item: Item, name: &str) -> Result<Option<Value>> {
    let view = store.view(&SpaceName::local(item.as_str()), RecordId::of_setting(name))?;
    Ok(view.and_then(|record| record.get("value").cloned()))
}

/// Changes a setting of the machine itself, or with `None` leaves it to its default; what does not fit the catalogue is refused.
fn set_machine_setting(
    store: &mut Store,
    item: Item,
    name: &'static str,
    value: Option<Value>,
    author: Author,
) -> Result<()> {
    let setting = catalogue::find_in(item, name).ok_or_else(|| Error::UnknownSetting(name.to_string()))?;
    if let Some(Err(unfit)) = value.as_ref().map(|value| setting.check(value)) {
        return Err(Error::SettingValue {
            setting: name.to_string(),
            value: settings::said(
                &setting.kind,
                setting.secret,
                &value.map(|value| value.to_string()).unwrap_or_default(),
            ),
            wanted: unfit.to_string(),
        });
    }
    settings::write(store, setting, value, (&SpaceName::local(item.as_str()), setting.record()), None, author)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::Identity;

    #[test]
    fn a_profile_is_read_once_and_anew_when_it_is_stated_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let state = |store: &mut Store, profile: Option<&str>, name: &str| {
            let stated = Stated { profile: profile.map(Into::into), ..Stated::default() };
            store.set_identity(Identity { stated, name: name.into(), ..Identity::default() }).unwrap();
        };
        assert_eq!(*store.profile().unwrap(), profile::MACHINE);
        state(&mut store, Some("[preparation]\nrequired = true\n"), "one");
        let read = store.profile().unwrap();
        assert!(read.preparation.required);
        // Neither another question nor another name of the machine reads it again.
        assert!(Arc::ptr_eq(&read, &store.profile().unwrap()));
        state(&mut store, Some("[preparation]\nrequired = true\n"), "two");
        assert!(Arc::ptr_eq(&read, &store.profile().unwrap()));
        // What a newer version wrote is kept, and says at each question what is wrong.
        state(&mut store, Some("[newer]\n"), "two");
        assert_eq!(store.profile().unwrap_err().code(), "bad_profile");
        drop(store);
        let mut store = Store::open(folder.path()).unwrap();
        assert_eq!(store.profile().unwrap_err().code(), "bad_profile");
        state(&mut store, None, "two");
        assert_eq!(*store.profile().unwrap(), profile::MACHINE);
    }
}
