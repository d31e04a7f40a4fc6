//! Remedies that work: from any state of a machine, every way of a remedy is followed on a model of the machine, and must
//! end in "allowed" within its own number of steps; and nothing is hopeless but for a listed reason.
#![allow(clippy::unwrap_used)]

use super::{tests::product, *};
use crate::{
    catalogue,
    item::Footnote,
    machine::{DestinationAddress, Role, SyncState},
    process::{Process, Processes},
    profile::{Begin, During, Limit, Preparation, Refusal},
};
use alloc::{collections::BTreeMap, format, string::ToString, vec};
use core::time::Duration;
use proptest::{prelude::*, strategy::ValueTree};

/// A machine, a file, and what is asked, as they are while somebody follows a remedy.
#[derive(Debug, Clone)]
struct Model {
    machine: Machine,
    operation: Operation,
    item: Item,
    now: Timestamp,
    language: Option<String>,
    source_model: Option<String>,
    password: PolicyPassword<String>,
    proved: bool,
    would_hold: PerLimit,
    own: bool,
    from_remote_ui: bool,
    profile: Profile,
}

impl Model {
    fn of(machine: Machine, question: &Question<'_>) -> Self {
        Self {
            machine,
            operation: question.operation,
            item: question.item,
            now: question.now,
            language: question.source_language.map(Into::into),
            source_model: question.source_model.map(Into::into),
            password: match question.source_policy_password {
                PolicyPassword::Set(hash) => PolicyPassword::Set(hash.into()),
                PolicyPassword::NotSet => PolicyPassword::NotSet,
                PolicyPassword::NotKnown => PolicyPassword::NotKnown,
            },
            proved: question.policy_password_proved,
            would_hold: question.would_hold,
            own: question.own,
            from_remote_ui: question.from_remote_ui,
            profile: question.profile.clone(),
        }
    }

    fn decide(&self) -> Result<(), Denied> {
        let mut question = Question::new(self.operation, self.item, self.now)
            .with_source_policy_password(match &self.password {
                PolicyPassword::Set(hash) => PolicyPassword::Set(hash.as_str()),
                PolicyPassword::NotSet => PolicyPassword::NotSet,
                PolicyPassword::NotKnown => PolicyPassword::NotKnown,
            })
            .with_policy_password_proved(self.proved)
            .with_own(self.own)
            .with_from_remote_ui(self.from_remote_ui)
            .with_profile(&self.profile);
        if let Some(language) = &self.language {
            question = question.with_source_language(language);
        }
        if let Some(model) = &self.source_model {
            question = question.with_source_model(model);
        }
        question.would_hold = self.would_hold;
        decide(&self.machine, &question)
    }

    /// Does one step. Whether the operation itself ran, which must be allowed then.
    fn follow(&mut self, step: &Step) -> bool {
        let machine = &mut self.machine;
        let administrator = machine.administrator;
        match step {
            Step::GoToServerMachine => {
                // Of that machine no more is known; the realm's administrators are the same people.
                machine.role = Role::ServerWithClient;
                machine.state = SyncState::InProgress;
                machine.destination = DestinationAddress::own_server();
                machine.prepared = None;
                return false;
            }
            Step::LogInAsAdministrator => {
                machine.administrator = true;
                return false;
            }
            Step::ImportFromAnotherSource { model, refused } => {
                let other = model.clone().unwrap_or_else(|| "a model that nobody refuses".into());
                assert!(!refused.contains(&other));
                self.source_model = Some(other);
                return false;
            }
            Step::ExportAgain(language) => {
                self.language = Some(language.clone());
                return false;
            }
            Step::SetSourcePolicyPassword => {
                assert!(machine.policy_password.is_set());
                self.password = machine.policy_password.clone();
                return false;
            }
            Step::AskFor(operation, item) => {
                (self.operation, self.item) = (*operation, *item);
                return false;
            }
            Step::WaitForProcess(process) | Step::EndProcess(process) => {
                assert!(machine.running.contains(*process));
                assert_ne!(*process, Process::Synchronization);
                machine.running = machine.running.without(*process);
                return false;
            }
            Step::RemoveEntries(limit, count) => {
                let held = self.would_hold.get(*limit).checked_sub(*count).unwrap();
                self.would_hold = self.would_hold.with(*limit, held);
                return false;
            }
            Step::Transfer(operation, item) => {
                assert_eq!((self.operation, self.item), (*operation, *item));
                let answer = self.decide();
                assert_eq!(answer, Ok(()), "{self:?}");
                return true;
            }
            _ => {}
        }
        assert!(administrator, "{step:?} is an administrator's");
        match step {
            Step::SetDestinationToOwnServer => {
                machine.destination = DestinationAddress::own_server();
                machine.prepared = None;
            }
            Step::SetDisplayLanguage(language) => {
                // As the machine's own setting takes it.
                let setting = catalogue::find_in(Item::BasicInformation, "preferences.language").unwrap();
                assert_eq!(setting.check(&language.as_str().into()), Ok(()));
                machine.display_language = Some(language.clone());
            }
            Step::SetPolicyPassword => {
                // Under a salt of its own: only the proof shows that it is the same.
                assert!(self.password.is_set());
                machine.policy_password = PolicyPassword::Set("another salt".into());
                self.proved = true;
            }
            Step::RemovePolicyPassword => machine.policy_password = PolicyPassword::NotSet,
            Step::Prepare | Step::PrepareInParts(_) => {
                // All that there are, or as many as may be at once.
                let how_many = if let Step::PrepareInParts(most) = step { *most } else { 1_000 };
                let mut asked = machine.clone();
                if self.from_remote_ui {
                    asked.running = asked.running.without(Process::RemoteUi);
                }
                assert_eq!(decide_prepare(&asked, &self.profile, how_many), Ok(()));
                machine.prepared = Some(self.now);
            }
            Step::StopSynchronization => {
                assert!(machine.role.has_client());
                machine.state = SyncState::Stopped;
                machine.running = machine.running.without(Process::Synchronization);
            }
            Step::StartSynchronization => machine.state = SyncState::InProgress,
            Step::BackUpOnServer | Step::DeleteOnServer => {}
            step => panic!("{step:?} is not followed"),
        }
        false
    }
}

