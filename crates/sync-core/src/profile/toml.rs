//! A profile as TOML text, in and out.
//!
//! A section that is left out keeps the default; a table of interlock or limits that is there is whole, so that nothing is
//! set by forgetting it.

use super::{Begin, During, Interlock, Limit, PerLimit, Profile, Refusal, may_be_refused_by_model};
use crate::{
    item::Item,
    names::UnknownName,
    process::{Process, Processes},
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt::Write as _, ops::Range, str::FromStr, time::Duration};
use serde::Deserialize;
use toml::{Spanned, Value};

/// Why a text is no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BadProfile {
    /// The line of the text, from 1.
    pub line: usize,
    /// What was wrong, and what can be written.
    pub reason: String,
}

impl BadProfile {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "bad_profile"
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileForm {
    interlock: Option<Vec<Spanned<RowForm>>>,
    limits: Option<Spanned<BTreeMap<Spanned<String>, Spanned<Value>>>>,
    #[serde(default)]
    preparation: PreparationForm,
    #[serde(default)]
    items: ItemsForm,
    #[serde(default)]
    refuse: Vec<Spanned<RefusalForm>>,
    #[serde(default)]
    persons: PersonsForm,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowForm {
    // Texts: the error of an element that is parsed on the way has the line of its array.
    processes: Vec<Spanned<String>>,
    begin: Spanned<String>,
    during: Spanned<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PreparationForm {
    required: Option<bool>,
    window_seconds: Option<Spanned<Value>>,
    most_at_once: Option<Spanned<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemsForm {
    #[serde(default)]
    unsupported: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusalForm {
    item: Spanned<String>,
    models: Spanned<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PersonsForm {
    export_own_list: Option<bool>,
}

/// The word for "as many as there are".
const NO_LIMIT: &str = "none";

/// The word for every model but the machine's own.
const OTHERS: &str = "*";

/// The text, for the lines of what is wrong in it.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn bad(&self, at: &Range<usize>, reason: impl Into<String>) -> BadProfile {
        let before = self.0.as_bytes().iter().take(at.start);
        BadProfile { line: 1 + before.filter(|byte| **byte == b'\n').count(), reason: reason.into() }
    }

    /// One of the words that can stand there.
    fn word<T: FromStr<Err = UnknownName>>(&self, word: &Spanned<String>) -> Result<T, BadProfile> {
        word.get_ref().parse().map_err(|error: UnknownName| self.bad(&word.span(), error.to_string()))
    }

    /// What is wrong with a number that is larger than one here can be; `None` where something else stands there.
    fn number_beyond(&self, at: &Range<usize>) -> Option<String> {
        let word = self.0.get(at.clone())?.trim();
        let digits = word.trim_start_matches(['+', '-']);
        let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-'));
        (is_number && word.replace('_', "").parse::<i64>().is_err()).then(|| {
            format!("`{word}` is beyond what a number here can be: write one from 0 to {}", i64::MAX)
        })
    }

    /// A number from `least` on, or `none` where that is said.
    fn number(&self, what: &str, value: &Spanned<Value>, least: u64) -> Result<Option<u64>, BadProfile> {
        let wrong = |reason: &str| self.bad(&value.span(), format!("`{what}` {reason}"));
        match value.get_ref() {
            Value::String(word) if word == NO_LIMIT => Ok(None),
            Value::Integer(number) => match u64::try_from(*number) {
                Ok(number) if number >= least => Ok(Some(number)),
                Ok(_) => Err(wrong(&format!("must be at least {least}"))),
                Err(_) => Err(wrong("can't be negative")),
            },
            _ => Err(wrong("is no whole number and not \"none\"")),
        }
    }

    fn interlock(&self, rows: &[Spanned<RowForm>]) -> Result<Interlock, BadProfile> {
        let mut table = Interlock::of(super::DEFAULT_INTERLOCK);
        let mut named = Processes::EMPTY;
        for row in rows {
            let RowForm { processes, begin: begin_at, during: during_at } = row.get_ref();
            let (begin, during) = (self.word(begin_at)?, self.word(during_at)?);
            if processes.is_empty() {
                return Err(self.bad(&row.span(), "this row names no process"));
            }
            for process in processes {
                let (at, process) = (process.span(), self.word(process)?);
                if named.contains(process) {
                    return Err(self.bad(&at, format!("`{process}` stands in two rows")));
                }
                let only =
                    |word: &str| format!("`{word}` has a meaning for `{}` alone", Process::Synchronization);
                if process != Process::Synchronization && begin == Begin::ByRule6 {
                    return Err(self.bad(&begin_at.span(), only(Begin::ByRule6.as_str())));
                }
                if process != Process::Synchronization && during == During::Paused {
                    return Err(self.bad(&during_at.span(), only(During::Paused.as_str())));
                }
                named = named.with(process);
                table = table.with(process, begin, during);
            }
        }
        let missing: Vec<&str> = Process::ALL
            .iter()
            .filter(|process| !named.contains(**process))
            .map(|process| process.as_str())
            .collect();
        if missing.is_empty() {
            return Ok(table);
        }
        let at = rows.first().map_or(0..0, Spanned::span);
        Err(self.bad(&at, format!("the interlock has no row for {}", missing.join(", "))))
    }

    fn limits(
        &self,
        table: &Spanned<BTreeMap<Spanned<String>, Spanned<Value>>>,
    ) -> Result<PerLimit, BadProfile> {
        let mut limits = PerLimit::NO_LIMIT;
        let mut named = Vec::new();
        for (name, value) in table.get_ref() {
            let limit: Limit = self.word(name)?;
            named.push(limit);
            if let Some(number) = self.number(limit.as_str(), value, 0)? {
                limits = limits.with(limit, number);
            }
        }
        let missing: Vec<&str> =
            Limit::ALL.iter().filter(|limit| !named.contains(*limit)).map(|limit| limit.as_str()).collect();
        if missing.is_empty() {
            return Ok(limits);
        }
        Err(self.bad(
            &table.span(),
            format!("the limits lack {}: write a number or \"none\"", missing.join(", ")),
        ))
    }

    fn refusals(&self, rows: &[Spanned<RefusalForm>]) -> Result<Vec<Refusal>, BadProfile> {
        let mut refusals: Vec<Refusal> = Vec::new();
        for row in rows {
            let RefusalForm { item: named, models } = row.get_ref();
            let item = self.word(named)?;
            if !may_be_refused_by_model(item) {
                return Err(self
                    .bad(&named.span(), format!("rule 3 does not let `{item}` be refused by source model")));
            }
            if refusals.iter().any(|refusal| refusal.item == item) {
                return Err(self.bad(&named.span(), format!("`{item}` stands in two rows")));
            }
            let (others, models): (Vec<String>, Vec<String>) = models
                .get_ref()
                .iter()
                .map(|model| model.trim().to_string())
                .partition(|model| model == OTHERS);
            if models.iter().any(String::is_empty) || (models.is_empty() && others.is_empty()) {
                return Err(self.bad(
                    &row.get_ref().models.span(),
                    "name the models that are refused, or \"*\" for every one but the machine's own",
                ));
            }
            refusals.push(Refusal { item, models, others: !others.is_empty() });
        }
        Ok(refusals)
    }
}

impl Profile {
    /// Reads a profile. Sections that are left out are the default's; an interlock or limits that are there are whole.
    ///
    /// ```
    /// use sync_core::{item::Item, profile::Profile};
    /// let profile = Profile::from_toml("[preparation]\nrequired = true\n[items]\nunsupported = [\"box\"]\n")?;
    /// assert!(profile.preparation.required && profile.unsupported.contains(Item::Box));
    /// let bad = Profile::from_toml("\n[preparation]\nwindow-seconds = -1\n").unwrap_err();
    /// assert_eq!(bad.to_string(), "line 3: `window-seconds` can't be negative");
    /// # Ok::<(), sync_core::profile::BadProfile>(())
    /// ```
    ///
    /// # Errors
    /// [`BadProfile`]: no TOML, unknown keys, items, processes or limits, rows that are missing or stand twice, negative
    /// numbers.
    pub fn from_toml(text: &str) -> Result<Self, BadProfile> {
        let at = Text(text);
        let form: ProfileForm = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let reason = at.number_beyond(&span);
            at.bad(&span, reason.unwrap_or_else(|| error.message().trim().replace('\n', "; ")))
        })?;
        let mut profile = Self::default();
        if let Some(rows) = &form.interlock {
            profile.interlock = at.interlock(rows)?;
        }
        if let Some(limits) = &form.limits {
            profile.limits = at.limits(limits)?;
        }
        let PreparationForm { required, window_seconds, most_at_once } = &form.preparation;
        profile.preparation.required = required.unwrap_or(profile.preparation.required);
        if let Some(window) = window_seconds {
            let Some(seconds) = at.number("window-seconds", window, 1)? else {
                return Err(at.bad(&window.span(), "`window-seconds` must be a number of seconds"));
            };
            profile.preparation.window = Duration::from_secs(seconds);
        }
        if let Some(most) = most_at_once {
            profile.preparation.most_at_once = at.number("most-at-once", most, 1)?;
        }
        for word in &form.items.unsupported {
            let item = at.word(word)?;
            if profile.unsupported.contains(item) {
                return Err(at.bad(&word.span(), format!("`{item}` stands twice")));
            }
            profile.unsupported = profile.unsupported.with(item);
        }
        profile.refusals = at.refusals(&form.refuse)?;
        profile.export_own_list = form.persons.export_own_list.unwrap_or(profile.export_own_list);
        Ok(profile)
    }

    /// The profile as text that [`Profile::from_toml`] reads back, with every section: where a vendor begins.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let quoted = |words: &mut dyn Iterator<Item = &str>| {
            let words: Vec<String> = words.map(|word| Value::String(word.to_string()).to_string()).collect();
            format!("[{}]", words.join(", "))
        };
        let number = |number: Option<u64>| {
            number
                .filter(|number| i64::try_from(*number).is_ok())
                .map_or_else(|| format!("\"{NO_LIMIT}\""), |number| number.to_string())
        };
        let mut text = String::from(
            "# Rule 7: may an import or export begin while these run, and may they run during one?\n",
        );
        let mut said = Processes::EMPTY;
        for process in Process::ALL {
            if said.contains(*process) {
                continue;
            }
            let cells = |process: Process| (self.interlock.begin(process), self.interlock.during(process));
            let (begin, during) = cells(*process);
            let alike: Processes =
                Process::ALL.iter().copied().filter(|other| cells(*other) == (begin, during)).collect();
            said = alike.iter().fold(said, Processes::with);
            let names = quoted(&mut alike.iter().map(Process::as_str));
            let _ = write!(
                text,
                "[[interlock]]\nprocesses = {names}\nbegin = \"{begin}\"\nduring = \"{during}\"\n\n"
            );
        }
        text.push_str("# Rule 10: at most so many; \"none\" for no limit.\n[limits]\n");
        for limit in Limit::ALL {
            let most = self.limits.get(*limit);
            let _ = writeln!(text, "{limit} = {}", number(Some(most).filter(|most| *most != u64::MAX)));
        }
        let preparation = &self.preparation;
        let _ = write!(
            text,
            "\n# Rule 9.\n[preparation]\nrequired = {}\nwindow-seconds = {}\nmost-at-once = {}\n\n",
            preparation.required,
            preparation.window.as_secs(),
            number(preparation.most_at_once)
        );
        let _ = write!(
            text,
            "# Items that the machine does not have.\n[items]\nunsupported = {}\n\n",
            quoted(&mut self.unsupported.iter().map(Item::as_str))
        );
        for Refusal { item, models, others } in &self.refusals {
            let others = others.then_some(OTHERS);
            let names = quoted(&mut models.iter().map(String::as_str).chain(others));
            let _ = write!(
                text,
                "# Rule 3: \"*\" is every model but the machine's own.\n[[refuse]]\nitem = \"{item}\"\nmodels = {names}\n\n"
            );
        }
        let _ = write!(
            text,
            "# Rule 1: whether people may export their own personal address lists.\n[persons]\nexport-own-list = {}\n",
            self.export_own_list
        );
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::*, *};
    use proptest::prelude::*;

