//! What pingora's errors mean to the client: which status, or none where there is nobody to answer.

use pingora::{Error, ErrorSource, ErrorType};

use crate::answer::Refusal;
use crate::gate::ChunkFault;

/// The answer to a request that failed with `error`; `None` if its client is gone.
pub(crate) fn refusal_for(error: &Error) -> Option<Refusal> {
    use ErrorType as E;
    match (error.esource(), error.etype()) {
        (_, E::ConnectTimedout | E::TLSHandshakeTimedout) => Some(Refusal::Timeout),
        (ErrorSource::Upstream, E::ReadTimedout | E::WriteTimedout) => Some(Refusal::Timeout),
        (_, E::ConnectRefused | E::ConnectNoRoute | E::ConnectError | E::ConnectProxyFailure) => {
            Some(Refusal::Unreachable)
        }
        (_, E::BindError | E::SocketError | E::TLSHandshakeFailure | E::InvalidCert) => {
            Some(Refusal::Unreachable)
        }
        (ErrorSource::Upstream, _) => Some(Refusal::BadAnswer),
        (ErrorSource::Downstream, E::InvalidHTTPHeader) => {
            Some(Refusal::Malformed("invalid header"))
        }
        (ErrorSource::Downstream, E::ReadError) if is_chunk_fault(error) => {
            Some(Refusal::Malformed("invalid chunked content"))
        }
        (ErrorSource::Downstream, E::ReadTimedout) => Some(Refusal::RequestTimeout),
        (ErrorSource::Downstream, _) => None,
        (ErrorSource::Internal | ErrorSource::Unset, _) => Some(Refusal::Internal),
    }
}

/// Whether the gate has found it, and has told pingora in a read's error.
fn is_chunk_fault(error: &Error) -> bool {
    let io = error.root_cause().downcast_ref::<std::io::Error>();
    let inner = io.and_then(std::io::Error::get_ref);
    inner.is_some_and(|inner| inner.is::<ChunkFault>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_gone_gets_no_answer() {
        let error = Error::new_down(ErrorType::ConnectionClosed);
        assert_eq!(refusal_for(&error), None);
    }

    #[test]
    fn the_backends_faults_are_told_apart() {
        assert_eq!(
            refusal_for(&Error::new_up(ErrorType::ConnectRefused)),
            Some(Refusal::Unreachable)
        );
        assert_eq!(
            refusal_for(&Error::new_up(ErrorType::ConnectTimedout)),
            Some(Refusal::Timeout)
        );
        assert_eq!(
            refusal_for(&Error::new_up(ErrorType::ReadTimedout)),
            Some(Refusal::Timeout)
        );
        assert_eq!(
            refusal_for(&Error::new_up(ErrorType::InvalidHTTPHeader)),
            Some(Refusal::BadAnswer)
        );
    }
}