/// Follows every way of the answer; whether it was denied, and with which code.
fn follow_all(model: &Model) -> Option<Denied> {
    let denied = model.decide().err()?;
    if let Some(reason) = denied.nothing_does {
        assert!(denied.remedy.is_empty());
        justify(model, reason);
        return Some(denied);
    }
    assert!(!denied.remedy.is_empty(), "{denied:?}");
    for way in &denied.remedy {
        let mut model = model.clone();
        let mut ran = false;
        for step in &way.steps {
            ran |= model.follow(step);
        }
        if !ran {
            assert_eq!(model.decide(), Ok(()), "{way:?}");
        }
        let count = |wanted: fn(&Step) -> bool| way.steps.iter().filter(|step| wanted(step)).count();
        assert!(count(|step| matches!(step, Step::AskFor(..))) <= 1, "{way:?}");
        assert!(count(|step| matches!(step, Step::Transfer(..))) <= 1, "{way:?}");
    }
    Some(denied)
}

/// The listed reasons, from the prose: there is no other, and each is true where it is given.
fn justify(model: &Model, reason: NothingDoes) {
    // An item that is asked for wrongly is asked for as it should be.
    let row = model.item.row();
    let item = if model.item == Item::PersonalAddressList && model.operation.is_batch() {
        Item::PersonalSettings
    } else {
        row.item
    };
    match reason {
        NothingDoes::NoHomeScreen => {
            assert!(model.operation.is_import() && !model.machine.home_screen);
            assert!(item.row().footnotes.contains(&Footnote::NeedsHomeScreen));
        }
        NothingDoes::ModelRefused => {
            let refusal = model.profile.refusal(item).unwrap();
            assert!(model.operation.is_import() && refusal.others);
            let own = model.machine.model.as_deref();
            assert!(own.is_none_or(|own| !refusal.accepts(Some(own), Some(own))));
        }
        NothingDoes::ItemNotSupported => assert!(model.profile.unsupported.contains(item)),
        NothingDoes::NoLanguage => {
            assert!(model.operation.is_import() && model.machine.display_language.is_none());
            assert!(!catalogue::is_language(model.language.as_deref().unwrap()));
        }
    }
}

#[test]
fn every_way_of_the_whole_product_leads_to_allowed() {
    let mut followed = 0;
    product(|machine, question| {
        let denied = follow_all(&Model::of(machine, &question));
        if let Some(denied) = denied {
            assert_eq!(denied.nothing_does, None);
            followed += denied.remedy.len();
        }
    });
    assert!(followed > 10_000, "{followed}");
}

fn any_of<T: Clone + core::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn any_password() -> impl Strategy<Value = PolicyPassword<String>> {
    prop_oneof![
        Just(PolicyPassword::NotKnown),
        Just(PolicyPassword::NotSet),
        Just(PolicyPassword::Set("one".to_string())),
        Just(PolicyPassword::Set("two".to_string())),
    ]
}

fn any_name(names: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(proptest::sample::select(names).prop_map(ToString::to_string))
}

const NOW: i64 = 10_000_000;

fn any_machine() -> impl Strategy<Value = Machine> {
    let of_rule_6 = (
        any_of(Role::ALL),
        any_of(SyncState::ALL),
        proptest::sample::select(&["localhost:8443", "", "server.example"][..]),
        any::<bool>(),
    );
    let running = proptest::collection::vec(any_of(Process::ALL), 0..4);
    let prepared = proptest::option::of(NOW - 2_000_000..NOW + 100_000);
    (
        of_rule_6,
        any::<bool>(),
        any_name(&["en", "ja"]),
        any_name(&["A", "B"]),
        running,
        any_password(),
        prepared,
    )
        .prop_map(
            |((role, state, to, administrator), home, language, model, running, password, prepared)| {
                let mut machine = Machine::new(role, state, to.parse().unwrap())
                    .with_administrator(administrator)
                    .with_home_screen(home)
                    .with_running(running.into_iter().collect::<Processes>())
                    .with_policy_password(password);
                machine.display_language = language;
                machine.model = model;
                machine.prepared = prepared.map(Timestamp);
                machine
            },
        )
}

