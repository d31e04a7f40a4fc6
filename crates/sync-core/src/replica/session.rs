//! When a machine speaks to its server: the client function's sync state and its timer, as a state machine.
//!
//! It knows nothing of spaces: what is to be said is read from the replica when [`Action::Sync`] asks for it. Time and
//! the jitter's random number come in with each event.

use crate::{machine::SyncState, time::Timestamp};
use core::time::Duration;

/// How often, and how patiently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From one poll with nothing new to the next.
    pub poll: Duration,
    /// After the first failure; doubled with each further one.
    pub retry: Duration,
    /// The longest back-off, also while a space is reserved or over a limit.
    pub longest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { poll: Duration::from_secs(5), retry: Duration::from_secs(1), longest: Duration::from_secs(60) }
    }
}

/// The client function of one machine.
#[derive(Debug, Clone)]
pub struct Session {
    pace: Pace,
    state: SyncState,
    due: Timestamp,
    stop_by: Option<Timestamp>,
    failures: u32,
    in_flight: bool,
    again: bool,
}

/// What happens to the client function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// An administrator starts it.
    Start,
    /// An administrator stops it: what is left is sent until this moment.
    Stop(Timestamp),
    /// The replica has something to say, or a person waits: a change, a login.
    Changed,
    /// An import of personalized data begins, or ends: meanwhile nothing is sent or taken.
    Pause(bool),
    /// The moment that [`Action::Wake`] named, or any other.
    Tick,
    /// The round trip is over and absorbed.
    Answered(Outcome),
    /// The round trip failed; the server may have named a time to wait.
    Failed(Option<Duration>),
}

/// What is left after a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Spaces that a Start has not compared yet.
    pub unstarted: bool,
    /// Something is left to say or to pull.
    pub to_do: bool,
    /// All that is left waits at the server: a space is reserved, or over a limit.
    pub waits: bool,
    /// Changes are left in the outbox.
    pub unsent: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The sync state changed: store it.
    Keep(SyncState),
    /// Send a round trip now; [`Event::Answered`] or [`Event::Failed`] follows.
    Sync,
    /// Come back at this moment with [`Event::Tick`].
    Wake(Timestamp),
}

/// What is to be kept, and then what is to be done.
pub type Actions = [Option<Action>; 2];

impl Session {
    /// A client function that was in `state` when its replica was last open: a reboot while in progress is not a Start.
    #[must_use]
    pub fn new(pace: Pace, state: SyncState, now: Timestamp) -> Self {
        // A pause does not outlive the import that asked for it.
        let state = if state == SyncState::Paused { SyncState::InProgress } else { state };
        Self { pace, state, due: now, stop_by: None, failures: 0, in_flight: false, again: false }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> SyncState {
        self.state
    }

    /// How often it failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes what happened, says what is to be done. `random` spreads the retries of a fleet.
    pub fn handle(&mut self, event: Event, now: Timestamp, random: u32) -> Actions {
        let before = self.state;
        // A clock that was set back must not silence the machine for as long as it was set back.
        self.due = self.due.min(now.plus(self.pace.longest.max(self.pace.poll)));
        match event {
            Event::Start if self.state == SyncState::Stopped => {
                self.state = SyncState::Starting;
                self.stop_by = None;
                self.soon(now);
            }
            Event::Start => self.soon(now),
            Event::Stop(by) if self.state != SyncState::Stopped => {
                self.state = SyncState::Stopping;
                self.stop_by = Some(by);
                self.soon(now);
            }
            Event::Pause(true) if self.state == SyncState::InProgress => self.state = SyncState::Paused,
            Event::Pause(false) if self.state == SyncState::Paused => {
                self.state = SyncState::InProgress;
                self.soon(now);
            }
            Event::Changed if self.failures == 0 => self.soon(now),
            Event::Stop(_) | Event::Pause(_) | Event::Changed | Event::Tick => {}
            Event::Answered(outcome) => self.answered(outcome, now, random),
            Event::Failed(wait) => {
                self.in_flight = false;
                self.failures = self.failures.saturating_add(1);
                let back_off = back_off(self.pace.retry, self.pace.longest, self.failures, random);
                self.due = now.plus(wait.unwrap_or(Duration::ZERO).max(back_off));
            }
        }
        if self.state == SyncState::Stopping && self.stop_by.is_none_or(|by| now >= by) {
            self.state = SyncState::Stopped;
        }
        let keep = (self.state != before).then_some(Action::Keep(self.state));
        if matches!(self.state, SyncState::Stopped | SyncState::Paused) {
            return [keep, None];
        }
        if !self.in_flight && now >= self.due {
            self.in_flight = true;
            self.again = false;
            return [keep, Some(Action::Sync)];
        }
        let wake = self.stop_by.map_or(self.due, |by| by.min(self.due));
        [keep, (!self.in_flight).then_some(Action::Wake(wake))]
    }

    fn answered(&mut self, outcome: Outcome, now: Timestamp, random: u32) {
        self.in_flight = false;
        self.failures = 0;
        match self.state {
            SyncState::Starting if !outcome.unstarted => self.state = SyncState::InProgress,
            SyncState::Stopping if !outcome.unsent => self.state = SyncState::Stopped,
            _ => {}
        }
        // What waits at the server is not asked for meanwhile; polls go on, since they tell when its wait is over and
        // what is new in other spaces.
        self.due = if self.again || (outcome.to_do && !outcome.waits) || outcome.unstarted {
            now
        } else {
            now.plus(jittered(self.pace.poll, random))
        };
    }

    fn soon(&mut self, now: Timestamp) {
        self.due = now;
        self.again = self.in_flight;
    }
}

/// How long to wait after so many failures in a row, one at least: `retry`, doubled with each further one up to
/// `longest`; between half of that and all of it, as `random` says, so that many machines spread.
#[must_use]
pub fn back_off(retry: Duration, longest: Duration, failures: u32, random: u32) -> Duration {
    jittered(retry.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest), random)
}

