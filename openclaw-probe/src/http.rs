//! One question over one given connection, by hyper's connection API: the three probe endpoints, all of
//! [`Prober::check`](crate::Prober::check), and the request for an upgrade.
//!
//! hyper reads over the very connection that the TCP and TLS rungs proved, counts with checked arithmetic and awaits each
//! read, so that a deadline is heard whatever a peer sends. What it would read for ever (interim answers, zeros before a
//! chunk's size, trailers) the [`Bounded`] connection ends.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::future::{Either, select};
use http_body_util::Empty;
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::classify::{self, BODY_LIMIT, HEAD_LIMIT};
use crate::codes::Code;
use crate::endpoint;
use crate::report::Fault;
use crate::rung::Rung;
use crate::stream::Bounded;
use crate::target::Target;

/// All that a peer may send for one answer: what is around the body counts, too.
const ANSWER_LIMIT: usize = HEAD_LIMIT + 2 * BODY_LIMIT;

/// How long to wait for the rest of a refusal whose head has come.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(500);

/// How the prober names itself in requests.
const USER_AGENT: &str = concat!("openclaw-probe/", env!("CARGO_PKG_VERSION"));

/// What is looked at in an HTTP answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// What a request for an upgrade was answered.
pub(crate) enum Answered<S> {
    /// With an upgrade: the connection, and the bytes that came behind the head.
    Switched(Bounded<S>, Vec<u8>),
    Refused(HttpAnswer),
}

/// Asks a probe endpoint and reads the whole answer.
pub(crate) async fn ask<S>(
    socket: S,
    target: &Target,
    rung: Rung,
    bearer: Option<&SecretString>,
) -> Result<HttpAnswer, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = question(target, rung, bearer)?;
    let (mut sender, connection) = handshake(socket).await?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| classify::error(&error))?;
        let (mut answer, mut body) = read_head(response);
        read_body(&mut body, &mut answer.body).await?;
        Ok(answer)
    };
    driven(pin!(connection), pin!(exchange)).await
}

/// Asks for an upgrade. A refusal is heard to its end: whose it is says the body, which may come behind the head in a
/// packet of its own.
pub(crate) async fn upgrade<S>(socket: S, target: &Target) -> Result<Answered<S>, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let key = generate_key();
    let request = upgrade_request(target, &key)?;
    let (mut sender, connection) = handshake(socket).await?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| classify::error(&error))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let (mut answer, mut body) = read_head(response);
            // A body that does not come, or not whole, is no fault beside the refusal.
            let _ = tokio::time::timeout(REFUSAL_PATIENCE, read_body(&mut body, &mut answer.body)).await;
            return Ok(Answered::Refused(answer));
        }
        accepts(response.headers(), &key)?;
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| classify::error(&error))?;
        let parts = upgraded
            .downcast::<TokioIo<Bounded<S>>>()
            .map_err(|_| Fault::new(Code::UpgradeInvalid, "the upgraded connection is another one"))?;
        Ok(Answered::Switched(parts.io.into_inner(), parts.read_buf.into()))
    };
    driven(pin!(connection.with_upgrades()), pin!(exchange)).await
}

/// The exchange, with the connection that it goes over polled beside it; nothing is spawned.
async fn driven<T>(
    connection: impl Future<Output = hyper::Result<()>> + Unpin,
    exchange: impl Future<Output = T> + Unpin,
) -> T {
    match select(exchange, connection).await {
        Either::Left((done, _)) => done,
        // What was read until the connection ended waits to be taken, and so does what ended it.
        Either::Right((_, exchange)) => exchange.await,
    }
}

type Connection<S> = http1::Connection<TokioIo<Bounded<S>>, Empty<Bytes>>;

async fn handshake<S>(socket: S) -> Result<(http1::SendRequest<Empty<Bytes>>, Connection<S>), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let socket = TokioIo::new(Bounded::new(socket, ANSWER_LIMIT));
    // The number of fields is hyper's own limit of 100.
    let mut settings = http1::Builder::new();
    settings.max_buf_size(HEAD_LIMIT).max_header_size(HEAD_LIMIT);
    settings.handshake(socket).await.map_err(|error| classify::error(&error))
}

fn question(
    target: &Target,
    rung: Rung,
    bearer: Option<&SecretString>,
) -> Result<Request<Empty<Bytes>>, Fault> {
    let path = endpoint::of(rung).map_or("/", |endpoint| endpoint.path);
    let mut request = request(target, path)?;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Some(token) = bearer {
        headers.insert(header::AUTHORIZATION, bearer_value(token)?);
    }
    Ok(request)
}

fn upgrade_request(target: &Target, key: &str) -> Result<Request<Empty<Bytes>>, Fault> {
    let mut request = request(target, "/")?;
    let headers = request.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_str(key).map_err(classify::unaskable)?);
    Ok(request)
}