    fn bad(text: &str) -> (usize, String) {
        let BadProfile { line, reason } = Profile::from_toml(text).unwrap_err();
        (line, reason)
    }

    #[test]
    fn an_empty_text_is_the_default() {
        assert_eq!(Profile::from_toml("").unwrap(), MACHINE);
        assert_eq!(Profile::from_toml(&MACHINE.to_toml()).unwrap(), MACHINE);
        assert_eq!(Profile::from_toml(&STANDALONE.to_toml()).unwrap(), STANDALONE);
    }

    #[test]
    fn a_bad_one_is_refused_with_line_and_reason() {
        for (text, line, part) in [
            ("[preparation]\nrequired = \"yes\"\n", 2, "boolean"),
            ("\n\n[interlok]\n", 3, "unknown field `interlok`"),
            ("[preparation]\nwindow = 5\n", 2, "unknown field `window`"),
            ("[preparation]\nwindow-seconds = 0\n", 2, "at least 1"),
            ("[preparation]\nwindow-seconds = -900\n", 2, "can't be negative"),
            ("[preparation]\nwindow-seconds = \"none\"\n", 2, "a number of seconds"),
            ("[preparation]\nmost-at-once = 1.5\n", 2, "no whole number"),
            ("[items]\nunsupported = [\"box\",\n  \"boxes\"]\n", 3, "`boxes` is no item"),
            ("[items]\nunsupported = [\"box\",\n  \"box\"]\n", 3, "stands twice"),
            ("[[refuse]]\nitem = \"key\"\nmodels = [\"A\"]\n", 2, "does not let `key`"),
            ("[[refuse]]\nitem = \"home\"\nmodels = []\n", 3, "name the models"),
            (
                "[[refuse]]\nitem = \"home\"\nmodels = [\"A\"]\n[[refuse]]\nitem = \"home\"\nmodels = [\"B\"]\n",
                5,
                "two rows",
            ),
            ("[persons]\nexport-own-list = 1\n", 2, "boolean"),
            ("[limits]\nmachines = 10\nprinters = 3\n", 3, "`printers` is no limit"),
            ("# of ours\n[limits]\nmachines = 10\n", 2, "lack users"),
            ("[limits]\nmachines = -10\n", 2, "can't be negative"),
            (
                "[limits]\nmachines = 99999999999999999999\n",
                2,
                "`99999999999999999999` is beyond what a number here",
            ),
            ("[limits]\n\nmachines = 9223372036854775808\n", 3, "write one from 0 to 9223372036854775807"),
            ("[preparation]\nmost-at-once = 0xFFFF_FFFF_FFFF_FFFF_F\n", 2, "is beyond what a number"),
            ("[preparation]\nwindow-seconds = -99999999999999999999\n", 2, "is beyond what a number"),
            ("[preparation]\nwindow-seconds = 1e400\n", 2, "is beyond what a number"),
            (
                "[preparation]\nwindow-seconds = 340282366920938463463374607431768211456000\n",
                2,
                "is beyond what a number",
            ),
            ("[[interlock]]\nprocesses = [7]\n", 2, "expected a string"),
            ("[limits]\nmachines = 10\nmachines = 11\n", 3, "duplicate"),
            ("key = \n", 1, ""),
            (
                "[[interlock]]\nprocesses = [\"send\", \"sleeping\"]\nbegin = \"no\"\nduring = \"no\"\n",
                2,
                "`sleeping` is no process",
            ),
            (
                "[[interlock]]\nprocesses = [\"send\"]\nbegin = \"perhaps\"\nduring = \"no\"\n",
                3,
                "`perhaps` is no answer",
            ),
            (
                "[[interlock]]\nprocesses = [\"send\"]\nbegin = \"by-rule-6\"\nduring = \"no\"\n",
                3,
                "for `synchronization` alone",
            ),
            (
                "[[interlock]]\nprocesses = [\"send\"]\nbegin = \"no\"\nduring = \"paused\"\n",
                4,
                "for `synchronization` alone",
            ),
            (
                "[[interlock]]\nprocesses = [\"send\",\n  \"send\"]\nbegin = \"no\"\nduring = \"no\"\n",
                3,
                "`send` stands in two rows",
            ),
            ("[[interlock]]\nprocesses = []\nbegin = \"no\"\nduring = \"no\"\n", 1, "names no process"),
            (
                "\n[[interlock]]\nprocesses = [\"send\"]\nbegin = \"no\"\nduring = \"no\"\n",
                2,
                "no row for forwarding",
            ),
            ("interlock = []\n", 1, "no row for send"),
        ] {
            let (at, reason) = bad(text);
            assert_eq!(at, line, "{text}: {reason}");
            assert!(reason.contains(part), "{text}: {reason}");
            assert!(!reason.contains('\n'), "{reason}");
        }
    }

