//! What a probe costs, in CPU time (user plus system) of the probing process alone.
//!
//! `cargo bench -p openclaw-probe --bench cost` starts a gateway's answers as another process, which confirms that every
//! request came over a connection of its own and that every answer was read to its end. Rounds of each kind are taken in
//! turn and the median is printed. With `-- RUNBOOK` (the path of the built program) its exporter and probe are measured
//! beside `blackbox_exporter` and curl, where they are installed. Exits 1 when a stated bound is missed.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark reads clocks, starts programs, prints, and stops where it cannot measure"
)]
#![allow(missing_docs, reason = "a program")]

mod cpu;
mod peers;
mod server;
mod slow;
mod table;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use futures_util::stream::{FuturesUnordered, StreamExt};
use openclaw_probe::{Prober, Rung, Target};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use server::{CHALLENGE, LIVE, READY, STARTED, Server};
use slow::Waiting;
use table::Table;

const ROUNDS: usize = 5;
const CONCURRENCY: usize = 32;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [serve] if serve == "--serve" => server::serve(),
        [slow, arguments @ ..] if slow == "--slow" => slow::wait(arguments),
        programs => return measure(programs),
    }
    ExitCode::SUCCESS
}

fn measure(programs: &[String]) -> ExitCode {
    let server = Server::start();
    let mut table = Table::begin();
    let check = one_get(&server, &mut table);
    ladder(&server, &mut table);
    slow_targets(&server, &mut table);
    if let [runbook] = programs {
        peers::exporters(&server, runbook.as_ref(), check, &mut table);
        peers::processes(&server, runbook.as_ref(), &mut table);
    }
    let missed = table.end();
    for row in &missed {
        println!("MISSED: {row}");
    }
    ExitCode::from(u8::from(!missed.is_empty()))
}

/// [`Prober::check`] beside blocking sockets; how many checks a CPU-second there are.
fn one_get(server: &Server, table: &mut Table) -> f64 {
    const COUNT: u32 = 40_000;
    let (runtime, prober, target) = prober(server);
    let (mut sockets, mut checks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        sockets.push(server.confirmed(COUNT, || cpu::rate(COUNT, || bare_sockets(server.address, COUNT))));
        let check = || async {
            assert!(prober.check(&target, Rung::Liveness).await.is_good());
        };
        checks.push(server.confirmed(COUNT, || cpu::rate(COUNT, || runtime.block_on(many(COUNT, check)))));
    }
    let (sockets, checks) = (cpu::median(sockets), cpu::median(checks));
    let what = "one GET over a fresh connection, a CPU-second";
    table.at_least(0.6, what, ("Prober::check", checks), ("bare blocking sockets", sockets));
    checks
}

/// [`Prober::climb`] beside what its four exchanges cost at least.
fn ladder(server: &Server, table: &mut Table) {
    const COUNT: u32 = 8_000;
    let (runtime, prober, target) = prober(server);
    let (mut bare, mut climbs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let requests = || bare_requests(server.address);
        bare.push(
            server.confirmed(4 * COUNT, || cpu::rate(COUNT, || runtime.block_on(many(COUNT, requests)))),
        );
        let climb = || async {
            let report = prober.climb(&target, Rung::Challenge).await;
            assert_eq!(report.highest(), Some(Rung::Challenge), "{report}");
        };
        climbs
            .push(server.confirmed(4 * COUNT, || cpu::rate(COUNT, || runtime.block_on(many(COUNT, climb)))));
    }
    let microseconds = |rates| 1e6 / cpu::median(rates);
    let what = "a ladder to the challenge, CPU µs";
    let (climb, bare) = (microseconds(climbs), microseconds(bare));
    table.at_most(1.5, what, ("Prober::climb", climb), ("hyper and tungstenite one after the other", bare));
}

fn slow_targets(server: &Server, table: &mut Table) {
    let bare = ("bare connections", Waiting::Bare.measure(server));
    let check = ("Prober::check", Waiting::Check.measure(server));
    table.below(20.0, "10,000 targets silent at once, KiB each", check, bare);
    let climb = ("Prober::climb", Waiting::Climb.measure(server));
    table.below(20.0, "10,000 challenges awaited at once, KiB each", climb, bare);
}

fn prober(server: &Server) -> (Runtime, Prober, Target) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let prober = Prober::builder().build().expect("a prober");
    (runtime, prober, server.address.to_string().parse().expect("a target"))
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

/// Blocking sockets, nothing else: connect, write, read until all is there.
fn bare_sockets(address: SocketAddr, count: u32) {
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut buffer = [0; 4096];
    for _ in 0..count {
        let mut stream = std::net::TcpStream::connect(address).expect("connected");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut length = 0;
        while !buffer[..length].ends_with(LIVE.as_bytes()) {
            let count = stream.read(&mut buffer[length..]).expect("an answer");
            assert!(count > 0, "closed");
            length += count;
        }
    }
}

/// So many of a probe, a bounded number at a time.
async fn many<F: Future<Output = ()>>(count: u32, probe: impl Fn() -> F) {
    let mut running = FuturesUnordered::new();
    for _ in 0..count {
        if running.len() == CONCURRENCY {
            running.next().await;
        }
        running.push(probe());
    }
    while running.next().await.is_some() {}
}
