#![allow(clippy::unwrap_used)]

use super::{samples::ENTRIES, *};
use crate::{id::RecordId, value::tests::any_value};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use proptest::prelude::*;

#[test]
fn every_item_has_content_and_one_part_a_place() {
    for item in Item::ALL {
        let places: BTreeSet<Place> = content(*item).iter().map(|part| part.place).collect();
        assert_eq!(places.len(), content(*item).len(), "{item}");
        assert!(content(*item).iter().any(|part| part.types.len() + part.settings.len() > 0), "{item}");
    }
    let personal: Vec<&str> = Item::ALL
        .iter()
        .filter(|item| content(**item).iter().any(|part| matches!(part.place, Place::User | Place::Group)))
        .map(|item| item.as_str())
        .collect();
    // Rule 6 knows what is personalized by the item; nothing personalized may hide in another.
    assert_eq!(personal, ["personal-address-list", "user-group-address-list", "personal-settings"]);
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
            assert_eq!(Catalogue::built_in().check(item, &stored(setting, setting.default_value())), Ok(()));
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
        for name in kind.identity.iter().chain(kind.stays) {
            assert!(fields.contains(name), "{} {name}", kind.name);
        }
        let distinct: BTreeSet<_> = fields.iter().collect();
        assert_eq!(distinct.len(), fields.len(), "{}", kind.name);
        assert!(!fields.contains(&"type"));
        assert!(kind.fields.iter().all(|field| field.is_family() == field.name.contains(['*', ':'])));
    }
}

#[test]
fn what_is_secret_within_is_secret_without() {
    for (_, part) in parts() {
        for setting in part.settings {
            assert!(setting.kind.secrecy() <= setting.secret, "{}", setting.name);
            assert!(setting.secret < Secret::Sealed || setting.in_file != InFile::Yes, "{}", setting.name);
        }
        for field in part.types.iter().flat_map(|known| known.fields) {
            assert!(field.kind.secrecy() <= field.secret, "{}", field.name);
        }
    }
}

#[test]
fn a_part_holds_its_own_and_the_largest_what_nobody_knows() {
    let of = |name: &str| Fields::from([("type".into(), name.into())]);
    let setting =
        |name: &str| Fields::from([("type".into(), "setting".into()), ("name".into(), name.into())]);
    let lists = &content(Item::PersonalAddressList)[0];
    let personal = &content(Item::PersonalSettings)[0];
    for (fields, in_lists, in_personal) in [
        (of("address"), true, true),
        (of("personal-button"), false, true),
        (of("hologram"), false, true),
        (setting("copy.copies"), false, true),
        (setting("hologram.size"), false, true),
        (Fields::new(), false, true),
    ] {
        assert_eq!((lists.holds(&fields), personal.holds(&fields)), (in_lists, in_personal), "{fields:?}");
    }
    let sending = &content(Item::DeviceSettings)[2];
    assert!(sending.holds(&of("favorite-sending")) && !sending.holds(&of("favorite-copy")));
    assert!(!sending.holds(&setting("favorite.restrict")));
}

#[test]
fn what_the_server_can_choose() {
    let all: Vec<&str> = selectable().collect();
    assert!(
        all.contains(&"timeline-entry") && all.contains(&"previous.scan") && all.contains(&"copy.colour")
    );
    assert!(!all.contains(&"display-language") && !all.contains(&"keychain"));
}

#[test]
fn a_record_says_which_field_is_wrong() {
    let rule = |fields: &[(&str, Value)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone()));
        check(&fields.chain([("type".into(), "forwarding-rule".into())]).collect())
    };
    let name = ("name", "Night".into());
    let receives = ("receives", "fax".into());
    assert_eq!(rule(&[name.clone(), receives.clone()]), Ok(()));
    assert_eq!(rule(core::slice::from_ref(&receives)).unwrap_err().field.as_deref(), Some("name"));
    let wrong = rule(&[name.clone(), receives.clone(), ("order", 0.into())]).unwrap_err();
    assert_eq!(wrong.to_string(), "`order`: write a whole number from 1 to 1000");
    let condition = Value::Map([("what".into(), "moon".into())].into());
    let wrong = rule(&[name.clone(), receives.clone(), ("condition:1", condition)]).unwrap_err();
    assert_eq!(wrong.field.as_deref(), Some("condition:1.what"));
    // A newer model's field and type pass.
    assert_eq!(rule(&[name, receives, ("hologram", true.into())]), Ok(()));
    assert_eq!(check(&Fields::from([("type".into(), "hologram".into())])), Ok(()));
    assert!(check(&Fields::from([("type".into(), 7.into())])).is_err());
}

