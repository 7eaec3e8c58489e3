//! The framing of chunked content (RFC 9112 §7.1), followed byte for byte before pingora's parser sees it, without
//! sockets. pingora takes an empty size for zero and lets control bytes pass in extensions; where two readers could
//! disagree on where content ends, the second one finds a request in it, so here that is a fault.

use thiserror::Error;

/// A size with its extensions, or a line of a trailer. Nobody honest comes near.
const MAX_LINE: usize = 1024;
/// All lines of a trailer.
const MAX_TRAILER: usize = 8 * 1024;
/// Hexadecimal digits of a size, so that it cannot overflow.
const MAX_DIGITS: usize = 15;

/// What was read is no chunked content.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("invalid chunked content")]
pub(crate) struct ChunkFault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Within the digits of a size.
    Size {
        value: u64,
        digits: usize,
    },
    /// After them.
    Extension {
        value: u64,
    },
    /// At the line feed that ends a size.
    SizeEnd {
        value: u64,
    },
    /// Within data, of which so much is left.
    Data(u64),
    /// At the carriage return after data.
    DataReturn,
    /// At the line feed after data.
    DataEnd,
    /// At the beginning of a trailer's line, or of the empty line that ends the content.
    TrailerStart,
    /// Within a trailer's name.
    TrailerName,
    /// Within its value.
    TrailerValue,
    /// At the line feed that ends it.
    TrailerEnd,
    /// At the very last line feed.
    LastFeed,
    Done,
}

/// Follows chunked content to its end.
#[derive(Debug)]
pub(super) struct ChunkScanner {
    state: State,
    /// Bytes of the current line.
    line: usize,
    /// Bytes of all trailer lines.
    trailer: usize,
}

impl ChunkScanner {
    pub(super) fn new() -> Self {
        Self {
            state: State::Size {
                value: 0,
                digits: 0,
            },
            line: 0,
            trailer: 0,
        }
    }

    /// Whether the content has ended.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How many of the next bytes belong to the content: all of them, unless it ends before.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<usize, ChunkFault> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).filter(|_| !self.is_done()) {
            if let State::Data(left) = self.state {
                let here = usize::try_from(left).unwrap_or(usize::MAX);
                let here = here.min(bytes.len() - at);
                at += here;
                let left = left - here as u64;
                self.state = match left {
                    0 => State::DataReturn,
                    left => State::Data(left),
                };
                continue;
            }
            self.state = self.after(*byte)?;
            at += 1;
        }
        Ok(at)
    }

    /// The state after a byte that is no data.
    fn after(&mut self, byte: u8) -> Result<State, ChunkFault> {
        self.line += 1;
        if self.line > MAX_LINE {
            return Err(ChunkFault);
        }
        Ok(match (self.state, byte) {
            (State::Size { value, digits }, byte) if byte.is_ascii_hexdigit() => {
                if digits == MAX_DIGITS {
                    return Err(ChunkFault);
                }
                State::Size {
                    value: value << 4 | u64::from(digit(byte)),
                    digits: digits + 1,
                }
            }
            (State::Size { digits: 0, .. }, _) => return Err(ChunkFault),
            (State::Size { value, .. } | State::Extension { value }, b'\r') => {
                State::SizeEnd { value }
            }
            (State::Size { value, .. }, b';' | b' ' | b'\t') => State::Extension { value },
            (State::Extension { value }, byte) if is_extension(byte) => State::Extension { value },
            (State::SizeEnd { value: 0 }, b'\n') => self.begin_line(State::TrailerStart),
            (State::SizeEnd { value }, b'\n') => State::Data(value),
            (State::DataReturn, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => self.begin_line(State::Size {
                value: 0,
                digits: 0,
            }),
            (State::TrailerStart, b'\r') => State::LastFeed,
            (State::TrailerStart | State::TrailerName, byte) if is_token(byte) => {
                State::TrailerName
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerValue, b'\r') => State::TrailerEnd,
            (State::TrailerValue, byte) if is_value(byte) => State::TrailerValue,
            (State::TrailerEnd, b'\n') => {
                self.trailer += self.line;
                if self.trailer > MAX_TRAILER {
                    return Err(ChunkFault);
                }
                self.begin_line(State::TrailerStart)
            }
            (State::LastFeed, b'\n') => State::Done,
            _ => return Err(ChunkFault),
        })
    }

    fn begin_line(&mut self, state: State) -> State {
        self.line = 0;
        state
    }
}

fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Names and values of extensions. Quoted values are legal, but readers disagree on what ends a line within them, and
/// nobody uses extensions.
fn is_extension(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b';' | b'=' | b' ' | b'\t')
}

/// RFC 9110 §5.5.
fn is_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scan(content: &str) -> Result<usize, ChunkFault> {
        ChunkScanner::new().scan(content.as_bytes())
    }

    #[test]
    fn content_ends_with_its_last_chunk_and_trailer() {
        for content in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "00a\r\n\r\n0\r\n\r\nGET\r\n000\r\n\r\n",
            "5;name=value ; other\r\nhello\r\n0;last\r\n\r\n",
            "5\r\nhello\r\n0\r\nDigest: a\tb \u{e9}\r\nEmpty:\r\n\r\n",
        ] {
            let followed = format!("{content}GET / HTTP/1.1\r\n");
            assert_eq!(scan(&followed), Ok(content.len()), "{content:?}");
        }
    }

    #[test]
    fn single_bytes_give_the_same() {
        let content = b"b\r\nhello world\r\n0;x\r\nA: b\r\n\r\n";
        let mut scanner = ChunkScanner::new();
        for byte in content {
            assert!(!scanner.is_done());
            assert_eq!(scanner.scan(&[*byte]), Ok(1));
        }
        assert!(scanner.is_done());
        assert_eq!(scanner.scan(b"GET"), Ok(0));
    }

    #[test]
    fn what_readers_disagree_on_is_a_fault() {
        for content in [
            "\r\nhello",
            "\n",
            ";a\r\n",
            "5\nhello",
            "5;a\nhello",
            "5;a\n\r\nhello",
            "5;a=\"x\r\ny\"\r\n",
            "5;a=\"b\"\r\n",
            "5;a\rb\r\n",
            "5;a\0b\r\n",
            "5 \0\r\n",
            "-5\r\n",
            "+5\r\n",
            "0x5\r\n",
            " 5\r\n",
            "5\r\nhello\n",
            "5\r\nhello0\r\n",
            "5\r\nhello\r0",
            "1000000000000000\r\n",
            "ffffffffffffffff5\r\n",
            "0\n",
            "0\r\n\n",
            "0\r\n\r0",
            "0\r\nX: y\n",
            "0\r\nX: a\0\r\n",
            "0\r\n folded\r\n",
            "0\r\n: nameless\r\n",
            "0\r\nGET / HTTP/1.1\r\n",
        ] {
            assert_eq!(scan(content), Err(ChunkFault), "{content:?}");
        }
    }

    #[test]
    fn lines_are_bounded() {
        let long = "a".repeat(MAX_LINE);
        for content in [
            format!("5;{long}"),
            format!("0\r\nX: {long}"),
            format!("0\r\n{}", "X: y\r\n".repeat(MAX_TRAILER / 6 + 1)),
        ] {
            assert_eq!(scan(&content), Err(ChunkFault));
        }
    }
}
