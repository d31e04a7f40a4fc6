#![allow(clippy::unwrap_used)]

use super::*;
use crate::id::RecordId;
use alloc::{collections::BTreeMap, vec::Vec};

/// Every part, with the items that have it.
fn parts() -> impl Iterator<Item = (Item, &'static Part)> {
    Item::ALL.iter().flat_map(|item| content(*item).iter().map(|part| (*item, part)))
}

#[test]
fn names_differ_and_every_default_fits() {
    let mut known: BTreeMap<&str, &Setting> = BTreeMap::new();
    let mut records: BTreeMap<RecordId, &str> = BTreeMap::new();
    for (item, part) in parts() {
        for setting in part.settings {
            setting
                .check(&setting.default_value())
                .unwrap_or_else(|unfit| panic!("{}: {unfit}", setting.name));
            // An item that holds another's part brings the same setting once more, never another of that name.
            assert_eq!(*known.entry(setting.name).or_insert(setting), setting);
            assert_eq!(*records.entry(setting.record()).or_insert(setting.name), setting.name);
            assert_eq!(find_in(item, setting.name), Some(setting));
        }
    }
}

#[test]
fn a_type_has_one_name_and_its_identity_is_among_its_fields() {
    let mut known: BTreeMap<&str, &RecordType> = BTreeMap::new();
    for kind in parts().flat_map(|(_, part)| part.types) {
        assert_eq!(*known.entry(kind.name).or_insert(kind), *kind);
        assert_ne!(kind.name, SETTING_TYPE);
        assert!(!kind.identity.is_empty(), "{}", kind.name);
        let fields: Vec<&str> = kind.fields.iter().map(|field| field.name).collect();
        for name in kind.identity {
            assert!(fields.contains(name), "{} {name}", kind.name);
        }
        let distinct: alloc::collections::BTreeSet<_> = fields.iter().collect();
        assert_eq!(distinct.len(), fields.len(), "{}", kind.name);
        assert!(!fields.contains(&"type"));
    }
}
