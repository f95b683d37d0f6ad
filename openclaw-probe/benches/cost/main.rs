//! What a probe costs, in CPU time (user plus system) of the probing process alone.
//!
//! `cargo bench -p openclaw-probe --bench cost` starts a gateway's answers as another process, which counts the
//! connections it accepted and the requests it answered on each, so that a warm connection or a body left unread would
//! show. Rounds of each kind are taken in turn and the median is printed. With `-- --tools PROBE_EXPORTER PROBE_GATEWAY`
//! (paths of the built examples) it also measures these against `blackbox_exporter` and curl, where they are installed.
//! Exits 1 when a stated bound is missed.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads clocks, starts programs and prints"
)]
#![allow(missing_docs, reason = "a program")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use openclaw_probe::{Prober, Rung, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ROUNDS: usize = 5;
const CONCURRENCY: usize = 32;
const LIVE: &str = r#"{"ok":true,"status":"live"}"#;
const STARTED: &str = r#"{"ok":true,"status":"started"}"#;
const READY: &str = r#"{"ready":true}"#;
const CHALLENGE: &str =
    r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"ba4e2cdc","ts":1795329632335}}"#;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut bounds = Bounds::default();
    match arguments.first().map(String::as_str) {
        Some("--serve") => serve(),
        Some("--slow") => {
            let question = arguments.get(1).map_or(Rung::Liveness, |rung| rung.parse().expect("a rung"));
            bounds.hold(slow_targets(question) < 20.0 * 1024.0, "20 KiB for a slow target");
        }
        Some("--tools") => run(&arguments[1..], &mut bounds),
        _ => run(&[], &mut bounds),
    }
    for missed in &bounds.missed {
        println!("MISSED: {missed}");
    }
    std::process::ExitCode::from(u8::from(!bounds.missed.is_empty()))
}

/// What the project promises of these figures.
#[derive(Default)]
struct Bounds {
    missed: Vec<&'static str>,
}

impl Bounds {
    fn hold(&mut self, holds: bool, words: &'static str) {
        if !holds {
            self.missed.push(words);
        }
    }
}

fn run(tools: &[String], bounds: &mut Bounds) {
    let server = Server::start();
    let target: Target = server.address.to_string().parse().expect("a target");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let prober = Prober::builder().build().expect("a prober");

    println!("one HTTP GET over a fresh connection, probes a CPU-second:");
    let mut socket = Vec::new();
    let mut check = Vec::new();
    for _ in 0..ROUNDS {
        socket.push(server.confirmed(|| per_cpu_second(20_000, || bare_sockets(server.address, 20_000)), 1));
        check.push(server.confirmed(
            || {
                per_cpu_second(20_000, || {
                    runtime.block_on(many(20_000, || async {
                        assert!(prober.check(&target, Rung::Liveness).await.is_good());
                    }));
                })
            },
            1,
        ));
    }
    let (socket, check) = (median(socket), median(check));
    println!(
        "  bare blocking sockets {socket:>9.0}\n  Prober::check         {check:>9.0}   {:.0} % of the ceiling",
        check / socket * 100.0
    );
    bounds.hold(check >= 0.6 * socket, "60 % of bare sockets for one GET");

    println!("a ladder to the challenge, CPU microseconds each:");
    let (mut bare, mut ladder) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(
            1e6 / server.confirmed(
                || per_cpu_second(3_000, || runtime.block_on(many(3_000, || bare_requests(server.address)))),
                4,
            ),
        );
        ladder.push(
            1e6 / server.confirmed(
                || {
                    per_cpu_second(3_000, || {
                        runtime.block_on(many(3_000, || async {
                            let report = prober.climb(&target, Rung::Challenge).await;
                            assert_eq!(report.highest(), Some(Rung::Challenge), "{report}");
                        }));
                    })
                },
                4,
            ),
        );
    }
    let (bare, ladder) = (median(bare), median(ladder));
    println!(
        "  hyper and tungstenite, one after the other {bare:>7.0}\n  Prober::climb                              {ladder:>7.0}   {:.2} times",
        ladder / bare
    );

    bounds.hold(ladder <= 1.5 * bare, "1.5 times the bare requests for a ladder");

    bounds.hold(memory(), "20 KiB for a slow target");
    if let [exporter, gateway] = tools {
        exporters(&server, exporter, check, bounds);
        processes(&server, gateway, bounds);
    }
}

