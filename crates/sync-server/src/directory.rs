//! Who the users are and to which groups they belong: a source behind a trait, and a TOML file as the first.
//!
//! ```toml
//! realm = "office"
//!
//! [[group]]
//! id = "sales"
//! title = "Sales"
//!
//! [[user]]
//! name = "alice"
//! groups = ["sales"]
//! ```

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// Users and groups of one realm.
pub trait Directory: Send + Sync + 'static {
    /// The realm: the user authentication and group settings that the machines have in common.
    fn realm(&self) -> String;
    /// The people and groups as they are now.
    fn people(&self) -> Arc<People>;
    /// Looks whether the source has changed; `true` where it has.
    ///
    /// # Errors
    /// Where the source cannot be read; what was read before stands then.
    fn reload(&self) -> Result<bool, DirectoryError>;
}

/// Users with their groups, and groups.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct People {
    /// The groups of each user.
    pub users: BTreeMap<String, BTreeSet<String>>,
    /// The title of each group.
    pub groups: BTreeMap<String, Option<String>>,
}

impl People {
    /// The groups of a user; none for somebody unknown.
    #[must_use]
    pub fn groups_of(&self, user: &str) -> Vec<String> {
        self.users.get(user).map(|groups| groups.iter().cloned().collect()).unwrap_or_default()
    }
}

/// The directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file cannot be opened.
    #[error("{path} cannot be read ({source}): name the file of users and groups with --users")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It says something that cannot be meant.
    #[error("{path}, line {line}: {reason}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl DirectoryError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "users_unreadable",
            Self::Wrong { .. } => "users_wrong",
        }
    }
}

/// What a first start writes where there is no file yet.
pub const TEMPLATE: &str = r#"# Users and user groups of the fleet. Changes are noticed within seconds.
# The realm names these settings: all machines that synchronize together have them in common.
realm = "office"

# [[group]]
# id = "sales"
# title = "Sales"
#
# [[user]]
# name = "alice"
# groups = ["sales"]
"#;

/// A TOML file.
#[derive(Debug)]
pub struct FileDirectory {
    path: PathBuf,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    stamp: Option<(SystemTime, u64)>,
    realm: String,
    people: Arc<People>,
}

impl FileDirectory {
    /// Reads the file.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        let stamp = stamp(path)?;
        let (realm, people) = read(path)?;
        Ok(Self {
            path: path.into(),
            state: RwLock::new(State { stamp: Some(stamp), realm, people: Arc::new(people) }),
        })
    }
}

impl Directory for FileDirectory {
    fn realm(&self) -> String {
        self.state.read().realm.clone()
    }

    fn people(&self) -> Arc<People> {
        Arc::clone(&self.state.read().people)
    }

    fn reload(&self) -> Result<bool, DirectoryError> {
        let stamp = stamp(&self.path)?;
        if self.state.read().stamp == Some(stamp) {
            return Ok(false);
        }
        let (realm, people) = read(&self.path)?;
        let mut state = self.state.write();
        if realm != state.realm {
            return Err(DirectoryError::Wrong {
                path: self.path.clone(),
                line: 1,
                reason: format!(
                    "the realm is {} and cannot become {realm} while the server runs: every space is named by it",
                    state.realm
                ),
            });
        }
        state.stamp = Some(stamp);
        let changed = *state.people != people;
        state.people = Arc::new(people);
        Ok(changed)
    }
}

fn stamp(path: &Path) -> Result<(SystemTime, u64), DirectoryError> {
    fs::metadata(path)
        .and_then(|meta| Ok((meta.modified()?, meta.len())))
        .map_err(|source| DirectoryError::Unreadable { path: path.into(), source })
}

