//! The operator, at the admin listener.

use http::Request;
use serde_json::Value;

use crate::{HttpClient, Towpath, full, whole, within};

impl Towpath {
    /// Asks the admin listener, by its address as operators do, on a connection of its own.
    pub async fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(path);
        let by_address = self.admin().to_string();
        if !fields.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", by_address);
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut client = HttpClient::connect(self.admin()).await;
        let response = client.send(request.body(full("")).unwrap()).await;
        let status = response.status().as_u16();
        let content = within("the operator's answer", whole(response.into_body())).await;
        (status, String::from_utf8(content.to_vec()).unwrap())
    }

    /// What the admin listener says at `path`, which is JSON.
    pub async fn seen(&self, path: &str) -> Value {
        let (status, text) = self.ask("GET", path, &[]).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// The value of a metric, as it is written with its labels; 0 where it is not there yet.
    pub async fn metric(&self, name: &str) -> f64 {
        let (status, text) = self.ask("GET", "/metrics", &[]).await;
        assert_eq!(status, 200, "{text}");
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