/// 10,000 targets that accept and stay silent, in a process of its own; whether the bound holds.
fn memory() -> bool {
    let child =
        Command::new(std::env::current_exe().expect("a path")).arg("--slow").output().expect("started");
    print!("{}", String::from_utf8_lossy(&child.stdout));
    assert!(child.stderr.is_empty(), "{}", String::from_utf8_lossy(&child.stderr));
    child.status.success()
}

/// The resident bytes that each silent target adds.
fn slow_targets(question: Rung) -> f64 {
    const TARGETS: usize = 10_000;
    // The silent side is a process of its own: its sockets are not the prober's memory.
    const SILENT: &str = "import socket\ns=socket.socket()\ns.bind(('127.0.0.1',0))\ns.listen(4096)\n\
        print(s.getsockname()[1],flush=True)\nheld=[]\nwhile True: held.append(s.accept()[0])";
    let mut silent =
        Command::new("python3").args(["-c", SILENT]).stdout(Stdio::piped()).spawn().expect("python3");
    let mut port = String::new();
    BufReader::new(silent.stdout.take().expect("piped")).read_line(&mut port).expect("a line");
    let address = SocketAddr::from(([127, 0, 0, 1], port.trim().parse().expect("a port")));
    let target: Target = address.to_string().parse().expect("a target");
    let prober = Prober::builder().build().expect("a prober");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let each = runtime.block_on(async {
        let before = resident();
        let mut waiting = FuturesUnordered::new();
        let mut started = 0;
        // A hundred at a time, so that the silent side's queue of connections does not overflow.
        while started < TARGETS {
            for _ in 0..100 {
                waiting.push(prober.check(&target, question));
                started += 1;
            }
            let _ = tokio::time::timeout(Duration::from_millis(10), waiting.next()).await;
        }
        let _ = tokio::time::timeout(Duration::from_millis(500), waiting.next()).await;
        let each = (resident() - before) / waiting.len() as f64;
        let name = if question == Rung::Liveness { "checks" } else { "ladders" };
        println!("{} silent targets at once, {name}: {:.1} KiB each", waiting.len(), each / 1024.0);
        each
    });
    let _ = silent.kill();
    let _ = silent.wait();
    each
}

/// The exporters, for the same module, over kept connections as Prometheus keeps them.
fn exporters(server: &Server, exporter: &str, check: f64, bounds: &mut Bounds) {
    println!("exporters, one HTTP GET a request, requests a CPU-second of the exporter:");
    let mut ours = Command::new(exporter)
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("probe-exporter");
    let mut line = String::new();
    BufReader::new(ours.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address: SocketAddr =
        line.trim().rsplit_once('/').expect("an address").1.parse().expect("an address");
    let path = format!("/probe?target={}&module=liveness", server.address);
    let (mut theirs_rate, mut ours_rate) = (Vec::new(), Vec::new());
    let theirs = blackbox();
    for _ in 0..3 {
        ours_rate.push(scrape(server, &ours, address, &path));
        if let Some((child, address)) = &theirs {
            let path = format!("/probe?target=http://{}/healthz&module=http_2xx", server.address);
            theirs_rate.push(scrape(server, child, *address, &path));
        }
    }
    let ours_rate = median(ours_rate);
    println!("  probe-exporter    {ours_rate:>7.0}");
    if let Some((mut child, _)) = theirs {
        let rate = median(theirs_rate);
        println!(
            "  blackbox_exporter {rate:>7.0}   probe-exporter {:.1} times, Prober::check {:.1} times",
            ours_rate / rate,
            check / rate
        );
        bounds.hold(ours_rate >= 3.0 * rate, "3 times blackbox_exporter's requests for the exporter");
        bounds.hold(check >= 5.0 * rate, "5 times blackbox_exporter's probes for one GET");
        let _ = child.kill();
        let _ = child.wait();
    }
    let _ = ours.kill();
    let _ = ours.wait();
}

fn blackbox() -> Option<(Child, SocketAddr)> {
    let address = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let config = std::env::temp_dir().join(format!("blackbox-{}.yml", std::process::id()));
    let module = "modules:\n  http_2xx:\n    prober: http\n    timeout: 5s\n    http:\n      preferred_ip_protocol: ip4\n      follow_redirects: false\n";
    std::fs::write(&config, module).expect("written");
    let child = Command::new("prometheus-blackbox-exporter")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--log.level=error")
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    while std::net::TcpStream::connect(address).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    Some((child, address))
}

/// Requests a CPU-second of the exporter's process, over sixteen kept connections.
fn scrape(server: &Server, exporter: &Child, address: SocketAddr, path: &str) -> f64 {
    const REQUESTS: u64 = 4_000;
    let before = cpu_of(exporter.id());
    let done = AtomicU64::new(0);
    server.confirmed(
        || {
            std::thread::scope(|scope| {
                for _ in 0..16 {
                    scope.spawn(|| {
                        let mut stream = std::net::TcpStream::connect(address).expect("connected");
                        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
                        while done.fetch_add(1, Ordering::Relaxed) < REQUESTS {
                            stream.write_all(request.as_bytes()).expect("sent");
                            assert!(answer(&mut stream).contains("\nprobe_success 1\n"));
                        }
                    });
                }
            });
            REQUESTS as f64
        },
        1,
    );
    REQUESTS as f64 / (cpu_of(exporter.id()) - before)
}

/// One HTTP answer with a length or in chunks.
fn answer(stream: &mut std::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let count = stream.read(&mut buffer).expect("an answer");
        assert!(count > 0, "closed");
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let whole = match length {
                Some((_, length)) => body.len() >= length.parse().expect("a number"),
                None => body.ends_with("0\r\n\r\n"),
            };
            if whole {
                return body.to_owned();
            }
        }
    }
}

