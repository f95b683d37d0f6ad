//! `look --docker` against an engine of the test's own on a socket, which shows what was captured of a bundled stack and
//! writes down everything that it is asked.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{self, RUNBOOK, status, stderr, stdout};

/// What the engine has: containers as inspected, and what was captured of each service.
struct Shown {
    containers: Vec<Value>,
    captured: PathBuf,
    /// What the only container writes each time it is asked; it goes when nothing is left.
    writes: Option<Mutex<VecDeque<String>>>,
}

struct Engine {
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Engine {
    fn of(captured: &Path, change: impl Fn(&mut Vec<Value>)) -> Self {
        let mut containers: Vec<Value> = serde_json::from_str(&read(&captured.join("inspect.json"))).unwrap();
        change(&mut containers);
        Self::showing(Shown { containers, captured: captured.to_owned(), writes: None })
    }

    fn showing(shown: Shown) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &shown, &log);
            }
        });
        Self { directory, asked }
    }

    /// The program's answer, and what the engine was asked for it.
    fn run(&self, stack: &Path, arguments: &[&str]) -> (Output, Vec<String>) {
        self.asked.lock().unwrap().clear();
        let output = run(&self.directory.path().join("docker.sock"), stack, arguments);
        (output, self.asked.lock().unwrap().clone())
    }
}

#[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
fn run(socket: &Path, stack: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(RUNBOOK);
    command.args(arguments).arg(stack).env_clear();
    command.env("DOCKER_HOST", format!("unix://{}", socket.display())).output().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests look at their own files")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn serve(stream: UnixStream, shown: &Shown, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    reader.read_line(&mut head).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let target = head.split(' ').nth(1).unwrap_or_default();
    let body = String::from_utf8_lossy(&body);
    asked.lock().unwrap().push(format!("{} {target} {body}", head.split(' ').next().unwrap_or_default()));
    let answer = answer(target.split('?').next().unwrap_or_default(), &body, shown);
    // Who has heard enough hangs up.
    let mut stream = reader.into_inner();
    let (status, bytes) = answer.map_or((404, Vec::new()), |bytes| (200, bytes));
    let _ =
        write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len());
    let _ = stream.write_all(&bytes);
}

/// What Node prints of a gateway that is ready.
const READY: &str = r#"{"status":200,"contentType":"application/json","body":"{\"ready\":true}"}"#;

fn answer(path: &str, body: &str, shown: &Shown) -> Option<Vec<u8>> {
    let service = |container: &Value| {
        container["Config"]["Labels"]["com.docker.compose.service"].as_str().unwrap().to_owned()
    };
    let of = |id: &str| shown.containers.iter().find(|container| container["Id"] == id);
    Some(match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["info"] => br#"{"OperatingSystem":"Debian GNU/Linux 12","Name":"host"}"#.to_vec(),
        ["containers", "json"] => {
            if shown.writes.as_ref().is_some_and(|writes| writes.lock().unwrap().is_empty()) {
                return Some(b"[]".to_vec());
            }
            let listed =
                |container: &Value| json!({ "Id": container["Id"], "Labels": container["Config"]["Labels"] });
            Value::from(shown.containers.iter().map(listed).collect::<Vec<_>>()).to_string().into()
        }
        ["containers", id, "json"] => of(id)?.to_string().into(),
        ["containers", _, "logs"] if shown.writes.is_some() => {
            parts(&shown.writes.as_ref()?.lock().unwrap().pop_front()?)
        }
        ["containers", id, "logs"] => {
            let log = shown.captured.join("logs").join(service(of(id)?) + ".log");
            parts(&read(&log))
        }
        // The id of a command tells which one it is.
        ["containers", id, "exec"] if body.contains("\"node\"") => {
            json!({ "Id": format!("{id}Node") }).to_string().into()
        }
        ["containers", id, "exec"] => json!({ "Id": id }).to_string().into(),
        ["exec", id, "start"] if id.ends_with("Node") => parts(READY),
        ["exec", id, "start"] => {
            let list = shown.captured.join("devices").join(service(of(id)?) + ".json");
            parts(&read(&list))
        }
        ["exec", _, "json"] => br#"{"ExitCode":0}"#.to_vec(),
        _ => return None,
    })
}

