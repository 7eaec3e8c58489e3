//! A client's WebSocket that is welcome, between the word for it and the connection.

use http::HeaderValue;

use crate::connection::BoxedConnection;

/// A WebSocket that may be answered with 101, until the client's connection is handed over.
#[must_use]
pub struct Accepted {
    /// Set-Cookie fields that belong on the 101.
    pub cookies: Vec<HeaderValue>,
    start: Box<dyn FnOnce(BoxedConnection) + Send>,
}

impl Accepted {
    pub(crate) fn new(
        cookies: Vec<HeaderValue>,
        start: Box<dyn FnOnce(BoxedConnection) + Send>,
    ) -> Self {
        Self { cookies, start }
    }

    /// Carries the session over the client's connection, on which 101 was answered.
    pub fn carry(self, connection: BoxedConnection) {
        (self.start)(connection);
    }
}
