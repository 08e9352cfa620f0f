//! What a layer's task does every 15 seconds, for whoever asks in between.

use crate::layer::SessionAuthLayer;
use crate::silence::Alarm;
use crate::webhook_task;

impl SessionAuthLayer {
    /// What rings now, of all webhooks: see [`silence`](crate::silence). With a store it is asked, at
    /// most every 15 seconds by the layer's clock.
    ///
    /// Listing and health answer call this; a service calls it for alarms of its own.
    pub async fn check_webhooks(&self) -> Vec<Alarm> {
        webhook_task::look(self.shared()).await
    }

    /// What the layer's task does every 15 seconds: looks at the webhooks, and pings. For tests with a
    /// clock of their own, which no task can wait for.
    #[doc(hidden)]
    pub async fn __tick(&self) {
        webhook_task::tick(self.shared()).await;
    }

    /// Publishes what was counted until now: see [`metrics`](crate::metrics). Needed only where 15
    /// seconds are too long.
    #[cfg(feature = "metrics")]
    pub fn publish_metrics(&self) {
        let shared = self.shared();
        let alarms = shared
            .now()
            .map(|now| shared.silence.alarms(&shared.endpoints(), now));
        crate::metrics::publish(shared, &alarms.unwrap_or_default());
    }
}
