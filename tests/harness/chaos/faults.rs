//! What may befall a request, how likely each of it is, and the plan that is drawn for one request.

use std::time::Duration;

use crate::random::Random;

/// What an intermediary, or the network, may do to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The client is cut off, nothing is forwarded.
    CutBefore,
    /// Half of the request is forwarded, then both sides are cut off.
    CutRequest,
    /// The request is forwarded and answered; the client is cut off instead of being given the answer.
    CutAnswer,
    /// Half of the answer is given, then the client is cut off.
    CutResponse,
    /// A gateway's page instead: 502. Nothing is forwarded.
    BadGateway,
    /// A captive portal's page instead: 200. Nothing is forwarded.
    Portal,
    /// It is forwarded late.
    Delay,
    /// It waits until a later request was answered.
    Reorder,
    /// It is forwarded twice, one after the other or at once, and one of the answers is given.
    Duplicate,
    /// The answer is given when it is there as a whole.
    Buffer,
    /// It is forwarded, and answered, in HTTP/1.0.
    Http10,
}

const ENDINGS: [Fault; 6] = [
    Fault::CutBefore,
    Fault::CutRequest,
    Fault::CutAnswer,
    Fault::CutResponse,
    Fault::BadGateway,
    Fault::Portal,
];

/// How likely each fault is, for each request.
#[derive(Clone, Debug)]
pub struct Faults {
    likely: Vec<(Fault, f64)>,
    longest_delay: Duration,
}

impl Faults {
    /// A network without a fault.
    pub fn none() -> Self {
        Self {
            likely: Vec::new(),
            longest_delay: Duration::from_millis(50),
        }
    }

    /// Adds a fault that befalls one request with this probability.
    pub fn with(mut self, fault: Fault, probability: f64) -> Self {
        self.likely.push((fault, probability));
        self
    }

    /// How long [`Fault::Delay`] takes at most; 50 ms if it is not said.
    pub fn delays_up_to(mut self, longest: Duration) -> Self {
        self.longest_delay = longest;
        self
    }

    /// What may happen at all.
    pub(crate) fn possible(&self) -> impl Iterator<Item = Fault> {
        let possible = self.likely.iter().filter(|(_, likely)| *likely > 0.0);
        possible.map(|(fault, _)| *fault)
    }

    /// What befalls the next request. Of those that end it, one at most.
    pub(crate) fn plan(&self, random: &mut Random) -> Plan {
        let drawn: Vec<Fault> = self
            .likely
            .iter()
            .filter_map(|(fault, likely)| (random.fraction() < *likely).then_some(*fault))
            .collect();
        let has = |fault| drawn.contains(&fault);
        Plan {
            ending: drawn.iter().copied().find(|fault| ENDINGS.contains(fault)),
            delay: has(Fault::Delay).then(|| random.duration(Duration::ZERO, self.longest_delay)),
            reorder: has(Fault::Reorder),
            duplicate: has(Fault::Duplicate).then(|| Duplicate {
                at_once: random.coin(),
                give_second: random.coin(),
            }),
            buffer: has(Fault::Buffer),
            http10: has(Fault::Http10),
        }
    }
}

/// What befalls one request.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) ending: Option<Fault>,
    pub(crate) delay: Option<Duration>,
    pub(crate) reorder: bool,
    pub(crate) duplicate: Option<Duplicate>,
    pub(crate) buffer: bool,
    pub(crate) http10: bool,
}

/// How a request is doubled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duplicate {
    /// Both are under way at the same time; otherwise the second follows the first's answer.
    pub(crate) at_once: bool,
    /// The client is given the answer to the second.
    pub(crate) give_second: bool,
}
