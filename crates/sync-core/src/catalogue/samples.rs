//! Samples: the records of a machine whose every setting was changed, with several entries of every type. The same seed
//! gives the same records. For tests of whatever carries all of it, such as import and export.

use super::{
    Default, Der, Field, Fields, Form, Kind, Part, Place, RecordType, SETTING_TYPE, Setting, content,
};
use crate::{
    address::{Address, AddressKind, Fax, Folder, Login, Member, Password, Secret, TYPE_FIELD},
    id::RecordId,
    item::Item,
    time::Timestamp,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use sha2::{Digest as _, Sha256};

/// How many entries of each type there are.
pub const ENTRIES: usize = 3;

/// One record of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// In which kind of space it lies.
    pub place: Place,
    /// Its id; a setting's is derived from its name.
    pub id: RecordId,
    /// Its fields.
    pub fields: Fields,
}

/// The records of an item. What one item names in another, such as the addresses of a forwarding rule, is there in the
/// other item's samples of the same seed.
#[must_use]
pub fn samples(item: Item, seed: u64) -> Vec<Sample> {
    content(item).iter().flat_map(|part| part_samples(part, seed)).collect()
}

fn part_samples(part: &Part, seed: u64) -> Vec<Sample> {
    let place = part.place;
    let mut all = Vec::new();
    for known in part.types {
        let mut identities = BTreeSet::new();
        for number in 0..ENTRIES {
            let mut draw = Draw::new(seed, &format!("{place:?}/{}/{number}", known.name));
            let mut fields = entry(place, known, number, seed, &mut draw);
            // Small ranges repeat themselves.
            for _ in 0..100 {
                if !identities.contains(&identity(known, &fields)) {
                    break;
                }
                fields = entry(place, known, number, seed, &mut draw);
            }
            identities.insert(identity(known, &fields));
            all.push(Sample { place, id: id(place, known.name, number, seed), fields });
        }
    }
    all.extend(part.settings.iter().map(|setting| {
        let mut draw = Draw::new(seed, setting.name);
        let fields = [(TYPE_FIELD, SETTING_TYPE.into()), ("name", setting.name.into())].into_iter();
        let value = ("value".to_string(), changed(setting, &mut draw));
        let fields = fields.map(|(name, value)| (name.to_string(), value)).chain([value]).collect();
        Sample { place, id: setting.record(), fields }
    }));
    all
}

fn identity(known: &RecordType, fields: &Fields) -> Vec<Option<Value>> {
    known.identity_of(fields).into_iter().map(Option::<&Value>::cloned).collect()
}

/// A value of a setting that is not its default.
fn changed(setting: &Setting, draw: &mut Draw) -> Value {
    if let Default::Flag(default) = setting.default {
        return Value::Bool(!default);
    }
    let default = setting.default_value();
    let mut values = core::iter::repeat_with(|| value(&setting.kind, 0, draw));
    values.by_ref().take(100).find(|value| *value != default).unwrap_or(default)
}

fn id(place: Place, kind: &str, number: usize, seed: u64) -> RecordId {
    let hash: [u8; 32] = Sha256::digest(format!("{place:?}/{kind}/{number}/{seed}").as_bytes()).into();
    let mut random = [0; 10];
    random.copy_from_slice(&hash[..10]);
    RecordId::fresh(Timestamp(1_767_225_600_000 + i64::try_from(number).unwrap_or(0)), random)
}

/// An address of the machine's lists.
fn address_id(number: usize, seed: u64) -> RecordId {
    id(super::address_book::LISTS.place, crate::address::ADDRESS_TYPE, number % ENTRIES, seed)
}

fn entry(place: Place, known: &RecordType, number: usize, seed: u64, draw: &mut Draw) -> Fields {
    if known.name == crate::address::ADDRESS_TYPE {
        return address(place, number, seed, draw);
    }
    let mut fields = Fields::new();
    fields.insert(TYPE_FIELD.into(), known.name.into());
    for field in known.fields {
        if field.is_family() {
            for element in 0..2 {
                let name = element_name(place, field, number + element, seed, draw);
                fields.insert(name, value(&field.kind, element, draw));
            }
        } else {
            fields.insert(field.name.into(), value(&field.kind, number, draw));
        }
    }
    if known.name == super::keys::KEY.name {
        fields.insert("pair".into(), pair(number));
    }
    fix_references(known, fields, seed, draw)
}