/// A text as the engine sends the output of a container without a terminal, a part a line.
fn parts(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.split_inclusive('\n') {
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(u32::try_from(line.len()).unwrap().to_be_bytes());
        bytes.extend(line.as_bytes());
    }
    bytes
}

/// The bundled deadlock as it is on a host: its files, and an engine that shows what was captured of it.
fn deadlock(change: impl Fn(&mut Vec<Value>)) -> (tempfile::TempDir, PathBuf, Engine) {
    let dir = support::copy("pairing-deadlock");
    let stack = dir.path().join("pairing-deadlock");
    let captured = dir.path().join("elsewhere");
    std::fs::rename(stack.join("captured"), &captured).unwrap();
    let engine = Engine::of(&captured, change);
    (dir, stack, engine)
}

fn ticket(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

/// Code, gate and clients of the first cause, and the steps out of it.
fn cause(ticket: &Value) -> Value {
    let first = &ticket["first_cause"];
    let at = usize::try_from(first["finding"].as_u64().unwrap()).unwrap();
    let finding = &ticket["findings"][at];
    json!([finding["code"], first["gate"], first["clients"], finding["steps"]])
}

#[test]
fn a_live_deadlock_is_named_as_the_captured_one_is() {
    let captured = support::runbook(&["--format", "json", "examples/stacks/pairing-deadlock"]);
    let (_dir, stack, engine) = deadlock(|_| {});
    let (live, asked) = engine.run(&stack, &["--docker", "--format", "json"]);
    assert_eq!(status(&live), 1, "{}", stderr(&live));
    assert_eq!(cause(&ticket(&live)), cause(&ticket(&captured)));
    let first = stderr(&live);
    assert!(first.starts_with("runbook: runs `openclaw devices list --json` in each gateway's"), "{first}");

    let (asks, told): (Vec<&String>, Vec<&String>) = asked
        .iter()
        .filter(|question| !question.starts_with("GET "))
        .partition(|question| question.contains("\"node\"") || question.contains("Node/start"));
    assert_eq!(asks.len(), 2, "whether the gateway is ready, in the one container that runs: {asks:#?}");
    let [exec, start] = told[..] else { panic!("{told:#?}") };
    assert!(exec.starts_with("POST /containers/fadce5ec"), "of the gateway only: {exec}");
    assert!(exec.contains(r#""Cmd":["openclaw","devices","list","--json"]"#), "{exec}");
    assert!(start.starts_with("POST /exec/fadce5ec") && start.contains("/start "), "{start}");
    let log = asked.iter().find(|question| question.contains("/logs?")).unwrap();
    assert!(log.contains("since=1795328561&"), "since the last start: {log}");
}

#[test]
fn an_engine_that_is_here_is_asked_unless_files_are_what_counts() {
    let (dir, stack, engine) = deadlock(|_| {});
    let (told, _) = engine.run(&stack, &["--docker", "--format", "json"]);
    let (by_itself, asked) = engine.run(&stack, &["--format", "json"]);
    assert_eq!(stdout(&by_itself), stdout(&told));
    assert!(!asked.is_empty());

    let (files, asked) = engine.run(&stack, &["--host-files", "--format", "json"]);
    assert_eq!(asked, [""; 0]);
    assert_ne!(ticket(&files)["verdict"], "red", "the files alone do not show it");

    // What was captured is of the moment that somebody wants to see, perhaps on another host.
    std::fs::rename(dir.path().join("elsewhere"), stack.join("captured")).unwrap();
    let (captured, asked) = engine.run(&stack, &["--format", "json"]);
    assert_eq!(asked, [""; 0]);
    assert_eq!(cause(&ticket(&captured)), cause(&ticket(&told)));
    let (_, asked) = engine.run(&stack, &["--docker"]);
    assert!(!asked.is_empty());
}

/// Each client's own place: the containers by their Node, and this host by the port that is published on its loopback, where
/// an embedded gateway listens for the real one.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the stack publishes the port of the test's own gateway")]
async fn the_gateway_is_asked_from_where_each_client_stands() {
    let gateway = openclaw_embedded_gateway::Gateway::builder()
        .token("test-token-of-the-ladder".to_owned().into())
        .start()
        .await
        .unwrap();
    let port = gateway.addr().port().to_string();
    let published = |containers: &mut Vec<Value>| {
        let text = Value::from(containers.clone()).to_string();
        let text = text.replace(r#""HostPort":"18789""#, &format!(r#""HostPort":"{port}""#));
        *containers = serde_json::from_str(&text).unwrap();
    };
    let (_dir, stack, engine) = deadlock(published);
    let compose = stack.join("compose.yaml");
    let changed = read(&compose).replace("127.0.0.1:18789:18789", &format!("127.0.0.1:{port}:18789"));
    std::fs::write(&compose, changed).unwrap();

    let (output, _) = engine.run(&stack, &["--docker", "--format", "json"]);
    let live = ticket(&output);
    let ladders = live["ladders"].as_array().unwrap();
    let of = |client: &str| ladders.iter().find(|ladder| ladder["client"] == client).unwrap();
    assert_eq!((&of("host")["from"], &of("host")["up_to"]), (&"host".into(), &"readiness".into()), "{live}");
    assert!(of("host")["clock"]["error_ms"].is_i64(), "{live}");
    assert_eq!(of("openclaw-gateway")["from"], "inside");
    assert_eq!(of("openclaw-gateway")["up_to"], "readiness");
    assert_eq!(of("openclaw-cli")["not_climbed"], "its container does not run");
    let host =
        live["clients"].as_array().unwrap().iter().find(|column| column["client"]["name"] == "host").unwrap();
    let is_seen = |gate: &str| {
        host["rungs"].as_array().unwrap().iter().any(|it| it["gate"] == gate && it["state"] == "green")
    };
    assert!(["reach", "liveness", "startup", "readiness"].into_iter().all(is_seen), "{host}");

    // What was captured says the same to somebody else.
    let (kept, _) = engine.run(&stack, &["capture", "--unmasked"]);
    assert_eq!(status(&kept), 0, "{}", stderr(&kept));
    gateway.stop().await;
    let again = ticket(&support::runbook(&["look", "--format", "json", stack.to_str().unwrap()]));
    let up_to = |ticket: &Value| -> Vec<Value> {
        ticket["ladders"].as_array().unwrap().iter().map(|ladder| ladder["up_to"].clone()).collect()
    };
    assert_eq!(up_to(&again), up_to(&live));

    // Nobody is let in by it, and without exec nothing runs in a container.
    let (output, asked) = engine.run(&stack, &["--docker", "--no-exec", "--format", "json"]);
    assert!(asked.iter().all(|question| question.starts_with("GET ")), "{asked:#?}");
    let ladders = ticket(&output)["ladders"].clone();
    assert!(ladders[0]["not_climbed"].is_string() || ladders[0]["fault"].is_string(), "{ladders}");
}

#[test]
fn without_exec_the_engine_is_only_asked() {
    let (_dir, stack, engine) = deadlock(|_| {});
    let (output, asked) = engine.run(&stack, &["--docker", "--no-exec", "--format", "json"]);
    assert!(asked.iter().all(|question| question.starts_with("GET ")), "{asked:#?}");
    assert_eq!(stderr(&output), "");
    let ticket = ticket(&output);
    assert!(!ticket["evidence"].to_string().contains("devices list"), "{ticket}");
    assert!(ticket["evidence"].to_string().contains("docker logs openclaw-gateway"), "{ticket}");
}

#[test]
fn a_stack_that_does_not_run_and_an_engine_that_does_not_answer_are_open() {
    let stopped = |containers: &mut Vec<Value>| {
        for container in containers {
            container["State"]["Running"] = false.into();
            container["State"]["Status"] = "exited".into();
        }
    };
    let (_dir, stack, engine) = deadlock(stopped);
    let (output, asked) = engine.run(&stack, &["--docker"]);
    assert_eq!(status(&output), 1, "its log still says why: {}", stdout(&output));
    assert!(asked.iter().all(|question| !question.contains("/exec")), "{asked:#?}");

    let (_dir, stack, engine) = deadlock(Vec::clear);
    let (output, _) = engine.run(&stack, &["--docker", "--through", "state"]);
    let text = stdout(&output);
    let headline = text.lines().next().unwrap();
    assert_eq!(headline, "OPEN  nothing is red in the files, and no container of this stack is running");
    assert_eq!(status(&output), 3);

    let output = run(&stack.join("no.sock"), &stack, &["--docker", "--through", "state"]);
    let text = stdout(&output);
    let headline = text.lines().next().unwrap();
    assert!(headline.starts_with("OPEN") && headline.contains("was not asked"), "{text}");
    assert_eq!(status(&output), 3);
}

#[test]
fn what_was_captured_gives_the_same_ticket() {
    let (dir, stack, engine) = deadlock(|_| {});
    let live = cause(&ticket(&engine.run(&stack, &["look", "--docker", "--format", "json"]).0));
    let again = |stack: &Path| {
        let output = support::runbook(&["look", "--format", "json", stack.to_str().unwrap()]);
        cause(&ticket(&output))
    };

    // A copy for somebody else: masked, so the steps name masked devices.
    let copy = dir.path().join("copy");
    let (kept, _) = engine.run(&stack, &["capture", "--to", copy.to_str().unwrap()]);
    assert!(status(&kept) <= 1, "{}", stderr(&kept));
    let masked = again(&copy);
    for part in 0..3 {
        assert_eq!(masked[part], live[part]);
    }
    let token = read(&stack.join(".env")).trim().split_once('=').unwrap().1.to_owned();
    for (name, text) in support::contents(&copy) {
        assert!(!String::from_utf8_lossy(&text).contains(&token), "{}", name.display());
    }
    verified(&copy);

    // As it is, in the stack itself: once, and out of commits.
    let (kept, _) = engine.run(&stack, &["capture", "--unmasked"]);
    assert_eq!(status(&kept), 0, "{}", stderr(&kept));
    assert!(stdout(&kept).contains("the tokens in captured/inspect.json included"), "{}", stdout(&kept));
    assert_eq!(again(&stack), live);
    assert_eq!(read(&stack.join("captured/.gitignore")), "*\n");
    verified(&stack);
    let before = support::contents(&stack);
    let (refused, _) = engine.run(&stack, &["capture", "--unmasked"]);
    assert_eq!(status(&refused), 78, "{}", stderr(&refused));
    assert_eq!(support::contents(&stack), before);
}

/// `docker` as `all` calls it: the client and the gateway are commands, and a container that is made again takes for ever.
const DOCKER: &str = r#"#!/bin/sh
here="$(dirname "$0")"
echo "$*" >>"$here/calls"
device=dae458211f39
asks() { echo "{\"pending\":[{\"requestId\":\"req-1\",\"deviceId\":\"$device\",\"clientId\":\"cli\",\"scopes\":[\"operator.read\",\"operator.pairing\"],\"remoteIp\":\"172.20.0.3\",\"ts\":9999999999999}],\"paired\":[]}"; }
case "$*" in
  *"devices approve req-1 --json") touch "$here/approved"
    echo "{\"requestId\":\"req-1\",\"device\":{\"deviceId\":\"$device\",\"scopes\":[\"operator.read\",\"operator.pairing\"],\"approvedVia\":\"owner\"}}" ;;
  *"openclaw-gateway openclaw devices list --json") if [ -e "$here/approved" ]; then echo '{"pending":[],"paired":[]}'; else asks; fi ;;
  *"openclaw-cli "*)
    if [ -e "$here/approved" ]; then echo '{"pending":[],"paired":[]}'; exit 0; fi
    echo '{"ok":false,"error":{"type":"cli_error","message":"device pairing required (requestId: req-1)"}}'; exit 1 ;;
  *"up -d"*) sleep 600 ;;
  *) exit 64 ;;
