//! A response's content. As long as it lives, its request counts as under way: whoever writes it to the client drops it
//! once the client has it, or is gone.

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::mpsc;

use crate::presence::Guard;

/// What a response carries.
#[derive(Debug)]
pub struct Body {
    content: Content,
    presence: Option<Guard>,
}

/// What a session answers to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Body,
}

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl Body {
    /// Content that is here.
    #[must_use]
    pub fn whole(content: impl Into<Bytes>) -> Self {
        Self {
            content: Content::Whole(Some(content.into())),
            presence: None,
        }
    }

    /// None.
    #[must_use]
    pub fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    /// Content that comes part by part.
    #[must_use]
    pub fn stream(parts: mpsc::Receiver<Bytes>) -> Self {
        Self {
            content: Content::Stream(parts),
            presence: None,
        }
    }

    /// Ties a request's life to this.
    pub(crate) fn with(mut self, presence: Guard) -> Self {
        self.presence = Some(presence);
        self
    }

    /// How many bytes there are; `None` if that is not known before the end.
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        match &self.content {
            Content::Whole(content) => Some(content.as_ref().map_or(0, Bytes::len)),
            Content::Stream(_) => None,
        }
    }

    /// The next part; `None` after the last. Cancel-safe.
    pub async fn next(&mut self) -> Option<Bytes> {
        match &mut self.content {
            Content::Whole(content) => content.take(),
            Content::Stream(parts) => {
                let part = parts.recv().await;
                if let Some(presence) = &self.presence {
                    // There is room for another part.
                    presence.wake();
                }
                part
            }
        }
    }
}
