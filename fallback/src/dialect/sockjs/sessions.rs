//! The requests of SockJS sessions: to receive, which may open one, and to send.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use tokio::sync::oneshot;

use super::conversation::Request;
use super::endpoint::{Endpoint, Transport};
use super::messages::{Malformed, Messages};
use super::opening::Wanted;
use super::query;
use super::response::{self, TEXT};
use super::service::{SockJs, Via, no_upgrade, unix_time};
use super::tombstones::Epitaph;
use super::transport::Receiving;
use crate::backend::Backend;
use crate::body::{Body, Reply};
use crate::clock::now;
use crate::door::{Call, Door};
use crate::pump::REQUESTS;
use crate::serve::TooLarge;
use crate::token::Id;

impl SockJs {
    /// Answers a request for a session.
    pub(super) async fn session<B: Backend>(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        asked: Asked<'_>,
        content: Result<Bytes, TooLarge>,
        via: Via<'_, B>,
    ) -> Response<Body> {
        let transport = match asked.transport {
            Transport::WebSocket => return no_upgrade(),
            Transport::XhrSend | Transport::JsonpSend => {
                return self.send(&asked, content).await;
            }
            Transport::Xhr => Receiving::Xhr,
            Transport::XhrStreaming => Receiving::XhrStreaming,
            Transport::EventSource => Receiving::EventSource,
            Transport::HtmlFile | Transport::Jsonp => match query::callback(via.query) {
                Ok(callback) if asked.transport == Transport::Jsonp => Receiving::Jsonp(callback),
                Ok(callback) => Receiving::HtmlFile(callback),
                Err(error) => return failed(&error.to_string()),
            },
        };
        match self.receive_from(&asked.id, &transport).await {
            Some(response) => response,
            // On the heap, since every other request would carry its size too.
            None => Box::pin(self.begin(endpoint, &asked, transport, via)).await,
        }
    }