esac
"#;

/// The program, with such a `docker` on its path, and this engine behind it.
#[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
fn with_docker(engine: &Engine, docker: &str) -> Command {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = engine.directory.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join("docker"), docker).unwrap();
    std::fs::set_permissions(bin.join("docker"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(RUNBOOK);
    command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command.env("DOCKER_HOST", format!("unix://{}", engine.directory.path().join("docker.sock").display()));
    command
}

/// `all --yes` in the stack.
fn all(engine: &Engine, stack: &Path) -> Command {
    let mut command = with_docker(engine, DOCKER);
    command.args(["all", "--yes"]).current_dir(stack);
    command
}

/// `docker` as it dials an engine: it is there, and has no containers.
const DIALS: &str = r#"#!/bin/sh
echo "$DOCKER_HOST $*" >>"$(dirname "$0")/calls"
[ "$*" = "system dial-stdio" ] || exit 64
read -r _ target _
while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done
case "$target" in
  /info) body='{"OperatingSystem":"Debian GNU/Linux 12","Name":"far"}' ;;
  *) body='[]' ;;
esac
printf 'HTTP/1.1 200 OK\r\ncontent-length: %s\r\nconnection: close\r\n\r\n%s' "${#body}" "$body"
"#;

#[test]
fn an_engine_behind_ssh_or_tls_is_asked_through_docker_itself() {
    let (_dir, stack, engine) = deadlock(|_| {});
    let bin = engine.directory.path().join("bin");
    for here in [
        &[("DOCKER_HOST", "ssh://ops@far")][..],
        &[("DOCKER_HOST", "tcp://127.0.0.1:1"), ("DOCKER_TLS_VERIFY", "1")],
    ] {
        let mut look = with_docker(&engine, DIALS);
        let text = stdout(&look.arg("look").arg(&stack).envs(here.iter().copied()).output().unwrap());
        let headline = "OPEN  nothing is red in the files, and no container of this stack is running
";
        assert!(text.starts_with(headline), "{text}");
    }
    let calls = read(&bin.join("calls"));
    assert!(
        calls.contains(
            "ssh://ops@far system dial-stdio
"
        ),
        "{calls}"
    );
    assert!(
        calls.contains(
            "tcp://127.0.0.1:1 system dial-stdio
"
        ),
        "{calls}"
    );
}

