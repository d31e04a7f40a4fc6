//! The sharing scope: for some settings, and for some types of a person's records (the timeline), the server's
//! administrator chooses whether they are shared across all devices or device-specific
//! ([`Sharing::Selectable`](crate::catalogue::Sharing)). Each of these is a [`Subject`].
//!
//! The choice lives as records in a common space of the realm, `REALM/common/sharing-scope`, of which every enrolled
//! machine is a member and which the server alone writes. So it reaches a machine as everything else does. A machine takes
//! up a change for one person once it has seen it and has that person's space level with the server, both in the
//! transaction of the answer that made it so:
//!
//! - a setting that becomes device-specific is brought level once more ([`level`]): the person's shared value goes into the
//!   machine's own place, and from then on goes its own way. What is in the space stays as it is;
//! - one that becomes shared is treated as by a Start ([`send`]): where the space has a value it stands, and the machine's
//!   own is kept as superseded; where it has none, the machine's own is sent, and the first machine to arrive stands.
//!
//! The records of a type go together, as the one setting does that people take them for ([`level_records`],
//! [`send_records`]): where the space has any they stand, and the machine's own are kept as a snapshot at that machine, since
//! a record that nobody else has could not lose to one; where it has none, the machine's own are sent.

use crate::{
    address::TYPE_FIELD,
    catalogue::{self, RecordType, SETTINGS, Setting, Sharing, personal::PERSONAL},
    change::Operation,
    id::RecordId,
    names::named,
    record::{FieldName, Record},
    space::{SpaceKind, SpaceName},
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The name of the common space in which the choices lie.
pub const SPACE: &str = "sharing-scope";
/// What the field `type` holds in a choice's record.
pub const SCOPE_TYPE: &str = "scope";
/// The fields that say which record it is: they are the same in both places of a setting.
const NAMING: [&str; 2] = [TYPE_FIELD, "name"];

named! {
    /// How a setting is shared.
    pub enum SharingScope, "sharing scope" {
        /// It follows the person across all devices.
        Shared = "shared",
        /// Each device has its own.
        DeviceSpecific = "device-specific",
    }
}

/// The fields of a record that are set.
pub type Fields = BTreeMap<FieldName, Value>;
/// A person's records of one type, by id.
pub type Entries = BTreeMap<RecordId, Fields>;
/// The field that says whose a record is, in the machine's own place where several people's lie together.
pub const OWNER_FIELD: &str = "user";

/// What of a person has a sharing scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// One setting.
    Setting(&'static Setting),
    /// The records of one type, all together.
    Records(&'static RecordType),
}

impl Subject {
    /// All that the catalogue has: the settings, then the types of records.
    pub fn all() -> impl Iterator<Item = Self> {
        let types = PERSONAL.types.iter().map(|known| Self::Records(known));
        SETTINGS.iter().map(Self::Setting).chain(types)
    }

    /// The one with this name.
    ///
    /// ```
    /// use sync_core::{catalogue::Sharing, sharing::Subject};
    /// assert_eq!(Subject::find("timeline-entry").unwrap().sharing(), Sharing::Selectable);
    /// assert_eq!(Subject::find("display-language").unwrap().sharing(), Sharing::Shared);
    /// assert!(Subject::find("of-a-newer-server").is_none());
    /// ```
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|one| one.name() == name)
    }

    /// Its name, in choices and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Setting(setting) => setting.name,
            Self::Records(known) => known.name,
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Setting(setting) => setting.title,
            Self::Records(known) => known.title,
        }
    }

    /// What the catalogue says of it.
    #[must_use]
    pub const fn sharing(self) -> Sharing {
        match self {
            Self::Setting(setting) => setting.sharing,
            Self::Records(known) => known.sharing,
        }
    }

    /// How it is shared on a machine that has seen these choices.
    #[must_use]
    pub fn scope(self, device_specific: &BTreeSet<String>) -> SharingScope {
        scope_of(self.name(), self.sharing(), device_specific)
    }
}

/// The space of the choices in a realm.
#[must_use]
pub fn space(realm: &str) -> SpaceName {
    SpaceName { realm: realm.into(), kind: SpaceKind::Common, name: SPACE.into() }
}