fn any_limits(most: u64) -> impl Strategy<Value = PerLimit> {
    proptest::collection::vec((any_of(Limit::ALL), 0..most), 0..3).prop_map(|stated| {
        stated.into_iter().fold(PerLimit::NONE_STATED, |limits, (limit, number)| limits.with(limit, number))
    })
}

fn any_profile() -> impl Strategy<Value = Profile> {
    let rows =
        proptest::collection::vec((any_of(Process::ALL), any_of(Begin::ALL), any_of(During::ALL)), 0..4);
    let refusals = proptest::collection::btree_map(
        any_of(&[Item::Home, Item::PersonalSettings]),
        (proptest::collection::vec(proptest::sample::select(&["A", "B", "C"][..]), 0..3), any::<bool>()),
        0..3,
    );
    let unsupported = proptest::collection::vec(any_of(Item::ALL), 0..3);
    let preparation = (any::<bool>(), 1_u64..2_000, prop::option::of(1..4_u64));
    let limits = proptest::collection::vec((any_of(Limit::ALL), 0_u64..3_000), 0..3);
    (rows, refusals, unsupported, preparation, limits, any::<bool>()).prop_map(
        |(rows, refusals, unsupported, (required, window, at_once), limits, export_own_list)| {
            let mut profile = Profile { export_own_list, ..Profile::default() };
            for (process, begin, during) in rows {
                profile.interlock = profile.interlock.with(process, begin, during);
            }
            for (limit, most) in limits {
                profile.limits = profile.limits.with(limit, most);
            }
            profile.unsupported = unsupported.into_iter().fold(profile.unsupported, profile::Items::with);
            profile.preparation =
                Preparation { required, window: Duration::from_secs(window), most_at_once: at_once };
            profile.refusals = refusals
                .into_iter()
                .filter(|(_, (models, others))| *others || !models.is_empty())
                .map(|(item, (models, others))| Refusal {
                    item,
                    models: models.into_iter().map(Into::into).collect(),
                    others,
                })
                .collect();
            profile
        },
    )
}

fn any_model() -> impl Strategy<Value = Model> {
    let file = (
        any_name(&["en", "ja", "th", "no language"]),
        any_name(&["A", "B", "D"]),
        any_password(),
        any::<bool>(),
    );
    let asked = (any_of(Operation::ALL), any_of(Item::ALL), any_limits(8_000), any::<bool>(), any::<bool>());
    let profile = prop_oneof![Just(Profile::default()), any_profile()];
    (any_machine(), file, asked, profile).prop_map(
        |(machine, (language, source_model, password, proved), asked, profile)| {
            let (operation, item, would_hold, own, from_remote_ui) = asked;
            Model {
                machine,
                operation,
                item,
                now: Timestamp(NOW),
                language,
                source_model,
                password,
                proved,
                would_hold,
                own,
                from_remote_ui,
                profile,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, ..ProptestConfig::default() })]

    #[test]
    fn every_way_from_any_state_leads_to_allowed(model in any_model()) {
        follow_all(&model);
    }

    /// What a caller forgets to say never lets something through.
    #[test]
    fn a_forgotten_fact_restricts(model in any_model()) {
        let told = model.decide();
        let mut forgetful = model.clone();
        let facts = &mut forgetful.machine;
        forgetful.machine = Machine::new(facts.role, facts.state, facts.destination.clone())
            .with_administrator(facts.administrator)
            .with_running(facts.running);
        forgetful.password = PolicyPassword::NotKnown;
        forgetful.proved = false;
        forgetful.own = false;
        forgetful.from_remote_ui = false;
        forgetful.source_model = None;
        if forgetful.decide().is_ok() {
            prop_assert_eq!(told, Ok(()));
        }
    }
}

/// The random states are not all alike: each code is met, and each reason.
#[test]
fn every_code_and_every_reason_is_met() {
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..40_000 {
        let model = any_model().new_tree(&mut runner).unwrap().current();
        if let Some(denied) = follow_all(&model) {
            *met.entry(denied.code.to_string()).or_default() += 1;
            if let Some(reason) = denied.nothing_does {
                *met.entry(format!("nothing: {reason}")).or_default() += 1;
            }
        } else {
            *met.entry("allowed".into()).or_default() += 1;
        }
    }
    let of_others = [Code::PrepareElsewhere, Code::TooManyToPrepare, Code::ImportExportRuns];
    let codes = Code::ALL.iter().filter(|code| !of_others.contains(code)).map(ToString::to_string);
    let reasons = NothingDoes::ALL.iter().map(|reason| format!("nothing: {reason}"));
    for wanted in codes.chain(reasons).chain(vec!["allowed".to_string()]) {
        assert!(met.get(&wanted).is_some_and(|count| *count >= 5), "{wanted}: {met:?}");
    }
}
