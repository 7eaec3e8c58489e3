//! What one side says the other hears, once and in order, whatever the network does: a client that follows
//! `PROTOCOL.md` and the proxy's core, in virtual time, with a network between them that loses, delays, repeats, cuts
//! and buffers. The bytes are real. A failure shows the scenario, which is all that it takes to see it again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

mod backend;
mod client;
mod inbound;
mod network;
mod outbound;
mod proxy;
mod random;
mod scenario;
mod wire;
mod world;

use scenario::{Finale, Scenario};
use world::World;

/// Milliseconds since the session was opened.
type Time = u64;

/// The same scenarios each time, or as many new ones as `PROPTEST_CASES` says.
fn cases(default: u32) -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    let wanted = wanted.and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: wanted.unwrap_or(default),
        rng_seed: match wanted {
            Some(_) => RngSeed::Random,
            None => RngSeed::Fixed(1),
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(400))]

    /// The conversation may be lost on such networks, but never a part of it.
    #[test]
    fn on_any_network_nothing_is_lost_repeated_or_out_of_order(scenario in scenario::harsh()) {
        World::new(&scenario).run();
    }

    /// These networks leave the client enough chances: the conversation ends as its sides want it.
    #[test]
    fn on_a_bad_network_everything_arrives(scenario in scenario::bearable()) {
        World::new(&scenario).run().survived();
    }
}
