//! What the proxy says on its admin listener that it has counted.

use std::net::SocketAddr;

use crate::{HttpClient, Towpath, within};

impl Towpath {
    /// The value of a metric, as it is written with its labels; 0 where it is not there yet.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = metrics(self.admin()).await;
        let sample = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        text.lines().find_map(sample).unwrap_or_default()
    }

    /// Waits until just so many have been turned away for this reason: they are counted once they are answered.
    pub async fn rejected(&self, reason: &str, count: u32) {
        let name = format!("towpath_rejections_total{{reason=\"{reason}\"}}");
        let counted = async { while self.metric(&name).await < f64::from(count) {} };
        within(format!("{count} of {name}"), counted).await;
        assert_eq!(self.metric(&name).await, f64::from(count), "{name}");
    }
}

async fn metrics(admin: SocketAddr) -> String {
    let (status, text) = HttpClient::connect(admin).await.get("/metrics").await;
    assert_eq!(status, 200);
    String::from_utf8(text.to_vec()).unwrap()
}