/// Whole processes, one after the other: wall and CPU milliseconds of each, median of 40.
fn processes(server: &Server, gateway: &str, bounds: &mut Bounds) {
    println!("one process, one endpoint, median of 40:");
    let url = format!("http://{}/healthz", server.address);
    let commands: [(&str, Vec<&str>); 2] = [
        ("curl", vec!["-fsS", "-o", "/dev/null", &url]),
        (gateway, vec!["--ask", "liveness", "--healthcheck", &url[..url.len() - 8]]),
    ];
    let mut medians = Vec::new();
    for (program, arguments) in commands {
        let mut walls = Vec::new();
        let before = cpu_of_children();
        for _ in 0..40 {
            let started = Instant::now();
            match Command::new(program).args(&arguments).stdout(Stdio::null()).status() {
                Ok(status) => assert!(status.success(), "{program}"),
                Err(_) => return println!("  {program} is not installed"),
            }
            walls.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        let cpu = (cpu_of_children() - before) / 40.0 * 1000.0;
        let name = program.rsplit('/').next().unwrap_or(program);
        let wall = median(walls);
        println!("  {name:<14} {wall:>6.2} ms wall, {cpu:>5.1} ms CPU");
        medians.push(wall);
    }
    bounds.hold(medians[1] <= medians[0], "no slower than curl for one endpoint");
}

/// What the ladder's four exchanges cost at least, done with the same libraries one after the other.
async fn bare_requests(address: SocketAddr) {
    for (path, body) in [("/healthz", LIVE), ("/startupz", STARTED), ("/readyz", READY)] {
        let stream = TcpStream::connect(address).await.expect("connected");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream))
                .await
                .expect("a connection");
        let request = hyper::Request::get(path)
            .header("host", "x")
            .header("connection", "close")
            .body(http_body_util::Empty::<hyper::body::Bytes>::new())
            .expect("a request");
        let exchange = async {
            let answer = sender.send_request(request).await.expect("an answer");
            let bytes =
                http_body_util::BodyExt::collect(answer.into_body()).await.expect("a body").to_bytes();
            assert_eq!(bytes, body.as_bytes());
        };
        let (connection, ()) = futures_util::future::join(connection, exchange).await;
        connection.expect("a clean end");
    }
    let stream = TcpStream::connect(address).await.expect("connected");
    let (mut websocket, _) =
        tokio_tungstenite::client_async(format!("ws://{address}/"), stream).await.expect("an upgrade");
    let first = websocket.next().await.expect("a frame").expect("a frame");
    assert_eq!(first.to_text().expect("text"), CHALLENGE);
    websocket.close(None).await.expect("closed");
}

/// Blocking sockets, nothing else: connect, write, read to the end.
fn bare_sockets(address: SocketAddr, count: usize) {
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut buffer = [0; 4096];
    for _ in 0..count {
        let mut stream = std::net::TcpStream::connect(address).expect("connected");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut length = 0;
        loop {
            match stream.read(&mut buffer[length..]).expect("an answer") {
                0 => break,
                count => length += count,
            }
        }
        assert!(buffer[..length].ends_with(LIVE.as_bytes()));
    }
}

