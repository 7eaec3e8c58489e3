//! How long a connection may live in all: not to the second, so that those which opened together, after a restart or a
//! failure, do not come back together.

use std::time::Duration;

use crate::session::Limits;

/// `lifetime`, longer or shorter by up to a tenth, at random.
#[must_use]
pub fn about(lifetime: Duration) -> Duration {
    let mut random = [0; 2];
    // Without randomness, it is what was said.
    let share = match getrandom::fill(&mut random) {
        Ok(()) => f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX),
        Err(_) => 0.5,
    };
    lifetime.mul_f64(0.9 + 0.2 * share)
}

impl Limits {
    /// For one session of those that share them.
    pub(crate) fn of_one(self) -> Self {
        Self {
            lifetime: self.lifetime.map(about),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_differ_by_a_tenth_at_most() {
        let hour = Duration::from_secs(3600);
        let lives: Vec<_> = (0..100).map(|_| about(hour)).collect();
        let (least, most) = (hour.mul_f64(0.899), hour.mul_f64(1.101));
        assert!(lives.iter().all(|life| (least..=most).contains(life)));
        assert!(lives.iter().any(|life| *life < hour));
        assert!(lives.iter().any(|life| *life > hour));
    }
}
