//! The 101 of a WebSocket that the proxy itself speaks.

use http::{HeaderName, HeaderValue, header};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use crate::changes::Changes;
use crate::tunnel::handshake;
use crate::tunnel::upgrade::switch;

/// Answers a valid handshake with 101, these fields and these changes.
pub(super) async fn accept<'f>(
    session: &mut Session,
    fields: impl IntoIterator<Item = (HeaderName, &'f HeaderValue)>,
    changes: Option<&Changes>,
) -> Result<()> {
    let key = session.req_header().headers.get(header::SEC_WEBSOCKET_KEY);
    let accept = handshake::accept(key.map_or(&[], |key| key.as_bytes().trim_ascii()));
    let mut response = ResponseHeader::build(101, Some(4))?;
    for (name, value) in fields {
        response.append_header(name, value)?;
    }
    if let Some(changes) = changes {
        changes.apply(&mut response)?;
    }
    response.insert_header("Sec-WebSocket-Accept", accept)?;
    switch(&mut session.downstream_session, response).await
}
