//! Which entries of two lists are the same, so that a list that replaces another keeps the ids of what stays.

use super::{Address, AddressKind};
use crate::id::RecordId;
use alloc::{
    collections::{BTreeMap, VecDeque},
    format,
    string::String,
    vec::Vec,
};

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

/// For each incoming entry, the existing record that it is, each used at most once. The closest likeness goes first
/// over all entries: equal; same source id; same kind, destination and name; same kind and destination; same kind
/// and name.
#[must_use]
pub fn match_existing(existing: &[(RecordId, Address)], incoming: &[Address]) -> Vec<Option<RecordId>> {
    let mut matching = Matching {
        existing,
        incoming,
        used: alloc::vec![false; existing.len()],
        found: alloc::vec![None; incoming.len()],
    };
    matching.pass(Some);
    matching.pass(Address::uuid);
    matching.pass(|a| Some((&a.kind, a.destination()?, &a.name)));
    matching.pass(|a| Some((&a.kind, a.destination()?)));
    matching.pass(|a| (!a.name.is_empty()).then_some((&a.kind, &a.name)));
    matching.found
}

struct Matching<'a> {
    existing: &'a [(RecordId, Address)],
    incoming: &'a [Address],
    used: Vec<bool>,
    found: Vec<Option<RecordId>>,
}

impl<'a> Matching<'a> {
    fn pass<K: Ord>(&mut self, key: impl Fn(&'a Address) -> Option<K>) {
        let mut free: BTreeMap<K, VecDeque<usize>> = BTreeMap::new();
        for (place, (_, address)) in self.existing.iter().enumerate() {
            if !self.used[place]
                && let Some(key) = key(address)
            {
                free.entry(key).or_default().push_back(place);
            }
        }
        for (address, found) in self.incoming.iter().zip(&mut self.found) {
            if found.is_none()
                && let Some(key) = key(address)
                && let Some(place) = free.get_mut(&key).and_then(VecDeque::pop_front)
            {
                self.used[place] = true;
                *found = Some(self.existing[place].0);
            }
        }
    }
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