/// Whether the server alone writes a space: what a machine sends to it is refused.
#[must_use]
pub fn is_read_only(space: &SpaceName) -> bool {
    space.kind == SpaceKind::Common && space.name == SPACE
}

/// The record of a setting's choice.
#[must_use]
pub fn record(setting: &str) -> RecordId {
    RecordId::of_setting(&format!("{SPACE}/{setting}"))
}

/// What the record of a choice holds.
#[must_use]
pub fn fields(setting: &str, scope: SharingScope) -> Fields {
    [(TYPE_FIELD, SCOPE_TYPE), ("name", setting), ("value", scope.as_str())]
        .map(|(name, value)| (name.to_string(), value.into()))
        .into()
}

/// The names that live records call device-specific, also those of settings that only a newer program knows;
/// [`scope_of`] and [`effective`] pass over what cannot be chosen.
#[must_use]
pub fn device_specific<'a>(records: impl IntoIterator<Item = &'a Record>) -> BTreeSet<String> {
    let chosen = records.into_iter().filter_map(|record| {
        let text = |field: &str| record.get(field).and_then(Value::as_text);
        let name = text("name")?;
        let chosen = text(TYPE_FIELD) == Some(SCOPE_TYPE)
            && text("value") == Some(SharingScope::DeviceSpecific.as_str());
        chosen.then(|| name.to_string())
    });
    chosen.collect()
}

/// Those of the names that can be shared otherwise.
#[must_use]
pub fn effective(device_specific: &BTreeSet<String>) -> BTreeSet<String> {
    let selectable = |name: &&String| catalogue::selectable().any(|one| one == name.as_str());
    device_specific.iter().filter(selectable).cloned().collect()
}

/// How what has this name, and of which the catalogue says this, is shared on a machine that has seen these choices.
#[must_use]
pub fn scope_of(name: &str, sharing: Sharing, device_specific: &BTreeSet<String>) -> SharingScope {
    match sharing {
        Sharing::Selectable if !device_specific.contains(name) => SharingScope::Shared,
        Sharing::Shared => SharingScope::Shared,
        Sharing::Selectable | Sharing::Device => SharingScope::DeviceSpecific,
    }
}

/// A setting becomes device-specific: what must be written in the machine's own place so that it says what the person's
/// space says. Nothing where it does.
#[must_use]
pub fn level(shared: &Fields, own: &Fields) -> BTreeMap<FieldName, Option<Value>> {
    let mut edit = differing(shared, own);
    let beyond = own.keys().filter(|name| !shared.contains_key(*name) && !NAMING.contains(&name.as_str()));
    edit.extend(beyond.map(|name| (name.clone(), None)));
    edit
}

/// What becomes of a machine's own value of a setting that becomes shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// There is none, or the person's space says the same.
    Nothing,
    /// The space has no value: this edit is sent with what its author has read, so that the first of several machines to
    /// arrive stands.
    Stands(BTreeMap<FieldName, Option<Value>>),
    /// The space has a value: this edit is sent as of an author who has read nothing, so that what is there stands, and
    /// the machine's own is kept as superseded at the server and every machine that has the space.
    Kept(BTreeMap<FieldName, Option<Value>>),
}

/// A setting becomes shared: what is sent of the machine's own.
#[must_use]
pub fn send(own: &Fields, shared: &Fields) -> Sent {
    let mut edit = differing(own, shared);
    let stands = shared.contains_key("value");
    if stands {
        // What the space does not hold at all would be taken over, and mix with what stands.
        edit.retain(|name, _| shared.contains_key(name));
    }
    match (own.contains_key("value") && !edit.is_empty(), stands) {
        (false, _) => Sent::Nothing,
        (true, true) => Sent::Kept(edit),
        (true, false) => Sent::Stands(edit),
    }
}

