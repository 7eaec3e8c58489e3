//! The native fallback (fallback/PROTOCOL.md): WebSockets carried over plain HTTP requests.

mod codec;