    fn any_profile() -> impl Strategy<Value = Profile> {
        let cells = proptest::collection::vec((any::<bool>(), any::<bool>()), Process::COUNT);
        let limits = proptest::collection::vec(proptest::option::of(0_u64..100_000), Limit::COUNT);
        let others = proptest::collection::vec("[ -~]{1,12}", 0..3);
        let preparation = (any::<bool>(), 1_u64..100_000, proptest::option::of(1_u64..1_000));
        (cells, limits, others, preparation, any::<(bool, bool, u32)>()).prop_map(
            |(cells, limits, models, preparation, (export_own_list, star, items))| {
                let mut profile =
                    Profile { export_own_list, limits: PerLimit::NO_LIMIT, ..Profile::default() };
                for (process, (begin, during)) in Process::ALL.iter().zip(cells) {
                    let begin = if begin { Begin::Yes } else { Begin::No };
                    let during = if during { During::Yes } else { During::No };
                    profile.interlock = profile.interlock.with(*process, begin, during);
                }
                for (limit, most) in Limit::ALL.iter().zip(limits) {
                    profile.limits = profile.limits.with(*limit, most.unwrap_or(u64::MAX));
                }
                let (required, window, most_at_once) = preparation;
                profile.preparation =
                    Preparation { required, window: Duration::from_secs(window), most_at_once };
                for item in Item::ALL.iter().filter(|item| items & (1 << **item as u32) != 0) {
                    profile.unsupported = profile.unsupported.with(*item);
                }
                let models: Vec<String> = models
                    .iter()
                    .map(|model| model.trim().to_string())
                    .filter(|model| !model.is_empty() && model != OTHERS)
                    .collect();
                if star || !models.is_empty() {
                    profile.refusals.push(Refusal { item: Item::Home, models, others: star });
                }
                profile
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(profile in any_profile()) {
            prop_assert_eq!(Profile::from_toml(&profile.to_toml()).unwrap(), profile);
        }

        #[test]
        fn no_text_makes_it_panic(text in "([\\[\\]a-z0-9=\", \n-]|interlock|limits|refuse|processes){0,60}") {
            let _ = Profile::from_toml(&text);
        }
    }
}
