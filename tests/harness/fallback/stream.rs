//! A poll's answer that has no end in sight (§7), read as it comes.

use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{Answer, Unreadable};
use crate::within;

/// A stream, and what has come of it.
#[derive(Debug)]
pub struct Stream {
    body: Incoming,
    bytes: Vec<u8>,
}

impl Stream {
    pub(super) fn new(response: Response<Incoming>) -> Self {
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            bytes: Vec::new(),
        }
    }

    /// Waits until this many bytes have come, and gives all that have.
    pub async fn bytes(&mut self, length: usize) -> &[u8] {
        while self.bytes.len() < length {
            assert!(self.more().await, "ended at {} bytes", self.bytes.len());
        }
        &self.bytes
    }

    /// Waits until this many numbered frames have come, and gives all that have, without padding.
    pub async fn frames(&mut self, count: usize) -> Answer {
        loop {
            match self.so_far() {
                Ok(answer) if answer.frames.len() >= count => return answer,
                Ok(_) | Err(Unreadable::Short) => {}
                // Not even its first bytes have come.
                Err(Unreadable::Foreign) if self.bytes.is_empty() => {}
                Err(wrong) => panic!("the proxy may not say this: {wrong:?}"),
            }
            assert!(self.more().await, "ended before frame {count}");
        }
    }

    /// Waits for the end, and gives all frames, without padding.
    pub async fn whole(mut self) -> Answer {
        while self.more().await {}
        self.so_far().unwrap_or_else(|wrong| {
            let tail = self.bytes.len().saturating_sub(64);
            panic!(
                "{wrong:?} after {} bytes: {:x?}",
                self.bytes.len(),
                &self.bytes[tail..]
            )
        })
    }

    fn so_far(&self) -> Result<Answer, Unreadable> {
        let mut answer = Answer::so_far(&self.bytes)?;
        answer
            .frames
            .retain(|frame| frame.kind != super::Kind::Padding);
        Ok(answer)
    }

    async fn more(&mut self) -> bool {
        while let Some(frame) = within("more of a stream", self.body.frame()).await {
            if let Ok(data) = frame.unwrap().into_data() {
                self.bytes.extend_from_slice(&data);
                return true;
            }
        }
        false
    }
}
