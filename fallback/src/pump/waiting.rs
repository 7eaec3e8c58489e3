//! A session's requests that are not answered yet, or not to the end, each with its key and with the way back to its
//! client.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::body::{Body, Reply};
use crate::dialect::{Answer, Key, Part};

/// Requests of a session that may be under way at once.
pub(crate) const REQUESTS: usize = 3;

/// Parts of a stream that wait to be written; there is one more place, which is for the stream's end.
const PARTS: usize = 2;

/// The requests. One whose client has left keeps its place until that is noticed, so there is one more than may be
/// under way.
#[derive(Debug, Default)]
pub(super) struct Waiting([Option<Request>; REQUESTS + 1]);

#[derive(Debug)]
enum Request {
    Whole(oneshot::Sender<Reply>),
    Stream(mpsc::Sender<Bytes>),
}

impl Waiting {
    /// A key that no request has; `None` if all have one.
    pub(super) fn free(&self) -> Option<Key> {
        self.0.iter().position(Option::is_none)
    }

    /// Gives a key to the request that is answered to `answer`.
    pub(super) fn put(&mut self, key: Key, answer: oneshot::Sender<Reply>) {
        if let Some(place) = self.0.get_mut(key) {
            *place = Some(Request::Whole(answer));
        }
    }

    /// Whether a stream takes another part.
    pub(super) fn has_room(&self, key: Key) -> bool {
        match self.0.get(key) {
            Some(Some(Request::Stream(parts))) => parts.capacity() > 1,
            _ => false,
        }
    }

    /// Hands over an answer, or a part of one. A client that is gone by now is noticed by its absence.
    pub(super) fn answer(&mut self, answer: Answer) {
        let Some(place) = self.0.get_mut(answer.key) else {
            return;
        };
        let Answer {
            status,
            content_type,
            content,
            ..
        } = answer;
        *place = match (place.take(), answer.part) {
            (None, _) | (Some(_), Part::Cut) => None,
            (Some(Request::Whole(sender)), Part::Begin) => {
                let (parts, receiver) = mpsc::channel(PARTS + 1);
                let _ = parts.try_send(content);
                let body = Body::stream(receiver);
                let _ = sender.send(Reply {
                    status,
                    content_type,
                    body,
                });
                Some(Request::Stream(parts))
            }
            (Some(Request::Whole(sender)), _) => {
                let body = Body::whole(content);
                let _ = sender.send(Reply {
                    status,
                    content_type,
                    body,
                });
                None
            }
            (Some(Request::Stream(parts)), part) => {
                // Nothing would look like the end of the content.
                if !content.is_empty() {
                    let _ = parts.try_send(content);
                }
                (part == Part::More).then_some(Request::Stream(parts))
            }
        };
    }

    /// Forgets the requests whose clients have left; `forget` is told of each.
    pub(super) fn forget_abandoned(&mut self, mut forget: impl FnMut(Key)) {
        for (key, place) in self.0.iter_mut().enumerate() {
            if place.take_if(|request| request.is_abandoned()).is_some() {
                forget(key);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl Request {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Whole(sender) => sender.is_closed(),
            Self::Stream(parts) => parts.is_closed(),
        }
    }
}
