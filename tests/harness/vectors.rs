//! Runs merge histories written down as JSON through `sync_core::merge::apply` and `sync_core::replica::view`.

use serde::Deserialize;
use std::{collections::BTreeMap, fmt};
use sync_core::{
    change::{Author, Change, Context, Operation},
    id::{ChangeId, Incarnation, RecordId},
    merge::apply,
    record::{Lost, Record, Superseded},
    replica::view,
    value::Value,
};
use uuid::Uuid;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    steps: Vec<Step>,
    view: View,
}

#[derive(Deserialize)]
struct Step {
    sequence: u64,
    horizon: u64,
    change: WrittenChange,
    expect: Expected,
}

#[derive(Deserialize)]
struct View {
    outbox: Vec<WrittenChange>,
    expect: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct WrittenChange {
    id: (String, u64),
    seen: u64,
    own: BTreeMap<String, u64>,
    fields: Option<BTreeMap<String, Written>>,
    #[serde(default)]
    delete: bool,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
struct Written {
    value: Option<Value>,
    #[serde(default)]
    unset: bool,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Expected {
    record: Option<WrittenRecord>,
    superseded: Vec<WrittenSuperseded>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct WrittenRecord {
    sequence: u64,
    fields: BTreeMap<String, WrittenEntry>,
    dead: Option<Vec<Mark>>,
    life: Mark,
}

#[derive(Deserialize, PartialEq, Debug)]
struct WrittenEntry {
    value: Option<Value>,
    #[serde(default)]
    unset: bool,
    sequence: u64,
    writer: (String, u64),
}

#[derive(Deserialize, PartialEq, Debug)]
struct Mark {
    sequence: u64,
    id: (String, u64),
}

#[derive(Deserialize, PartialEq, Debug)]
struct WrittenSuperseded {
    sequence: u64,
    id: (String, u64),
    field: Option<String>,
    value: Option<Value>,
    #[serde(default)]
    unset: bool,
    #[serde(default)]
    deletion: bool,
}

/// How many steps and views agreed, and the first that did not.
#[derive(Debug, Default)]
pub struct Report {
    /// Steps that agreed.
    pub steps: usize,
    /// All steps.
    pub steps_in_all: usize,
    /// Views that agreed.
    pub views: usize,
    /// All views.
    pub views_in_all: usize,
    /// What disagreed first.
    pub first: Option<String>,
}

impl Report {
    /// Whether everything agreed, and there was something.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.steps_in_all > 0 && self.steps == self.steps_in_all && self.views == self.views_in_all
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        if self.first.is_none() {
            self.first = Some(what());
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} steps and {} of {} views agree",
            self.steps, self.steps_in_all, self.views, self.views_in_all
        )?;
        match &self.first {
            Some(first) => write!(f, "\nfirst disagreement: {first}"),
            None => Ok(()),
        }
    }
}

/// The incarnations of the file are names; each becomes an id, and comes back by it.
#[derive(Default)]
struct Names(BTreeMap<Incarnation, String>);

impl Names {
    fn incarnation(&mut self, name: &str) -> Incarnation {
        let id = Incarnation(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()));
        self.0.insert(id, name.into());
        id
    }

    fn id(&mut self, (name, number): &(String, u64)) -> ChangeId {
        ChangeId { incarnation: self.incarnation(name), number: *number }
    }

    fn written(&self, id: ChangeId) -> (String, u64) {
        (self.0.get(&id.incarnation).cloned().unwrap_or_default(), id.number)
    }

    fn change(&mut self, record: RecordId, written: WrittenChange) -> Result<Change, String> {
        let operation = match (written.fields, written.delete) {
            (Some(fields), false) => Operation::Edit(
                fields.into_iter().map(|(name, w)| (name, if w.unset { None } else { w.value })).collect(),
            ),
            (None, true) => Operation::Delete,
            _ => return Err("a change either names fields or deletes".into()),
        };
        Ok(Change {
            id: self.id(&written.id),
            record,
            context: Context {
                seen: written.seen,
                own: written.own.iter().map(|(name, number)| (self.incarnation(name), *number)).collect(),
            },
            operation,
            author: Author::default(),
        })
    }

    fn record(&self, record: &Record) -> WrittenRecord {
        let fields = record.fields.iter().map(|(name, entry)| {
            let written = WrittenEntry {
                value: entry.value.clone(),
                unset: entry.value.is_none(),
                sequence: entry.sequence,
                writer: self.written(entry.writer),
            };
            (name.clone(), written)
        });
        WrittenRecord {
            sequence: record.sequence,
            fields: fields.collect(),
            dead: record
                .dead
                .as_ref()
                .map(|d| d.iter().map(|d| Mark { sequence: d.0, id: self.written(d.1) }).collect()),
            life: Mark { sequence: record.life.sequence, id: self.written(record.life.id) },
        }
    }

    fn superseded(&self, superseded: &Superseded) -> WrittenSuperseded {
        let (field, value, unset, deletion) = match &superseded.what {
            Lost::Field(name, value) => (Some(name.clone()), value.clone(), value.is_none(), false),
            Lost::Deletion => (None, None, false, true),
        };
        WrittenSuperseded {
            sequence: superseded.sequence,
            id: self.written(superseded.id),
            field,
            value,
            unset,
            deletion,
        }
    }
}

/// Runs the file's histories.
///
/// # Errors
/// What is wrong with the file.
pub fn run(json: &[u8]) -> Result<Report, String> {
    let file: File = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let mut report = Report::default();
    for case in file.cases {
        run_case(case, &mut report)?;
    }
    Ok(report)
}

fn run_case(case: Case, report: &mut Report) -> Result<(), String> {
    let id = RecordId(Uuid::from_u128(1));
    let mut names = Names::default();
    let mut record: Option<Record> = None;
    for (index, step) in case.steps.into_iter().enumerate() {
        let change = names.change(id, step.change)?;
        let applied = apply(record, &change, step.sequence, step.horizon);
        let mut expect = step.expect;
        let mut got = Expected {
            record: applied.record.as_ref().map(|record| names.record(record)),
            superseded: applied.superseded.iter().map(|s| names.superseded(s)).collect(),
        };
        // What a step supersedes is a set.
        for superseded in [&mut expect.superseded, &mut got.superseded] {
            superseded.sort_by(|a, b| (&a.id, &a.field).cmp(&(&b.id, &b.field)));
        }
        report.steps_in_all += 1;
        if got == expect {
            report.steps += 1;
        } else {
            report.note(|| format!("{}, step {}: expected {expect:?}, got {got:?}", case.name, index + 1));
        }
        record = applied.record;
    }
    let outbox: Vec<Change> =
        case.view.outbox.into_iter().map(|written| names.change(id, written)).collect::<Result<_, _>>()?;
    let seen = view(record, &outbox);
    let got = seen.as_ref().and_then(Record::live).map(|fields| {
        fields.into_iter().map(|(name, value)| (name.to_string(), value.clone())).collect::<BTreeMap<_, _>>()
    });
    report.views_in_all += 1;
    if got == case.view.expect {
        report.views += 1;
    } else {
        report.note(|| format!("{}, view: expected {:?}, got {got:?}", case.name, case.view.expect));
    }
    Ok(())
}
