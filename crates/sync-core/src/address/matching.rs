//! Which entries of two lists are the same, so that a list that replaces another keeps the ids of what stays.

use super::{Address, AddressKind};
use crate::{canonical::Encoder, id::RecordId, value::Value};
use alloc::{format, string::String, vec::Vec};

/// What identifies an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// The id that its source gave it.
    Uuid(String),
    /// What it is.
    Entry {
        /// Its kind.
        kind: AddressKind,
        /// Where it leads.
        destination: Option<String>,
        /// Its name.
        name: String,
    },
}

impl Address {
    /// What identifies it: the id of its source, or else its kind, destination and name.
    #[must_use]
    pub fn identity(&self) -> Identity {
        match self.uuid() {
            Some(uuid) => Identity::Uuid(uuid),
            None => Identity::Entry {
                kind: self.kind.clone(),
                destination: self.destination(),
                name: self.name.clone(),
            },
        }
    }

    /// Where it leads, in a form to compare: the mail address in lower case, the fax number, the folder. A group
    /// leads nowhere by itself.
    #[must_use]
    pub fn destination(&self) -> Option<String> {
        let fax = || {
            let fax = self.fax.as_ref()?;
            Some(if fax.number.is_empty() { fax.uri.clone() } else { fax.number.clone() })
        };
        let folder = || {
            let folder = self.folder.as_ref()?;
            let host = folder.host.to_ascii_lowercase();
            Some(format!("{}\n{host}\n{}", folder.protocol, folder.path))
        };
        let text = match self.kind {
            AddressKind::Email | AddressKind::Ifax => self.mail.to_ascii_lowercase(),
            AddressKind::Fax | AddressKind::IpFax => fax()?,
            AddressKind::Folder => folder()?,
            AddressKind::Group => return None,
            AddressKind::Other(_) if !self.mail.is_empty() => self.mail.to_ascii_lowercase(),
            AddressKind::Other(_) => fax().or_else(folder)?,
        };
        (!text.is_empty()).then_some(text)
    }

    fn uuid(&self) -> Option<String> {
        let uuid = self.kept.get("uuid")?.trim().to_ascii_lowercase();
        (!uuid.is_empty()).then_some(uuid)
    }
}

/// One of the ways in which two addresses can be alike, in little memory: equal ones are alike, others are not (a
/// SHA-256, cut to 16 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Likeness(pub(crate) [u8; 16]);

impl Likeness {
    /// Of what was encoded.
    pub(crate) fn of(encoder: Encoder) -> Self {
        let mut front = [0; 16];
        front.copy_from_slice(&encoder.sha256()[..16]);
        Self(front)
    }

    fn of_texts<const N: usize>(texts: [&str; N]) -> Self {
        let mut encoder = Encoder::default();
        texts.into_iter().for_each(|text| encoder.text(text));
        Self::of(encoder)
    }
}

/// What makes two addresses alike, the closest first: equal; same source id; same kind, destination and name; same kind
/// and destination; same kind and name.
pub(crate) const LIKENESSES: [fn(&Address) -> Option<Likeness>; 5] = [
    |address| {
        let mut encoder = Encoder::default();
        encoder.value(&Value::Map(address.to_fields()));
        Some(Likeness::of(encoder))
    },
    |address| Some(Likeness::of_texts([&address.uuid()?])),
    |address| Some(Likeness::of_texts([address.kind.as_str(), &address.destination()?, &address.name])),
    |address| Some(Likeness::of_texts([address.kind.as_str(), &address.destination()?])),
    |address| (!address.name.is_empty()).then(|| Likeness::of_texts([address.kind.as_str(), &address.name])),
];

/// Pairs what has the same key, each at most once, both sides in the order of their places.
pub(crate) fn pairs<K: Ord>(
    mut existing: Vec<(K, usize)>,
    mut incoming: Vec<(K, usize)>,
) -> Vec<(usize, usize)> {
    existing.sort_unstable();
    incoming.sort_unstable();
    let mut existing = existing.into_iter().peekable();
    let mut pairs = Vec::new();
    for (key, place) in incoming {
        while existing.next_if(|(other, _)| *other < key).is_some() {}
        if let Some((_, found)) = existing.next_if(|(other, _)| *other == key) {
            pairs.push((found, place));
        }
    }
    pairs
}

/// For each incoming entry, the existing record that it is, each used at most once. The closest likeness goes first
/// over all entries: equal; same source id; same kind, destination and name; same kind and destination; same kind
/// and name.
#[must_use]
pub fn match_existing(existing: &[(RecordId, Address)], incoming: &[Address]) -> Vec<Option<RecordId>> {
    let mut used = alloc::vec![false; existing.len()];
    let mut found = alloc::vec![None; incoming.len()];
    for likeness in LIKENESSES {
        let free = existing.iter().enumerate().filter(|(place, _)| !used[*place]);
        let free = free.filter_map(|(place, (_, address))| Some((likeness(address)?, place))).collect();
        let open = incoming.iter().enumerate().filter(|(place, _)| found[*place].is_none());
        let open = open.filter_map(|(place, address)| Some((likeness(address)?, place))).collect();
        for (theirs, ours) in pairs(free, open) {
            used[theirs] = true;
            found[ours] = Some(existing[theirs].0);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn id(number: u128) -> RecordId {
        RecordId(Uuid::from_u128(number))
    }

    fn entry(name: &str, mail: &str, uuid: &str) -> Address {
        let mut address = Address { name: name.into(), mail: mail.into(), ..Address::default() };
        if !uuid.is_empty() {
            address.kept.insert("uuid".into(), uuid.into());
        }
        address
    }

    #[test]
    fn the_closest_likeness_goes_first_and_nothing_is_used_twice() {
        let existing = [
            (id(1), entry("Desk", "desk@a.example", "")),
            (id(2), entry("Desk", "desk@a.example", "u-2")),
            (id(3), entry("Old name", "lobby@a.example", "")),
            (id(4), entry("Porter", "porter@a.example", "")),
        ];
        let incoming = [
            entry("Porter", "gate@a.example", ""),
            entry("Desk", "desk@a.example", ""),
            entry("Desk renamed", "other@a.example", "U-2"),
            entry("Lobby", "LOBBY@a.example", ""),
            entry("Desk", "desk@a.example", ""),
            entry("", "", ""),
        ];
        assert_eq!(
            match_existing(&existing, &incoming),
            [Some(id(4)), Some(id(1)), Some(id(2)), Some(id(3)), None, None]
        );
    }

    #[test]
    fn a_source_id_identifies_before_the_content() {
        assert_eq!(entry("Desk", "desk@a.example", "U-1").identity(), Identity::Uuid("u-1".into()));
        assert_eq!(
            entry("Desk", "Desk@a.example", "").identity(),
            entry("Desk", "desk@a.example", "").identity()
        );
    }
}