/// So many of a probe, a bounded number at a time.
async fn many<F: Future<Output = ()>>(count: usize, probe: impl Fn() -> F) {
    let mut running = FuturesUnordered::new();
    for _ in 0..count {
        if running.len() == CONCURRENCY {
            running.next().await;
        }
        running.push(probe());
    }
    while running.next().await.is_some() {}
}

fn per_cpu_second(count: usize, work: impl FnOnce()) -> f64 {
    let before = cpu_of(std::process::id());
    work();
    count as f64 / (cpu_of(std::process::id()) - before)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// User plus system seconds of a process.
fn cpu_of(id: u32) -> f64 {
    stat(id, 11)
}

/// User plus system seconds of this process's children that ended.
fn cpu_of_children() -> f64 {
    stat(std::process::id(), 13)
}

fn stat(id: u32, first: usize) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("Linux");
    let after_name = text.rsplit_once(") ").expect("a name").1;
    let ticks: f64 =
        after_name.split(' ').skip(first).take(2).map(|field| field.parse::<f64>().expect("a number")).sum();
    ticks / 100.0
}

fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).expect("pages") * 4096.0
}

/// The gateway's answers, in a process of their own.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .arg("--serve")
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("an address");
        Self { child, address: line.trim().parse().expect("an address") }
    }

    /// Runs the work; the server confirms that every probe came over `connections` fresh connections, none of which
    /// carried more than one request, and that each was told the whole body before it closed.
    fn confirmed(&self, work: impl FnOnce() -> f64, connections: u64) -> f64 {
        let before = self.counts();
        let result = work();
        let after = self.counts();
        let (accepted, answered) = (after.0 - before.0 - 1, after.1 - before.1);
        assert!(
            accepted % connections == 0 && accepted >= answered,
            "{accepted} connections, {answered} requests"
        );
        assert_eq!(after.2, before.2, "a connection carried two requests");
        result
    }

    /// Connections, requests, and requests on a connection that had one before.
    fn counts(&self) -> (u64, u64, u64) {
        let mut stream = std::net::TcpStream::connect(self.address).expect("connected");
        stream.write_all(b"GET /counts HTTP/1.1\r\nConnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("counts");
        let body = text.split_once("\r\n\r\n").expect("a head").1;
        let mut numbers = body.split(' ').map(|number| number.parse::<u64>().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        (next(), next(), next())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static ANSWERED: AtomicU64 = AtomicU64::new(0);
static REPEATED: AtomicU64 = AtomicU64::new(0);

fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let listener = socket.listen(4096).expect("listening");
        println!("{}", listener.local_addr().expect("bound"));
        loop {
            let (stream, _) = listener.accept().await.expect("accepted");
            ACCEPTED.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(serve_one(stream));
        }
    });
}

async fn serve_one(mut stream: TcpStream) {
    let mut bytes = Vec::with_capacity(1024);
    let mut requests = 0;
    loop {
        bytes.clear();
        while !bytes.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut bytes).await {
                Ok(count) if count > 0 => {}
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let path = text.split(' ').nth(1).unwrap_or("");
        if path != "/counts" {
            ANSWERED.fetch_add(1, Ordering::Relaxed);
        }
        REPEATED.fetch_add(u64::from(requests > 0), Ordering::Relaxed);
        requests += 1;
        if let Some(key) = text
            .lines()
            .find_map(|line| line.to_ascii_lowercase().starts_with("sec-websocket-key").then(|| &line[19..]))
        {
            let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            let frame = [&[0x81, CHALLENGE.len() as u8][..], CHALLENGE.as_bytes()].concat();
            let _ = stream.write_all(&[head.as_bytes(), &frame].concat()).await;
            // Until the goodbye, and then the end.
            let mut rest = [0; 64];
            let _ = stream.read(&mut rest).await;
            return;
        }
        let counts;
        let body = match path {
            "/healthz" => LIVE,
            "/startupz" => STARTED,
            "/readyz" => READY,
            _ => {
                let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
                counts = format!("{} {} {}", load(&ACCEPTED), load(&ANSWERED), load(&REPEATED));
                &counts
            }
        };
        let close = text.to_ascii_lowercase().contains("connection: close");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nContent-Type: application/json; charset=utf-8\r\nCache-Control: no-store\r\n\
             Content-Length: {}\r\nDate: Sun, 22 Nov 2026 06:29:03 GMT\r\nConnection: {}\r\n\r\n{body}",
            body.len(),
            if close { "close" } else { "keep-alive" },
        );
        if stream.write_all(answer.as_bytes()).await.is_err() || close {
            return;
        }
    }
}
