//! A look at a file before it is distributed: what no machine could apply is not stored.

use super::message::problem;
use age::secrecy::SecretString;
use core::fmt::Display;
use std::collections::BTreeSet;
use sync_core::{
    bundle::{
        MAGIC,
        locked::{self, Locked, begins_encrypted},
    },
    distribution::PassPhrase,
    files::{ReadOptions, each_listed},
    item::Item,
    protocol::Problem,
};

/// The most work that a pass phrase may make, as scrypt's exponent: 256 MiB, what the age tool makes.
const ACCEPT: u8 = 18;

/// Reads the file as each machine will: whether it is whole, whether the pass phrase opens it, and whether it has the items
/// that are named. It takes a moment for an encrypted one, whose pass phrase is slow to try on purpose.
///
/// # Errors
/// A [`Problem`] with the code of the reader, `bundle_passphrase_needed`, `bundle_not_encrypted` or `item_not_in_file`.
pub(super) fn look_at(file: &[u8], passphrase: Option<&PassPhrase>, items: &[Item]) -> Result<(), Problem> {
    let refused =
        |code: &str, said: &dyn Display, remedy: &str| problem(422, code, &said.to_string(), remedy);
    let of_lock = |error: Locked| match &error {
        // It may be an address book, too.
        Locked::NotEncrypted => refused(
            error.code(),
            &"a pass phrase was given, and the file is not encrypted",
            "make sure that this is the file that you mean; if it is, give no pass phrase",
        ),
        Locked::PassphraseNeeded => {
            refused(error.code(), &error, "give its pass phrase too: each machine needs it")
        }
        _ => refused(error.code(), &error, error.remedy()),
    };
    if !begins_encrypted(file) && !file.starts_with(&MAGIC) {
        if passphrase.is_some() {
            return Err(of_lock(Locked::NotEncrypted));
        }
        const LISTS: [Item; 3] = [Item::AddressBook, Item::PersonalAddressList, Item::UserGroupAddressList];
        if let Some(item) = items.iter().find(|item| !LISTS.contains(item)) {
            return Err(refused(
                "item_not_in_file",
                &format!("an address book has no {}", item.as_str()),
                "distribute a bundle that has it, or name items that are in the file, or none for all",
            ));
        }
        return each_listed(file, &ReadOptions::default(), |_, _, _, _| {}).map(|_| ()).map_err(|error| {
            refused(error.code(), &error, "distribute a bundle, or an address book that an import can read")
        });
    }
    let phrase = passphrase.map(|words| SecretString::from(words.0.clone()));
    let mut reader = locked::open(file, phrase.as_ref(), ACCEPT).map_err(of_lock)?;
    let there: BTreeSet<String> =
        reader.manifest().sections.iter().map(|section| section.item.clone()).collect();
    if let Some(item) = items.iter().find(|item| !there.contains(item.as_str())) {
        let names: Vec<&str> = there.iter().map(String::as_str).collect();
        return Err(refused(
            "item_not_in_file",
            &format!("the bundle has no {}; it has {}", item.as_str(), names.join(", ")),
            "name items that are in it, or none for all",
        ));
    }
    let distributed = |name: &String| name.parse::<Item>().is_ok_and(|item| item.row().distributable);
    if !there.iter().any(distributed) {
        let names: Vec<&str> = there.iter().map(String::as_str).collect();
        return Err(refused(
            "not_distributable",
            &format!("the bundle has nothing that is ever distributed: {}", names.join(", ")),
            "import it at each machine",
        ));
    }
    reader.try_for_each(|entry| entry.map(|_| ())).map_err(|error| of_lock(error.into()))
}
