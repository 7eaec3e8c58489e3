//! The targets, and whether what was found meets them.

use std::fmt::Write as _;

use super::peers::FLOORS;
use super::results::{CPU, Pick, RESIDENT, Results, number};

/// A target, and what was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What is wanted.
    pub target: &'static str,
    /// What was found: at most 1 is wanted.
    pub ratio: f64,
    /// In words.
    pub found: String,
}

/// A target by what the best other one needs.
struct Rivalry {
    scenario: &'static str,
    target: &'static str,
    pick: Pick,
    more_is_better: bool,
    /// How much of the best other one's is wanted, where less is better.
    share: f64,
}

const RIVALRIES: &[Rivalry] = &[
    Rivalry {
        scenario: "echo",
        target: "echo: CPU per message no more than the best other",
        pick: CPU,
        more_is_better: false,
        share: 1.0,
    },
    Rivalry {
        scenario: "echo",
        target: "echo: p99 no worse than the best other",
        pick: |it| it.p99_us,
        more_is_better: false,
        share: 1.0,
    },
    Rivalry {
        scenario: "echo",
        target: "echo: throughput no less than the best other",
        pick: |it| it.per_second,
        more_is_better: true,
        share: 1.0,
    },
    Rivalry {
        scenario: "echo-large",
        target: "16 KiB echo: CPU no more than the best other",
        pick: CPU,
        more_is_better: false,
        share: 1.0,
    },
    Rivalry {
        scenario: "stream",
        target: "stream: CPU no more than the best other",
        pick: CPU,
        more_is_better: false,
        share: 1.0,
    },
    Rivalry {
        scenario: "echo-tls",
        target: "echo over TLS: CPU no more than the best other",
        pick: CPU,
        more_is_better: false,
        share: 1.0,
    },
    Rivalry {
        scenario: "upgrade",
        target: "upgrades a second no fewer than the best other",
        pick: |it| it.per_second,
        more_is_better: true,
        share: 1.0,
    },
    Rivalry {
        scenario: "http",
        target: "plain HTTP: CPU no more than 1/0.9 of the best other",
        pick: CPU,
        more_is_better: false,
        share: 0.9,
    },
    Rivalry {
        scenario: "idle",
        target: "idle tunnel: memory no more than the best other",
        pick: RESIDENT,
        more_is_better: false,
        share: 1.0,
    },
    Rivalry {
        scenario: "idle",
        target: "idle tunnel that was used: memory no more than the best other",
        pick: |it| it.resident_used,
        more_is_better: false,
        share: 1.0,
    },
    Rivalry {
        scenario: "idle-tls",
        target: "idle tunnel over TLS: memory no more than the best other",
        pick: RESIDENT,
        more_is_better: false,
        share: 1.0,
    },
    Rivalry {
        scenario: "idle-tls",
        target: "idle tunnel over TLS that was used: memory no more than the best other",
        pick: |it| it.resident_used,
        more_is_better: false,
        share: 1.0,
    },
];

/// Bytes that may be taken: by which scenario, the target, what is measured, KiB.
const BOUNDS: [(&str, &str, Pick, f64); 4] = [
    ("idle", "idle tunnel: at most 8 KiB", RESIDENT, 8.0),
    (
        "idle",
        "idle tunnel that was used: at most 8 KiB",
        |it| it.resident_used,
        8.0,
    ),
    (
        "idle-tls",
        "idle tunnel over TLS: at most 20 KiB",
        RESIDENT,
        20.0,
    ),
    (
        "held-polls",
        "held poll with its session: at most 16 KiB",
        RESIDENT,
        16.0,
    ),
];