/// A GET of a path of the target, with no body.
fn request(target: &Target, path: &'static str) -> Result<Request<Empty<Bytes>>, Fault> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = match target.base_path() {
        "" => Uri::from_static(path),
        base => Uri::try_from([base, path].concat()).map_err(classify::unaskable)?,
    };
    let host = HeaderValue::try_from(target.authority()).map_err(classify::unaskable)?;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    Ok(request)
}

fn bearer_value(token: &SecretString) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| {
        let why = "the token holds a character that an HTTP header cannot carry";
        Fault::new(Code::CredentialUnavailable, why)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn read_head(response: Response<Incoming>) -> (HttpAnswer, Incoming) {
    let (head, body) = response.into_parts();
    let text = |name: HeaderName| {
        head.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok()).map(str::to_owned)
    };
    let answer = HttpAnswer {
        status: head.status.as_u16(),
        content_type: text(header::CONTENT_TYPE),
        location: text(header::LOCATION),
        date: text(header::DATE),
        body: Vec::new(),
    };
    (answer, body)
}

/// Appends the body as it comes. One that is announced as too large is not read.
async fn read_body(body: &mut Incoming, bytes: &mut Vec<u8>) -> Result<(), Fault> {
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(classify::too_large());
    }
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| classify::body(&error))?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if data.len() > BODY_LIMIT.saturating_sub(bytes.len()) {
            return Err(classify::too_large());
        }
        bytes.extend_from_slice(data);
    }
    Ok(())
}

