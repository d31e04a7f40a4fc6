//! What to send to the server, what to make of its answer, Start and Stop.

use super::{
    LogLine, Prepared, Progress, Store, edit, join, kept, kept::Occasion, log, prepared, procedures, recover,
    rows, scope::TakeUp, set_meta, shown,
};
use crate::{
    draw,
    error::{Error, Result},
};
use core::time::Duration;
use rusqlite::{Transaction, params};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::{
    change::Author,
    id::{Incarnation, RecordId},
    machine::SyncState,
    protocol::{Moved, Reply, SpaceReply, SyncAnswer, SyncRequest, Told},
    replica::{self, Absorbed, Outcome, Sent, SpaceHead, Taken, Touched, Wait, Wanted},
    sharing::is_read_only,
    snapshot::Reason,
    space::SpaceName,
    time::Timestamp,
};

/// How many bytes of a space's outbox one request carries: constant, so that a repeat carries what the lost request
/// carried.
const PUSH_BYTES: usize = 512 * 1024;
/// About how many bytes of changes one round trip carries; the space that crosses it still goes whole.
const ROUND_BYTES: usize = 2 * 1024 * 1024;
/// How many spaces one round trip names.
const ROUND_SPACES: usize = 64;
/// How many spaces a Start asks for in one round trip.
const ROUND_ASKS: usize = 256;
/// How many bytes of records an answer may carry for each space.
const PAGE_BYTES: u32 = 256 * 1024;

/// One round trip: what to send, and what is remembered of it until its answer.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The message.
    pub request: SyncRequest,
    /// With the number of changes.
    sent: BTreeMap<SpaceName, (Sent, u64)>,
}

/// What an answer changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is left to say or to pull.
    pub outcome: Outcome,
    /// How many changes left the outbox.
    pub settled: u64,
    /// How many records came.
    pub received: u64,
    /// How many superseded values came.
    pub superseded: u64,
    /// The spaces that were set aside, and why.
    pub set_aside: Vec<(SpaceName, Reason)>,
    /// Of several round trips: how many spaces were set aside, also those that are no longer listed.
    pub all_set_aside: u64,
    /// Whether the machine turned out to be a copy, or turned back.
    pub forked: bool,
    /// The spaces of which the server, recovered from a backup, lacks something that the machine has: it gives it back.
    pub giving_back: Vec<SpaceName>,
    /// The spaces whose copy turned out to differ from what the server has: they are downloaded anew.
    pub diverged: Vec<SpaceName>,
}

impl Report {
    /// Both, one after the other; what is left is what is left now.
    pub fn add(&mut self, later: &Self) {
        self.outcome = later.outcome;
        self.settled += later.settled;
        self.received += later.received;
        self.superseded += later.superseded;
        self.all_set_aside += later.set_aside.len() as u64;
        self.set_aside.extend(later.set_aside.iter().cloned());
        // A machine that runs for years must not remember all of them.
        let beyond = self.set_aside.len().saturating_sub(100);
        self.set_aside.drain(..beyond);
        self.forked |= later.forked;
        // Each was written into the communication log.
        self.giving_back.clone_from(&later.giving_back);
        self.diverged.clone_from(&later.diverged);
    }
}