#[test]
fn halves_of_two_keys_are_refused() {
    let keys: Vec<Fields> = samples(Item::Key, 1).into_iter().map(|sample| sample.fields).collect();
    let mut mixed = keys[0].clone();
    let Some(Value::Map(pair)) = mixed.get_mut("pair") else { panic!("a key has a pair") };
    pair.insert("certificate".into(), keys[1]["pair"].get("certificate").unwrap().clone());
    assert_eq!(check(&mixed).unwrap_err().field.as_deref(), Some("pair"));
    let mut none = keys[0].clone();
    none.insert("pair".into(), Value::Map([("private_key".into(), Value::Bytes(b"no key".to_vec()))].into()));
    assert!(check(&none).unwrap_err().wanted.starts_with("a private key"));
}

#[test]
fn references_are_found_and_renamed() {
    for item in [Item::Forwarding, Item::Favorite, Item::AddressBook, Item::Box, Item::PersonalSettings] {
        let all: BTreeSet<RecordId> =
            samples(item, 3).iter().flat_map(|one| references(&one.fields)).collect();
        assert!(!all.is_empty(), "{item}");
        let book = samples(Item::AddressBook, 3);
        let known: BTreeSet<RecordId> =
            samples(item, 3).iter().chain(&book).map(|sample| sample.id).collect();
        assert!(all.is_subset(&known), "{item}");
        let other = RecordId(uuid::Uuid::from_u128(7));
        for sample in samples(item, 3) {
            assert_eq!(renamed(&sample.fields, |id| id), sample.fields);
            let renamed = renamed(&sample.fields, |_| other);
            assert!(references(&renamed).iter().all(|id| *id == other));
        }
    }
}

