//! One GET over one given connection: the ladder's liveness rung, and all of [`Prober::check`](crate::Prober::check).
//!
//! reqwest opens its own connections, so it cannot ask over the one that the TCP and TLS rungs proved; and for a fleet that
//! asks one small question of many targets it spends more on its own machinery than the question costs. The head is parsed
//! by the parser that hyper uses, and a test holds both paths to the same verdict on every fault.

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::classify;
use crate::code::Code;
use crate::endpoint;
use crate::report::Fault;
use crate::rung::Rung;
use crate::rung::http::{BODY_LIMIT, HttpAnswer, USER_AGENT, too_large, unsendable_token};
use crate::stream::Socket;
use crate::target::Target;

/// No head of a gateway's answer comes near this.
const HEAD_LIMIT: usize = 32 * 1024;
const MOST_HEADERS: usize = 100;
/// Holds a whole answer of a gateway; allocated when bytes arrive, not while waiting.
const FIRST_READ: usize = 2048;

/// Sends the request and reads the whole answer.
pub(crate) async fn ask(
    socket: &mut Socket,
    target: &Target,
    rung: Rung,
    bearer: Option<&SecretString>,
) -> Result<HttpAnswer, Fault> {
    let request = request(target, rung, bearer)?;
    socket.write_all(&request).await.map_err(|error| classify::error(&error))?;
    drop(request);
    let mut reader = Reader { socket, bytes: Vec::new() };
    let (mut answer, body, length) = reader.head().await?;
    answer.body = match length {
        BodyLength::None => Vec::new(),
        BodyLength::Exactly(length) => reader.exactly(body, length).await?,
        BodyLength::Chunked => reader.chunked(body).await?,
        BodyLength::UntilClose => reader.until_close(body).await?,
    };
    Ok(answer)
}

fn request(target: &Target, rung: Rung, bearer: Option<&SecretString>) -> Result<Vec<u8>, Fault> {
    let path = endpoint::of(rung).map_or("/", |endpoint| endpoint.path);
    let mut text = Vec::with_capacity(256);
    for part in ["GET ", target.base_path(), path, " HTTP/1.1\r\nHost: ", &target.authority()] {
        text.extend_from_slice(part.as_bytes());
    }
    for part in ["\r\nUser-Agent: ", USER_AGENT, "\r\nAccept: application/json\r\nConnection: close\r\n"] {
        text.extend_from_slice(part.as_bytes());
    }
    if let Some(token) = bearer {
        let token = token.expose_secret();
        if token.bytes().any(|byte| byte != b'\t' && (byte < b' ' || byte == 0x7f)) {
            return Err(unsendable_token());
        }
        for part in ["Authorization: Bearer ", token, "\r\n"] {
            text.extend_from_slice(part.as_bytes());
        }
    }
    text.extend_from_slice(b"\r\n");
    Ok(text)
}

/// How the end of the body is known (RFC 9112, 6.3).
enum BodyLength {
    None,
    Exactly(usize),
    Chunked,
    UntilClose,
}

struct Reader<'a> {
    socket: &'a mut Socket,
    bytes: Vec<u8>,
}