/// References were drawn as "none": they name addresses.
fn fix_references(known: &RecordType, mut fields: Fields, seed: u64, draw: &mut Draw) -> Fields {
    for field in known.fields.iter().filter(|field| !field.is_family()) {
        let target = Value::from(address_id(draw.below(ENTRIES), seed).to_string());
        match (&field.kind, fields.get_mut(field.name)) {
            (Kind::Reference, Some(value)) => *value = target,
            (Kind::Map(parts), Some(Value::Map(map))) => {
                for part in parts.iter().filter(|part| part.kind == Kind::Reference) {
                    map.insert(part.name.into(), target.clone());
                }
            }
            _ => {}
        }
    }
    fields
}

fn element_name(place: Place, field: &Field, number: usize, seed: u64, draw: &mut Draw) -> String {
    let family = field.name.trim_end_matches('*');
    let key = match family {
        "destination:" | "cc:" => address_id(number, seed).to_string(),
        "button:" => {
            let kind =
                if place == Place::User { super::home::PERSONAL_BUTTON } else { super::home::SHARED_BUTTON };
            id(place, kind.name, number % ENTRIES, seed).to_string()
        }
        "box:" => number.to_string(),
        "use:" => ["tls", "ieee-802-1x", "ipsec", "device-signature"][number % 4].to_string(),
        _ => format!("{}-{number}", draw.word()),
    };
    [family, &key].concat()
}

fn address(place: Place, number: usize, seed: u64, draw: &mut Draw) -> Fields {
    let mut address = Address {
        name: format!("{} {}", draw.word(), number + 1),
        reading: draw.word(),
        number: i64::try_from(number + 1).ok(),
        list: matches!(place, Place::Local(_)).then_some(1),
        access_code: Secret(if number == 1 { "1234".into() } else { String::new() }),
        kept: BTreeMap::from([("indxid".to_string(), (200 + number).to_string())]),
        ..Address::default()
    };
    match number % ENTRIES {
        0 => address.mail = draw.mail(),
        1 => {
            address.kind = AddressKind::Folder;
            address.folder = Some(Folder {
                protocol: "smb".into(),
                host: draw.host(),
                path: format!("\\{}", draw.word()),
                ..Folder::default()
            });
            let password = Some(Password::Plain(Secret(draw.word())));
            address.login = Some(Login { username: draw.word(), password, ..Login::default() });
        }
        _ => {
            address.kind = AddressKind::Group;
            let member = |number| Member::Record(id(place, crate::address::ADDRESS_TYPE, number, seed));
            address.set_members([member(1), member(0), Member::Number(7), Member::Box("localbox001".into())]);
        }
    }
    if draw.below(2) == 0 && number == 0 {
        address.kind = AddressKind::Fax;
        address.fax = Some(Fax { number: draw.digits(9), ecm: "on".into(), ..Fax::default() });
        address.mail.clear();
    }
    address.to_fields()
}

const PAIRS: [(&[u8], &[u8]); ENTRIES] = [
    (include_bytes!("sample-files/ec.key.der"), include_bytes!("sample-files/ec.certificate.der")),
    (include_bytes!("sample-files/ed.key.der"), include_bytes!("sample-files/ed.certificate.der")),
    (include_bytes!("sample-files/rsa.key.der"), include_bytes!("sample-files/authority.certificate.der")),
];
const LISTS: [&[u8]; ENTRIES] = [
    include_bytes!("sample-files/authority.crl.der"),
    include_bytes!("sample-files/empty.crl.der"),
    include_bytes!("sample-files/longer.crl.der"),
];

