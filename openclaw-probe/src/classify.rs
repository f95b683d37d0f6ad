//! Library errors to faults: the only file that names the errors of hyper, tungstenite and rustls.
//!
//! Every error ends as exactly one [`Code`]; the table of what was tried is in `FAULTS.md`, written by the test that
//! tries it.

use std::error::Error;
use std::io::{self, ErrorKind};

use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::budget::Allowance;
use crate::codes::Code;
use crate::mask::Mask;
use crate::report::Fault;
use crate::rung::Rung;

/// The peer sent more than the connection admits.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the peer sent more than is read")]
pub(crate) struct TooMuch;

impl TooMuch {
    /// Whether this is what ended a connection.
    pub(crate) fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// The body went past the limit.
pub(crate) fn too_large() -> Fault {
    Fault::new(Code::BodyTooLarge, format!("over {BODY_LIMIT} bytes; stopped reading"))
}

/// The head went past the limit.
pub(crate) fn header_too_large() -> Fault {
    Fault::new(Code::HeaderTooLarge, format!("over {HEAD_LIMIT} bytes or 100 fields"))
}

/// No head of a gateway's answer comes near this. Trailers have the same limit.
pub(crate) const HEAD_LIMIT: usize = 32 * 1024;

/// No body of a gateway's answer comes near this.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

/// What a rung's timeout means.
pub(crate) fn timeout(rung: Rung, allowance: Allowance) -> Fault {
    let code = match rung {
        Rung::Resolve => Code::NameLookupTimeout,
        Rung::Tcp => Code::ConnectTimeout,
        Rung::Tls => Code::TlsTimeout,
        Rung::Liveness | Rung::Startup | Rung::Readiness => Code::HttpTimeout,
        Rung::Upgrade => Code::UpgradeTimeout,
        Rung::Challenge => Code::ChallengeTimeout,
        Rung::Hello | Rung::Scope => Code::HelloTimeout,
    };
    let limit = if allowance.limited_by_total { "what was left of the total" } else { "the rung's cap" };
    Fault::new(code, format!("no answer within {} ms ({limit})", allowance.time.as_millis()))
}

/// A failed name lookup. The standard library gives no stable kind for "no such name", so anything that is not a
/// timeout counts as not found; the resolver's words are in the detail.
pub(crate) fn lookup(error: &io::Error) -> Fault {
    let code = if error.kind() == ErrorKind::TimedOut { Code::NameLookupTimeout } else { Code::NameNotFound };
    Fault::new(code, words(error))
}

/// Any error below or inside HTTP: the first cause in its chain that is known decides.
pub(crate) fn error(error: &(dyn Error + 'static)) -> Fault {
    let mut outer: Option<Fault> = None;
    for cause in causes(error) {
        if let Some(fault) = known(cause) {
            // An I/O error under an HTTP error is the more exact one.
            if outer.is_none() || cause.is::<io::Error>() {
                outer = Some(fault);
            }
        }
    }
    outer.unwrap_or_else(|| Fault::new(Code::NetworkFailure, chain(error)))
}

/// A failure after the head of an HTTP answer arrived.
pub(crate) fn body(error: &hyper::Error) -> Fault {
    if causes(error).filter_map(|cause| cause.downcast_ref()).any(TooMuch::is) {
        too_large()
    } else {
        Fault::new(Code::AnswerTruncated, chain(error))
    }
}

fn known(error: &(dyn Error + 'static)) -> Option<Fault> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        #[cfg(feature = "__tls")]
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(rustls_error(inner, &Mask::default()));
        }
        return io_error(error);
    }
    let error = error.downcast_ref::<hyper::Error>()?;
    // To a client hyper tells a head that is too large from another that is not HTTP only by its words.
    let code = if error.is_parse() && error.to_string().contains("too large") {
        return Some(header_too_large());
    } else if error.is_parse() {
        Code::NotHttp
    } else if error.is_incomplete_message() {
        Code::ClosedWithoutAnswer
    } else {
        return None;
    };
    Some(Fault::new(code, chain(error)))
}

/// EPROTOTYPE. XNU answers with it where a write meets a connection that the peer is just taking down.
const TAKEN_DOWN: i32 = if cfg!(target_vendor = "apple") { 41 } else { 91 };

fn io_error(error: &io::Error) -> Option<Fault> {
    if TooMuch::is(error) {
        return Some(header_too_large());
    }
    if cfg!(unix) && error.raw_os_error() == Some(TAKEN_DOWN) {
        return Some(Fault::new(Code::ConnectionReset, words(error)));
    }
    let code = match error.kind() {
        ErrorKind::ConnectionRefused => Code::ConnectionRefused,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected => Code::ConnectionReset,
        ErrorKind::UnexpectedEof => Code::ClosedWithoutAnswer,
        ErrorKind::TimedOut => Code::ConnectTimeout,
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::AddrNotAvailable
        | ErrorKind::NetworkDown => Code::HostUnreachable,
        // A wrapper of another error, whose turn comes next.
        ErrorKind::Other | ErrorKind::InvalidData => return None,
        _ => Code::NetworkFailure,
    };
    Some(Fault::new(code, words(error)))
}

/// A failed TLS handshake.
#[cfg(feature = "__tls")]
pub(crate) fn tls(error: &io::Error, mask: &Mask) -> Fault {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return rustls_error(inner, mask);
    }
    let code = match error.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe => Code::TlsClosed,
        _ => Code::NetworkFailure,
    };
    Fault::new(code, words(error))
}

