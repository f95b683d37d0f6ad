//! Children that do what they should not: whatever they do, they are heard within bounds and nothing of them lives on.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test says so")]
#![expect(clippy::disallowed_methods, reason = "the test runs programs, with files of its own")]

use crate::support::RUNBOOK;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use openclaw_runbook::child::{Ended, Heard, MOST, command, hear};

/// Far above what anything here takes: who waits longer hangs.
const GUARD: Duration = Duration::from_secs(60);
/// A deadline that nobody is meant to meet.
const SOON: Duration = Duration::from_millis(200);

/// A pipe that a script holds open, and with it all that the script starts.
struct Watched {
    dir: tempfile::TempDir,
    opened: Receiver<()>,
    gone: Receiver<()>,
}

impl Watched {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("alive");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let ((open, opened), (end, gone)) = (channel(), channel());
        std::thread::spawn(move || {
            let mut alive = std::fs::File::open(pipe).unwrap();
            let _ = open.send(());
            let _ = alive.read_to_end(&mut Vec::new());
            let _ = end.send(());
        });
        Self { dir, opened, gone }
    }

    /// The script of a child that is watched.
    fn script(&self, text: &str) -> String {
        format!("exec 9> '{}'\n{text}", self.dir.path().join("alive").display())
    }

    fn is_running(&self) {
        self.opened.recv_timeout(GUARD).expect("the child does not start");
    }

    /// Nobody holds the pipe any more.
    fn is_gone(&self) {
        self.gone.recv_timeout(GUARD).expect("something of the child lives on");
    }
}

async fn heard(script: &str, deadline: Duration) -> Heard {
    let mut sh = command("sh");
    tokio::time::timeout(GUARD, hear(sh.args(["-c", script]), deadline)).await.expect("it hangs").unwrap()
}

fn exit(heard: &Heard) -> Option<i32> {
    match heard.ended {
        Ended::Exited(status) => status.code(),
        _ => None,
    }
}

#[tokio::test]
async fn a_child_is_heard_and_has_nothing_to_read() {
    let heard = heard("cat; echo said; echo also >&2; exit 7", GUARD).await;
    assert_eq!(
        (exit(&heard), &heard.stdout[..], &heard.stderr[..]),
        (Some(7), &b"said\n"[..], &b"also\n"[..])
    );
    assert!(hear(&mut command("/nonexistent"), GUARD).await.is_err());
}

#[tokio::test]
async fn endless_output_is_cut_and_its_writer_ended() {
    for (script, stream) in
        [("exec cat /dev/zero", "standard output"), ("exec cat /dev/zero >&2", "standard error")]
    {
        let watched = Watched::new();
        let heard = heard(&watched.script(script), GUARD).await;
        assert_eq!(heard.ended, Ended::TooMuch(stream));
        assert_eq!(heard.stdout.len() + heard.stderr.len(), MOST);
        assert!(heard.ended.to_string().starts_with("wrote more than 16 MiB to its standard "));
        watched.is_gone();
    }
}

#[tokio::test]
async fn a_child_that_ignores_the_signal_or_closes_its_streams_ends_at_the_deadline() {
    for script in [
        "trap '' TERM INT HUP; while :; do sleep 600; done",
        "exec >&- 2>&-; sleep 600",
        "sleep 600 & sleep 600",
        "trap '' TERM; (while :; do sleep 600; done) & wait",
        "while :; do echo more; sleep 0.01; done",
    ] {
        let watched = Watched::new();
        let heard = heard(&watched.script(script), SOON).await;
        assert_eq!(heard.ended, Ended::Late(SOON), "{script}");
        watched.is_gone();
    }
}

#[tokio::test]
async fn what_a_child_leaves_behind_ends_with_it() {
    for script in [
        "sleep 600 & echo said; exit 3",
        "sleep 600 >/dev/null 2>&1 & echo said; exit 3",
        "(trap '' TERM; while :; do sleep 600; done) & echo said; exit 3",
        "nohup sh -c 'sleep 600 & sleep 600' >/dev/null 2>&1 & echo said; exit 3",
    ] {
        let watched = Watched::new();
        let heard = heard(&watched.script(script), GUARD).await;
        assert_eq!((exit(&heard), &heard.stdout[..]), (Some(3), &b"said\n"[..]), "{script}");
        watched.is_gone();
    }
}

/// One that makes itself a session of its own is out of reach, but nobody waits for it.
#[tokio::test]
async fn one_that_leaves_its_group_and_holds_the_stream_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (pid, script) = (dir.path().join("pid"), dir.path().join("script"));
    std::fs::write(&script, format!("echo $$ > '{}'; exec sleep 600", pid.display())).unwrap();
    // It holds its standard error, which nobody writes to, and says so once it has left.
    let text =
        format!("setsid sh '{}' & until [ -s '{}' ]; do :; done; exit 3", script.display(), pid.display());
    let heard = heard(&text, GUARD).await;
    assert_eq!(exit(&heard), Some(3));
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(std::process::Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
}

