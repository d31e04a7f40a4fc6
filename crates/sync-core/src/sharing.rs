//! The sharing scope: for some settings the server's administrator chooses whether they are shared across all devices or
//! device-specific ([`Sharing::Selectable`](crate::catalogue::Sharing)).
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

use crate::{
    address::TYPE_FIELD,
    catalogue::{self, Sharing},
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

/// Those of the names whose settings can be shared otherwise.
#[must_use]
pub fn effective(device_specific: &BTreeSet<String>) -> BTreeSet<String> {
    let selectable =
        |name: &&String| catalogue::find(name).is_some_and(|one| one.sharing == Sharing::Selectable);
    device_specific.iter().filter(selectable).cloned().collect()
}

/// How a setting is shared on a machine that has seen these choices.
#[must_use]
pub fn scope_of(setting: &catalogue::Setting, device_specific: &BTreeSet<String>) -> SharingScope {
    match setting.sharing {
        Sharing::Selectable if !device_specific.contains(setting.name) => SharingScope::Shared,
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
            of("fax.density", SharingScope::Shared),
            of("display-language", SharingScope::DeviceSpecific),
            of("of-a-newer-server", SharingScope::DeviceSpecific),
        ];
        let found = device_specific(&records);
        assert_eq!(found.len(), 3);
        assert_eq!(effective(&found).iter().map(String::as_str).collect::<Vec<_>>(), ["copy.copies"]);
        for (name, scope) in [
            ("copy.copies", SharingScope::DeviceSpecific),
            ("fax.density", SharingScope::Shared),
            ("display-language", SharingScope::Shared),
            ("list-order", SharingScope::DeviceSpecific),
        ] {
            assert_eq!(scope_of(catalogue::find(name).unwrap(), &found), scope, "{name}");
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
}
