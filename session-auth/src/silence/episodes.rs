//! What rings, from when to when: each episode is logged once when it begins and once when it is over.

use std::collections::BTreeMap;

use super::{Alarm, Rule};
use crate::clock::Timestamp;

/// What rings at present.
#[derive(Debug, Default)]
pub(crate) struct Episodes(BTreeMap<(String, Rule), Alarm>);

/// What has changed since the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) begun: Vec<Alarm>,
    pub(crate) over: Vec<Alarm>,
}

impl Episodes {
    /// Takes what rings now, and says what is new and what is over.
    pub(crate) fn now(&mut self, alarms: &[Alarm]) -> Changes {
        let mut before = std::mem::take(&mut self.0);
        let mut changes = Changes::default();
        for alarm in alarms {
            let key = (alarm.route.clone(), alarm.rule);
            if before.remove(&key).is_none() {
                changes.begun.push(alarm.clone());
            }
            self.0.insert(key, alarm.clone());
        }
        changes.over = before.into_values().collect();
        changes
    }
}

impl Changes {
    pub(crate) fn log(&self, now: Timestamp) {
        for alarm in &self.begun {
            let Alarm {
                route, verifier, ..
            } = alarm;
            let minutes = now.since(alarm.since).as_secs() / 60;
            let last_verified = alarm.last_verified.map(Timestamp::as_secs);
            match alarm.rule {
                Rule::Refused => tracing::error!(
                    target: "session_auth",
                    route,
                    verifier,
                    owner = alarm.owner,
                    reason = alarm.reason.map(crate::Denial::as_str),
                    last_verified,
                    "webhook refused: for {minutes} minutes deliveries came and none was verified; \
                     its sender may soon give up. Compare its secret with the verifier's, and what a \
                     proxy in front does to headers and body"
                ),
                Rule::Silent => tracing::error!(
                    target: "session_auth",
                    route,
                    verifier,
                    owner = alarm.owner,
                    last_verified,
                    "webhook silent: nothing was verified for longer than `expect_every` and its \
                     grace. Ask the sender whether it delivers, and where to"
                ),
            }
        }
        for alarm in &self.over {
            tracing::error!(
                target: "session_auth",
                route = alarm.route,
                verifier = alarm.verifier,
                rule = %alarm.rule,
                seconds = now.since(alarm.since).as_secs(),
                "over: the webhook rings no longer"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(route: &str, rule: Rule, since: u64) -> Alarm {
        Alarm {
            route: route.to_owned(),
            verifier: "v".to_owned(),
            owner: None,
            rule,
            since: Timestamp::from_secs(since),
            last_verified: None,
            reason: None,
        }
    }

    #[test]
    fn an_episode_begins_once_and_is_over_once() {
        let mut episodes = Episodes::default();
        let refused = alarm("POST /a", Rule::Refused, 1);
        let silent = alarm("POST /a", Rule::Silent, 2);
        assert_eq!(episodes.now(std::slice::from_ref(&refused)).begun.len(), 1);
        assert_eq!(
            episodes.now(std::slice::from_ref(&refused)),
            Changes::default()
        );
        let changes = episodes.now(&[refused, silent.clone()]);
        assert_eq!(changes.begun, std::slice::from_ref(&silent));
        assert!(changes.over.is_empty());
        let changes = episodes.now(&[silent]);
        assert!(changes.begun.is_empty());
        assert_eq!(changes.over.len(), 1);
        assert_eq!(changes.over[0].rule, Rule::Refused);
        assert_eq!(episodes.now(&[]).over.len(), 1);
        assert_eq!(episodes.now(&[]), Changes::default());
    }
}
