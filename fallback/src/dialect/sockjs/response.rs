//! Responses as SockJS wants them: which may be cached, who may read them, and the cookie that balancers learn from.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::frame;
use super::transport::Receiving;
use crate::body::Body;
use crate::session::Close;

/// How long what never changes may be kept.
const YEAR: Duration = Duration::from_secs(31_536_000);

/// What must not be kept; the protocol's own words.
static NO_CACHE: HeaderValue =
    HeaderValue::from_static("no-store, no-cache, no-transform, must-revalidate, max-age=0");

pub(super) const TEXT: &str = "text/plain; charset=UTF-8";

/// The cookie that load balancers may go by.
const COOKIE: &str = "JSESSIONID";

/// A response without content.
pub(super) fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A response with content.
pub(super) fn typed(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Body::whole(body));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, content_type);
    response
}

/// Another method is for this.
pub(super) fn not_allowed(methods: &'static str) -> Response<Body> {
    let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
    set(&mut response, header::ALLOW, methods);
    response
}

/// A preflight's (the Fetch standard, §3.2.2).
pub(super) fn options(methods: &'static str, asked: &HeaderMap) -> Response<Body> {
    let mut response = bare(StatusCode::NO_CONTENT);
    let allow = header::ACCESS_CONTROL_ALLOW_METHODS;
    set(&mut response, allow, methods);
    let names = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    if let Some(names) = names.filter(|names| !names.is_empty()) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    let max_age = HeaderValue::from(YEAR.as_secs());
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, max_age);
    keep(&mut response);
    response
}

/// The page that sockjs-client loads into a frame where it may not ask another origin itself.
pub(super) fn iframe(client_url: &str, asked: &HeaderMap) -> Response<Body> {
    let page = format!(
        "<!DOCTYPE html>
<html>
<head>
  <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />
  <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />
  <script src=\"{client_url}\"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>
"
    );
    let hash = Sha256::digest(&page);
    let hash: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let known = asked.get(header::IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        bare(StatusCode::NOT_MODIFIED)
    } else {
        typed(StatusCode::OK, "text/html; charset=UTF-8", page)
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    keep(&mut response);
    response
}

/// A receiving transport's.
pub(super) fn receiving(transport: &Receiving, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    set(
        &mut response,
        header::CONTENT_TYPE,
        transport.content_type(),
    );
    if transport.streams() {
        // What nginx in front of us goes by.
        set(
            &mut response,
            HeaderName::from_static("x-accel-buffering"),
            "no",
        );
    }
    if matches!(transport, Receiving::Jsonp(_)) {
        set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    }
    response
}

/// A receiving transport's that tells the end of a session, and nothing else.
pub(super) fn closed(transport: &Receiving, close: &Close) -> Response<Body> {
    let last = transport.wrap(&frame::close(close));
    if !transport.streams() {
        return receiving(transport, Body::whole(last));
    }
    let (parts, body) = mpsc::channel(2);
    // There is room for both.
    let _ = parts.try_send(transport.prelude());
    let _ = parts.try_send(last);
    receiving(transport, Body::stream(body))
}

/// Keeps caches away.
pub(super) fn do_not_keep(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, NO_CACHE.clone());
}

/// Lets the page that asked read it.
pub(super) fn share(response: &mut Response<Body>, asked: &HeaderMap) {
    let headers = response.headers_mut();
    match asked.get(header::ORIGIN) {
        Some(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        }
        None => {
            let any = HeaderValue::from_static("*");
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        }
    }
}

/// Sets the cookie that balancers learn from, to what it was.
pub(super) fn set_cookie(response: &mut Response<Body>, asked: &HeaderMap) {
    let cookies = asked.get_all(header::COOKIE).into_iter();
    let known = cookies
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE);
    let value = known.map_or("dummy", |(_, value)| value);
    if let Ok(cookie) = HeaderValue::try_from(format!("{COOKIE}={value}; path=/")) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

fn keep(response: &mut Response<Body>) {
    set(response, header::CACHE_CONTROL, "public, max-age=31536000");
    let expires = httpdate::fmt_http_date(SystemTime::now() + YEAR);
    if let Ok(expires) = HeaderValue::try_from(expires) {
        response.headers_mut().insert(header::EXPIRES, expires);
    }
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &'static str) {
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
}
