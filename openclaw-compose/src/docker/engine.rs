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
use serde::Deserialize;
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
pub(super) struct ArchiveEntry {
    pub(super) header: Header,
    /// The bytes of a file, where they were asked for.
    pub(super) bytes: Option<Vec<u8>>,
}

/// How a command inside a container went.
pub(super) struct Ran {
    pub(super) stdout: Text,
    pub(super) exit_code: Option<i64>,
}

/// How many of the last lines of a log are asked for, until they are not too much.
const LINES: [u32; 3] = [20_000, 2_000, 200];

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
        json(self.bytes(question, None, self.limits.answer).await?)
    }

    /// The end of what a container wrote since a time in seconds, both streams in the order in which the engine has them.
    pub(super) async fn log(&self, container: &str, since: u64, is_terminal: bool) -> Result<Text, Fault> {
        self.end_of_log(container, &format!("since={since}"), is_terminal).await
    }

    /// The same of all that it wrote, with the engine's time before each line.
    pub(super) async fn timed_log(&self, container: &str, is_terminal: bool) -> Result<Text, Fault> {
        self.end_of_log(container, "timestamps=1", is_terminal).await
    }

    async fn end_of_log(&self, container: &str, which: &str, is_terminal: bool) -> Result<Text, Fault> {
        let mut fault = Fault::Broken("empty");
        // Lines can be long: where the last many are too much, the last few are asked for.
        for lines in LINES {
            let question = format!("/containers/{container}/logs?stdout=1&stderr=1&{which}&tail={lines}");
            match self.bytes(question, None, self.limits.answer).await {
                Ok(bytes) if is_terminal => return Ok(lossy(&bytes)),
                Ok(bytes) => return Ok(lossy(&Streams::of(&bytes)?.together)),
                Err(Fault::TooLarge(limit)) => fault = Fault::TooLarge(limit),
                Err(other) => return Err(other),
            }
        }
        Err(fault)
    }

    /// What a command writes to its standard output inside a running container, and how it ends. The engine has no way to end
    /// it: a command that is not done in time goes on by itself.
    pub(super) async fn run<W: AsRef<str>>(&self, container: &str, command: &[W]) -> Result<Ran, Fault> {
        let command: Vec<&str> = command.iter().map(AsRef::as_ref).collect();
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Made {
            id: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Ended {
            exit_code: Option<i64>,
        }
        let body =
            serde_json::json!({ "AttachStdout": true, "AttachStderr": true, "Cmd": command }).to_string();
        let made =
            self.bytes(format!("/containers/{container}/exec"), Some(body), self.limits.answer).await?;
        let made: Made = serde_json::from_slice(&made).map_err(|_| Fault::Broken("no JSON"))?;
        if !made.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Fault::Broken("no id of a command"));
        }
        let body = r#"{"Detach":false,"Tty":false}"#.to_owned();
        let written = self.bytes(format!("/exec/{}/start", made.id), Some(body), self.limits.command).await?;
        let ended = self.json(format!("/exec/{}/json", made.id)).await?;
        let ended: Ended = serde_json::from_str(ended.expose()).map_err(|_| Fault::Broken("no JSON"))?;
        Ok(Ran { stdout: lossy(&Streams::of(&written)?.output), exit_code: ended.exit_code })
    }

    /// The whole answer to a question, or with a body to a command.
    async fn bytes(
        &self,
        question: String,
        body: Option<String>,
        within: Duration,
    ) -> Result<Vec<u8>, Fault> {
        let docker = self.asking(question, body);
        let answer = docker.download_from_container("", None);
        let mut bytes = Vec::new();
        self.read(answer, &mut bytes, within, |_| Ok(false)).await?;
        Ok(bytes)
    }

    /// A client whose every request asks this; with a body it tells the engine to do something.
    pub(super) fn asking(&self, question: String, body: Option<String>) -> Docker {
        self.docker.clone().with_request_modifier(move |request| ask(request, &question, body.as_deref()))
    }

    /// Owner, mode and, with `content`, the bytes of what lies at `path` in a container, running or not. Of a directory no
    /// more than the beginning is read.
    pub(super) async fn entry(
        &self,
        container: &str,
        path: &str,
        content: bool,
    ) -> Result<ArchiveEntry, Fault> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let archive = self.docker.download_from_container(container, Some(options));
        let mut bytes = Vec::new();
        let wanted = |header: &Header| {
            let size = if content && header.kind == tar::Kind::File { header.size } else { 0 };
            usize::try_from(size).ok().and_then(|size| size.checked_add(header.at))
        };
        let mut header = None;
        self.read(archive, &mut bytes, self.limits.answer, |bytes| {
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
        Ok(ArchiveEntry { header, bytes: content })
    }

    /// Reads an answer until its end, its bound, its deadline, or until `enough` says so.
    async fn read<B: AsRef<[u8]>>(
        &self,
        answer: impl Stream<Item = Result<B, Error>>,
        bytes: &mut Vec<u8>,
        within: Duration,
        mut enough: impl FnMut(&[u8]) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let deadline = Instant::now() + within;
        let mut answer = std::pin::pin!(answer);
        loop {
            let part = timeout_at(deadline, answer.next()).await;
            let Some(part) = part.map_err(|_| Fault::Silent(within))? else { return Ok(()) };
            let part = part.map_err(|error| match fault(&error) {
                Fault::Silent(_) => Fault::Silent(within),
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

/// The same request to the same engine, with another question; with a body the engine is told to do something.
fn ask(mut request: BollardRequest, question: &str, body: Option<&str>) -> BollardRequest {
    let uri = request.uri();
    let asked = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}{question}"),
        _ => question.to_owned(),
    };
    if let Ok(uri) = asked.parse() {
        *request.uri_mut() = uri;
    }
    if let (Some(body), Ok(post), Ok(json)) = (body, "POST".parse(), "application/json".parse()) {
        *request.method_mut() = post;
        request.headers_mut().insert("content-type", json);
        *request.body_mut() = bollard::body_full(body.to_owned().into());
    }
    request
}

fn json(bytes: Vec<u8>) -> Result<Text, Fault> {
    let text = String::from_utf8(bytes).map_err(|_| Fault::Broken("no text"))?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(|_| Fault::Broken("no JSON"))?;
    Ok(Text::from(text))
}

/// A program writes what it likes: what is not UTF-8 is replaced.
fn lossy(bytes: &[u8]) -> Text {
    Text::from(String::from_utf8_lossy(bytes).into_owned())
}

/// The streams of a container without a terminal, which the engine sends as parts: a kind, a length, and so many bytes.
struct Streams {
    /// Standard output and error, as they were written.
    together: Vec<u8>,
    /// Standard output.
    output: Vec<u8>,
}

impl Streams {
    /// A last part that is cut short counts as far as it goes.
    fn of(mut bytes: &[u8]) -> Result<Self, Fault> {
        let mut streams = Self { together: Vec::new(), output: Vec::new() };
        while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
            let [kind @ 0..=2, 0, 0, 0, length @ ..] = *head else {
                return Err(Fault::Broken("not in parts"));
            };
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            let (part, rest) = rest.split_at(length.min(rest.len()));
            streams.together.extend_from_slice(part);
            if kind < 2 {
                streams.output.extend_from_slice(part);
            }
            bytes = rest;
        }
        Ok(streams)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_told_apart_and_the_cut_part_counts() {
        let bytes = b"\x02\0\0\0\0\0\0\x02e\n\x01\0\0\0\0\0\0\x03ab\n\x01\0\0\0\0\0\x01\0cut";
        let streams = Streams::of(bytes).unwrap();
        assert_eq!((&*streams.together, &*streams.output), (&b"e\nab\ncut"[..], &b"ab\ncut"[..]));
        assert!(Streams::of(b"plain words").is_err());
        assert_eq!(Streams::of(b"").unwrap().together, b"");
    }
}
