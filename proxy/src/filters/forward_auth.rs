//! Asking another server whether a request may pass. It fails closed: without an answer nobody passes.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderName, StatusCode, header};
use pingora::connectors::http::Connector;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use tokio::time::timeout;
use towpath_conf::Config;

use super::{Identity, Verdict};
use crate::answer::{Refusal, Reply};
use crate::classify::hop_by_hop;
use crate::forwarded::Client;
use crate::traces::Trace;
use crate::upstream::{Group, PeerTimeouts, Tried, http_peer, reason};

/// What of a refusal's content is passed on.
const CONTENT: usize = 64 * 1024;

/// The server that is asked.
pub(crate) struct ForwardAuth {
    group: Arc<Group>,
    connector: Arc<Connector>,
    path: String,
    copy: Vec<HeaderName>,
    patience: Duration,
    timeouts: PeerTimeouts,
}

impl ForwardAuth {
    /// As the configuration says it; `group` is the running group of its upstream.
    pub(super) fn new(
        conf: &towpath_conf::ForwardAuth,
        config: &Config,
        group: Arc<Group>,
    ) -> Self {
        let patience = conf.timeout.get();
        let copy = conf.copy.iter();
        Self {
            connector: group.http(),
            group,
            path: conf.path.clone(),
            copy: copy.filter_map(|name| name.parse().ok()).collect(),
            patience,
            timeouts: PeerTimeouts {
                connect: config.timeouts.connect.get().min(patience),
                read: patience,
                write: patience,
                idle: config.upstream(&conf.upstream).keep_alive.get(),
            },
        }
    }

    /// What the server says of a request.
    pub(super) async fn judge(
        &self,
        request: &RequestHeader,
        client: &Client,
        trace: Option<&Trace>,
    ) -> Verdict {
        match timeout(self.patience, self.ask(request, client, trace)).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(error)) => self.nobody(&reason(&error)),
            Err(_) => self.nobody("no answer in time"),
        }
    }

    fn nobody(&self, reason: &str) -> Verdict {
        let upstream = self.group.name();
        tracing::warn!(upstream, reason, "nobody can say who may pass");
        Verdict::Refuse(Refusal::NoVerdict)
    }

    async fn ask(
        &self,
        request: &RequestHeader,
        client: &Client,
        trace: Option<&Trace>,
    ) -> Result<Verdict> {
        let peer = self.peer(request, client)?;
        let (mut session, _) = self.connector.get_http_session(&peer).await?;
        let mut question = Box::new(self.question(request, client)?);
        let mut traced = match trace {
            Some(trace) => trace.detach(&mut question)?,
            None => None,
        };
        if let Some(traced) = &mut traced {
            traced.asks(&question.method, question.uri.path());
        }
        session.write_request_header(question).await?;
        session.finish_request_body().await?;
        let response = read_final(&mut session).await?;
        if let Some(traced) = traced {
            let server = peer._address.as_inet().copied();
            let answer = server.map(|server| (server, response.status));
            traced.end(answer, self.group.transport().is_secure());
        }
        let verdict = match response.status {
            status if status.is_success() => {
                drain(&mut session).await?;
                Verdict::Pass(self.identity(&response))
            }
            status if status.is_server_error() => {
                let status = ErrorType::HTTPStatus(status.as_u16());
                return Error::e_explain(status, "the answer was an error");
            }
            _ => Verdict::Answer(Refusal::Denied, reply(&mut session, &response).await?),
        };
        let idle = Some(self.timeouts.idle);
        self.connector
            .release_http_session(session, &peer, idle)
            .await;
        Ok(verdict)
    }

    fn peer(&self, request: &RequestHeader, client: &Client) -> Result<HttpPeer> {
        let query = request.uri.query().unwrap_or_default();
        let hash = towpath_conf::HashOn::default();
        let key = self
            .group
            .key(&hash, client.address, &request.headers, query);
        let lease = self.group.choose(&key, &Tried::default());
        let lease = lease.map_err(|e| Error::because(ErrorType::ConnectError, "no server", e))?;
        let of = client.addresses;
        Ok(http_peer(&self.group, &lease, of, &self.timeouts))
    }

    /// What is asked: the request's own fields without content, and what it was.
    fn question(&self, request: &RequestHeader, client: &Client) -> Result<RequestHeader> {
        let fields = Some(request.headers.len() + 6);
        let mut question = RequestHeader::build("GET", self.path.as_bytes(), fields)?;
        let own = hop_by_hop(&request.headers);
        for (name, value) in &request.headers {
            let is_ours = own.contains(name) || name.as_str().starts_with("sec-websocket-");
            let of_content = name.as_str().starts_with("content-") || *name == header::EXPECT;
            if !is_ours && !of_content {
                question.append_header(name, value)?;
            }
        }
        client.write(&mut question)?;
        question.insert_header("X-Forwarded-Method", request.method.as_str())?;
        question.insert_header("X-Forwarded-Uri", request.raw_path())?;
        Ok(question)
    }

    /// What the server has written of the client.
    fn identity(&self, response: &ResponseHeader) -> Identity {
        let mut identity = Identity::default();
        for name in &self.copy {
            identity.own(name.clone());
            for value in response.headers.get_all(name) {
                identity.set(name.clone(), value.clone());
            }
        }
        identity
    }
}

async fn read_final(session: &mut HttpSession) -> Result<ResponseHeader> {
    loop {
        session.read_response_header().await?;
        match session.response_header() {
            Some(response) if response.status == StatusCode::SWITCHING_PROTOCOLS => {
                return Error::e_explain(ErrorType::InvalidHTTPHeader, "101 to a question");
            }
            Some(response) if !response.status.is_informational() => return Ok(response.clone()),
            _ => {}
        }
    }
}

/// Content of an answer that says yes is of no interest, but in the way of the connection's next use.
async fn drain(session: &mut HttpSession) -> Result<()> {
    let mut left = CONTENT;
    while let Some(piece) = session.read_response_body().await? {
        left = left.checked_sub(piece.len()).ok_or_else(|| {
            Error::explain(ErrorType::InvalidHTTPHeader, "the answer is too large")
        })?;
    }
    Ok(())
}

/// The answer as the client gets it.
async fn reply(session: &mut HttpSession, response: &ResponseHeader) -> Result<Reply> {
    let mut content = BytesMut::new();
    while let Some(piece) = session.read_response_body().await? {
        let room = CONTENT.saturating_sub(content.len());
        content.extend_from_slice(piece.get(..room).unwrap_or(&piece));
    }
    let mut reply = Reply::bare(response.status, content.freeze());
    let own = hop_by_hop(&response.headers);
    for (name, value) in &response.headers {
        if !own.contains(name) && *name != header::CONTENT_LENGTH {
            reply = reply.with_value(name.clone(), value.clone());
        }
    }
    Ok(reply)
}

impl std::fmt::Debug for ForwardAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForwardAuth")
            .field("group", &self.group)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