impl Results {
    /// The targets whose scenarios ran.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        self.against_proxies(&mut verdicts);
        self.of_the_fallback(&mut verdicts);
        verdicts
    }

    fn against_proxies(&self, verdicts: &mut Vec<Verdict>) {
        for rivalry in RIVALRIES {
            let Rivalry {
                scenario,
                target,
                pick,
                more_is_better,
                share,
            } = *rivalry;
            let table = self.table(scenario);
            let own = table.and_then(|table| table.get("Towpath", pick));
            let best = table.and_then(|table| table.best_of_others(pick, more_is_better));
            let Some((own, (whose, best))) = own.zip(best) else {
                continue;
            };
            let ratio = if more_is_better {
                best / own
            } else {
                own * share / best
            };
            let mut found = format!(
                "{} against {} of {whose}",
                number(Some(own)),
                number(Some(best))
            );
            for floor in FLOORS {
                if let Some(value) = table.and_then(|table| table.get(floor, pick)) {
                    found += &format!("; {floor} {}", number(Some(value)));
                }
            }
            verdicts.push(Verdict {
                target,
                ratio,
                found,
            });
        }
        for (scenario, target, pick, most) in BOUNDS {
            if let Some(bytes) = self.own(scenario, pick) {
                let found = format!("{:.1} KiB", bytes / 1024.0);
                verdicts.push(Verdict {
                    target,
                    ratio: bytes / 1024.0 / most,
                    found,
                });
            }
        }
    }

    fn of_the_fallback(&self, verdicts: &mut Vec<Verdict>) {
        if let Some((poll, plain)) = self.own("native", CPU).zip(self.own("http", CPU)) {
            verdicts.push(Verdict {
                target: "native round trip: CPU at most 1.5 × two plain requests",
                ratio: poll / (1.5 * 2.0 * plain),
                found: format!("{poll:.1} µs against 2 × {plain:.1} µs"),
            });
        }
        for (scenario, target) in [
            (
                "sockjs",
                "SockJS round trip: a fifth of sockjs-node's CPU, servers included",
            ),
            (
                "engine-io",
                "Engine.IO round trip: a fifth of engine.io's CPU, servers included",
            ),
        ] {
            let table = self.table(scenario);
            let best = table.and_then(|table| table.best_of_others(CPU, false));
            if let Some((own, (whose, best))) = self.own(scenario, CPU).zip(best) {
                let found = format!("{own:.1} µs against {best:.1} µs of {whose}");
                verdicts.push(Verdict {
                    target,
                    ratio: own * 5.0 / best,
                    found,
                });
            }
        }
        if let Some((many, few)) = self.own("scale", CPU).zip(self.own("few", CPU)) {
            let mut found = format!("{many:.1} µs against {few:.1} µs");
            for peer in ["direct", "nginx"] {
                let of = |scenario| self.table(scenario)?.get(peer, CPU);
                if let Some((many, few)) = of("scale").zip(of("few")) {
                    let _ = write!(found, "; {peer} {:.2} ×", many / few);
                }
            }
            verdicts.push(Verdict {
                target: "CPU per message with thousands of connections: at most 1.3 × that with 100",
                ratio: many / few / 1.3,
                found,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::super::results::tests::{results, row};

    #[test]
    fn a_target_is_met_or_missed() {
        let ratios = |own| -> Vec<f64> {
            let verdicts = results(own).verdicts();
            verdicts.iter().map(|verdict| verdict.ratio).collect()
        };
        // Of processor time and of throughput.
        assert_eq!(ratios(10.0), [0.5, 0.5]);
        assert_eq!(ratios(40.0), [2.0, 2.0]);
        let text = results(40.0).markdown("chart.svg");
        assert!(text.contains("| 200 % | **missed** |"), "{text}");
    }

    #[test]
    fn what_ours_is_made_of_is_no_rival_and_is_shown() {
        let mut results = results(40.0);
        results.tables[0].rows.push(row("tokio alone", 10.0));
        let verdict = &results.verdicts()[0];
        assert_eq!(verdict.ratio, 2.0);
        assert_eq!(
            verdict.found,
            "40.0 against 20.0 of nginx; tokio alone 10.0"
        );
    }
}
