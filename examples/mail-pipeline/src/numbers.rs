//! Metrics, for Prometheus.

use std::sync::OnceLock;

use metrics::gauge;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::App;
use crate::queue::BoxError;

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Once a process, before anything counts.
pub(crate) fn install() {
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("metrics go to a recorder that was there before: /metrics has none");
        }
        handle
    });
    for name in [
        "mail_pipeline_accepted_total",
        "mail_pipeline_tickets_total",
        "mail_pipeline_duplicates_total",
        "mail_pipeline_unreadable_total",
        "mail_pipeline_unavailable_total",
        "mail_pipeline_message_id_reused_total",
    ] {
        metrics::counter!(name).increment(0);
    }
    for reason in ["edge_blocked", "edge_page", "no_answer", "server_error"] {
        metrics::counter!("mail_pipeline_retries_total", "reason" => reason).increment(0);
    }
}

pub(crate) async fn render(app: &App) -> Result<String, BoxError> {
    let depth = app.queue.depth().await?;
    let stopped = app.stop.reason().await?.is_some();
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    {
        gauge!("mail_pipeline_queue_depth").set(depth.messages as f64);
        gauge!("mail_pipeline_queue_oldest_seconds").set(depth.oldest_ms as f64 / 1000.0);
        gauge!("mail_pipeline_dead_letters").set(depth.dead as f64);
    }
    gauge!("mail_pipeline_stopped").set(if stopped { 1.0 } else { 0.0 });
    if let Some(auth) = app.auth.get() {
        auth.publish_metrics();
    }
    let handle = HANDLE.get().ok_or("no recorder is installed")?;
    // Histograms are added up here.
    handle.run_upkeep();
    Ok(handle.render())
}
