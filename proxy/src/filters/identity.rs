//! What has been found out of a client, for the backend: fields that nobody else may write.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use pingora::Result;

use crate::fields::Fields;

/// Fields to be removed and set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
}

impl Identity {
    /// This field is an authority's to write; what the client has said in it goes no further.
    pub(super) fn own(&mut self, name: HeaderName) {
        self.remove.push(name);
    }

    /// What the authority has written.
    pub(super) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.set.push((name, value));
    }

    /// And what another one says.
    pub(super) fn join(&mut self, other: Self) {
        self.remove.extend(other.remove);
        self.set.extend(other.set);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// Writes it all into a request for the backend.
    pub(crate) fn write(&self, request: &mut impl Fields) -> Result<()> {
        for name in &self.remove {
            request.remove(name);
        }
        for (name, value) in &self.set {
            let name = Bytes::copy_from_slice(name.as_str().as_bytes());
            request.add(name, value.clone())?;
        }
        Ok(())
    }
}