/// What proves that an upgrade was meant and for this request (RFC 6455, 4.1).
fn accepts(headers: &HeaderMap, key: &str) -> Result<(), Fault> {
    let holds = |name: HeaderName, word: &[u8]| {
        let value = headers.get(name).map_or(&[][..], HeaderValue::as_bytes);
        value.split(|byte| *byte == b',').any(|found| found.trim_ascii().eq_ignore_ascii_case(word))
    };
    let accepted = headers.get(header::SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
    let wrong = if !holds(header::UPGRADE, b"websocket") {
        "101 without Upgrade: websocket"
    } else if !holds(header::CONNECTION, b"upgrade") {
        "101 without Connection: Upgrade"
    } else if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        "101 with the accept key of another request"
    } else if headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
        "101 with a subprotocol that was not asked for"
    } else {
        return Ok(());
    };
    Err(Fault::new(Code::UpgradeInvalid, wrong))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const JSON: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

    fn target() -> Target {
        "127.0.0.1".parse().expect("a target")
    }

    /// The question over memory to a peer that reads it and answers with these bytes, again and again if it must.
    async fn asked(answer: &[u8], for_ever: bool) -> Result<HttpAnswer, Fault> {
        let (target, (near, far)) = (target(), duplex(4096));
        let peer = async {
            let mut far = heard(far).await;
            while far.write_all(answer).await.is_ok() && for_ever {}
        };
        let (answer, ()) = tokio::join!(ask(near, &target, Rung::Liveness, None), peer);
        answer
    }

    /// The peer's end, when the request has come.
    async fn heard(mut far: DuplexStream) -> DuplexStream {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert!(far.read_buf(&mut request).await.expect("memory") > 0);
        }
        far
    }

    fn code(answer: Result<HttpAnswer, Fault>) -> Result<HttpAnswer, Code> {
        answer.map_err(|fault| fault.code)
    }

    #[tokio::test]
    async fn a_size_that_wraps_around_is_not_believed() {
        for size in ["ffffffffffffffec", "ffffffffffffffff", "10000000000000000", "7fffffffffffffff", "fff0"]
        {
            let answer =
                format!("{JSON}Transfer-Encoding: chunked\r\n\r\n14\r\n{}\r\n{size}\r\n", " ".repeat(20));
            assert_eq!(code(asked(answer.as_bytes(), false).await), Err(Code::AnswerTruncated), "{size}");
        }
        for (length, expected) in
            [("18446744073709551613", Code::BodyTooLarge), ("99999999999999999999999", Code::NotHttp)]
        {
            let answer = format!("{JSON}Content-Length: {length}\r\n\r\n");
            assert_eq!(code(asked(answer.as_bytes(), false).await), Err(expected), "{length}");
        }
    }

    #[tokio::test]
    async fn whatever_never_ends_is_ended() {
        let chunked = format!("{JSON}Transfer-Encoding: chunked\r\n\r\n");
        let ended = [
            ("", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", Code::HeaderTooLarge),
            ("", "HTTP/1.1 100 Continue\r\n\r\n", Code::HeaderTooLarge),
            ("HTTP/1.1 200 OK\r\n", "X: y\r\n", Code::HeaderTooLarge),
            ("HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyy", Code::HeaderTooLarge),
            ("HTTP/1.1 200 ", "OK", Code::HeaderTooLarge),
            (&chunked, "1\r\n \r\n", Code::BodyTooLarge),
            (&chunked, "000000000000000", Code::BodyTooLarge),
            (&chunked, "                ", Code::AnswerTruncated),
            (&format!("{chunked}1"), "                ", Code::BodyTooLarge),
            (&format!("{chunked}1;"), "extension", Code::AnswerTruncated),
            (&format!("{chunked}0\r\n"), "X: y\r\n", Code::AnswerTruncated),
            (&format!("{chunked}0\r\nX: "), "yyyyyyyyyyyyyyyy", Code::AnswerTruncated),
            (&format!("{JSON}\r\n"), " ", Code::BodyTooLarge),
        ];
        for (first, again, expected) in ended {
            let (target, (near, far)) = (target(), duplex(4096));
            let peer = async {
                let mut far = heard(far).await;
                far.write_all(first.as_bytes()).await.expect("memory");
                while far.write_all(again.repeat(64).as_bytes()).await.is_ok() {}
            };
            let (answer, ()) = tokio::join!(ask(near, &target, Rung::Liveness, None), peer);
            assert_eq!(code(answer), Err(expected), "{first:?}, then {again:?} for ever");
        }
    }

    #[tokio::test]
    async fn what_is_said_unasked_is_not_the_answer_to_nothing() {
        let (near, mut far) = duplex(4096);
        far.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.expect("memory");
        assert_eq!(code(ask(near, &target(), Rung::Liveness, None).await), Err(Code::NotHttp));
    }

    proptest! {
        /// A chunk of any size, of which so many bytes come: an answer, or a fault, and never more than the limit.
        #[test]
        fn chunks_of_any_size(sizes in proptest::collection::vec((any::<u64>(), 0usize..40), 0..6), upper in any::<bool>()) {
            let mut answer = format!("{JSON}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
            for (size, sent) in &sizes {
                let size = if size % 3 == 0 { *sent as u64 } else { *size };
                let line = if upper { format!("{size:X}\r\n") } else { format!("{size:x}\r\n") };
                answer.extend_from_slice(line.as_bytes());
                answer.extend(std::iter::repeat_n(b' ', *sent));
                answer.extend_from_slice(b"\r\n");
            }
            ends(&answer);
        }

        /// Any bytes at all, and any bytes in place of a part of a good answer.
        #[test]
        fn heads_of_any_kind(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..90, good in any::<bool>()) {
            let mut answer = format!("{JSON}Content-Length: 27\r\n\r\n{{\"ok\":true,\"status\":\"live\"}}").into_bytes();
            let end = if good { (at + bytes.len()).min(answer.len()) } else { answer.len() };
            answer.splice(at.min(end)..end, bytes);
            ends(&answer);
        }
    }

    /// Answered with these bytes and then the end, or with these bytes for ever, the question ends within its limits.
    fn ends(answer: &[u8]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        for for_ever in [false, true] {
            if for_ever && answer.is_empty() {
                continue;
            }
            if let Ok(answer) = runtime.block_on(asked(answer, for_ever)) {
                assert!(answer.body.len() <= BODY_LIMIT);
            }
        }
    }

    /// What a request for an upgrade is answered by a peer that answers its key.
    async fn upgraded(answer: impl Fn(&str) -> Vec<Vec<u8>>) -> Result<Answered<DuplexStream>, Fault> {
        let (target, (near, mut far)) = (target(), duplex(64));
        let peer = async {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert!(far.read_buf(&mut request).await.expect("memory") > 0);
            }
            let request = String::from_utf8(request).expect("text");
            let key =
                request.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).expect("a key");
            for part in answer(key) {
                far.write_all(&part).await.expect("memory");
            }
            far
        };
        let (answered, _far) = tokio::join!(upgrade(near, &target), peer);
        answered
    }

    #[tokio::test]
    async fn a_refusal_is_heard_to_its_end() {
        let head = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
        let answered = upgraded(|_| vec![head.into(), b"words".into()]).await;
        let Ok(Answered::Refused(answer)) = answered else { panic!("a refusal") };
        assert_eq!((answer.status, answer.body.as_slice()), (503, b"words".as_slice()));
    }

    #[tokio::test]
    async fn what_comes_behind_an_upgrade_is_kept() {
        let head = |key: &str| {
            let accept = derive_accept_key(key.as_bytes());
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\nfr"
            )
        };
        let answered = upgraded(|key| vec![head(key).into()]).await;
        let Ok(Answered::Switched(_, ahead)) = answered else { panic!("an upgrade") };
        assert_eq!(ahead, b"fr");
    }
}
