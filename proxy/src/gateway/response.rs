//! What becomes of a backend's response on its way to the client.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, Version, header};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::compression::ResponseCompression;
use pingora::protocols::http::ServerSession;
use pingora::proxy::Session;
use towpath_conf::Scheme;

use crate::classify::remove_hop_by_hop;
use crate::fields::Fields;
use crate::forwarded::Client;
use crate::snapshot::Route;
use crate::upstream::Lease;

/// Makes a backend's response ready for the client: what belongs to the backend's hop goes, the route's changes come.
/// `framing` is the Transfer-Encoding that our hop shall have, which pingora reads to frame what it writes.
pub(crate) fn prepare_response(
    session: &mut ServerSession,
    response: &mut ResponseHeader,
    framing: Option<HeaderValue>,
    route: &Route,
    client: &Client,
    lease: Option<&Lease>,
) -> Result<()> {
    let status = response.status;
    change_response(session.req_header(), status, response, route, client, lease)?;
    match framing {
        // A client of HTTP/1.0 knows no chunks (RFC 9112 §6.1): the connection's end is the content's end.
        Some(_) if session.req_header().version == Version::HTTP_10 => session.set_keepalive(None),
        Some(framing) => response.insert_header(header::TRANSFER_ENCODING, framing)?,
        None => {}
    }
    Ok(())
}

/// The same for a response to `request` that has no framing of its own.
pub(crate) fn change_response(
    request: &RequestHeader,
    status: StatusCode,
    response: &mut impl Fields,
    route: &Route,
    client: &Client,
    lease: Option<&Lease>,
) -> Result<()> {
    // RFC 9110 §15.5.22: a 426 says what to upgrade to.
    let says_how = status == StatusCode::UPGRADE_REQUIRED;
    let protocols = response.values_of(header::UPGRADE).next();
    let protocols = protocols.filter(|_| says_how).map(HeaderValue::from_bytes);
    remove_hop_by_hop(response);
    if let Some(Ok(protocols)) = protocols {
        response.set(Bytes::from_static(b"Upgrade"), protocols)?;
    }
    let secure = client.scheme_of(request) == Scheme::Https;
    if let Some(cookie) = lease.and_then(|it| route.group.tell(it, &request.headers, secure)) {
        response.add(Bytes::from_static(b"Set-Cookie"), cookie)?;
    }
    route.response_headers.apply(response)
}

/// A stream of events must not wait until there is enough of it.
pub(super) fn may_be_compressed(response: &ResponseHeader) -> bool {
    let media_type = response.headers.get(header::CONTENT_TYPE);
    media_type.is_none_or(|it| !it.as_bytes().starts_with(b"text/event-stream"))
}

pub(super) fn leave_uncompressed(session: &mut Session) {
    let modules = &mut session.downstream_modules_ctx;
    if let Some(compression) = modules.get_mut::<ResponseCompression>() {
        compression.adjust_level(0);
    }
}
