//! What the proxy itself turned away, counted by reason. Requests that failed at their backend are not in it.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::answer::Refusal;
use crate::gate::HeadFault;

/// Why something was turned away: one for each value of the label, of which there are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A listener that wants a PROXY header got none, or no valid one.
    ProxyProtocol,
    /// A TLS handshake that failed or took too long.
    TlsHandshake,
    /// A connection or a request that was answered.
    Refused(Refusal),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: &'static str,
}

/// The counter.
#[derive(Debug)]
pub(crate) struct Rejections {
    family: Family<Labels, Counter>,
}

/// What has not happened is 0, not absent.
impl Default for Rejections {
    fn default() -> Self {
        let family = Family::<Labels, Counter>::default();
        for reason in ALL.into_iter().filter_map(label) {
            let _ = family.get_or_create(&Labels { reason });
        }
        Self { family }
    }
}

/// One for each value of the label.
const ALL: [Reason; 18] = [
    Reason::ProxyProtocol,
    Reason::TlsHandshake,
    Reason::Refused(Refusal::DotSegments),
    Reason::Refused(Refusal::Head(HeadFault::TooLarge)),
    Reason::Refused(Refusal::UnknownProtocol),
    Reason::Refused(Refusal::HeaderTimeout),
    Reason::Refused(Refusal::RequestTimeout),
    Reason::Refused(Refusal::ContentTooLarge),
    Reason::Refused(Refusal::TooManyRequests),
    Reason::Refused(Refusal::TooManyUpgrades),
    Reason::Refused(Refusal::Misdirected),
    Reason::Refused(Refusal::NoCertificate),
    Reason::Refused(Refusal::OriginDenied),
    Reason::Refused(Refusal::Unauthorized),
    Reason::Refused(Refusal::NoRoute),
    Reason::Refused(Refusal::UpgradeDenied),
    Reason::Refused(Refusal::AddressFull),
    Reason::Refused(Refusal::Full),
];

impl Rejections {
    /// Makes it visible as `towpath_rejections_total`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "towpath_rejections",
            "Connections and requests that were turned away, by reason",
            self.family.clone(),
        );
    }

    /// Counts one, unless it is the backend's doing.
    pub(crate) fn count(&self, reason: Reason) {
        if let Some(reason) = label(reason) {
            self.family.get_or_create(&Labels { reason }).inc();
        }
    }
}

fn label(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::ProxyProtocol => "proxy_protocol",
        Reason::TlsHandshake => "tls_handshake",
        Reason::Refused(refusal) => match refusal {
            Refusal::Malformed(_)
            | Refusal::DotSegments
            | Refusal::AmbiguousPath
            | Refusal::UnsupportedVersion
            | Refusal::Head(HeadFault::Malformed(_) | HeadFault::TransferCoding) => "malformed",
            Refusal::Head(HeadFault::TooLarge) => "header_size",
            Refusal::Head(HeadFault::Connect) | Refusal::UnknownProtocol => "connect",
            Refusal::HeaderTimeout => "header_timeout",
            Refusal::RequestTimeout => "body_timeout",
            Refusal::ContentTooLarge => "body_size",
            Refusal::TooManyRequests => "requests_per_second",
            Refusal::TooManyUpgrades => "upgrades_per_second",
            Refusal::Misdirected => "misdirected",
            Refusal::NoCertificate => "client_certificate",
            Refusal::OriginDenied => "origin",
            Refusal::Unauthorized | Refusal::Denied | Refusal::NoVerdict => "auth",
            Refusal::NoRoute => "no_route",
            Refusal::UpgradeDenied | Refusal::UpgradeRequired => "upgrade",
            Refusal::AddressFull => "connections_per_address",
            Refusal::Full => "connections",
            Refusal::Draining => "draining",
            Refusal::Unreachable
            | Refusal::BadAnswer
            | Refusal::NoServer
            | Refusal::Timeout
            | Refusal::Internal => return None,
        },
    })
}