/// Between half of `full` and all of it.
fn jittered(full: Duration, random: u32) -> Duration {
    let half = full / 2;
    half + Duration::from_nanos(
        u64::try_from(half.as_nanos() * u128::from(random) / u128::from(u32::MAX)).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: u64 = 5_000;

    fn session(state: SyncState) -> Session {
        Session::new(Pace::default(), state, Timestamp(0))
    }

    #[test]
    fn goes_from_stopped_through_starting_to_in_progress_and_back() {
        let mut s = session(SyncState::Stopped);
        assert_eq!(s.handle(Event::Tick, Timestamp(0), 0), [None; 2]);
        assert_eq!(
            s.handle(Event::Start, Timestamp(1), 0),
            [Some(Action::Keep(SyncState::Starting)), Some(Action::Sync)]
        );
        let more = Outcome { unstarted: true, to_do: true, ..Outcome::default() };
        assert_eq!(s.handle(Event::Answered(more), Timestamp(2), 0), [None, Some(Action::Sync)]);
        let done = s.handle(Event::Answered(Outcome::default()), Timestamp(3), u32::MAX);
        let wake = Action::Wake(Timestamp(3 + i64::try_from(POLL).unwrap_or(0)));
        assert_eq!(done, [Some(Action::Keep(SyncState::InProgress)), Some(wake)]);
        let stopping = s.handle(Event::Stop(Timestamp(1_000)), Timestamp(4), 0);
        assert_eq!(stopping, [Some(Action::Keep(SyncState::Stopping)), Some(Action::Sync)]);
        let unsent = Outcome { to_do: true, unsent: true, ..Outcome::default() };
        assert_eq!(s.handle(Event::Answered(unsent), Timestamp(5), 0)[1], Some(Action::Sync));
        assert_eq!(
            s.handle(Event::Answered(Outcome::default()), Timestamp(6), 0)[0],
            Some(Action::Keep(SyncState::Stopped))
        );
    }

    #[test]
    fn a_stop_ends_at_its_deadline_whatever_the_network_does() {
        let mut s = session(SyncState::InProgress);
        let _ = s.handle(Event::Stop(Timestamp(100)), Timestamp(0), 0);
        assert_eq!(s.handle(Event::Failed(None), Timestamp(50), 0)[1], Some(Action::Wake(Timestamp(100))));
        assert_eq!(s.handle(Event::Tick, Timestamp(100), 0)[0], Some(Action::Keep(SyncState::Stopped)));
    }

    #[test]
    fn failures_back_off_with_jitter_up_to_the_longest() {
        let mut s = session(SyncState::InProgress);
        let mut now = 0;
        for (low, high) in [(500, 1_000), (1_000, 2_000), (2_000, 4_000), (4_000, 8_000)] {
            assert_eq!(s.handle(Event::Tick, Timestamp(now), 0)[1], Some(Action::Sync));
            let mut other = s.clone();
            assert_eq!(
                s.handle(Event::Failed(None), Timestamp(now), 0)[1],
                Some(Action::Wake(Timestamp(now + low)))
            );
            let late = other.handle(Event::Failed(None), Timestamp(now), u32::MAX);
            assert_eq!(late[1], Some(Action::Wake(Timestamp(now + high))));
            // An edit during an outage does not hammer the server.
            assert_eq!(
                s.handle(Event::Changed, Timestamp(now), 0)[1],
                Some(Action::Wake(Timestamp(now + low)))
            );
            now += low;
        }
        for _ in 0..40 {
            let _ = s.handle(Event::Tick, Timestamp(now), 0);
            let _ = s.handle(Event::Failed(None), Timestamp(now), u32::MAX);
            now += 60_000;
        }
        assert_eq!(s.due, Timestamp(now));
    }

    #[test]
    fn a_change_while_a_round_trip_is_under_way_is_sent_right_after_it() {
        let mut s = session(SyncState::InProgress);
        assert_eq!(s.handle(Event::Tick, Timestamp(0), 0)[1], Some(Action::Sync));
        assert_eq!(s.handle(Event::Changed, Timestamp(1), 0), [None; 2]);
        assert_eq!(s.handle(Event::Answered(Outcome::default()), Timestamp(2), 0)[1], Some(Action::Sync));
    }

    #[test]
    fn polls_go_on_while_something_waits_at_the_server() {
        let mut s = session(SyncState::InProgress);
        let _ = s.handle(Event::Tick, Timestamp(0), 0);
        let waits = Outcome { to_do: true, waits: true, unsent: true, ..Outcome::default() };
        assert_eq!(
            s.handle(Event::Answered(waits), Timestamp(0), u32::MAX)[1],
            Some(Action::Wake(Timestamp(5_000)))
        );
    }

    #[test]
    fn paused_means_silent() {
        let mut s = session(SyncState::InProgress);
        assert_eq!(
            s.handle(Event::Pause(true), Timestamp(0), 0),
            [Some(Action::Keep(SyncState::Paused)), None]
        );
        assert_eq!(s.handle(Event::Tick, Timestamp(99_000), 0), [None; 2]);
        assert_eq!(
            s.handle(Event::Pause(false), Timestamp(99_001), 0),
            [Some(Action::Keep(SyncState::InProgress)), Some(Action::Sync)]
        );
    }
}
