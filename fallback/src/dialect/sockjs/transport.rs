//! How frames travel to the client: each receiving transport's content type, what comes first, and how a frame is
//! wrapped.

use bytes::{BufMut, Bytes, BytesMut};

use super::escape::{event_data, json_string, script_string};

/// What old browsers want to see of a stream before they show anything, in bytes.
const PRELUDE: usize = 2048;

/// The least that an `htmlfile` begins with, in bytes.
const PAGE: usize = 1024;

/// A transport that brings frames to the client as an HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiving {
    /// One frame a response.
    Xhr,
    /// Frames as they come.
    XhrStreaming,
    /// The same, as server-sent events.
    EventSource,
    /// The same, as scripts in a page within the client's, which call the function of this name.
    HtmlFile(String),
    /// One frame a response, as a script that calls the function of this name.
    Jsonp(String),
}

impl Receiving {
    /// Whether a response carries more than one frame.
    #[must_use]
    pub fn streams(&self) -> bool {
        match self {
            Self::Xhr | Self::Jsonp(_) => false,
            Self::XhrStreaming | Self::EventSource | Self::HtmlFile(_) => true,
        }
    }

    /// The content type of its responses.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Xhr | Self::XhrStreaming | Self::Jsonp(_) => {
                "application/javascript; charset=UTF-8"
            }
            Self::EventSource => "text/event-stream",
            Self::HtmlFile(_) => "text/html; charset=UTF-8",
        }
    }

    /// What a response begins with.
    #[must_use]
    pub fn prelude(&self) -> Bytes {
        match self {
            Self::Xhr | Self::Jsonp(_) => Bytes::new(),
            Self::XhrStreaming => {
                let mut prelude = vec![b'h'; PRELUDE + 1];
                if let Some(last) = prelude.last_mut() {
                    *last = b'\n';
                }
                prelude.into()
            }
            Self::EventSource => Bytes::from_static(b"\r\n"),
            Self::HtmlFile(callback) => page(callback),
        }
    }

    /// A frame as it stands in the response.
    #[must_use]
    pub fn wrap(&self, frame: &[u8]) -> Bytes {
        let mut to = BytesMut::with_capacity(frame.len() + 32);
        match self {
            Self::Xhr | Self::XhrStreaming => {
                to.put_slice(frame);
                to.put_u8(b'\n');
            }
            Self::EventSource => {
                to.put_slice(b"data: ");
                event_data(&mut to, frame);
                to.put_slice(b"\r\n\r\n");
            }
            Self::HtmlFile(_) => {
                to.put_slice(b"<script>\np(");
                script_string(&mut to, frame);
                to.put_slice(b");\n</script>\r\n");
            }
            Self::Jsonp(callback) => {
                // The comment keeps the response from being taken for anything but a script.
                to.put_slice(b"/**/");
                to.put_slice(callback.as_bytes());
                to.put_u8(b'(');
                json_string(&mut to, frame);
                to.put_slice(b");\r\n");
            }
        }
        to.freeze()
    }
}

/// The head of a page that hands its messages to the page around it, padded until browsers run it.
fn page(callback: &str) -> Bytes {
    let mut page = format!(
        "<!doctype html>
<html><head>
  <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />
  <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.{callback};
    c.start();
    function p(d) {{c.message(d);}};
    window.onload = function() {{c.stop();}};
  </script>"
    );
    while page.len() < PAGE {
        page.push(' ');
    }
    page.push_str("\r\n\r\n");
    page.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn callback() -> String {
        "callback".to_owned()
    }

    #[test]
    fn each_transport_wraps_frames_in_its_own_way() {
        for (transport, expected) in [
            (Receiving::Xhr, "a[\"x\"]\n"),
            (Receiving::XhrStreaming, "a[\"x\"]\n"),
            (Receiving::EventSource, "data: a[\"x\"]\r\n\r\n"),
            (
                Receiving::HtmlFile(callback()),
                "<script>\np(\"a[\\\"x\\\"]\");\n</script>\r\n",
            ),
            (
                Receiving::Jsonp(callback()),
                "/**/callback(\"a[\\\"x\\\"]\");\r\n",
            ),
        ] {
            let wrapped = transport.wrap(b"a[\"x\"]");
            assert_eq!(wrapped, expected.as_bytes(), "{transport:?}");
        }
    }

    #[test]
    fn streams_begin_as_browsers_need_it() {
        let prelude = Receiving::XhrStreaming.prelude();
        assert_eq!(prelude.len(), 2049);
        assert!(prelude.starts_with(b"hhh") && prelude.ends_with(b"h\n"));
        assert_eq!(Receiving::EventSource.prelude(), &b"\r\n"[..]);
        let page = Receiving::HtmlFile(callback()).prelude();
        assert!(page.len() > 1024);
        let page = std::str::from_utf8(&page).unwrap();
        assert!(page.contains("var c = parent.callback;"), "{page}");
        assert!(Receiving::Xhr.prelude().is_empty());
    }
}
