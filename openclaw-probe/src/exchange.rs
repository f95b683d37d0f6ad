//! One GET over one given connection: the ladder's liveness rung, all of [`Prober::check`](crate::Prober::check), and the
//! request for an upgrade.
//!
//! reqwest opens its own connections, so it cannot ask over the one that the TCP and TLS rungs proved; and for a fleet that
//! asks one small question of many targets it spends more on its own machinery than the question costs. The head is parsed
//! by the parser that hyper uses, and a test holds both paths to the same verdict on every fault.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

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
/// How long to wait for the rest of a refusal whose head has come.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(500);

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

/// What a request for an upgrade was answered.
pub(crate) enum Answered {
    /// With an upgrade; these bytes came behind the head.
    Switched(Vec<u8>),
    Refused(HttpAnswer),
}

/// Sends a request for an upgrade. A refusal is heard to its end: whose it is says the body, which may come behind the head
/// in a packet of its own.
pub(crate) async fn upgrade<S>(socket: &mut S, request: &[u8], key: &str) -> Result<Answered, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.write_all(request).await.map_err(|error| classify::error(&error))?;
    let mut reader = Reader { socket, bytes: Vec::new() };
    let (mut answer, end, length) = reader.head().await?;
    if answer.status == 101 {
        accepts(reader.bytes.get(..end).unwrap_or_default(), key)?;
        return Ok(Answered::Switched(reader.bytes.split_off(end)));
    }
    let most = match length {
        BodyLength::None => 0,
        BodyLength::Exactly(length) => length.min(BODY_LIMIT),
        BodyLength::Chunked | BodyLength::UntilClose => BODY_LIMIT,
    };
    // A body that does not come, or not whole, is no fault beside the refusal.
    let _ = tokio::time::timeout(REFUSAL_PATIENCE, async {
        while reader.bytes.len() < end + most && reader.more().await.is_ok_and(|count| count > 0) {}
    })
    .await;
    answer.body = reader.bytes.split_off(end);
    answer.body.truncate(most);
    Ok(Answered::Refused(answer))
}

/// What proves that an upgrade was meant and for this request (RFC 6455, 4.1).
fn accepts(head: &[u8], key: &str) -> Result<(), Fault> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    // It was parsed once to know where it ends.
    let _ = response.parse(head);
    let named = |name: &str| {
        response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    };
    let holds = |name: &str, word: &[u8]| {
        let mut words = named(name).unwrap_or_default().split(|byte| *byte == b',');
        words.any(|found| found.trim_ascii().eq_ignore_ascii_case(word))
    };
    let wrong = if !holds("upgrade", b"websocket") {
        "101 without Upgrade: websocket"
    } else if !holds("connection", b"upgrade") {
        "101 without Connection: Upgrade"
    } else if named("sec-websocket-accept") != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        "101 with the accept key of another request"
    } else if named("sec-websocket-protocol").is_some() {
        "101 with a subprotocol that was not asked for"
    } else {
        return Ok(());
    };
    Err(Fault::new(Code::UpgradeInvalid, wrong))
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

struct Reader<'a, S> {
    socket: &'a mut S,
    bytes: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Reader<'_, S> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    /// The peer's answer in two parts, of which the second can only be written when the first was read.
    async fn answered(first: &'static str, second: &'static str) -> Result<Answered, Fault> {
        let (mut near, mut far) = tokio::io::duplex(first.len());
        let peer = async move {
            let mut request = [0; 4];
            far.read_exact(&mut request).await?;
            far.write_all(first.as_bytes()).await?;
            far.write_all(second.as_bytes()).await
        };
        let (answer, wrote) = tokio::join!(upgrade(&mut near, b"GET ", KEY), peer);
        assert!(wrote.is_ok());
        answer
    }

    #[tokio::test]
    async fn a_refusal_is_heard_to_its_end() {
        let head = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
        let Ok(Answered::Refused(answer)) = answered(head, "words").await else { panic!("a refusal") };
        assert_eq!((answer.status, answer.body.as_slice()), (503, b"words".as_slice()));
    }

    #[tokio::test]
    async fn what_comes_behind_an_upgrade_is_kept() {
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfr";
        let Ok(Answered::Switched(ahead)) = answered(head, "").await else { panic!("an upgrade") };
        assert_eq!(ahead, b"fr");
    }
}
