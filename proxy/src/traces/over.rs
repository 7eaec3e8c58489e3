//! The ends of tunnels and sessions, put into words for their spans. A client that is gone without a word is no failure:
//! they go into tunnels and close their lids.

use towpath_fallback::Report as SessionReport;
use towpath_fallback::session::Ended as SessionEnded;

use super::life::Ending;
use crate::observe::access_log::Opened;
use crate::tunnel::{Ended, Report, Side};

/// A tunnel that is over.
pub(crate) fn tunnel(opened: &Opened, report: &Report) {
    let Some(life) = &opened.trace else {
        return;
    };
    let (client, backend) = (&report.from_client, &report.from_backend);
    life.end(&Ending {
        what: "websocket",
        took: report.duration,
        traffic: [client, backend].map(|it| (it.bytes, it.messages)),
        close: report.close,
        ended_by: report.ended_by.as_str(),
        failed: matches!(
            report.ended_by,
            Ended::Reset(Side::Backend)
                | Ended::PingTimeout(Side::Backend)
                | Ended::WriteTimeout(Side::Backend)
                | Ended::MessageTooBig(_)
                | Ended::Fault(_)
        ),
        route: &opened.route,
        upstream: &opened.upstream,
        dialect: None,
    });
}

/// A session of the fallback that is over.
pub(crate) fn session(opened: &Opened, report: &SessionReport) {
    let Some(life) = &opened.trace else {
        return;
    };
    let (client, backend) = (&report.from_client, &report.from_backend);
    life.end(&Ending {
        what: "session",
        took: report.duration,
        traffic: [client, backend].map(|it| (it.bytes, it.messages)),
        close: report.close.as_ref().and_then(|close| close.code),
        ended_by: report.ended.name(),
        failed: matches!(
            report.ended,
            SessionEnded::Lost
                | SessionEnded::BackendFault(_)
                | SessionEnded::ClientFault(_)
                | SessionEnded::Eager
        ),
        route: &opened.route,
        upstream: &opened.upstream,
        dialect: opened.dialect,
    });
}