/// Run by name where `strace` is: every file that is opened is opened for reading, nothing is made, moved or removed, and
/// nobody is spoken to but the engine.
#[test]
#[ignore = "needs strace"]
fn a_look_writes_nothing_and_speaks_to_nobody_but_the_engine() {
    let (_dir, stack, engine) = deadlock(|_| {});
    let socket = engine.directory.path().join("docker.sock");
    let traced = engine.directory.path().join("traced");
    let before = support::contents(&stack);
    #[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=%file,%network,%desc", "-e", "signal=none", "-o"]).arg(&traced);
    strace.args([RUNBOOK, "look", "--docker"]).arg(&stack).env_clear().env("PATH", "/usr/bin:/bin");
    strace.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    assert_eq!(status(&strace.output().unwrap()), 1);
    let changes = [
        "creat",
        "rename",
        "renameat",
        "renameat2",
        "unlink",
        "unlinkat",
        "mkdir",
        "mkdirat",
        "rmdir",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "chmod",
        "fchmod",
        "fchmodat",
        "chown",
        "fchown",
        "fchownat",
        "lchown",
        "truncate",
        "ftruncate",
        "utimensat",
        "setxattr",
        "mknod",
        "mknodat",
        "bind",
        "listen",
    ];
    let traced = read(&traced);
    let mut connections = 0;
    for line in traced.lines() {
        let call = line.split_whitespace().nth(1).unwrap_or_default().split('(').next().unwrap_or_default();
        let opens = ["open", "openat", "openat2"].contains(&call);
        let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| line.contains(flag));
        let is_change = opens && writes || changes.contains(&call);
        assert!(!is_change, "{line}");
        assert!(call != "sendto" || line.contains(", NULL, 0)"), "to whom it is connected: {line}");
        if call == "connect" {
            // The port that the stack publishes on this host's loopback is dialled, and nobody else.
            let is_engine = line.contains(&format!("sun_path=\"{}\"", socket.display()));
            let is_published =
                line.contains("sin_port=htons(18789)") && line.contains("inet_addr(\"127.0.0.1\")");
            assert!(is_engine || is_published, "{line}");
            connections += 1;
        }
    }
    assert!(connections > 5, "{traced}");
    assert_eq!(support::contents(&stack), before);
}