impl Reader<'_> {
    /// More bytes; 0 at the end of the stream. While nothing has arrived no buffer is held.
    async fn more(&mut self) -> std::io::Result<usize> {
        if self.bytes.is_empty() {
            let mut one = [0u8; 1];
            let count = self.socket.read(&mut one).await?;
            if count == 0 {
                return Ok(0);
            }
            self.bytes.reserve_exact(FIRST_READ);
            self.bytes.extend_from_slice(&one);
            return Ok(count);
        }
        self.socket.read_buf(&mut self.bytes).await
    }

    /// The head: what is looked at, where the body starts and how it ends.
    async fn head(&mut self) -> Result<(HttpAnswer, usize, BodyLength), Fault> {
        loop {
            let before = self.bytes.len();
            if self.more().await.map_err(|error| classify::error(&error))? == 0 {
                return Err(Fault::new(Code::ClosedWithoutAnswer, "closed before the answer was complete"));
            }
            // A head ends with an empty line: parse again only when one may have come, so that a slow sender costs
            // no more than a fast one.
            if before > 0
                && !self.bytes.get(before.saturating_sub(3)..).is_some_and(|new| new.contains(&b'\n'))
            {
                if self.bytes.len() > HEAD_LIMIT {
                    return Err(header_too_large());
                }
                continue;
            }
            let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            match response.parse(&self.bytes) {
                Ok(httparse::Status::Complete(end)) => {
                    let status = response.code.unwrap_or(0);
                    if (100..200).contains(&status) && status != 101 {
                        self.bytes.drain(..end);
                        continue;
                    }
                    let answer = read_head(status, response.headers);
                    let length = body_length(status, response.headers)?;
                    return Ok((answer, end, length));
                }
                Ok(httparse::Status::Partial) if self.bytes.len() > HEAD_LIMIT => {
                    return Err(header_too_large());
                }
                Ok(httparse::Status::Partial) => {}
                Err(httparse::Error::TooManyHeaders) => return Err(header_too_large()),
                Err(error) => return Err(Fault::new(Code::NotHttp, format!("not HTTP: {error}"))),
            }
        }
    }

    async fn exactly(mut self, start: usize, length: usize) -> Result<Vec<u8>, Fault> {
        if length > BODY_LIMIT {
            return Err(too_large());
        }
        while self.bytes.len() < start + length {
            self.body_bytes().await?;
        }
        self.bytes.truncate(start + length);
        self.bytes.drain(..start);
        Ok(self.bytes)
    }

    async fn until_close(mut self, start: usize) -> Result<Vec<u8>, Fault> {
        while self.more().await.map_err(|error| classify::truncated(&error))? > 0 {
            if self.bytes.len() - start > BODY_LIMIT {
                return Err(too_large());
            }
        }
        self.bytes.drain(..start);
        Ok(self.bytes)
    }

    async fn chunked(mut self, start: usize) -> Result<Vec<u8>, Fault> {
        let mut at = start;
        let mut body = Vec::new();
        loop {
            let (size_line, size) = loop {
                match httparse::parse_chunk_size(self.bytes.get(at..).unwrap_or(&[])) {
                    Ok(httparse::Status::Complete(found)) => break found,
                    Ok(httparse::Status::Partial) => self.body_bytes().await?,
                    Err(_) => return Err(Fault::new(Code::AnswerTruncated, "the chunked body is malformed")),
                }
            };
            let size = usize::try_from(size)
                .ok()
                .filter(|size| body.len() + size <= BODY_LIMIT)
                .ok_or_else(too_large)?;
            if size == 0 {
                return Ok(body);
            }
            let from = at + size_line;
            while self.bytes.len() < from + size + 2 {
                self.body_bytes().await?;
            }
            body.extend_from_slice(self.bytes.get(from..from + size).unwrap_or(&[]));
            at = from + size + 2;
        }
    }

    /// More of the body; its end before it is whole is a fault.
    async fn body_bytes(&mut self) -> Result<(), Fault> {
        match self.more().await {
            Ok(0) => Err(Fault::new(Code::AnswerTruncated, "closed inside the body")),
            Ok(_) if self.bytes.len() > HEAD_LIMIT + 2 * BODY_LIMIT => Err(too_large()),
            Ok(_) => Ok(()),
            Err(error) => Err(classify::truncated(&error)),
        }
    }
}

fn read_head(status: u16, headers: &[httparse::Header<'_>]) -> HttpAnswer {
    let mut answer = HttpAnswer { status, ..HttpAnswer::default() };
    for header in headers.iter() {
        let slot = match header.name {
            name if name.eq_ignore_ascii_case("content-type") => &mut answer.content_type,
            name if name.eq_ignore_ascii_case("location") => &mut answer.location,
            name if name.eq_ignore_ascii_case("date") => &mut answer.date,
            _ => continue,
        };
        if let Ok(value) = std::str::from_utf8(header.value) {
            slot.get_or_insert_with(|| value.to_owned());
        }
    }
    answer
}

fn body_length(status: u16, headers: &[httparse::Header<'_>]) -> Result<BodyLength, Fault> {
    if matches!(status, 101 | 204 | 304) {
        return Ok(BodyLength::None);
    }
    let named = |name: &str| {
        headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    };
    if named("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked")) {
        return Ok(BodyLength::Chunked);
    }
    let Some(length) = named("content-length") else { return Ok(BodyLength::UntilClose) };
    std::str::from_utf8(length)
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|text| BodyLength::Exactly(text.parse().unwrap_or(usize::MAX)))
        .ok_or_else(|| Fault::new(Code::NotHttp, "the content length is not a number"))
}

fn header_too_large() -> Fault {
    Fault::new(Code::HeaderTooLarge, format!("over {HEAD_LIMIT} bytes or {MOST_HEADERS} fields"))
}