impl Store {
    /// What to say to the server now. `None` where the client function is stopped or holds back.
    ///
    /// # Errors
    /// What the disk says.
    pub fn plan(&mut self, now: Timestamp) -> Result<Option<Plan>> {
        if matches!(self.state(), SyncState::Stopped | SyncState::Paused) {
            return Ok(None);
        }
        let mut asks = Vec::new();
        if self.state() == SyncState::Starting {
            let mut statement =
                self.db.prepare_cached("SELECT name FROM space WHERE member AND stopped LIMIT ?1")?;
            let mut found = statement.query([i64::try_from(ROUND_ASKS).unwrap_or(i64::MAX)])?;
            while let Some(row) = found.next()? {
                asks.push(rows::space_name(&row.get::<_, String>(0)?)?);
            }
        }
        let (mut spaces, mut sent, mut bytes) = (Vec::new(), BTreeMap::new(), 0);
        for id in self.next_spaces(now)? {
            let (name, head): (SpaceName, SpaceHead) = {
                let mut statement = self.db.prepare_cached("SELECT name, head FROM space WHERE id = ?1")?;
                let mut found = statement.query([id])?;
                let Some(row) = found.next()? else { continue };
                (rows::space_name(&row.get::<_, String>(0)?)?, rows::body(row, 1)?)
            };
            let giveback = recover::giveback(&self.db, id, &head, PUSH_BYTES)?;
            let (outbox, weight) = match &giveback {
                // Nothing else is sent before it is answered.
                Some((_, weight)) => (Vec::new(), *weight),
                None => rows::outbox_prefix(&self.db, id, PUSH_BYTES)?,
            };
            let rest = rows::outbox_has_more(&self.db, id, outbox.len())?;
            if !spaces.is_empty() && bytes + weight > ROUND_BYTES {
                // It goes with the next round trip, first: a space with much to say holds up no other.
                break;
            }
            let incarnations = rows::incarnations(&self.db, id)?;
            let giveback = giveback.map(|(giveback, _)| giveback);
            let request =
                replica::request(&name, &head, self.incarnation, outbox, incarnations, rest, giveback);
            let remembered = Sent::of(self.opening, &request);
            let changes = request.changes.len() as u64;
            spaces.push(request);
            sent.insert(name, (remembered, changes));
            self.turn = id + 1;
            bytes += weight;
            if bytes >= ROUND_BYTES || spaces.len() >= ROUND_SPACES {
                break;
            }
        }
        let request = SyncRequest {
            opening: self.opening,
            incarnation: self.incarnation,
            polled: self.progress.polled,
            person: self.progress.user.clone(),
            asks,
            spaces,
            limit: PAGE_BYTES,
        };
        Ok(Some(Plan { request, sent }))
    }

