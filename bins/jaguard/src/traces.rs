//! Traces to a collector by OTLP over gRPC, when `otlp_endpoint` names one: the spans of [`TARGET`], in batches, from a thread of their own.
//!
//! What cannot be sent is lost and never waited for: the queue is bounded, a full one drops spans, and a collector that fails is a line in the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jaguar_config::Config;
use jaguar_migration::trace::TARGET;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

/// Spans that wait to be sent; more are dropped. At 60 Hz, 16 spans a tick and every tick traced that is what four seconds make.
const QUEUE_SPANS: usize = 4096;
/// Spans of one request: some 100 kB.
const BATCH_SPANS: usize = 512;
/// Time between two requests, unless a batch is full before.
const SEND_INTERVAL: Duration = Duration::from_secs(2);
/// Longest time for a request, its retries included.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time that the exit waits for the last spans to be sent.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// The traces of this process. Spans are sent until [`Self::flush`].
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Traces to the collector of the configuration, if it names one. It is dialled when there is something to send.
    ///
    /// # Errors
    /// When the exporter cannot be made.
    pub(crate) fn to_collector(config: &Config, runtime: &Handle) -> Result<Option<Self>, ExporterBuildError> {
        if config.otlp_endpoint.is_empty() {
            return Ok(None);
        }
        // The connection lives on the runtime; the thread that sends only waits for it.
        let _on_the_runtime = runtime.enter();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(&config.otlp_endpoint)
            .with_timeout(SEND_TIMEOUT)
            .build()?;
        let reporting = Reporting {
            exporter,
            fails: AtomicBool::new(false),
        };
        Ok(Some(Self::to_exporter(reporting, config)))
    }

    fn to_exporter(exporter: impl SpanExporter + 'static, config: &Config) -> Self {
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_SPANS)
            .with_max_export_batch_size(BATCH_SPANS)
            .with_scheduled_delay(SEND_INTERVAL)
            .build();
        let resource = Resource::builder().with_service_name("jaguard").with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", config.pod_name.clone()),
            KeyValue::new("k8s.pod.name", config.pod_name.clone()),
        ]);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            // The pod makes spans of as many ticks as are wanted.
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource.build());
        Self(provider.build())
    }

    /// The layer that makes spans of those of `tracing`.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + 'static
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("jaguard"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::DEBUG))
    }

    /// Sends what waits, and nothing any more.
    pub(crate) fn flush(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH_LIMIT) {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// An exporter whose failure is told once, until it works again.
#[derive(Debug)]
struct Reporting<E> {
    exporter: E,
    fails: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Reporting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        let failed_before = self.fails.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !failed_before => {
                tracing::warn!(%error, "traces cannot be sent and are lost until the collector (otlp_endpoint) answers again");
            }
            Ok(()) if failed_before => tracing::info!("traces are sent again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use opentelemetry_sdk::error::OTelSdkError;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    /// Fails so often, and then works.
    #[derive(Debug)]
    struct Failing(AtomicUsize);

    impl SpanExporter for Failing {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            let left = self.0.load(Ordering::Relaxed);
            self.0.store(left.saturating_sub(1), Ordering::Relaxed);
            if left == 0 {
                return Ok(());
            }
            Err(OTelSdkError::InternalFailure("no collector".into()))
        }
    }

    /// Counts events.
    #[derive(Clone, Default)]
    struct Count(Arc<AtomicUsize>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_failure_is_told_once_and_its_end_too() {
        let count = Count::default();
        let _default = tracing_subscriber::registry().with(count.clone()).set_default();
        let reporting = Reporting {
            exporter: Failing(AtomicUsize::new(3)),
            fails: AtomicBool::new(false),
        };
        let mut told = Vec::new();
        for _ in 0..5 {
            // What it says of the batch is for the processor.
            let _ = reporting.export(Vec::new()).await;
            told.push(count.0.load(Ordering::Relaxed));
        }
        assert_eq!(told, [1, 1, 1, 2, 2]);
    }
}