fn pair(number: usize) -> Value {
    let (key, certificate) = PAIRS[number % ENTRIES];
    let chain = Value::List([Value::Bytes(PAIRS[2].1.to_vec())].into());
    let parts = [
        ("private_key", Value::Bytes(key.to_vec())),
        ("certificate", Value::Bytes(certificate.to_vec())),
        ("chain", chain),
    ];
    Value::Map(parts.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

fn value(kind: &Kind, number: usize, draw: &mut Draw) -> Value {
    match kind {
        Kind::Flag => Value::Bool(draw.below(2) == 0),
        Kind::Number(least, most) => Value::Int(draw.between(*least, *most)),
        Kind::Choice(words) => words[draw.below(words.len())].into(),
        Kind::Text(most) => draw.text(*most).into(),
        Kind::Lines(most) => match draw.text(most / 2) {
            text if text.chars().count() * 2 < *most => format!("{text}\n{text}").into(),
            text => text.into(),
        },
        Kind::Form(form) => form_text(*form, draw).into(),
        Kind::Bytes(most) => {
            Value::Bytes((0..(1 + draw.below(40)).min(*most)).map(|_| draw.byte()).collect())
        }
        Kind::Der(Der::Certificate, _) => Value::Bytes(PAIRS[number % ENTRIES].1.to_vec()),
        Kind::Der(Der::PrivateKey, _) => Value::Bytes(PAIRS[number % ENTRIES].0.to_vec()),
        Kind::Der(Der::RevocationList, _) => Value::Bytes(LISTS[number % ENTRIES].to_vec()),
        Kind::Reference => "".into(),
        Kind::Map(parts) => {
            let part = |part: &Field| (part.name.to_string(), value(&part.kind, number, draw));
            Value::Map(parts.iter().map(part).collect())
        }
        Kind::List(kind, most) => {
            let count = (1 + draw.below(ENTRIES)).min(*most);
            Value::List((0..count).map(|number| value(kind, number, draw)).collect())
        }
    }
}

fn form_text(form: Form, draw: &mut Draw) -> String {
    match form {
        Form::Digits(least, most) => {
            let count = least + draw.below(most - least + 1);
            draw.digits(count)
        }
        Form::Time => format!("{:02}:{:02}", draw.below(24), draw.below(60)),
        Form::Date => format!("20{:02}-{:02}-{:02}", draw.below(100), 1 + draw.below(12), 1 + draw.below(28)),
        Form::Ipv4 => format!("192.0.2.{}", draw.byte()),
        Form::Ipv6 => format!("2001:db8::{:x}", 1 + draw.below(0xffff)),
        Form::Host => draw.host(),
        Form::Mail => draw.mail(),
        Form::Language => ["de", "fr", "ja", "zh-hans"][draw.below(4)].into(),
    }
}

/// Draws that follow from a seed alone (SplitMix64).
struct Draw(u64);

const WORDS: [&str; 12] = [
    "Alder",
    "Birke",
    "Châtaignier",
    "Dąb",
    "Elm",
    "Fågelbär",
    "Ginkgo",
    "Hêtre",
    "Iristräd",
    "檜",
    "Ясень",
    "Łęg",
];

impl Draw {
    fn new(seed: u64, what: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(format!("{seed}/{what}").as_bytes()).into();
        Self(hash[..8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % (most.max(1) as u64)).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// The ends come up often: that is where mistakes are.
    fn between(&mut self, least: i64, most: i64) -> i64 {
        match self.below(8) {
            0 => least,
            1 => most,
            _ => {
                let span = i128::from(most) - i128::from(least) + 1;
                i64::try_from(i128::from(least) + i128::from(self.next()) % span).unwrap_or(least)
            }
        }
    }

    fn word(&mut self) -> String {
        WORDS[self.below(WORDS.len())].to_string()
    }

    /// Never empty; sometimes as long as it may be.
    fn text(&mut self, most: usize) -> String {
        let wanted = if most <= 64 && self.below(4) == 0 { most } else { most.min(1 + self.below(24)) };
        let mut text = String::new();
        while text.chars().count() < wanted {
            text.push_str(&self.word());
            text.push(if self.below(3) == 0 { '-' } else { ' ' });
        }
        text.chars().take(wanted).collect::<String>().trim_end().to_string()
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.byte() % 10)).collect()
    }

    fn host(&mut self) -> String {
        format!("host-{}.office.example", self.below(10_000))
    }

    fn mail(&mut self) -> String {
        format!("person-{}@office.example", self.below(10_000))
    }
}
