//! The dialects that clients speak: each a codec and a table from its endpoints to the session core's operations.

pub mod towpath;