/// Records become device-specific: what must be done in the machine's own place so that it holds what the person's space
/// holds. Nothing where it does.
#[must_use]
pub fn level_records(shared: &Entries, own: &Entries) -> Vec<(RecordId, Operation)> {
    let none = Fields::new();
    let written = shared.iter().filter_map(|(id, fields)| {
        let own = own.get(id).unwrap_or(&none);
        let mut edit = differing(fields, own);
        edit.extend(own.keys().filter(|name| !fields.contains_key(*name)).map(|name| (name.clone(), None)));
        (!edit.is_empty()).then_some((*id, Operation::Edit(edit)))
    });
    let beyond = own.keys().filter(|id| !shared.contains_key(*id)).map(|id| (*id, Operation::Delete));
    written.chain(beyond).collect()
}

/// What becomes of a machine's own records of a type that becomes shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentRecords {
    /// There are none, or the person's space holds each of them so.
    Nothing,
    /// The space has none of the type: each of the machine's own is sent. Of several machines all are, and the type's own
    /// bound says how many stay.
    Stand,
    /// The space has some: they stand, and the machine's own are kept as a snapshot.
    Kept,
}

/// Records become shared: what becomes of the machine's own.
#[must_use]
pub fn send_records(own: &Entries, shared: &Entries) -> SentRecords {
    if own.iter().all(|(id, fields)| shared.get(id) == Some(fields)) {
        SentRecords::Nothing
    } else if shared.is_empty() {
        SentRecords::Stand
    } else {
        SentRecords::Kept
    }
}