    /// The spaces that have something to say, beginning with the one whose turn it is.
    fn next_spaces(&self, now: Timestamp) -> Result<Vec<i64>> {
        let mut statement =
            self.db.prepare_cached("SELECT id FROM space WHERE to_do ORDER BY id < ?1, id")?;
        let found = statement.query_map([self.turn], |row| row.get::<_, i64>(0))?;
        let found = found.collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().filter(|id| self.waits.get(id).is_none_or(|until| *until <= now)).collect())
    }

    /// Takes an answer, in one transaction. `patience` is how long a space that the server lets wait is not asked for.
    ///
    /// # Errors
    /// [`Error::AnotherServer`] where the answer is not of the server at which the machine is enrolled; nothing is taken
    /// then. Else what the disk says.
    pub fn absorb(
        &mut self,
        plan: &Plan,
        answer: SyncAnswer,
        patience: Duration,
        now: Timestamp,
    ) -> Result<Report> {
        if Some(answer.server) != self.identity.server {
            return Err(Error::AnotherServer);
        }
        let mut report = Report::default();
        if answer.opening != self.opening || self.state() == SyncState::Stopped {
            report.outcome = self.outcome(now)?;
            return Ok(report);
        }
        let goes_on = replica::goes_on(plan.request.polled, self.progress.polled);
        let nothing = answer.spaces.is_empty()
            && answer.told.is_empty()
            && (!goes_on || answer.moved.is_empty() && Some(answer.polled) == self.progress.polled);
        if nothing {
            report.outcome = self.outcome(now)?;
            return Ok(report);
        }
        let mut taking = Taking {
            incarnation: self.incarnation,
            number: self.number,
            opening: self.opening,
            author: Author { person: self.progress.user.clone(), time: now, import: None },
            machine: self.identity.machine,
            waits: BTreeMap::new(),
            all_scopes: !self.scopes_looked_at,
            sent: 0,
            report,
        };
        let realm = self.identity.realm.clone().unwrap_or_default();
        let polled = if goes_on { Some(answer.polled) } else { self.progress.polled };
        let progress = Progress { polled, ..self.progress.clone() };
        let SyncAnswer { polled, moved, told, mut spaces, .. } = answer;
        // News first: what they settle is no longer there to be renamed when a fork is heard of in the same answer.
        spaces.sort_by_key(|reply| match reply.reply {
            Reply::Ok(_) => 0,
            Reply::Fork(_) => 2,
            _ => 1,
        });
        let answered: BTreeSet<SpaceName> = spaces.iter().map(|reply| reply.space.clone()).collect();
        self.transaction(|tx| {
            for reply in spaces {
                if let Some((sent, changes)) = plan.sent.get(&reply.space) {
                    taking.reply(tx, sent, *changes, reply)?;
                }
            }
            for told in told {
                taking.told(tx, told)?;
            }
            for moved in moved.into_iter().filter(|_| goes_on) {
                if let Some(space) = note_moved(tx, moved, polled.epoch, &taking.waits)? {
                    taking.waits.insert(space, false);
                }
            }
            taking.take_up(tx, &realm, &answered)?;
            set_meta(tx, "progress", &progress)?;
            if let Some(line) = taking.line(now) {
                log::add(tx, &line)?;
            }
            Ok(())
        })?;
        self.progress = progress;
        self.incarnation = taking.incarnation;
        self.number = taking.number;
        self.scopes_looked_at = true;
        for (space, waits) in taking.waits {
            if waits {
                self.waits.insert(space, now.plus(patience));
            } else {
                self.waits.remove(&space);
            }
        }
        taking.report.outcome = self.outcome(now)?;
        Ok(taking.report)
    }

    /// What is left to say or to pull.
    ///
    /// # Errors
    /// What the disk says.
    pub fn outcome(&self, now: Timestamp) -> Result<Outcome> {
        let (unstarted, unsent): (bool, bool) = self.db.query_row(
            "SELECT EXISTS(SELECT 1 FROM space WHERE member AND stopped),
                    EXISTS(SELECT 1 FROM space WHERE member AND NOT stopped
                           AND EXISTS(SELECT 1 FROM outbox WHERE outbox.space = space.id))",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let to_do = self.db.prepare_cached("SELECT 1 FROM space WHERE to_do LIMIT 1")?.exists([])?;
        Ok(Outcome {
            unstarted: unstarted && self.state() == SyncState::Starting,
            to_do,
            waits: to_do && self.next_spaces(now)?.is_empty(),
            unsent,
        })
    }

    /// Keeps where the client function stands. Stopped means every space is, until the next Start compares it.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_state(&mut self, state: SyncState) -> Result<()> {
        let progress = Progress { state, ..self.progress.clone() };
        self.transaction(|tx| {
            if state == SyncState::Stopped {
                stop_spaces(tx)?;
            }
            set_meta(tx, "progress", &progress)
        })?;
        self.progress = progress;
        Ok(())
    }

    /// The machine is enrolled at another server: nothing that it was told holds there. It is stopped, and its next
    /// Start compares everything.
    ///
    /// # Errors
    /// What the disk says.
    pub fn forget_server(&mut self) -> Result<()> {
        let progress = Progress { state: SyncState::Stopped, polled: None, ..self.progress.clone() };
        self.transaction(|tx| {
            stop_spaces(tx)?;
            tx.execute("UPDATE space SET wanted = NULL", [])?;
            tx.execute("UPDATE login SET told = 0", [])?;
            prepared::forget(tx)?;
            set_meta(tx, "progress", &progress)
        })?;
        self.progress = progress;
        self.prepared = Prepared::default();
        self.waits.clear();
        Ok(())
    }
}

fn stop_spaces(tx: &Transaction<'_>) -> Result<()> {
    let mut statement = tx.prepare_cached("SELECT id, name, head FROM space WHERE NOT stopped")?;
    let mut found = statement.query([])?;
    let mut heads = Vec::new();
    while let Some(row) = found.next()? {
        let name = rows::space_name(&row.get::<_, String>(1)?)?;
        if name.synchronizes() {
            heads.push((row.get(0)?, rows::body::<SpaceHead>(row, 2)?));
        }
    }
    heads.into_iter().try_for_each(|(id, head)| rows::set_head(tx, id, &SpaceHead { stopped: true, ..head }))
}

