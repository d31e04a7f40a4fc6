//! What the client function answers: start, stop, login, round trips, its log.

use super::Output;
use crate::{
    error::{Error, Result},
    machine::Machine,
};
use core::time::Duration;
use serde_json::json;
use sync_core::machine::SyncState;

impl Machine {
    pub(super) async fn answer_start(
        &self,
        patience: Duration,
        administrator: Option<&str>,
    ) -> Result<Output> {
        self.prove_administrator(administrator).await?;
        // Its own step is the start; one before that would leave its import refused.
        self.no_unfinished_procedure()?;
        if let Some(token) = administrator {
            self.join_unasked(token).await?;
        }
        let state = self.start(patience).await?;
        self.started(state)
    }

    pub(super) async fn answer_stop(
        &self,
        deadline: Duration,
        administrator: Option<&str>,
    ) -> Result<Output> {
        self.prove_administrator(administrator).await?;
        let unsent = self.stop(deadline).await?;
        let text = match unsent {
            0 => "The client function is stopped; everything was sent.".to_string(),
            left => format!(
                "The client function is stopped; {left} changes were not sent. They stay on this machine, and \
                 the next start compares them with the server's data."
            ),
        };
        Ok(Output::new(json!({"state": self.state().as_str(), "unsent": unsent}), text))
    }

    pub(super) async fn answer_login(&self, user: String) -> Result<Output> {
        let login = self.login(&user).await?;
        let text = match &login.why {
            None => format!("{user} is logged in; their data are up to date."),
            Some(why) => format!("{user} is logged in and works with what this machine has: {why}."),
        };
        let json = json!({"user": user, "spaces": login.spaces, "level": login.level, "why": login.why});
        Ok(Output::new(json, text))
    }

    pub(super) async fn answer_destination(
        &self,
        destination: &str,
        connect_to: Option<String>,
        administrator: Option<&str>,
    ) -> Result<Output> {
        self.prove_administrator(administrator).await?;
        let destination: sync_core::machine::DestinationAddress = destination.parse()?;
        self.set_destination(destination.clone(), connect_to.clone())?;
        let text = if destination.is_automatic() {
            "The destination is blank: the server is to be found automatically.".to_string()
        } else {
            format!("The destination is {destination}.")
        };
        let json = json!({
            "destination": destination.to_string(),
            "own_server": destination.is_own_server(),
            "connect_to": connect_to,
        });
        Ok(Output::new(json, text))
    }

    pub(super) fn answer_log(&self, most: u32) -> Result<Output> {
        let lines = self.store().log(most)?;
        let text = lines
            .iter()
            .map(|line| format!("{}  {:<7} {:<16} {}", line.time, line.level, line.code, line.text))
            .collect::<Vec<_>>()
            .join("\n");
        let json = lines.iter().map(|line| {
            json!({
                "time": line.time.to_string(),
                "level": line.level,
                "code": line.code,
                "sent": line.sent,
                "received": line.received,
                "text": line.text,
            })
        });
        Ok(Output::new(json.collect(), text))
    }

    pub(super) async fn answer_sync(&self) -> Result<Output> {
        if self.state() == SyncState::Stopped {
            return Err(Error::stopped());
        }
        // The client function beside it may have brought some of it over.
        let before = self.totals();
        let report = self.level().await?;
        let after = self.totals();
        let (settled, received) = (after.settled - before.settled, after.received - before.received);
        let new = usize::try_from(after.all_set_aside - before.all_set_aside).unwrap_or(usize::MAX);
        let set_aside = after.set_aside.iter().rev().take(new).rev();
        let json = json!({
            "settled": settled,
            "received": received,
            "superseded": after.superseded - before.superseded,
            "waits": report.outcome.waits,
            "set_aside": set_aside.map(|(space, reason)| json!({
                "space": space, "reason": reason.as_str(),
            })).collect::<Vec<_>>(),
        });
        let text = format!("{settled} changes sent, {received} records received.");
        Ok(Output::new(json, text))
    }

    fn started(&self, state: SyncState) -> Result<Output> {
        let outcome = self.store().outcome(crate::draw::now())?;
        let error = self.contact().error.map(|(_, report)| report);
        let level = state == SyncState::InProgress && !outcome.to_do;
        let text = match (&error, level) {
            (Some(error), _) => format!("The client function is {state}: {}.", error.message),
            (None, true) => {
                "The client function synchronizes; this machine is level with the server.".to_string()
            }
            (None, false) if state == SyncState::Stopped => {
                "The client function was stopped again meanwhile.".to_string()
            }
            (None, false) => {
                format!("The client function is {state}; there is still something to bring over.")
            }
        };
        Ok(Output::new(json!({"state": state.as_str(), "level": level, "error": error}), text))
    }
}
