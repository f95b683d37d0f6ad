//! Questions to an engine, each with a deadline and a bound, whose answers never reach a log.
//!
//! bollard writes every answer that it decodes to the debug log, the tokens in a container's environment included. What it
//! streams it does not log, so here every question is asked as a stream, and read where it is bounded as well. Dropping
//! the future closes the connection; nothing is left behind.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bollard::errors::Error;
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use crate::source::Text;

use super::tar::{self, Header};
use super::{Endpoint, Limits};

/// An engine to ask.
pub(super) struct Engine {
    docker: Docker,
    limits: Limits,
}

/// A file or directory inside a container.
pub(super) struct Entry {
    pub(super) header: Header,
    /// The bytes of a file, where they were asked for.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Why there is no answer. Never holds a part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it cannot be reached: {0}")]
    Unreachable(&'static str),
    #[error("it answers with status {0}")]
    Status(u16),
    #[error("it does not answer within {0:?}")]
    Silent(Duration),
    #[error("its answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("its answer is {0}")]
    Broken(&'static str),
}

impl Fault {
    /// The engine says that there is no such thing.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Status(404))
    }
}

impl Engine {
    /// Opens nothing yet; only a socket that is not there is known at once.
    pub(super) fn at(endpoint: &Endpoint, limits: Limits) -> Result<Self, Fault> {
        // bollard counts whole seconds, and only until the head of an answer: the deadline here is the shorter one.
        let seconds = limits.answer.as_secs().saturating_add(1);
        let docker = match endpoint {
            Endpoint::Unix(path) => open_socket(path, seconds),
            Endpoint::Tcp(address) => Docker::connect_with_http(address, seconds, API_DEFAULT_VERSION),
        };
        Ok(Self { docker: docker.map_err(|error| fault(&error))?, limits })
    }

    /// The JSON answer to a question such as `/info`.
    pub(super) async fn json(&self, question: String) -> Result<Text, Fault> {
        let docker = self.docker.clone().with_request_modifier(move |request| ask(request, &question));
        let answer = docker.download_from_container("", None);
        let mut bytes = Vec::new();
        self.read(answer, &mut bytes, |_| Ok(false)).await?;
        let text = String::from_utf8(bytes).map_err(|_| Fault::Broken("no text"))?;
        serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(|_| Fault::Broken("no JSON"))?;
        Ok(Text::from(text))
    }

    /// Owner, mode and, with `content`, the bytes of what lies at `path` in a container, running or not. Of a directory no
    /// more than the beginning is read.
    pub(super) async fn entry(&self, container: &str, path: &str, content: bool) -> Result<Entry, Fault> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let archive = self.docker.download_from_container(container, Some(options));
        let mut bytes = Vec::new();
        let wanted = |header: &Header| {
            let size = if content && header.kind == tar::Kind::File { header.size } else { 0 };
            usize::try_from(size).ok().and_then(|size| size.checked_add(header.at))
        };
        let mut header = None;
        self.read(archive, &mut bytes, |bytes| {
            header = tar::first(bytes).map_err(|_| Fault::Broken("no archive"))?;
            let end = header.as_ref().map(|header| wanted(header).ok_or(Fault::TooLarge(self.limits.bytes)));
            end.transpose().map(|end| end.is_some_and(|end| bytes.len() >= end))
        })
        .await?;
        let header = header.ok_or(Fault::Broken("cut short"))?;
        let is_text = content && header.kind == tar::Kind::File;
        let end = wanted(&header).unwrap_or(usize::MAX);
        let content = bytes.get(header.at..end).map(<[u8]>::to_vec).filter(|_| is_text);
        if is_text && content.is_none() {
            return Err(Fault::Broken("cut short"));
        }
        Ok(Entry { header, bytes: content })
    }

    /// Reads an answer until its end, its bound, its deadline, or until `enough` says so.
    async fn read<B: AsRef<[u8]>>(
        &self,
        answer: impl Stream<Item = Result<B, Error>>,
        bytes: &mut Vec<u8>,
        mut enough: impl FnMut(&[u8]) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let deadline = Instant::now() + self.limits.answer;
        let mut answer = std::pin::pin!(answer);
        loop {
            let part = timeout_at(deadline, answer.next()).await;
            let Some(part) = part.map_err(|_| Fault::Silent(self.limits.answer))? else { return Ok(()) };
            let part = part.map_err(|error| match fault(&error) {
                Fault::Silent(_) => Fault::Silent(self.limits.answer),
                other => other,
            })?;
            bytes.extend_from_slice(part.as_ref());
            if enough(bytes)? {
                return Ok(());
            }
            if bytes.len() > self.limits.bytes {
                return Err(Fault::TooLarge(self.limits.bytes));
            }
        }
    }
}

#[cfg(unix)]
fn open_socket(path: &str, seconds: u64) -> Result<Docker, Error> {
    Docker::connect_with_unix(path, seconds, API_DEFAULT_VERSION)
}

#[cfg(not(unix))]
fn open_socket(path: &str, _: u64) -> Result<Docker, Error> {
    Err(Error::SocketNotFoundError(path.to_owned()))
}

/// The same request to the same engine, with another question.
fn ask(mut request: BollardRequest, question: &str) -> BollardRequest {
    let uri = request.uri();
    let asked = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}{question}"),
        _ => question.to_owned(),
    };
    if let Ok(uri) = asked.parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// What an error of the client means, in words of our own: its own may quote an answer.
fn fault(error: &Error) -> Fault {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Fault::Status(*status_code),
        Error::RequestTimeoutError => Fault::Silent(Duration::ZERO),
        Error::SocketNotFoundError(_) => Fault::Unreachable("there is no such socket"),
        _ => {
            let mut cause = error.source();
            while let Some(error) = cause {
                if let Some(error) = error.downcast_ref::<io::Error>() {
                    return Fault::Unreachable(reason(error.kind()));
                }
                cause = error.source();
            }
            match error {
                Error::IOError { err } => Fault::Unreachable(reason(err.kind())),
                _ => Fault::Broken("no HTTP"),
            }
        }
    }
}

fn reason(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied => {
            "permission denied; the user who runs this may not use the engine's socket"
        }
        io::ErrorKind::ConnectionRefused => "connection refused; no engine listens there",
        io::ErrorKind::NotFound => "there is no such socket",
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => "it hung up",
        _ => "the connection failed",
    }
}
