//! A session's beginning: its backend is asked for a WebSocket, and whoever wants it is told how that went.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::conversation::{Conversation, Request, Settings};
use super::frame;
use super::response;
use super::service::{SockJs, Via};
use super::tombstones::Epitaph;
use super::transport::Receiving;
use crate::accepted::Accepted;
use crate::admission::Place;
use crate::backend::{Backend, DialError, Dialled, Handshake, Report};
use crate::body::Body;
use crate::clock;
use crate::door::{Call, Door};
use crate::forwarding::{cookies, forwarded};
use crate::life::Life;
use crate::policy::Policy;
use crate::pump::Parts;
use crate::session::{Close, Ended, Limits, Session};
use crate::token::Id;
use crate::websocket::{Role, Socket};

/// A session that a client wants.
pub(super) struct Wanted {
    client: std::net::IpAddr,
    handshake: Handshake,
    limits: Limits,
    open_timeout: std::time::Duration,
    settings: Settings,
}

/// A session whose backend has accepted.
pub(super) struct Opened<B: Backend> {
    sockjs: Arc<SockJs>,
    backend: B,
    dialled: Dialled<B::Stream>,
    place: Place,
    limits: Limits,
    settings: Settings,
}

/// Why there is no session.
pub(super) enum Refused {
    /// There is no room for it.
    Busy,
    /// The backend says so, or says nothing.
    Backend(DialError),
}

impl Wanted {
    pub(super) fn new<B>(headers: &HeaderMap, origin: &str, via: &Via<'_, B>) -> Self {
        let Policy {
            limits,
            open_timeout,
            ..
        } = via.policy;
        let service = via.service;
        Self {
            client: via.client,
            handshake: Handshake {
                headers: forwarded(headers, origin, via.policy),
                protocols: Vec::new(),
            },
            limits: Limits {
                resume: service.disconnect_delay,
                unused: service.disconnect_delay,
                // Each message is an element of its own.
                fragment: usize::MAX,
                ..*limits
            },
            open_timeout: *open_timeout,
            settings: Settings {
                response_limit: service.response_limit,
                heartbeat: service.heartbeat,
                binary: service.binary,
            },
        }
    }

    /// Asks the backend. Cancel-safe: the attempt is given up.
    pub(super) async fn open<B: Backend>(
        self,
        sockjs: &Arc<SockJs>,
        backend: Option<B>,
    ) -> Result<Opened<B>, Refused> {
        let now = clock::now();
        let place = sockjs.admission.admit(self.client, now).map_err(|busy| {
            sockjs.metrics.busy(busy);
            Refused::Busy
        })?;
        let mut backend = backend.ok_or(Refused::Backend(DialError::Unreachable))?;
        let dialled = Box::pin(backend.dial(self.handshake));
        let dialled = tokio::time::timeout(self.open_timeout, dialled).await;
        match dialled.unwrap_or(Err(DialError::Timeout)) {
            Ok(dialled) => Ok(Opened {
                sockjs: sockjs.clone(),
                backend,
                dialled,
                place,
                limits: self.limits,
                settings: self.settings,
            }),
            Err(error) => {
                sockjs.metrics.refused(error.name());
                Err(Refused::Backend(error))
            }
        }
    }
}

impl<B: Backend> Opened<B> {
    /// Lets it live, and be found by its name; gives the backend's cookies.
    pub(super) fn live_as(self, id: Id) -> Vec<HeaderValue> {
        let cookies = cookies(&self.dialled.headers);
        let sockjs = self.sockjs.clone();
        let door = Arc::<Door<Request>>::default();
        let reachable = sockjs.doors.reach(id, door.clone(), ());
        let life = self.life(door, move |report: &Report| {
            if let Some(epitaph) = epitaph(report) {
                let now = clock::now();
                sockjs.tombstones.put(id, epitaph, now);
            }
            drop(reachable);
        });
        tokio::spawn(life.live());
        cookies
    }

    /// Lets it live on its client's own WebSocket, once that is there.
    pub(super) fn attach(self) -> Accepted {
        let cookies = cookies(&self.dialled.headers);
        let door = Arc::<Door<Request>>::default();
        let life = self.life(door.clone(), |_: &Report| {});
        let start = Box::new(move |connection| {
            door.call(Call::Line(connection, None));
            tokio::spawn(life.live());
        });
        Accepted::new(cookies, start)
    }

    fn life<F>(self, door: Arc<Door<Request>>, over: F) -> Life<B, Conversation, F>
    where
        F: FnOnce(&Report) + Send + 'static,
    {
        let max_message = self.limits.max_message;
        let now = clock::now();
        let parts = Parts {
            socket: Socket::new(self.dialled.stream, Role::Client, max_message),
            session: Session::new(self.limits.of_one(), now),
            dialect: Conversation::new(self.settings),
            door,
            place: self.place,
            max_message,
            metrics: self.sockjs.metrics.clone(),
        };
        Life::new(parts, self.backend, over)
    }
}

impl Refused {
    /// The close that a client is told which the backend will not have at all. sockjs-client tries its next transport
    /// after a status; after a close it stops.
    pub(super) fn close(&self) -> Option<Close> {
        match self {
            Self::Backend(DialError::Refused { status, .. })
                if matches!(*status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                Some(Close::new(1008, &format!("backend refused: {status}")))
            }
            _ => None,
        }
    }

    /// What a receiving request is told.
    pub(super) fn for_request(self, transport: &Receiving) -> Response<Body> {
        match self.close() {
            Some(close) => {
                let mut response = response::closed(transport, &close);
                self.add_cookies(&mut response);
                response
            }
            None => self.for_websocket(),
        }
    }

    /// What a handshake is told.
    pub(super) fn for_websocket(self) -> Response<Body> {
        let status = match &self {
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Backend(DialError::Refused { status, .. })
                if status.is_client_error() || status.is_server_error() =>
            {
                *status
            }
            Self::Backend(DialError::Refused { .. } | DialError::Unreachable) => {
                StatusCode::BAD_GATEWAY
            }
            Self::Backend(DialError::Timeout) => StatusCode::GATEWAY_TIMEOUT,
        };
        let mut response = response::bare(status);
        self.add_cookies(&mut response);
        response
    }

    fn add_cookies(&self, response: &mut Response<Body>) {
        if let Self::Backend(DialError::Refused { headers, .. }) = self {
            for cookie in cookies(headers) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
    }
}

/// What is to be remembered of a session. One whose client never came back for more than the word that it is open may be
/// opened anew.
fn epitaph(report: &Report) -> Option<Epitaph> {
    let silent = report.from_client.messages == 0 && report.from_backend.messages == 0;
    if report.ended == Ended::Abandoned && report.requests < 2 && silent {
        return None;
    }
    if report.ended == Ended::Lost {
        return Some(Epitaph::Lost);
    }
    let close = report.close.clone().unwrap_or_else(frame::interrupted);
    Some(Epitaph::Closed(close))
}
