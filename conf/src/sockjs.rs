//! A route's SockJS service, for clients that speak that protocol already: sockjs-client and its kin.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::base_url::BaseUrl;
use crate::client_url::{self, client_url};
use crate::dialect::{self, Dialect};
use crate::route::{PathPattern, Route};
use crate::switch::{OnOff, on_off};
use crate::units::{ByteSize, Duration};

/// SockJS: `on`, `off`, the path of the service, or a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "`on`, `off`, a path or a map"
)]
#[schemars(
    rename = "SockJsMap",
    description = "The map form of `fallback.sockjs`."
)]
pub struct SockJs {
    /// Where the service is: everything below this path is SockJS's. One `/` at its end means nothing. Default: the
    /// route's own path, which then must be a prefix or exact, and more than `/`.
    #[serde(deserialize_with = "path", skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = dialect::PATH))]
    pub path: Option<String>,
    /// Whether clients may use its WebSocket transports, too. Default: on.
    #[serde(with = "on_off")]
    #[schemars(with = "OnOff")]
    pub websocket: bool,
    /// Whether responses set the cookie `JSESSIONID`, for load balancers in front that tell servers by it.
    /// Default: off.
    #[serde(with = "on_off")]
    #[schemars(with = "OnOff")]
    pub cookie_needed: bool,
    /// Whether `/info` gives clients an address that names this process, for a minute: what they open there lives here,
    /// and a client that comes back for a session that is gone cannot open another unnoticed. A URL where a proxy in
    /// front changes hosts or paths. Default: on.
    pub base_url: BaseUrl,
    /// A streaming response that has carried so much ends, and the client asks for the next; from 1KiB to 16MiB.
    /// Default: 128KiB.
    pub response_limit: ByteSize,
    /// A client that has been sent nothing for this long is sent a heartbeat, from 1s to 5m. Default: 25s.
    pub heartbeat: Duration,
    /// A client that has had no request to receive by for this long is gone, from 1s to 5m. Default: 5s.
    pub disconnect_delay: Duration,
    /// What becomes of a binary message of the backend's, which SockJS cannot express. Default: close.
    pub binary: Binary,
    /// Transports for browsers of old. They let pages of other sites act as pages of this one, so they are off unless
    /// they are listed here.
    pub legacy_transports: Vec<LegacyTransport>,
    /// The script that the page of the `iframe` transport loads: an http or https URL, or a path.
    /// Default: `https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js`.
    #[serde(deserialize_with = "client_url")]
    #[schemars(regex(pattern = client_url::PATTERN))]
    pub client_url: String,
}

/// What becomes of a backend's binary message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Binary {
    /// It ends the session with 1003.
    #[default]
    Close,
    /// It is sent as text, in base64.
    Base64,
}

/// A transport for browsers of old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LegacyTransport {
    /// A page of this site's in a frame, which sends and receives for the page around it.
    Iframe,
    /// A page without an end, whose scripts are messages.
    HtmlFile,
    /// Scripts that call a function of the page's.
    Jsonp,
}

/// As it is written.
impl fmt::Display for LegacyTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iframe => "iframe",
            Self::HtmlFile => "htmlfile",
            Self::Jsonp => "jsonp",
        })
    }
}

impl Default for SockJs {
    fn default() -> Self {
        Self {
            path: None,
            websocket: true,
            cookie_needed: false,
            base_url: BaseUrl::On,
            response_limit: ByteSize::new(128 << 10),
            heartbeat: Duration::from_secs(25),
            disconnect_delay: Duration::from_secs(5),
            binary: Binary::Close,
            legacy_transports: Vec::new(),
            client_url: client_url::DEFAULT.to_owned(),
        }
    }
}

impl Dialect for SockJs {
    const NAME: &'static str = "SockJs";

    fn at<E: de::Error>(path: &str) -> Result<Self, E> {
        Ok(Self {
            path: Some(dialect::bare(path)?.to_owned()),
            ..Self::default()
        })
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let bare = text.as_deref().map(dialect::bare).transpose()?;
    Ok(bare.map(str::to_owned))
}

impl Route {
    /// Where the route's SockJS service is, without a `/` at the end: the path that `fallback.sockjs` names, else the
    /// route's own. `None` where there is no SockJS.
    pub fn sockjs_path(&self) -> Option<&str> {
        let sockjs = self.fallback.sockjs.as_ref()?;
        sockjs.path.as_deref().or_else(|| self.path.as_base())
    }
}

impl PathPattern {
    /// This path, if a service can have it for its base. The check demands that `sockjs` names one where it cannot.
    fn as_base(&self) -> Option<&str> {
        match self {
            Self::Prefix(path) | Self::Exact(path) => Some(path)
                .filter(|path| !path.ends_with('/'))
                .map(String::as_str),
            Self::Regex(_) => None,
        }
    }
}