#[tokio::test]
async fn a_dropped_future_ends_the_child_and_what_it_started() {
    let watched = Watched::new();
    let script = watched.script("sleep 600 & sleep 600");
    let mut sh = command("sh");
    let mut hearing = Box::pin(hear(sh.args(["-c", &script]), GUARD));
    assert!(futures_util::poll!(&mut hearing).is_pending());
    watched.is_running();
    drop(hearing);
    watched.is_gone();
}

/// A program that starts `docker`, which is this script, and what it is started with.
fn program(subcommand: &str, arguments: &[&str], docker: &Path) -> Child {
    std::process::Command::new(RUNBOOK)
        .arg(subcommand)
        .args(arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", docker.parent().unwrap().display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn docker(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("docker");
    std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_program_that_is_told_to_stop_takes_its_children_with_it() {
    let vantage = ["--docker", "docker", "--inside", "gw", "--host-url", "ws://127.0.0.1:1"];
    let programs = [("pair", &[][..]), ("vantage", &vantage[..])];
    for (subcommand, arguments) in programs {
        for (signal, code) in [("-HUP", 129), ("-INT", 130), ("-TERM", 143)] {
            let watched = Watched::new();
            let docker = docker(watched.dir.path(), &watched.script("trap '' TERM; sleep 600 & sleep 600"));
            let mut program = program(subcommand, arguments, &docker);
            watched.is_running();
            let kill = std::process::Command::new("kill").args([signal, &program.id().to_string()]).status();
            assert!(kill.unwrap().success());
            assert_eq!(program.wait().unwrap().code(), Some(code), "{subcommand} {signal}");
            watched.is_gone();
        }
    }
}

#[test]
fn a_program_says_that_a_child_said_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let docker = docker(dir.path(), "exec cat /dev/zero");
    let output = std::process::Command::new(RUNBOOK)
        .arg("pair")
        .env("PATH", format!("{}:/usr/bin:/bin", docker.parent().unwrap().display()))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("docker wrote more than 16 MiB to its standard output, so it was ended"), "{text}");
}

/// Somebody who takes a connection and never says anything, on a port or on a socket: who they are, and that they were asked.
struct Silent {
    address: String,
    asked: Receiver<()>,
}

impl Silent {
    fn gateway() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = format!("ws://{}", listener.local_addr().unwrap());
        Self { address, asked: Self::keep(move || listener.accept().unwrap()) }
    }

    fn engine(dir: &Path) -> Self {
        let socket = dir.join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let address = format!("unix://{}", socket.display());
        Self { address, asked: Self::keep(move || listener.accept().unwrap()) }
    }

    fn keep<C>(accept: impl Fn() -> C + Send + 'static) -> Receiver<()> {
        let (ask, asked) = channel();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            loop {
                kept.push(accept());
                let _ = ask.send(());
            }
        });
        asked
    }
}

/// Ends a program that waits, and says how it ended.
fn told(mut program: Child) -> ExitStatus {
    let id = program.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    program.wait().unwrap()
}

#[test]
fn nobody_who_is_silent_keeps_a_program_that_is_told_to_stop() {
    let dir = crate::support::copy("silent-override");
    let stack = dir.path().join("silent-override");
    std::fs::remove_dir_all(stack.join("captured")).unwrap();
    let stack = stack.to_str().unwrap();
    let copy = dir.path().join("copy");
    let calls: [(&[&str], bool); 9] = [
        (&["look", stack], true),
        (&["capture", stack, "--to", copy.to_str().unwrap()], true),
        (&["all", stack, "--dry-run"], true),
        (&["all", stack, "--yes"], true),
        (&["sources", "--project-directory", stack], true),
        (&["probe", "--timeout", "600"], false),
        (&["probe", "--timeout", "600", "--watch=1"], false),
        (&["gate", "--timeout", "600"], false),
        (&["pair", "--root", stack, "--dial"], false),
    ];
    for (arguments, of_engine) in calls {
        let engine = tempfile::tempdir().unwrap();
        let silent = if of_engine { Silent::engine(engine.path()) } else { Silent::gateway() };
        let mut command = std::process::Command::new(RUNBOOK);
        command.args(arguments).env_clear().env("DOCKER_HOST", &silent.address);
        if !of_engine {
            command.arg(&silent.address);
        }
        let program = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        assert_eq!(silent.asked.recv_timeout(GUARD), Ok(()), "{arguments:?}");
        let ended = told(program);
        // Of `probe --watch` the exit code says how the targets are.
        let is_told = ended.signal() == Some(15) || matches!(ended.code(), Some(143 | 1));
        assert!(is_told, "{arguments:?} {ended:?}");
    }

    let gateway = Silent::gateway();
    let mut exporter = std::process::Command::new(RUNBOOK)
        .args(["export", "--listen", "127.0.0.1:0", "--timeout", "600"])
        .env_clear()
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(exporter.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    let mut asking = TcpStream::connect(said.trim().rsplit('/').next().unwrap()).unwrap();
    write!(asking, "GET /probe?module=challenge&target={} HTTP/1.1\r\nHost: x\r\n\r\n", gateway.address)
        .unwrap();
    gateway.asked.recv_timeout(GUARD).unwrap();
    assert_eq!(told(exporter).code(), Some(0));
}