#[cfg(feature = "__tls")]
fn rustls_error(error: &rustls::Error, mask: &Mask) -> Fault {
    use rustls::{CertificateError as Certificate, Error};
    let code = match error {
        Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            Code::CertificateExpired
        }
        Error::InvalidCertificate(Certificate::NotValidYet | Certificate::NotValidYetContext { .. }) => {
            Code::CertificateNotYetValid
        }
        Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => Code::CertificateNameMismatch,
        Error::InvalidCertificate(Certificate::UnknownIssuer) => Code::CertificateUnknownIssuer,
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented => Code::CertificateInvalid,
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => Code::TlsNotSpoken,
        _ => Code::TlsRefused,
    };
    Fault::new(code, mask.line(&error.to_string(), 200))
}

/// A request that cannot be written.
pub(crate) fn unaskable(error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::UpgradeInvalid, words(error))
}

/// A failure on the open WebSocket.
pub(crate) fn frame(error: &tungstenite::Error) -> Fault {
    use tungstenite::Error as Ws;
    let code = match error {
        Ws::Capacity(CapacityError::MessageTooLong { .. }) => Code::FrameTooLarge,
        Ws::Io(error) if TooMuch::is(error) => Code::FrameTooLarge,
        Ws::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Ws::ConnectionClosed
        | Ws::AlreadyClosed
        | Ws::Io(_) => Code::ConnectionLost,
        _ => Code::FrameInvalid,
    };
    Fault::new(code, words(error))
}

/// What the gateway's close codes mean before a session (OpenClaw 2026.9.6 observed behaviour).
pub const CLOSE_CODES: &[(u16, Code)] = &[
    (1000, Code::ClosedNormally),
    (1002, Code::ClosedProtocol),
    (1006, Code::ConnectionLost),
    (1008, Code::ClosedPolicy),
    (1009, Code::ClosedTooLarge),
    (1011, Code::ClosedInternal),
    (1012, Code::ClosedRestart),
    (1013, Code::ClosedTryLater),
    (4001, Code::ClosedAuthChanged),
];

/// A close frame, with or without code.
pub(crate) fn close(frame: Option<&CloseFrame>, mask: &Mask) -> Fault {
    let Some(frame) = frame else { return Fault::new(Code::ClosedOther, "closed without a code (1005)") };
    let number = u16::from(frame.code);
    let code = CLOSE_CODES.iter().find(|(n, _)| *n == number).map_or(Code::ClosedOther, |(_, code)| *code);
    let reason = match frame.reason.as_str() {
        "" => "no reason given".to_owned(),
        reason => mask.quoted(reason, 123),
    };
    Fault::new(code, format!("closed with {number}, {reason}"))
}

/// The words of a library or of the operating system, in which no peer has a say.
fn words(error: impl std::fmt::Display) -> String {
    Mask::default().line(&error.to_string(), 200)
}

/// The error, what caused it, what caused that, and so on.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The words of an error and its causes, on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    for cause in causes(error).skip(1) {
        let more = cause.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
    }
    Mask::default().line(&words, 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_no_known_kind() {
        let odd = io::Error::from(ErrorKind::AddrInUse);
        assert_eq!(error(&odd).code, Code::NetworkFailure);
        assert_eq!(lookup(&io::Error::from(ErrorKind::TimedOut)).code, Code::NameLookupTimeout);
        assert_eq!(lookup(&io::Error::other("no such name")).code, Code::NameNotFound);
        #[cfg(unix)]
        assert_eq!(error(&io::Error::from_raw_os_error(TAKEN_DOWN)).code, Code::ConnectionReset);
    }
}