/// The fields of `from` that `to` does not hold so.
fn differing(from: &Fields, to: &Fields) -> BTreeMap<FieldName, Option<Value>> {
    let differs = from.iter().filter(|(name, value)| to.get(*name) != Some(*value));
    differs.map(|(name, value)| (name.clone(), Some(value.clone()))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        change::{Author, Change, Context, Operation},
        id::Incarnation,
        merge::apply,
    };
    use alloc::vec::Vec;
    use uuid::Uuid;

    fn a(value: i64) -> Fields {
        [("type", "setting".into()), ("name", "copy.copies".into()), ("value", Value::Int(value))]
            .map(|(name, value): (&str, Value)| (name.to_string(), value))
            .into()
    }

    fn written(
        record: Option<Record>,
        q: u64,
        seen: u64,
        edit: BTreeMap<FieldName, Option<Value>>,
    ) -> Record {
        let change = Change {
            id: (Incarnation(Uuid::from_u128(q.into())), 1).into(),
            record: record_id(),
            context: Context { seen, ..Context::default() },
            operation: Operation::Edit(edit),
            author: Author::default(),
        };
        apply(record, &change, q, 0).record.unwrap()
    }

    fn record_id() -> RecordId {
        record("copy.copies")
    }

    #[test]
    fn a_choice_is_read_as_it_was_written_and_what_cannot_be_chosen_is_passed_over() {
        let of = |name: &str, scope| {
            let fields = fields(name, scope).into_iter().map(|(n, v)| (n, Some(v))).collect();
            written(None, 1, 0, fields)
        };
        let records = [
            of("copy.copies", SharingScope::DeviceSpecific),
            of("timeline-entry", SharingScope::DeviceSpecific),
            of("home-screen", SharingScope::DeviceSpecific),
            of("fax.density", SharingScope::Shared),
            of("display-language", SharingScope::DeviceSpecific),
            of("of-a-newer-server", SharingScope::DeviceSpecific),
        ];
        let found = device_specific(&records);
        assert_eq!(found.len(), 5);
        let names = effective(&found);
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["copy.copies", "timeline-entry"]);
        for (name, scope) in [
            ("copy.copies", SharingScope::DeviceSpecific),
            ("fax.density", SharingScope::Shared),
            ("display-language", SharingScope::Shared),
            ("list-order", SharingScope::DeviceSpecific),
            ("timeline-entry", SharingScope::DeviceSpecific),
            ("home-screen", SharingScope::Shared),
        ] {
            assert_eq!(Subject::find(name).unwrap().scope(&found), scope, "{name}");
        }
        // Set back, it is shared again.
        let back =
            fields("copy.copies", SharingScope::Shared).into_iter().map(|(n, v)| (n, Some(v))).collect();
        assert!(device_specific([&written(Some(records[0].clone()), 2, 1, back)]).is_empty());
        assert!(is_read_only(&space("office")));
        assert!(!is_read_only(&SpaceName::user("office", SPACE)));
    }

    #[test]
    fn brought_level_the_own_place_says_what_the_space_says() {
        let none = Fields::new();
        for (shared, own) in
            [(a(1), none.clone()), (a(1), a(2)), (a(1), a(1)), (none.clone(), a(2)), (none.clone(), none)]
        {
            let mut fields = own.clone();
            for (name, value) in level(&shared, &own) {
                match value {
                    Some(value) => fields.insert(name, value),
                    None => fields.remove(&name),
                };
            }
            assert_eq!(fields.get("value"), shared.get("value"));
            assert!(level(&shared, &fields).is_empty());
        }
    }

    #[test]
    fn sent_what_stands_stands_and_nothing_equal_is_sent() {
        let none = Fields::new();
        assert_eq!(send(&none, &a(1)), Sent::Nothing);
        assert_eq!(send(&a(1), &a(1)), Sent::Nothing);
        assert!(matches!(send(&a(1), &none), Sent::Stands(edit) if edit.len() == 3));
        let Sent::Kept(edit) = send(&a(2), &a(1)) else { panic!("something stands") };
        // Whoever has read nothing loses, whatever was there before.
        let before: BTreeMap<_, _> = a(1).into_iter().map(|(n, v)| (n, Some(v))).collect();
        let record = written(None, 5, 0, before);
        let record = written(Some(record), 6, 0, edit);
        assert_eq!(record.get("value"), Some(&Value::Int(1)));
        // Left to the default is no value: the machine's own stands.
        let unset = Fields::from_iter(a(1).into_iter().filter(|(name, _)| name != "value"));
        assert!(matches!(send(&a(2), &unset), Sent::Stands(edit) if edit.len() == 1));
    }
    #[test]
    fn every_subject_is_found_by_its_name_alone() {
        let all: Vec<Subject> = Subject::all().collect();
        for one in &all {
            assert_eq!(Subject::find(one.name()), Some(*one));
        }
        let chosen: Vec<&str> =
            all.iter().filter(|one| one.sharing() == Sharing::Selectable).map(|one| one.name()).collect();
        assert!(chosen.iter().copied().eq(catalogue::selectable()));
    }

    fn entry(number: u128, title: &str) -> (RecordId, Fields) {
        let fields = [("type", "timeline-entry"), ("title", title)];
        (
            RecordId(Uuid::from_u128(number)),
            fields.map(|(name, value)| (name.to_string(), value.into())).into(),
        )
    }

    #[test]
    fn brought_level_the_own_place_holds_the_spaces_records() {
        let shared = Entries::from([entry(1, "a"), entry(2, "b")]);
        let mut beyond = entry(1, "a");
        beyond.1.insert("copies".into(), Value::Int(2));
        for own in [
            Entries::new(),
            shared.clone(),
            Entries::from([beyond.clone()]),
            Entries::from([entry(2, "c"), entry(3, "d")]),
        ] {
            let mut stands = own.clone();
            for (id, operation) in level_records(&shared, &own) {
                match operation {
                    Operation::Delete => drop(stands.remove(&id)),
                    Operation::Edit(edit) => {
                        let fields = stands.entry(id).or_default();
                        for (name, value) in edit {
                            match value {
                                Some(value) => drop(fields.insert(name, value)),
                                None => drop(fields.remove(&name)),
                            }
                        }
                    }
                }
            }
            assert_eq!(stands, shared);
            assert!(level_records(&shared, &stands).is_empty());
        }
    }

    #[test]
    fn of_records_what_stands_stands_and_the_own_are_kept_as_a_whole() {
        let none = Entries::new();
        let one = Entries::from([entry(1, "a")]);
        let two = Entries::from([entry(1, "a"), entry(2, "b")]);
        let other = Entries::from([entry(1, "z")]);
        for (own, shared, becomes) in [
            (&none, &none, SentRecords::Nothing),
            (&none, &two, SentRecords::Nothing),
            (&one, &two, SentRecords::Nothing),
            (&one, &none, SentRecords::Stand),
            (&two, &one, SentRecords::Kept),
            (&other, &two, SentRecords::Kept),
        ] {
            assert_eq!(send_records(own, shared), becomes, "{own:?} {shared:?}");
        }
    }
}
