//! A session's beginning: the backend is asked for a WebSocket, and its first word is the session's own.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, HeaderName, header};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::conversation::{Conversation, Request, Settings};
use super::open::{Changes, Open};
use super::payload::Form;
use super::refusal::{Code, Refusal};
use super::seats::{About, Whose};
use super::service::{EngineIo, Service, Via};
use super::{Revision, query};
use crate::admission::Place;
use crate::backend::{Backend, DialError, Dialled, Handshake, Report};
use crate::clock;
use crate::door::Door;
use crate::life::Life;
use crate::pump::Parts;
use crate::session::{Limits, Message, Session};
use crate::token::random_id;
use crate::websocket::{Incoming, Role, Socket};

/// How long a client may be silent beyond what the backend allows it. The backend closes its session first, if it lives.
const SLACK: Duration = Duration::from_secs(5);

/// What belongs to a request or its connection, and not to a handshake in its place.
const LEFT_OUT: [HeaderName; 10] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::EXPECT,
    header::HOST,
    header::ORIGIN,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A session that a client wants.
pub(super) struct Wanted<'a> {
    client: IpAddr,
    origin: String,
    headers: &'a HeaderMap,
    query: query::Query<'a>,
    limits: Limits,
    open_timeout: Duration,
    service: &'a Service,
    whose: Whose,
    place: [&'a str; 2],
}

/// A session that is open, and what its client is told first.
pub(super) struct Opened {
    pub(super) packet: Message,
    /// The fields of the backend's 101.
    pub(super) headers: HeaderMap,
}

/// Why there is none.
pub(super) enum NotOpened {
    Busy,
    /// There is no answer of the backend's.
    Dial(Box<DialError>),
    /// The backend refuses, in words of the protocol or its own.
    Refused(Box<(Refusal, HeaderMap)>),
}

impl<'a> Wanted<'a> {
    pub(super) fn new<B>(
        headers: &'a HeaderMap,
        query: query::Query<'a>,
        origin: String,
        via: &Via<'a, B>,
    ) -> Self {
        Self {
            client: via.client,
            origin,
            headers,
            query,
            limits: via.policy.limits,
            open_timeout: via.policy.open_timeout,
            service: via.service,
            whose: Whose::of(headers),
            place: via.place(),
        }
    }

    /// Asks the backend, and lets the session live. Cancel-safe: the attempt is given up.
    pub(super) async fn open<B: Backend>(
        self,
        engine_io: &Arc<EngineIo>,
        backend: Option<B>,
    ) -> Result<Opened, NotOpened> {
        let now = clock::now();
        let place = engine_io.admission.admit(self.client, now);
        let place = place.map_err(|busy| {
            engine_io.metrics.busy(busy);
            NotOpened::Busy
        })?;
        let mut backend = backend.ok_or_else(NotOpened::unreachable)?;
        let asked = timeout(self.open_timeout, Box::pin(self.ask(&mut backend))).await;
        match asked.unwrap_or_else(|_| Err(NotOpened::Dial(Box::new(DialError::Timeout)))) {
            Ok((socket, headers, first)) => {
                self.begin(engine_io, backend, place, (socket, headers, first))
            }
            Err(error) => {
                engine_io.metrics.refused(error.name());
                Err(error)
            }
        }
    }

    /// The backend's WebSocket, the fields of its 101, and its first word.
    async fn ask<B: Backend>(
        &self,
        backend: &mut B,
    ) -> Result<(Socket<B::Stream>, HeaderMap, Message), NotOpened> {
        let handshake = Handshake {
            headers: self.forwarded(),
            protocols: Vec::new(),
        };
        let Dialled { stream, headers } = match backend.dial(handshake).await {
            Ok(dialled) => dialled,
            Err(DialError::Refused {
                status,
                headers,
                content,
            }) if status.is_client_error() => {
                return Err(NotOpened::refused(Refusal::of_backend(&content), headers));
            }
            Err(error) => return Err(NotOpened::Dial(Box::new(error))),
        };
        let mut socket = Socket::new(stream, Role::Client, self.limits.max_message);
        match first(&mut socket).await {
            Some(first) => Ok((socket, headers, first)),
            None => Err(NotOpened::unsupported(headers)),
        }
    }

