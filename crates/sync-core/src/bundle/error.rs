//! Why a bundle can't be read or written.

use crate::id::RecordId;
use alloc::string::String;

/// Why a bundle can't be read or written. [`BundleError::code`] is stable, [`BundleError::remedy`] says what to do.
/// Whoever reads must drop what was read so far.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Another kind of file.
    #[error("this is no bundle")]
    NotABundle,
    /// A later format, which this version can't read.
    #[error("the bundle has format {found}; this version reads formats up to {known}.x")]
    Newer {
        /// Its format, `major.minor`.
        found: String,
        /// The highest major version that is read.
        known: u16,
    },
    /// The bytes end before the bundle does.
    #[error("the bundle is cut off after {at} bytes")]
    Cut {
        /// How many bytes there are.
        at: u64,
    },
    /// Bytes come after its end.
    #[error("bytes follow the end of the bundle, after {at} bytes")]
    Trailing {
        /// Where it ends.
        at: u64,
    },
    /// Bytes that are not as they were written.
    #[error("the bundle is damaged: {what}")]
    Damaged {
        /// What is not as it was written.
        what: String,
    },
    /// Bytes that no writer of this format writes.
    #[error("the bundle does not follow its format at byte {at}: {what}")]
    Malformed {
        /// Where, about: the end of the frame.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// A section that is missing, doubled, or not in its place.
    #[error(
        "section `{found}` stands where {expected} should: a section is missing, doubled or out of place"
    )]
    Section {
        /// What is there.
        found: String,
        /// What the manifest says: a section, or the end.
        expected: String,
    },
    /// Other numbers of records or bytes than the manifest says.
    #[error("section `{item}` has {found} {what}, and the manifest says {expected}")]
    Count {
        /// The section's item.
        item: String,
        /// `records` or `bytes`.
        what: &'static str,
        /// How many there are, at least.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// A record that does not come after the one before it.
    #[error("in section `{item}` the record {id} of {place} is doubled or out of order")]
    Order {
        /// The section's item.
        item: String,
        /// The record's place.
        place: String,
        /// The record.
        id: RecordId,
    },
    /// Something is larger than a bundle holds.
    #[error("{what}: {found}, and at most {most} fit into a bundle")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// How large it is, at least.
        found: u64,
        /// The limit.
        most: u64,
    },
    /// A secret in a bundle that is not encrypted.
    #[error("the record {id} of {place} in `{item}` is secret, and the bundle is not encrypted")]
    Secret {
        /// The section's item.
        item: String,
        /// The record's place.
        place: String,
        /// The record.
        id: RecordId,
    },
    /// Something that was to be written and has no form in a bundle.
    #[error("this can't be written into a bundle: {what}")]
    Unwritable {
        /// What.
        what: String,
    },
    /// The records were not the same when they were counted and when they were written.
    #[error("the records of `{item}` changed while the bundle was written")]
    Changed {
        /// The item.
        item: String,
    },
    /// What lies below could not be read or written.
    #[error("{0}")]
    Io(String),
}

impl BundleError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotABundle => "bundle_unknown",
            Self::Newer { .. } => "bundle_newer",
            Self::Cut { .. } => "bundle_cut",
            Self::Trailing { .. } => "bundle_trailing",
            Self::Damaged { .. } => "bundle_damaged",
            Self::Malformed { .. } => "bundle_malformed",
            Self::Section { .. } => "bundle_section",
            Self::Count { .. } => "bundle_count",
            Self::Order { .. } => "bundle_order",
            Self::TooLarge { .. } => "bundle_too_large",
            Self::Secret { .. } => "bundle_secret",
            Self::Unwritable { .. } => "bundle_unwritable",
            Self::Changed { .. } => "bundle_changed",
            Self::Io(_) => "bundle_io",
        }
    }

    /// What to do next.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NotABundle => "name a file that a batch export of this product wrote",
            Self::Newer { .. } => "import it with the version of the program that wrote it, or a later one",
            Self::Cut { .. } | Self::Trailing { .. } | Self::Damaged { .. } => {
                "copy the file again from where it was made, or export again; nothing of it was used"
            }
            Self::Malformed { .. } | Self::Section { .. } | Self::Count { .. } | Self::Order { .. } => {
                "export again; if another program wrote the file, tell its maker; nothing of it was used"
            }
            Self::TooLarge { .. } => "make what is named smaller, or export fewer items at once",
            Self::Secret { .. } => "export with a pass phrase",
            Self::Unwritable { .. } => "correct what is named, then export again",
            Self::Changed { .. } => "export again, while nobody edits",
            Self::Io(_) => "check the path, its permissions and the disk",
        }
    }
}
