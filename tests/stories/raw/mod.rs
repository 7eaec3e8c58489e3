//! What a hostile client or a broken backend sends, byte for byte, and the only acceptable outcome.
//! The letters are those of the checklist in tests/README.md: A for handshake and smuggling, C for frames,
//! E for resources. The witness is always the backend: what it was sent, and what it was not.

mod backend_faults;
mod client_faults;
mod early_bytes;
mod exposure;
mod framing;
mod identity;
mod limits;
mod resets;
mod targets;

use harness::{RawBackend, Towpath};

/// A raw backend with Towpath in front of it.
async fn in_front_of_raw() -> (RawBackend, Towpath) {
    let backend = RawBackend::start().await;
    let towpath = Towpath::start(&format!("routes: [{{ upstream: {} }}]", backend.address())).await;
    (backend, towpath)
}
