//! What became of an attempt, in the words of fallback/PROTOCOL.md §8.

use serde::Serialize;

use crate::tunnel::{Ended, Side};

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(crate) enum Fate {
    /// No such handshake has come, or it is forgotten.
    Unseen,
    /// The backend has not answered yet.
    Connecting,
    /// The handshake was answered otherwise than with a 101.
    Refused {
        /// With this status, the backend's or ours.
        http_status: u16,
    },
    /// The 101 was sent.
    Open {
        /// Whether the client has sent anything since.
        heard: bool,
    },
    /// The tunnel has ended, or the client has left before there was one.
    Closed {
        /// Who was the first to end it.
        by: By,
        /// The code of the Close that ended it (1005: a Close without a code); `None` if none did.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
        /// Whether the client had sent anything since the 101.
        heard: bool,
        /// Milliseconds from the 101 to that end.
        age: u64,
    },
}

/// Who ended a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// The client, or something on its way to us.
    Client,
    /// The backend, or something between us.
    Backend,
    /// The proxy, by a rule of its own.
    Towpath,
}

/// By whom a tunnel was ended, and with which Close, if `close` was the first. A Close that only follows on an end is
/// not what ended it: "by the client, without a code" has to stay the mark of a connection that was cut on the way.
pub(super) fn parting(ended: Ended, close: Option<u16>) -> (By, Option<u16>) {
    match ended {
        Ended::By(side) => (by(side), close),
        Ended::Left(side)
        | Ended::Reset(side)
        | Ended::PingTimeout(side)
        | Ended::WriteTimeout(side) => (by(side), None),
        Ended::Drain
        | Ended::Operator
        | Ended::Idle
        | Ended::Lifetime
        | Ended::MessageTooBig(_)
        | Ended::Fault(_) => (By::Towpath, close),
    }
}

fn by(side: Side) -> By {
    match side {
        Side::Client => By::Client,
        Side::Backend => By::Backend,
    }
}

/// The whole answer to a `check`.
#[derive(Serialize)]
struct Answer {
    /// The protocol's version.
    towpath: u8,
    #[serde(flatten)]
    fate: Fate,
}

impl Fate {
    /// The answer to a `check`, as JSON.
    pub(crate) fn to_json(self) -> String {
        let answer = Answer {
            towpath: 1,
            fate: self,
        };
        // Only maps whose keys are no strings cannot be written; an empty answer would be no verdict to the client.
        serde_json::to_string(&answer).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_what_the_protocol_says() {
        let closed = |by, code| Fate::Closed {
            by,
            code,
            heard: true,
            age: 120,
        };
        for (fate, json) in [
            (Fate::Unseen, r#"{"towpath":1,"status":"unseen"}"#),
            (Fate::Connecting, r#"{"towpath":1,"status":"connecting"}"#),
            (
                Fate::Refused { http_status: 401 },
                r#"{"towpath":1,"status":"refused","http_status":401}"#,
            ),
            (
                Fate::Open { heard: false },
                r#"{"towpath":1,"status":"open","heard":false}"#,
            ),
            (
                closed(By::Backend, Some(1000)),
                r#"{"towpath":1,"status":"closed","by":"backend","code":1000,"heard":true,"age":120}"#,
            ),
            (
                closed(By::Client, None),
                r#"{"towpath":1,"status":"closed","by":"client","heard":true,"age":120}"#,
            ),
            (
                closed(By::Towpath, Some(1001)),
                r#"{"towpath":1,"status":"closed","by":"towpath","code":1001,"heard":true,"age":120}"#,
            ),
        ] {
            assert_eq!(fate.to_json(), json);
        }
    }

    #[test]
    fn only_the_close_that_ended_a_tunnel_counts() {
        for (ended, expected) in [
            (Ended::By(Side::Client), (By::Client, Some(1001))),
            (Ended::By(Side::Backend), (By::Backend, Some(1001))),
            (Ended::Left(Side::Client), (By::Client, None)),
            (Ended::Left(Side::Backend), (By::Backend, None)),
            (Ended::Reset(Side::Client), (By::Client, None)),
            (Ended::PingTimeout(Side::Client), (By::Client, None)),
            (Ended::WriteTimeout(Side::Backend), (By::Backend, None)),
            (Ended::Drain, (By::Towpath, Some(1001))),
            (Ended::Idle, (By::Towpath, Some(1001))),
            (
                Ended::MessageTooBig(Side::Client),
                (By::Towpath, Some(1001)),
            ),
            (Ended::Fault(Side::Backend), (By::Towpath, Some(1001))),
        ] {
            assert_eq!(parting(ended, Some(1001)), expected, "{ended:?}");
        }
    }
}
