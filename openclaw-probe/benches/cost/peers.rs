//! The programs that do the same: `blackbox_exporter` beside `runbook export`, curl beside `runbook probe`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::cpu;
use crate::server::Server;
use crate::table::Table;

/// Requests of one round at an exporter.
const REQUESTS: u32 = 4_000;
/// Connections over which they come, kept as Prometheus keeps them.
const CONNECTIONS: u32 = 16;
/// Runs of a program.
const RUNS: u32 = 100;

/// The exporters, for the same module; `check` is what the library alone makes of it.
pub(crate) fn exporters(server: &Server, program: &Path, check: f64, table: &mut Table) {
    let ours = Exporter::ours(program);
    let Some(theirs) = Exporter::blackbox() else {
        return println!("prometheus-blackbox-exporter is not installed: two rows are missing");
    };
    let ours_path = format!("/probe?target={}&module=liveness", server.address);
    let theirs_path = format!("/probe?target=http://{}/healthz&module=http_2xx", server.address);
    let (mut ours_rates, mut theirs_rates) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        ours_rates.push(ours.rate(server, &ours_path));
        theirs_rates.push(theirs.rate(server, &theirs_path));
    }
    let (ours, theirs) = (cpu::median(ours_rates), cpu::median(theirs_rates));
    let what = "one GET over a fresh connection, a CPU-second";
    table.at_least(5.0, what, ("Prober::check", check), ("blackbox_exporter", theirs));
    let what = "the same module scraped, a CPU-second";
    table.at_least(3.0, what, ("runbook export", ours), ("blackbox_exporter", theirs));
}

/// Whole processes, in turn so that a busy moment meets both.
pub(crate) fn processes(server: &Server, program: &Path, table: &mut Table) {
    let target = format!("ws://{}", server.address);
    let url = format!("http://{}/healthz", server.address);
    let mut ours = Command::new(program);
    ours.args(["probe", "--ask", "liveness", &target]);
    let mut theirs = Command::new("curl");
    theirs.args(["-fsS", &url]);
    if theirs.stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return println!("curl is not installed: a row is missing");
    }
    let (mut ours_runs, mut theirs_runs) = (Vec::new(), Vec::new());
    server.confirmed(2 * RUNS, || {
        for _ in 0..RUNS {
            ours_runs.push(run(&mut ours));
            theirs_runs.push(run(&mut theirs));
        }
    });
    let (ours, theirs) = (cpu::median(ours_runs), cpu::median(theirs_runs));
    let what = "a process that asks one endpoint, wall ms";
    table.at_most(1.0, what, ("runbook probe --ask liveness", ours), ("curl", theirs));
}

/// The milliseconds that one run takes.
fn run(command: &mut Command) -> f64 {
    let began = Instant::now();
    let status = command.stdout(Stdio::null()).status().expect("started");
    assert!(status.success(), "{command:?}");
    began.elapsed().as_secs_f64() * 1000.0
}

/// A running exporter, ended when this is dropped.
struct Exporter {
    child: Child,
    address: SocketAddr,
}

impl Exporter {
    fn ours(program: &Path) -> Self {
        let mut child = Command::new(program)
            .args(["export", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the exporter starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let address = line.trim().rsplit_once('/').expect("an address").1.parse().expect("an address");
        Self { child, address }
    }

    fn blackbox() -> Option<Self> {
        let address =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let directory = tempfile::tempdir().expect("a directory");
        let config = directory.path().join("blackbox.yml");
        let module = "modules:\n  http_2xx:\n    prober: http\n    timeout: 5s\n    http:\n      preferred_ip_protocol: ip4\n      follow_redirects: false\n";
        std::fs::write(&config, module).expect("written");
        let child = Command::new("prometheus-blackbox-exporter")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        while TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, address })
    }

    /// Requests a CPU-second of its process.
    fn rate(&self, server: &Server, path: &str) -> f64 {
        let before = cpu::of(self.child.id());
        let begun = AtomicU32::new(0);
        server.confirmed(REQUESTS, || {
            std::thread::scope(|scope| {
                for _ in 0..CONNECTIONS {
                    scope.spawn(|| {
                        let mut stream = TcpStream::connect(self.address).expect("connected");
                        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
                        while begun.fetch_add(1, Ordering::Relaxed) < REQUESTS {
                            stream.write_all(request.as_bytes()).expect("sent");
                            let said = answer(&mut stream);
                            assert!(said.contains("\nprobe_success 1\n"), "{path}: {said}");
                        }
                    });
                }
            });
        });
        f64::from(REQUESTS) / (cpu::of(self.child.id()) - before)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of one HTTP answer, sent with a length or in chunks.
fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let count = stream.read(&mut buffer).expect("an answer");
        assert!(count > 0, "closed");
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let whole = match length {
            Some((_, length)) => body.get(..length.parse().expect("a number")).map(str::to_owned),
            None => joined(body),
        };
        if let Some(body) = whole {
            return body;
        }
    }
}

/// The chunks of a body as one text, when all are there.
fn joined(mut body: &str) -> Option<String> {
    let mut whole = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return Some(whole);
        }
        whole.push_str(rest.get(..size)?);
        body = rest.get(size + 2..)?;
    }
}