#[test]
fn one_command_walks_from_a_live_deadlock_to_the_clients_session() {
    let (_dir, stack, engine) = deadlock(|_| {});
    let output = all(&engine, &stack).output().unwrap();
    let said = stdout(&output);
    assert!(said.contains("\nDone: the client has its session.\n"), "{said}{}", stderr(&output));
    let calls = read(&engine.directory.path().join("bin/calls"));
    let approvals: Vec<&str> = calls.lines().filter(|call| call.contains(" approve ")).collect();
    assert_eq!(approvals, ["compose exec -T openclaw-gateway openclaw devices approve req-1 --json"]);
    let asked = engine.asked.lock().unwrap().clone();
    let is_list = |question: &&String| question.contains("/start ") && !question.contains("Node/start");
    let lists = asked.iter().filter(is_list).count();
    assert_eq!(lists, 2, "before the step and after it: {asked:#?}");
}

#[test]
fn stopped_in_the_middle_of_all_everything_is_whole_and_it_is_said_where_it_stands() {
    let stopped = |containers: &mut Vec<Value>| {
        for container in containers {
            container["State"]["Running"] = false.into();
            container["State"]["Status"] = "exited".into();
        }
    };
    let (_dir, stack, engine) = deadlock(stopped);
    let mut command = all(&engine, &stack);
    let walk = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut walk = walk.spawn().unwrap();
    let mut lines = BufReader::new(walk.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().contains("$ docker compose up -d --force-recreate") {}
    // It is in the step now, or about to be.
    let id = walk.id().to_string();
    #[expect(clippy::disallowed_methods, reason = "a signal is sent by the system's own program")]
    let told = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(told.success());
    let output = walk.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = stderr(&output);
    for words in ["stopped in the step: containers", "every file is whole", "looked at last: RED", "goes on"]
    {
        assert!(said.contains(words), "{words} is not in {said}");
    }
}

/// The manifest names every captured file with its digest.
#[expect(clippy::disallowed_methods, reason = "the files are read by the system's own program")]
fn verified(stack: &Path) {
    let mut check = Command::new("sha256sum");
    let output =
        check.args(["--check", "--strict", "captured/SHA256SUMS"]).current_dir(stack).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("captured/devices/openclaw-gateway.json: OK"), "{}", stdout(&output));
}

