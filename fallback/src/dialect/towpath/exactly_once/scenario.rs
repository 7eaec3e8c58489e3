//! What a run is made of.

use std::time::Duration;

use proptest::prelude::*;

use super::Time;
use super::backend::Manners;
use super::client::Habits;
use super::network::Faults;
use crate::session::Limits;

/// All that decides a run.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) limits: Limits,
    pub(super) hold: Time,
    pub(super) habits: Habits,
    pub(super) manners: Manners,
    pub(super) faults: Faults,
    pub(super) traffic: Traffic,
    pub(super) finale: Finale,
    /// When it ends; `None` is when everything has been said and heard.
    pub(super) ends_at: Option<Time>,
    /// When the proxy is short of memory, and for how long.
    pub(super) pressed: Option<(Time, Time)>,
    /// The proxy has its turn so often, and finds all at once what came meanwhile.
    pub(super) turn: Time,
    /// When the network is as it should be, and nobody is slow any longer.
    pub(super) heals_at: Time,
}

/// What is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    pub(super) by_client: u64,
    pub(super) by_backend: u64,
    pub(super) largest: usize,
    /// All of it is said by then.
    pub(super) until: Time,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finale {
    ClientCloses,
    BackendCloses,
    BothClose,
    BackendDies,
    BackendIsMute,
    ClientBlunders,
    ClientVanishes,
    Drain,
}

/// Networks on which anything may happen.
pub(super) fn harsh() -> impl Strategy<Value = Scenario> {
    let faults = faults(60, 50, 1000, 3000, 2000, (0..4usize, 0..100_000u64));
    scenario(
        faults,
        prop_oneof![Just(1000u64), Just(5000), Just(25_000)],
        5000,
    )
}

/// Networks of which no client with some patience need despair: whatever gets lost, and an outage on top of it, it is
/// through again within the resume window.
pub(super) fn bearable() -> impl Strategy<Value = Scenario> {
    let faults = faults(30, 10, 1, 500, 12_000, (0..3usize, 0..8000u64));
    scenario(faults, prop_oneof![Just(1000u64), Just(5000)], 1000)
}

fn scenario(
    faults: impl Strategy<Value = Faults>,
    wait: impl Strategy<Value = Time>,
    reading: Time,
) -> impl Strategy<Value = Scenario> {
    let first = (
        any::<u64>(),
        limits(),
        habits(wait, reading),
        manners(),
        faults,
    );
    let second = (traffic(), finale(), times(), pressed(), turn());
    (first, second).prop_map(
        |((seed, limits, habits, manners, faults), (traffic, finale, ends_at, pressed, turn))| {
            let outages = faults.outages.iter().map(|(begin, length)| begin + length);
            let heals_at = outages.chain([traffic.until]).max().unwrap_or_default();
            Scenario {
                seed,
                limits,
                hold: 20_000,
                habits,
                manners: Manners {
                    mute: finale == Finale::BackendIsMute,
                    ..manners
                },
                faults,
                traffic: Traffic {
                    largest: traffic.largest.min(limits.max_message),
                    ..traffic
                },
                finale,
                ends_at,
                pressed,
                turn,
                heals_at: heals_at + 1000,
            }
        },
    )
}

fn limits() -> impl Strategy<Value = Limits> {
    (
        prop_oneof![Just(1 << 20), 1000..200_000usize],
        prop_oneof![Just(1000), 4..50usize],
        prop_oneof![Just(256 << 10), 100..100_000usize],
        prop_oneof![Just(16 << 20), 1000..150_000usize],
    )
        .prop_map(|(buffer, frames, credit, max_message)| Limits {
            buffer,
            frames,
            credit,
            max_message,
            resume: Duration::from_secs(60),
            unused: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            lifetime: None,
            fragment: 65_536,
        })
}

fn habits(wait: impl Strategy<Value = Time>, reading: Time) -> impl Strategy<Value = Habits> {
    let budget = prop_oneof![Just(1 << 20), 0..3000u64];
    let fragment = prop_oneof![Just(65_536usize), 100..5000usize];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let reading = prop_oneof![Just(0), 0..=reading];
    (wait, budget, fragment, flags, reading).prop_map(
        |(wait, budget, fragment, (single, stream, listens_late), reading)| Habits {
            wait,
            budget,
            fragment,
            single,
            // A stream takes the one request that it could make.
            stream: stream && !single,
            listens_late,
            reading,
        },
    )
}

fn manners() -> impl Strategy<Value = Manners> {
    let socket = prop_oneof![Just(1usize), 100..100_000usize];
    let reading = prop_oneof![Just(0), 0..500u64];
    (any::<bool>(), socket, reading).prop_map(|(echo, socket, reading)| Manners {
        echo,
        socket,
        reading,
        mute: false,
    })
}

fn faults(
    losses: u64,
    duplicates: u64,
    in_a_row: u32,
    slowest: Time,
    cut_after: Time,
    (outages, lengths): (std::ops::Range<usize>, std::ops::Range<Time>),
) -> impl Strategy<Value = Faults> {
    let delay = prop_oneof![(1..20u64), 1..=slowest];
    let outage = (0..60_000u64, lengths);
    let losses = || prop_oneof![Just(0), 0..=losses];
    (
        (losses(), losses(), 0..=100u64, 0..=duplicates),
        delay,
        prop_oneof![3 => Just(None), 1 => (cut_after..30_000).prop_map(Some)],
        any::<bool>(),
        proptest::collection::vec(outage, outages),
    )
        .prop_map(
            move |(
                (lost_requests, lost_responses, silent, duplicates),
                delay,
                cut_after,
                buffers,
                outages,
            )| Faults {
                delay: (1, delay),
                lost_requests,
                lost_responses,
                silent,
                duplicates,
                in_a_row,
                cut_after,
                buffers,
                outages,
            },
        )
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let largest = prop_oneof![4 => 0..3000usize, 1 => 0..200_000usize];
    let until = prop_oneof![0..3000u64, 0..60_000u64];
    (0..60u64, 0..60u64, largest, until).prop_map(|(by_client, by_backend, largest, until)| {
        Traffic {
            by_client,
            by_backend,
            largest,
            until,
        }
    })
}

fn finale() -> impl Strategy<Value = Finale> {
    prop_oneof![
        Just(Finale::ClientCloses),
        Just(Finale::BackendCloses),
        Just(Finale::BothClose),
        Just(Finale::BackendDies),
        Just(Finale::BackendIsMute),
        Just(Finale::ClientBlunders),
        Just(Finale::ClientVanishes),
        Just(Finale::Drain),
    ]
}

fn times() -> impl Strategy<Value = Option<Time>> {
    prop_oneof![Just(None), (0..60_000u64).prop_map(Some)]
}

fn pressed() -> impl Strategy<Value = Option<(Time, Time)>> {
    let pressed = (0..30_000u64, 0..60_000u64).prop_map(Some);
    prop_oneof![3 => Just(None), 1 => pressed]
}

fn turn() -> impl Strategy<Value = Time> {
    prop_oneof![2 => Just(1), 1 => 2..300u64]
}