/// What the poll says of a space. Says the space that need not wait any more.
fn note_moved(
    tx: &Transaction<'_>,
    moved: Moved,
    epoch: sync_core::id::Epoch,
    waits: &BTreeMap<i64, bool>,
) -> Result<Option<i64>> {
    let Moved { space, at } = moved;
    match at {
        Some((generation, head)) => {
            // The server made the machine a member, as when a person was added to a group.
            let id = join(tx, &space, false)?;
            rows::set_wanted(tx, id, &Wanted { epoch, generation, head })?;
            if let Some(found) = rows::find(tx, &space)? {
                rows::set_head(tx, id, &found.head)?;
            }
            // A space that waited and moved need not wait any more: its reservation has ended, by the Start's first
            // change, a cancel, or its time. In the answer that says `reserved` itself, only data tell so: what moved it
            // may have been the deletion.
            Ok((head > 0 || waits.get(&id) != Some(&true)).then_some(id))
        }
        None => match rows::find(tx, &space)? {
            // No longer a member: asked for once more, it is answered `forbidden`, and set aside.
            Some(found) if found.member => {
                rows::set_head(tx, found.id, &SpaceHead { unpulled: true, ..found.head })?;
                Ok(Some(found.id))
            }
            _ => Ok(None),
        },
    }
}

/// An answer while it is being taken: what changes in memory once the transaction is durable.
struct Taking {
    incarnation: Incarnation,
    number: u64,
    opening: sync_core::id::Opening,
    author: Author,
    machine: Option<sync_core::id::MachineId>,
    waits: BTreeMap<i64, bool>,
    /// Whether no answer of this opening has looked at every person's settings yet.
    all_scopes: bool,
    /// How many changes the server took, or had taken before.
    sent: u64,
    report: Report,
}

impl Taking {
    fn reply(&mut self, tx: &Transaction<'_>, sent: &Sent, changes: u64, reply: SpaceReply) -> Result<()> {
        let name = reply.space.clone();
        let Some(found) = rows::find(tx, &name)?.filter(|found| found.member) else {
            return Ok(());
        };
        let space = found.id;
        let touched = touched(tx, space, &reply)?;
        let absorbed = replica::absorb(&found.head, sent, self.opening, reply, touched);
        self.waits.insert(space, matches!(absorbed, Absorbed::Waits(_)));
        match absorbed {
            Absorbed::Ignored => Ok(()),
            Absorbed::Taken(taken) => {
                self.sent += changes;
                self.take(tx, space, &name, taken)
            }
            Absorbed::SetAside { reason, head } => {
                self.set_aside(tx, space, &name, &found.head, reason, &head)
            }
            Absorbed::GoesOn(head) => rows::set_head(tx, space, &head),
            Absorbed::Recovered { common, head } => {
                if head.owed.is_some() {
                    self.report.giving_back.push(name);
                }
                recover::recover(tx, space, common, &head)
            }
            Absorbed::Forked(incarnation) => self.rename(tx, incarnation),
            Absorbed::Waits(wait) => {
                let (code, text) = match wait {
                    Wait::Reserved(until) => {
                        ("reserved", format!("{name} is reserved for another machine until {until}"))
                    }
                    Wait::Limit(limit) => (
                        "limit",
                        format!(
                            "{name} waits: the server's limit of {} {} is reached",
                            limit.most,
                            limit.of.as_str()
                        ),
                    ),
                };
                let line = LogLine {
                    time: self.author.time,
                    level: if code == "limit" { log::Level::Error } else { log::Level::Warning }
                        .as_str()
                        .to_string(),
                    code: code.to_string(),
                    sent: 0,
                    received: 0,
                    text,
                };
                log::add(tx, &line)
            }
        }
    }