struct Firmware(&'static [Setting]);

impl Settings for Firmware {
    fn settings(&self, item: Item) -> &[Setting] {
        if item == Item::PrinterSettings { self.0 } else { &[] }
    }
}

#[test]
fn firmware_supplies_settings_whose_names_do_not_collide() {
    static OWN: Firmware = Firmware(&[flag("printer.glitter", "Glitter", false)]);
    static TAKEN: Firmware = Firmware(&[flag("network.dns", "Ours", false)]);
    static TWICE: Firmware = Firmware(&[flag("a", "A", false), flag("a", "A", true)]);
    static UNFIT: Firmware = Firmware(&[number("a", "A", (1, 2), 3)]);
    let open = Setting { secret: Secret::Sealed, ..text("a", "A", 9) };
    let catalogue = Catalogue::with(&OWN).unwrap();
    let glitter = catalogue.find(Item::PrinterSettings, "printer.glitter").unwrap();
    assert!(catalogue.check(Item::PrinterSettings, &stored(glitter, 7.into())).is_err());
    assert_eq!(catalogue.part_of(Item::PrinterSettings, glitter.name), Some(&printer::PRINTER));
    assert_eq!(catalogue.settings(Item::PrinterSettings).count(), printer::SETTINGS.len() + 1);
    assert_eq!(Catalogue::with(&TAKEN).unwrap_err(), Unsound::Collision("network.dns".into()));
    assert_eq!(Catalogue::with(&TWICE).unwrap_err(), Unsound::Collision("a".into()));
    assert!(matches!(Catalogue::with(&UNFIT).unwrap_err(), Unsound::Default { .. }));
    let open: &'static Firmware = Box::leak(Box::new(Firmware(alloc::vec![open].leak())));
    assert_eq!(Catalogue::with(open).unwrap_err(), Unsound::Open("a".into()));
}

fn stored(setting: &Setting, value: Value) -> Fields {
    [("type", SETTING_TYPE.into()), ("name", setting.name.into()), ("value", value)]
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect()
}

fn any_item() -> impl Strategy<Value = Item> {
    prop::sample::select(Item::ALL)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Samples fit; each setting is there and changed; each type has its entries, told apart by their identity.
    #[test]
    fn samples_fit_and_are_whole(item in any_item(), seed in any::<u64>()) {
        let all = samples(item, seed);
        prop_assert_eq!(&all, &samples(item, seed));
        let ids: BTreeSet<_> = all.iter().map(|sample| (sample.place, sample.id)).collect();
        prop_assert_eq!(ids.len(), all.len());
        for sample in &all {
            let fits = Catalogue::built_in().check(item, &sample.fields);
            prop_assert!(fits.is_ok(), "{:?}: {}", sample.fields, fits.unwrap_err());
            prop_assert!(sample.fields.values().all(|value| value.writable().is_ok()));
        }
        for part in content(item) {
            let here = || all.iter().filter(|sample| sample.place == part.place);
            for setting in part.settings {
                let value = &here().find(|sample| sample.id == setting.record()).unwrap().fields["value"];
                prop_assert_ne!(value, &setting.default_value(), "{}", setting.name);
            }
            for known in part.types {
                let entries = here().filter(|sample| type_of(&sample.fields) == Some(known.name));
                let identities: BTreeSet<_> = entries.map(|one| known.identity_of(&one.fields)).collect();
                prop_assert_eq!(identities.len(), ENTRIES, "{}", known.name);
            }
        }
    }

    /// Whatever stands in a record: an answer, never a panic; and what a person may write is what fits.
    #[test]
    fn arbitrary_fields_never_panic(
        item in any_item(),
        seed in any::<u64>(),
        place in any::<prop::sample::Index>(),
        field in any::<prop::sample::Index>(),
        value in any_value(),
        name in "[a-z:*_]{0,9}",
        text in ".{0,20}",
    ) {
        let all = samples(item, seed);
        let mut fields = all[place.index(all.len())].fields.clone();
        let names: Vec<_> = fields.keys().cloned().collect();
        fields.insert(names[field.index(names.len())].clone(), value.clone());
        fields.insert(name.clone(), value.clone());
        let _ = Catalogue::built_in().check(item, &fields);
        let _ = (references(&fields), secrecy(&fields, &name));
        prop_assert_eq!(renamed(&fields, |id| id).len(), fields.len());
        for part in content(item) {
            let _ = part.holds(&fields);
            for setting in part.settings {
                if let Ok(value) = setting.parse(&text) {
                    prop_assert!(setting.check(&value).is_ok());
                }
                let effective = setting.effective(Some(value.clone()));
                prop_assert!(setting.check(&effective.value).is_ok());
                prop_assert_eq!(effective.unusable.unwrap_or(effective.value), value.clone());
            }
        }
    }
}

#[test]
fn what_people_write_is_held_closer_than_what_files_bring() {
    let of = |kind: &str, words: &[(&str, Value)]| -> Fields {
        let words = words.iter().map(|(name, value)| ((*name).to_string(), value.clone()));
        [("type".to_string(), Value::from(kind))].into_iter().chain(words).collect()
    };
    let id = "destination:0198f9c2-0000-7000-8000-000000000001";
    for (kind, name, sound, odd) in [
        ("address", "kind", Value::from("folder"), Value::from("nokind")),
        ("address", "mail", "desk@office.example".into(), "foo".into()),
        ("address", "number", 9_999.into(), 99_999_999.into()),
        ("address", "list", 11.into(), 55.into()),
        ("address", "list", 1.into(), 0.into()),
        ("address", "access_code", "1234567".into(), "12345678".into()),
        ("address", "access_code", "1".into(), "one".into()),
    ] {
        assert_eq!(unusual(&of(kind, &[(name, sound)])), []);
        let found = of(kind, &[(name, odd)]);
        assert_eq!(check(&found), Ok(()));
        let unfit = unusual(&found).remove(0);
        assert_eq!(unfit.field.as_deref(), Some(name));
    }
    for (kind, sound, odd) in [
        ("address", "member:box/localbox001", "member:localbox001"),
        ("favorite-sending", id, "destination:junk"),
        ("forwarding-rule", id, "destination:junk"),
        ("forwarding-rule", "box:7", "box:sales"),
    ] {
        let in_field = |name: &str| unusual(&of(kind, &[(name, 1.into())])).len();
        assert_eq!((in_field(sound), in_field(odd)), (0, 1), "{kind} {odd}");
    }
    let button =
        |number: i64| unusual(&of("address", &[("list", 11.into()), ("number", number.into())])).len();
    assert_eq!((button(200), button(201)), (0, 1));
}
