//! The HTTP side: parse the query, probe, render.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use openclaw_probe::{Prober, Rung, Target, exposition};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::targets::Allowed;
use openclaw_runbook::{errln, output};

const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Kept back from Prometheus's own timeout, so that the answer still arrives, as `blackbox_exporter` does.
const TIMEOUT_OFFSET: Duration = Duration::from_millis(500);

/// How long requests under way may take once it is told to stop: whoever told it kills it after ten seconds, as Docker does.
const DRAIN: Duration = Duration::from_secs(1);

pub(super) struct Exporter {
    prober: Prober,
    /// The highest rung that the prober's arguments reach.
    highest: Rung,
    allowed: Option<Allowed>,
    slots: Semaphore,
    probes: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
}

type Answer = Response<Full<Bytes>>;

impl Exporter {
    pub(super) fn new(prober: Prober, highest: Rung, allowed: Option<Allowed>, concurrency: usize) -> Self {
        Self {
            prober,
            highest,
            allowed,
            slots: Semaphore::new(concurrency.max(1)),
            probes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Serves until SIGTERM or Ctrl-C, then lets the requests under way end, but not for long: a probe may take the whole
    /// time of a climb, and who asks may never read the answer.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => self.reload(),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let _ = stream.set_nodelay(true);
                        connections.spawn(Arc::clone(&self).connection(stream, stopping.clone()));
                    }
                    // Out of file descriptors, most likely: give the connections under way time to end.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        let _ = stop.send(true);
        let drained = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(DRAIN, drained).await;
        Ok(())
    }

    fn reload(&self) {
        match self.allowed.as_ref().map(Allowed::reload) {
            None => {}
            Some(Ok(count)) => errln!("runbook export: {count} targets"),
            Some(Err(error)) => errln!("runbook export: {error}; the old list stays"),
        }
    }

    async fn connection(self: Arc<Self>, stream: tokio::net::TcpStream, mut stopping: watch::Receiver<bool>) {
        let service = hyper::service::service_fn(|request| {
            let exporter = Arc::clone(&self);
            async move { Ok::<_, Infallible>(exporter.answer(&request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(30))
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        // An error here is the scraper's: it went away.
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = stopping.wait_for(|stop| *stop) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }

    async fn answer(&self, request: &Request<Incoming>) -> Answer {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut answer = words(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/probe" => self.probe(request).await,
            "/metrics" => metrics(self.own_metrics()),
            "/-/healthy" => words(StatusCode::OK, "healthy"),
            _ => words(
                StatusCode::NOT_FOUND,
                "ask /probe?target=HOST:PORT&module=startup, /metrics or /-/healthy",
            ),
        }
    }

    async fn probe(&self, request: &Request<Incoming>) -> Answer {
        let (target, module) = match question(request.uri().query().unwrap_or("")) {
            Ok(question) => question,
            Err(why) => return words(StatusCode::BAD_REQUEST, &why),
        };
        if let Some((status, why)) = self.refusal(&target, module) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return words(status, why);
        }
        let timeout = request
            .headers()
            .get("x-prometheus-scrape-timeout-seconds")
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(|time| time.saturating_sub(TIMEOUT_OFFSET));
        let Ok(_slot) = self.slots.acquire().await else {
            return words(StatusCode::SERVICE_UNAVAILABLE, "stopping");
        };
        let report = match timeout {
            Some(time) => self.prober.check_within(&target, module, time).await,
            None => self.prober.check(&target, module).await,
        };
        self.probes.fetch_add(1, Ordering::Relaxed);
        if !report.is_good() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        metrics(exposition(&report))
    }

    /// Why a question is not asked. The token goes to targets that the operator listed and to no other: whoever reaches
    /// this port could otherwise have it sent to an address of their own.
    fn refusal(&self, target: &Target, module: Rung) -> Option<(StatusCode, &'static str)> {
        match &self.allowed {
            _ if module > self.highest && module == Rung::Scope => {
                Some((StatusCode::BAD_REQUEST, "module scope needs a token and --scope"))
            }
            _ if module > self.highest => Some((StatusCode::BAD_REQUEST, "module hello needs a token")),
            Some(allowed) if !allowed.contains(target) => {
                Some((StatusCode::FORBIDDEN, "the target is not in the list"))
            }
            None if module >= Rung::Hello => {
                Some((StatusCode::FORBIDDEN, "this module sends the token, which needs --targets"))
            }
            _ => None,
        }
    }

    fn own_metrics(&self) -> String {
        let mut text = String::new();
        for (name, help, value) in [
            ("openclaw_probe_exporter_probes_total", "Probes made.", &self.probes),
            ("openclaw_probe_exporter_failures_total", "Probes whose target was not good.", &self.failures),
            (
                "openclaw_probe_exporter_refused_total",
                "Requests for a target or a module that is not allowed.",
                &self.refused,
            ),
        ] {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}\n",
                value.load(Ordering::Relaxed)
            );
        }
        text
    }
}

/// The target and the module of a query.
fn question(query: &str) -> Result<(Target, Rung), String> {
    let (mut target, mut module) = (None, Rung::Startup);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value).ok_or("the query is not percent-encoded UTF-8")?;
        match name {
            "target" => target = Some(value.parse::<Target>().map_err(|error| format!("target: {error}"))?),
            "module" => module = value.parse().map_err(|error| format!("module: {error}"))?,
            _ => {}
        }
    }
    target.map(|target| (target, module)).ok_or_else(|| "target is missing".to_owned())
}

/// `%41` and `+` of a query value.
fn decode(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn metrics(text: String) -> Answer {
    let mut answer = body(&text);
    answer.headers_mut().insert(CONTENT_TYPE, METRICS);
    answer
}

/// What a client is told passes the door that every text passes.
fn body(text: &str) -> Answer {
    Response::new(Full::new(Bytes::from(output::text(text).into_owned())))
}

fn words(status: StatusCode, text: &str) -> Answer {
    let mut answer = body(&format!("{text}\n"));
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_as_blackbox_reads_them() {
        let (target, module) =
            question("module=liveness&target=ws%3A%2F%2F127.0.0.1%3A18789&debug=true").expect("a question");
        assert_eq!((target.to_string().as_str(), module), ("ws://127.0.0.1:18789", Rung::Liveness));
        assert_eq!(question("target=h").expect("a question").1, Rung::Startup);
        for query in [
            "",
            "target=",
            "target=h&module=x",
            "target=%zz",
            "target=%",
            "target=u%40h",
            "target=h%3Ftoken%3Dcanary",
        ] {
            let error = question(query).expect_err(query);
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