    fn take(&mut self, tx: &Transaction<'_>, space: i64, name: &SpaceName, taken: Taken) -> Result<()> {
        let Taken { mut head, records, settled, superseded, more: _, sweep, prune, digest, given_back } =
            taken;
        for (id, record) in &records {
            match record {
                Some(record) => rows::put_copy(tx, space, *id, record)?,
                None => rows::remove_copy(tx, space, *id)?,
            }
        }
        let mut statement =
            tx.prepare_cached("DELETE FROM outbox WHERE space = ?1 AND incarnation = ?2 AND number = ?3")?;
        for id in &settled {
            let number = i64::try_from(id.number).unwrap_or(i64::MAX);
            statement.execute(params![space, id.incarnation.0.as_bytes(), number])?;
        }
        recover::given_back(tx, space, &given_back)?;
        for lost in &superseded {
            if kept::add_superseded(tx, space, lost, self.author.time)? {
                self.report.superseded += 1;
            }
        }
        self.report.settled += settled.len() as u64;
        self.report.received += records.len() as u64;
        recover::sweep(tx, space, &mut head, sweep)?;
        if let Some(horizon) = prune {
            recover::prune(tx, space, horizon)?;
        }
        if head.compare(digest) {
            self.report.diverged.push(name.clone());
        }
        rows::set_head(tx, space, &head)
    }

    fn set_aside(
        &mut self,
        tx: &Transaction<'_>,
        space: i64,
        name: &SpaceName,
        before: &SpaceHead,
        reason: Reason,
        head: &SpaceHead,
    ) -> Result<()> {
        let occasion = Occasion { reason, author: &self.author, machine: self.machine };
        kept::keep(tx, space, name, before, &occasion)?;
        match reason {
            Reason::Forbidden => shown::forget(tx, space)?,
            // It was deleted: that it is empty is what people are to see.
            Reason::Gone => {}
            // Something else stands there, and is fetched.
            _ => shown::keep(tx, space)?,
        }
        rows::clear(tx, space)?;
        if reason == Reason::Forbidden {
            // Asked for again only when the machine becomes a member again.
            tx.execute("UPDATE space SET member = 0, wanted = NULL WHERE id = ?1", [space])?;
        }
        rows::set_head(tx, space, head)?;
        self.incarnation = Incarnation(draw::uuid()?);
        self.report.set_aside.push((name.clone(), reason));
        Ok(())
    }

    /// The machine was copied or turned back: it goes on under a new incarnation, in every space.
    fn rename(&mut self, tx: &Transaction<'_>, old: Incarnation) -> Result<()> {
        let new = Incarnation(draw::uuid()?);
        let mut statement =
            tx.prepare_cached("SELECT id, head, name FROM space WHERE id IN (SELECT space FROM outbox)")?;
        let mut found = statement.query([])?;
        let mut spaces: Vec<(i64, SpaceHead, SpaceName)> = Vec::new();
        while let Some(row) = found.next()? {
            let name = rows::space_name(&row.get::<_, String>(2)?)?;
            spaces.push((row.get(0)?, rows::body(row, 1)?, name));
        }
        for (space, head, name) in spaces {
            procedures::rename_start(tx, &name, head.known_of(old), old, new)?;
            let outbox = rows::outbox(tx, space)?;
            let renamed = replica::rename(outbox.clone(), head.known_of(old), old, new);
            if renamed != outbox {
                // Later changes go on counting behind those that were renamed.
                let highest = renamed.iter().filter(|c| c.id.incarnation == new).map(|c| c.id.number).max();
                self.number = self.number.max(highest.unwrap_or(0));
                tx.execute("DELETE FROM outbox WHERE space = ?1", [space])?;
                renamed.iter().try_for_each(|change| rows::push(tx, space, change))?;
            }
        }
        self.incarnation = new;
        self.report.forked = true;
        Ok(())
    }

    /// Changes of sharing scope, last: by then it stands which spaces are level.
    fn take_up(&mut self, tx: &Transaction<'_>, realm: &str, answered: &BTreeSet<SpaceName>) -> Result<()> {
        let Self { incarnation, number, author, all_scopes, machine, .. } = self;
        let (all, incarnation, machine) = (*all_scopes, *incarnation, *machine);
        TakeUp { all, realm, incarnation, number, author, machine }.after(tx, answered)
    }