    /// The first request of session `id`.
    async fn begin<B: Backend>(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        asked: &Asked<'_>,
        transport: Receiving,
        via: Via<'_, B>,
    ) -> Response<Body> {
        let ticket = endpoint.ticket.as_deref();
        let admits = |ticket| self.mint.admits(ticket, &via.service.base, unix_time());
        if !ticket.is_none_or(admits) {
            return response::bare(StatusCode::NOT_FOUND);
        }
        let Some(birth) = Birth::begin(self, asked.id) else {
            return response::closed(&transport, &super::frame::still_open());
        };
        // It may have been born since.
        if let Some(response) = self.receive_from(&asked.id, &transport).await {
            return response;
        }
        let wanted = Wanted::new(asked.headers, asked.origin, &via);
        let cookies = match wanted.open(self, via.backend).await {
            Ok(opened) => opened.live_as(asked.id),
            Err(refused) => {
                if let Some(close) = refused.close() {
                    // Within a page the client may ask again before the page around it has told it to stop.
                    self.tombstones.put(asked.id, Epitaph::Closed(close), now());
                }
                return refused.for_request(&transport);
            }
        };
        drop(birth);
        let response = self.receive_from(&asked.id, &transport).await;
        let mut response = response.unwrap_or_else(|| response::bare(StatusCode::BAD_GATEWAY));
        for cookie in cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// What session `id` has for its client; `None`: there is no such session, and there was none.
    async fn receive_from(&self, id: &Id, transport: &Receiving) -> Option<Response<Body>> {
        if let Some(door) = self.doors.find(id) {
            match self.ask(&door, Request::Receive(transport.clone())).await {
                Asking::Answered(reply) => {
                    return Some(response::receiving(transport, reply.body));
                }
                Asking::TooMany => return Some(response::bare(StatusCode::SERVICE_UNAVAILABLE)),
                Asking::Unanswered => {}
            }
            let epitaph = self.tombstones.find(id, now());
            return Some(Self::after(epitaph.unwrap_or(Epitaph::Lost), transport));
        }
        let epitaph = self.tombstones.find(id, now())?;
        Some(Self::after(epitaph, transport))
    }

    /// What a client is told that comes back for a session that is gone.
    fn after(epitaph: Epitaph, transport: &Receiving) -> Response<Body> {
        match epitaph {
            Epitaph::Closed(close) => response::closed(transport, &close),
            // A close frame would look like the end that somebody wanted.
            Epitaph::Lost => response::bare(StatusCode::NOT_FOUND),
        }
    }

    async fn send(&self, asked: &Asked<'_>, content: Result<Bytes, TooLarge>) -> Response<Body> {
        let Ok(content) = content else {
            return response::bare(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let is_jsonp = asked.transport == Transport::JsonpSend;
        let content = match is_jsonp && is_form(asked.headers) {
            true => form_data(&content).unwrap_or_default(),
            false => content,
        };
        let messages = match Messages::of_array(content) {
            Ok(messages) => messages,
            Err(error @ (Malformed::NoPayload | Malformed::NoJson)) => {
                return failed(&error.to_string());
            }
        };
        let Some(door) = self.doors.find(&asked.id) else {
            return response::bare(StatusCode::NOT_FOUND);
        };
        match self.ask(&door, Request::Send(messages)).await {
            Asking::Answered(reply) if reply.status == StatusCode::NO_CONTENT => match is_jsonp {
                true => response::typed(StatusCode::OK, TEXT, "ok"),
                // The protocol wants the type, though there is no content.
                false => response::typed(StatusCode::NO_CONTENT, TEXT, ""),
            },
            Asking::Answered(reply) => response::bare(reply.status),
            Asking::TooMany => response::bare(StatusCode::SERVICE_UNAVAILABLE),
            Asking::Unanswered => response::bare(StatusCode::NOT_FOUND),
        }
    }

    async fn ask(&self, door: &Arc<Door<Request>>, request: Request) -> Asking {
        let Some(presence) = door.enter(REQUESTS) else {
            return Asking::TooMany;
        };
        let (answer, answered) = oneshot::channel();
        door.call(Call::Request { request, answer });
        match answered.await {
            Ok(reply) => Asking::Answered(Reply {
                body: reply.body.with(presence),
                ..reply
            }),
            Err(_) => Asking::Unanswered,
        }
    }

    /// No code here can panic while it holds the lock.
    fn opening(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request for a session.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) id: Id,
    pub(super) transport: Transport,
    pub(super) headers: &'a HeaderMap,
    pub(super) origin: &'a str,
}

/// What came of asking a session.
enum Asking {
    Answered(Reply),
    /// Its client asks too much at once.
    TooMany,
    /// It ended, or has nothing that it could say.
    Unanswered,
}

/// A session that is being opened by one request.
struct Birth<'a> {
    sockjs: &'a SockJs,
    id: Id,
}

impl<'a> Birth<'a> {
    /// `None`: another request is at it.
    fn begin(sockjs: &'a SockJs, id: Id) -> Option<Self> {
        let first = sockjs.opening().insert(id);
        first.then_some(Self { sockjs, id })
    }
}

impl Drop for Birth<'_> {
    fn drop(&mut self) {
        self.sockjs.opening().remove(&self.id);
    }
}

fn failed(why: &str) -> Response<Body> {
    let why = Bytes::copy_from_slice(why.as_bytes());
    response::typed(StatusCode::INTERNAL_SERVER_ERROR, TEXT, why)
}

fn is_form(headers: &HeaderMap) -> bool {
    let form = b"application/x-www-form-urlencoded";
    let content_type = headers.get(header::CONTENT_TYPE);
    content_type.is_some_and(|content_type| {
        content_type
            .as_bytes()
            .get(..form.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(form))
    })
}

/// The field that carries the messages.
fn form_data(content: &[u8]) -> Option<Bytes> {
    let mut fields = form_urlencoded::parse(content);
    let (_, data) = fields.find(|(name, _)| name == "d")?;
    Some(data.into_owned().into())
}
