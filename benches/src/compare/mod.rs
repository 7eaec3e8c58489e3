//! The comparison of Towpath with its peers: each scenario is run with each of them in turn, and round again, so that what
//! else the machine does hits all alike; medians and ratios are what counts.

pub mod chart;
pub mod peers;
pub mod results;
pub mod scenarios;
pub mod verdicts;

/// The median; `None` of nothing.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    match values.len() % 2 {
        1 => Some(upper),
        _ => Some((values.get(middle - 1)? + upper) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