fn read(path: &Path) -> Result<(String, People), DirectoryError> {
    let text = fs::read_to_string(path)
        .map_err(|source| DirectoryError::Unreadable { path: path.into(), source })?;
    parse(&text).map_err(|(line, reason)| DirectoryError::Wrong { path: path.into(), line, reason })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    realm: toml::Spanned<String>,
    #[serde(default)]
    user: Vec<User>,
    #[serde(default)]
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    name: toml::Spanned<String>,
    #[serde(default)]
    groups: Vec<toml::Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    id: toml::Spanned<String>,
    title: Option<String>,
}

fn parse(text: &str) -> Result<(String, People), (usize, String)> {
    let line_of = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        (line, error.message().to_string())
    })?;
    let wrong = |at: &toml::Spanned<String>, reason: String| (line_of(at.span().start), reason);
    let realm = file.realm.get_ref();
    if realm.is_empty() || realm.contains('/') {
        return Err(wrong(&file.realm, "the realm must be a word without `/`".into()));
    }
    let mut people = People::default();
    for group in file.group {
        let id = group.id.get_ref();
        if id.is_empty() {
            return Err(wrong(&group.id, "a group needs an id".into()));
        }
        if people.groups.insert(id.clone(), group.title).is_some() {
            return Err(wrong(&group.id, format!("the group {id} stands here twice")));
        }
    }
    for user in file.user {
        let name = user.name.get_ref();
        if name.is_empty() {
            return Err(wrong(&user.name, "a user needs a name".into()));
        }
        let mut groups = BTreeSet::new();
        for group in user.groups {
            let id = group.get_ref();
            if !people.groups.contains_key(id) {
                return Err(wrong(&group, format!("{name} is in the group {id}, which is not in this file")));
            }
            groups.insert(id.clone());
        }
        if people.users.insert(name.clone(), groups).is_some() {
            return Err(wrong(&user.name, format!("the user {name} stands here twice")));
        }
    }
    Ok((realm.clone(), people))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: &str =
        "realm = \"office\"\n[[group]]\nid = \"sales\"\n[[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n";

    #[test]
    fn reads_users_and_groups() {
        let (realm, people) = parse(GOOD).unwrap();
        assert_eq!(realm, "office");
        assert_eq!(people.groups_of("alice"), ["sales"]);
        assert!(people.groups_of("nobody").is_empty());
        assert!(parse(TEMPLATE).unwrap().1.users.is_empty());
    }

    #[test]
    fn says_the_line_and_the_reason() {
        for (text, line, reason) in [
            ("realm = \"a/b\"", 1, "without `/`"),
            ("realm = \"office\"\ncolour = 1", 2, "colour"),
            ("realm = \"office\"\n\n[[user]]\nname = \"a\"\ngroups = [\"x\"]", 5, "not in this file"),
            ("realm = \"office\"\n[[user]]\nname = \"a\"\n[[user]]\nname = \"a\"", 5, "twice"),
            ("realm = \"office\"\n[[group]]\nid = \"a\"\n[[group]]\nid = \"a\"", 5, "twice"),
            ("realm = \"office\"\n[[user]]\nname = ", 3, ""),
            ("", 1, "realm"),
        ] {
            let (found, message) = parse(text).unwrap_err();
            assert_eq!(found, line, "{text}: {message}");
            assert!(message.contains(reason), "{text}: {message}");
        }
    }

    #[test]
    fn is_read_again_when_it_changes_and_stands_when_it_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        fs::write(&path, GOOD).unwrap();
        let directory = FileDirectory::open(&path).unwrap();
        assert!(!directory.reload().unwrap());
        fs::write(&path, "realm = \"office\"\n[[user]]\nname = \"bob\"\n").unwrap();
        assert!(directory.reload().unwrap());
        assert!(directory.people().users.contains_key("bob"));
        fs::write(&path, "realm = ").unwrap();
        assert_eq!(directory.reload().unwrap_err().code(), "users_wrong");
        assert!(directory.people().users.contains_key("bob"));
        fs::remove_file(&path).unwrap();
        assert_eq!(directory.reload().unwrap_err().code(), "users_unreadable");
    }
}
