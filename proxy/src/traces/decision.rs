//! Whether a request is recorded, and what its trace is: its client's, or a new one. No sockets and no clock here.

use opentelemetry::trace::{SpanKind, TraceFlags, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, Sampler, SamplingDecision, ShouldSample};
use towpath_conf::Sampling;

use super::context::Context;

/// What becomes of a request's trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) trace: TraceId,
    /// With what is decided here.
    pub(super) flags: TraceFlags,
    /// What the client says is right as it stands: who records nothing need not change it (§4.2 of the recommendation).
    pub(super) passes: bool,
}

impl Decision {
    /// Decides on a request that comes with this context, or with none that is valid.
    pub(super) fn new(
        sampling: Sampling,
        incoming: Option<Context>,
        ids: &impl IdGenerator,
    ) -> Self {
        let trace = incoming.map_or_else(|| ids.new_trace_id(), |context| context.trace);
        let flags = incoming.map_or(TraceFlags::NOT_SAMPLED, |context| context.flags);
        let sampled = match incoming {
            Some(context) if sampling.parent => context.flags.is_sampled(),
            _ => is_among(trace, sampling.ratio.get()),
        };
        Self {
            trace,
            flags: flags.with_sampled(sampled),
            passes: incoming.is_some() && !sampled && !flags.is_sampled(),
        }
    }

    /// Whether there are to be spans.
    pub(super) fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }
}

/// The same share of traces, and the same traces, as wherever OpenTelemetry's sampler has this ratio.
fn is_among(trace: TraceId, ratio: f64) -> bool {
    let sampler = Sampler::TraceIdRatioBased(ratio);
    let result = sampler.should_sample(None, trace, "", &SpanKind::Server, &[], &[]);
    result.decision == SamplingDecision::RecordAndSample
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use opentelemetry::trace::SpanId;
    use opentelemetry_sdk::trace::RandomIdGenerator;

    use super::*;

    fn sampling(ratio: f64, parent: bool) -> Sampling {
        let parent = if parent { "on" } else { "off" };
        let text = format!(
            "routes: [{{ upstream: 'a:1' }}]\n\
             tracing: {{ endpoint: 'http://a', sampling: {{ ratio: {ratio}, parent: {parent} }} }}"
        );
        let config = towpath_conf::Config::from_text("towpath.yaml", &text);
        config.unwrap().tracing.unwrap().sampling
    }

    fn incoming(flags: u8) -> Option<Context> {
        Some(Context {
            trace: TraceId::from(7_u128),
            span: SpanId::from(8_u64),
            flags: TraceFlags::new(flags),
        })
    }

    fn decide(sampling: Sampling, incoming: Option<Context>) -> Decision {
        Decision::new(sampling, incoming, &RandomIdGenerator::default())
    }

    #[test]
    fn a_client_that_has_begun_a_trace_says_whether_it_is_sampled() {
        for (ratio, flags, sampled) in [(0.0, 1, true), (1.0, 0, false), (1.0, 2, false)] {
            let decision = decide(sampling(ratio, true), incoming(flags));
            assert_eq!(decision.trace, TraceId::from(7_u128));
            assert_eq!(
                decision.is_sampled(),
                sampled,
                "ratio {ratio}, flags {flags}"
            );
            assert_eq!(decision.passes, !sampled, "ratio {ratio}, flags {flags}");
            assert_eq!(decision.flags, TraceFlags::new(flags));
        }
    }

    #[test]
    fn one_that_is_not_believed_does_not() {
        for (ratio, flags, written, passes) in
            [(0.0, 1, 0, false), (0.0, 2, 2, true), (1.0, 0, 1, false)]
        {
            let decision = decide(sampling(ratio, false), incoming(flags));
            assert_eq!(decision.trace, TraceId::from(7_u128));
            assert_eq!(
                decision.flags,
                TraceFlags::new(written),
                "ratio {ratio}, flags {flags}"
            );
            assert_eq!(decision.passes, passes, "ratio {ratio}, flags {flags}");
        }
    }

    #[test]
    fn of_traces_that_begin_here_a_share_is_sampled() {
        let sampled = |ratio| {
            let sampling = sampling(ratio, true);
            let all = (0..10_000).map(|_| decide(sampling, None));
            all.filter(Decision::is_sampled).count()
        };
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 10_000));
        // Ten standard deviations.
        let quarter = sampled(0.25);
        assert!((2067..=2933).contains(&quarter), "{quarter}");
    }

    #[test]
    fn each_trace_that_begins_here_is_another() {
        let [one, two] = [(), ()].map(|()| decide(sampling(1.0, true), None));
        assert_ne!(one.trace, two.trace);
        assert!(!one.passes && !two.passes);
    }
}