    fn begin<B: Backend>(
        &self,
        engine_io: &Arc<EngineIo>,
        backend: B,
        place: Place,
        (socket, headers, first): (Socket<B::Stream>, HeaderMap, Message),
    ) -> Result<Opened, NotOpened> {
        let revision = self.query.revision;
        let unsupported = |headers| Err(NotOpened::unsupported(headers));
        let Ok(open) = Open::parse(revision, &first) else {
            return unsupported(headers);
        };
        let Ok(random) = random_id() else {
            return Err(NotOpened::unreachable());
        };
        // Clients of revision 3 show the id to their users.
        let (id, sid) = match revision {
            Revision::V3 => (engine_io.mint.name(&self.place, &open.sid), None),
            Revision::V4 => (random, Some(engine_io.mint.token(&random, &self.place))),
        };
        let upgrades: &[&str] = match self.service.websocket {
            true => &["websocket"],
            false => &[],
        };
        let changes = Changes {
            upgrades,
            max_payload: self.service.max_body as u64,
            sid: sid.as_deref(),
        };
        let Ok(packet) = open.rewritten(&changes) else {
            return unsupported(headers);
        };
        let settings = Settings {
            revision,
            takes: self.takes(),
            ping_timeout: open.ping_timeout,
        };
        let patience = open.ping_interval + open.ping_timeout + SLACK;
        let limits = Limits {
            resume: patience,
            unused: patience,
            // Each message is a packet.
            fragment: usize::MAX,
            ..self.limits
        };
        let about = Arc::new(About::new(revision, self.whose.clone(), &headers));
        let door = Arc::<Door<Request>>::default();
        let reachable = engine_io.doors.reach(id, door.clone(), about);
        let now = clock::now();
        let parts = Parts {
            socket,
            session: Session::new(limits.of_one(), now),
            dialect: Conversation::new(settings),
            door,
            place,
            max_message: limits.max_message,
            metrics: engine_io.metrics.clone(),
        };
        let life = Life::new(parts, backend, move |_: &Report| drop(reachable));
        tokio::spawn(life.live());
        Ok(Opened { packet, headers })
    }

    pub(super) fn takes(&self) -> Form {
        self.query.takes()
    }

    /// The client's own fields, all of them: applications read what they like.
    fn forwarded(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        let named: Vec<_> = headers
            .keys()
            .filter(|name| is_left_out(name))
            .cloned()
            .collect();
        for name in named {
            headers.remove(name);
        }
        if let (false, Ok(origin)) = (self.origin.is_empty(), self.origin.parse()) {
            headers.insert(header::ORIGIN, origin);
        }
        headers
    }
}

impl NotOpened {
    /// A backend that speaks no such revision says so after its 101, in its own way.
    fn unsupported(headers: HeaderMap) -> Self {
        Self::refused(Code::UnsupportedVersion.into(), headers)
    }

    fn refused(refusal: Refusal, headers: HeaderMap) -> Self {
        Self::Refused(Box::new((refusal, headers)))
    }

    fn unreachable() -> Self {
        Self::Dial(Box::new(DialError::Unreachable))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Dial(error) => error.name(),
            Self::Refused(_) => "refused",
        }
    }
}

fn is_left_out(name: &HeaderName) -> bool {
    let begins = |prefix| name.as_str().starts_with(prefix);
    LEFT_OUT.contains(name)
        || begins("content-")
        || begins("sec-websocket-")
        || matches!(
            name.as_str(),
            "keep-alive" | "proxy-connection" | "http2-settings"
        )
}

/// The first message, if that is what comes first.
async fn first<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>) -> Option<Message> {
    std::future::poll_fn(|cx| {
        loop {
            match socket.poll_read(cx) {
                Poll::Ready(Incoming::Control) => {}
                Poll::Ready(Incoming::Message(message)) => return Poll::Ready(Some(message)),
                Poll::Ready(_) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}
