//! Whoever sends requests to the fallback: pingora's session, or the gate's own connection. The fallback's requests are
//! told apart, read and answered alike, whichever of the two has brought them.

use http::{Request, Response, header};
use pingora::Result;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use towpath_fallback::Body;

use super::content::{self, Content, ReadError};
use crate::answer::Refusal;
use crate::changes::Changes;
use crate::gateway::{Exchange, refuse};
use crate::shared::Shared;

/// A request, and the way back to its client.
pub(crate) trait Requester: Send {
    /// The request's head.
    fn head(&self) -> &RequestHeader;

    /// The request as the fallback gets it.
    fn request(&mut self, content: Content) -> Request<Content>;

    /// Forgets what nobody needs of the head any more.
    fn let_go(&mut self) {}

    /// Reads the request's content, up to `most` bytes; `None`: it did not come in time, which was answered.
    fn content(
        &mut self,
        exchange: &mut Exchange,
        shared: &Shared,
        most: usize,
    ) -> impl Future<Output = Result<Option<Content>>> + Send;

    /// What the request is answered, unless its client leaves first, as it may while its poll is held. Futures are pinned
    /// where they are made: each that they were moved through would have room for them.
    fn unless_gone<T: Send>(
        &mut self,
        answered: impl Future<Output = T> + Send + Unpin,
    ) -> impl Future<Output = Result<Option<T>>> + Send;

    /// Writes a response and waits until the client has it, or is gone.
    fn answer(
        &mut self,
        response: Response<Body>,
        changes: Option<&Changes>,
    ) -> impl Future<Output = Result<()>> + Send;
}

impl Requester for Session {
    fn head(&self) -> &RequestHeader {
        self.req_header()
    }

    fn request(&mut self, content: Content) -> Request<Content> {
        let head = self.req_header();
        let mut request = Request::new(content);
        *request.method_mut() = head.method.clone();
        *request.headers_mut() = head.headers.clone();
        request
    }

    async fn content(
        &mut self,
        exchange: &mut Exchange,
        shared: &Shared,
        most: usize,
    ) -> Result<Option<Content>> {
        let snapshot = shared.snapshot();
        let timeouts = &snapshot.config.timeouts;
        self.set_write_timeout(Some(timeouts.write.get()));
        if self.req_header().headers.contains_key(header::EXPECT) {
            // RFC 9110 §10.1.1: the client waits for it before it sends the content.
            let told = self.downstream_session.write_continue_response().await;
            told.map_err(|e| e.into_down())?;
        }
        match content::read(self, most, timeouts.read.get()).await {
            Ok(content) => Ok(Some(content)),
            Err(ReadError::TooSlow) => {
                self.set_keepalive(None);
                refuse(self, exchange, Refusal::RequestTimeout).await?;
                Ok(None)
            }
            Err(ReadError::Broken(error)) => Err(error.into_down()),
        }
    }

    async fn unless_gone<T: Send>(
        &mut self,
        answered: impl Future<Output = T> + Send + Unpin,
    ) -> Result<Option<T>> {
        tokio::select! {
            // First, since of content that is too large the rest may lie there, and look as if the client went on.
            biased;
            answer = answered => Ok(Some(answer)),
            gone = self.downstream_session.read_body_or_idle(true) => {
                gone.map(|_| None).map_err(|e| e.into_down())
            }
        }
    }

    async fn answer(&mut self, response: Response<Body>, changes: Option<&Changes>) -> Result<()> {
        content::write(self, response, changes).await
    }
}