/// What a gateway writes is told as it comes, over a restart, until it is gone; and no line twice.
#[test]
fn a_stack_is_followed_through_a_restart() {
    let dir = support::copy("pairing-deadlock");
    let stack = dir.path().join("pairing-deadlock");
    let captured = stack.join("captured");
    let mut containers: Vec<Value> = serde_json::from_str(&read(&captured.join("inspect.json"))).unwrap();
    containers.retain(|container| {
        container["Config"]["Labels"]["com.docker.compose.service"] == "openclaw-gateway"
    });
    assert_eq!(containers.len(), 1);
    let asks = "[ws] closed before connect conn=1 remote=10.0.0.2 cause=pairing-required deviceId=aaaaaaaa01 reason=not-paired";
    let writes = [
        "2026-11-22T06:00:01.000000001Z [gateway] loading configuration\n2026-11-22T06:00:02Z [gateway] ready\n".to_owned(),
        format!("2026-11-22T06:00:02Z [gateway] ready\n2026-11-22T06:00:09.5Z {asks}\n"),
        "2026-11-22T06:00:20Z [gateway] loading configuration\n2026-11-22T06:00:21Z [gateway] ready\n".to_owned(),
    ];
    let engine = Engine::showing(Shown { containers, captured, writes: Some(Mutex::new(writes.into())) });
    let (output, asked) = engine.run(&stack, &["timeline", "--follow"]);
    assert_eq!((status(&output), stderr(&output)), (0, String::new()));
    let told = stdout(&output);
    let (lines, rest) = told.split_once("\n\nEpisodes\n").unwrap();
    assert_eq!(lines.lines().count(), 5, "{lines}");
    assert!(lines.lines().all(|line| line.contains(" openclaw-gateway ")), "{lines}");
    assert!(rest.contains("cut by a restart at 2026-11-22T06:00:20.000Z"), "{rest}");
    let since =
        asked.iter().filter_map(|asked| asked.split_once("follow=1&since=")).map(|(_, since)| since.trim());
    assert_eq!(since.collect::<Vec<_>>(), ["1795327202.000000000", "1795327209.500000000"]);
    let (output, _) = engine.run(&stack, &["timeline", "--follow"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("has no container"), "{}", stderr(&output));
}