    /// A Start hears where a space stands.
    fn told(&mut self, tx: &Transaction<'_>, told: Told) -> Result<()> {
        let Told { space: name, stands } = told;
        let Some(found) = rows::find(tx, &name)?.filter(|found| found.member && found.head.stopped) else {
            return Ok(());
        };
        let space = found.id;
        let Some(standing) = stands else {
            let head = SpaceHead { stopped: false, ..found.head.emptied() };
            return self.set_aside(tx, space, &name, &found.head, Reason::Forbidden, &head);
        };
        let fresh = Incarnation(draw::uuid()?);
        let outbox_is_empty = rows::outbox_is_empty(tx, space)?;
        // What the server alone writes is not sent, whatever an earlier server had said.
        let live: Vec<_> =
            if is_read_only(&name) { Vec::new() } else { edit::live(tx, space)?.into_iter().collect() };
        let holds_nothing = outbox_is_empty && rows::copies(tx, space)?.is_empty();
        let started = replica::start(
            &found.head,
            &standing,
            outbox_is_empty,
            holds_nothing,
            live,
            fresh,
            &Author { import: None, ..self.author.clone() },
        );
        if started.stays {
            shown::forget(tx, space)?;
            rows::set_head(tx, space, &started.head)?;
            self.incarnation = fresh;
            return Ok(());
        }
        if started.snapshot {
            let occasion = Occasion { reason: Reason::Start, author: &self.author, machine: self.machine };
            kept::keep(tx, space, &name, &found.head, &occasion)?;
            if standing.head > 0 {
                self.report.set_aside.push((name.clone(), Reason::Start));
            }
        }
        if let Some(last) = started.outbox.last() {
            procedures::keep_start(tx, &name, standing.generation, last.id.incarnation, last.id.number)?;
        }
        if standing.head > 0 {
            shown::keep(tx, space)?;
        } else {
            shown::forget(tx, space)?;
        }
        rows::clear(tx, space)?;
        started.outbox.iter().try_for_each(|change| rows::push(tx, space, change))?;
        rows::set_head(tx, space, &started.head)?;
        // Later changes go on counting behind those of the Start.
        self.incarnation = fresh;
        self.number = self.number.max(started.outbox.len() as u64);
        Ok(())
    }

    /// What the communication log says of the round trip; nothing of a mere poll.
    fn line(&self, now: Timestamp) -> Option<LogLine> {
        let sent = self.sent;
        let Report { received, superseded, set_aside, forked, giving_back, diverged, .. } = &self.report;
        let odd = !set_aside.is_empty() || *forked || !giving_back.is_empty() || !diverged.is_empty();
        if sent == 0 && *received == 0 && *superseded == 0 && !odd {
            return None;
        }
        let mut text = format!("{sent} changes sent, {received} records received");
        if *superseded > 0 {
            text += &format!(", {superseded} values superseded");
        }
        for (space, reason) in set_aside {
            text += &format!("; {space} was set aside ({})", reason.as_str());
        }
        if *forked {
            text += "; this machine was copied or turned back, and goes on under a new name";
        }
        for space in giving_back {
            text += &format!("; the server was recovered and lacks some of {space}, which is given back");
        }
        for space in diverged {
            text += &format!("; the copy of {space} differs from the server's, and is downloaded anew");
        }
        let level = if odd { log::Level::Warning } else { log::Level::Info };
        Some(LogLine {
            time: now,
            level: level.as_str().to_string(),
            code: "synced".to_string(),
            sent,
            received: *received,
            text,
        })
    }
}

/// What of the replica an answer touches.
fn touched(tx: &Transaction<'_>, space: i64, reply: &SpaceReply) -> Result<Touched> {
    let records: BTreeSet<RecordId> = reply.touched().collect();
    let mut touched = Touched { outbox_is_empty: rows::outbox_is_empty(tx, space)?, ..Touched::default() };
    for record in records {
        if let Some(copy) = rows::copy(tx, space, record)? {
            touched.copies.insert(record, copy);
        }
        touched.pending.extend(rows::pending(tx, space, record)?);
        if recover::is_received(tx, space, record)? {
            touched.received.insert(record);
        }
    }
    if matches!(reply.reply, Reply::Epoch { .. }) {
        touched.highest = recover::highest(tx, space)?;
    }
    Ok(touched)
}
