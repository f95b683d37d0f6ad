//! The probe programs as they are run on call: what they print, and what their exit codes say.
#![expect(clippy::disallowed_methods, reason = "the programs are what is tested")]

use crate::support::RUNBOOK;
use std::io::Write;
use std::process::{Output, Stdio};

use openclaw_embedded_gateway::{Gateway, Phase};
use openclaw_probe::secrecy::SecretString;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const TOKEN: &str = "test-token-of-the-programs";

async fn gateway(phase: Phase) -> Gateway {
    Gateway::builder().token(SecretString::from(TOKEN)).phase(phase).start().await.expect("a gateway")
}

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(content.as_bytes()).expect("written");
    file
}

fn program(subcommand: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(RUNBOOK);
    command
        .arg(subcommand)
        .args(arguments)
        .env_clear()
        .env("RUNBOOK_HOST_FILES", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Exit code and all that was printed; never the token.
async fn run(subcommand: &str, arguments: &[&str]) -> (i32, String) {
    said(&program(subcommand, arguments).output().await.expect("started"))
}

fn said(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    assert!(!text.contains(TOKEN), "{text}");
    (output.status.code().expect("not killed"), text)
}

async fn probe_gateway(arguments: &[&str]) -> (i32, String) {
    run("probe", arguments).await
}

async fn gate(arguments: &[&str]) -> (i32, String) {
    run("gate", arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_the_rung_that_decides() {
    let (right, wrong) = (file(TOKEN), file("test-token-of-somebody-else"));
    let (right, wrong) = (right.path().to_str().expect("UTF-8"), wrong.path().to_str().expect("UTF-8"));
    let gateway = gateway(Phase::Starting).await;
    let here = gateway.addr().to_string();
    let outside = gateway.container_addr().to_string();

    let (code, text) = probe_gateway(&[&here]).await;
    assert_eq!(code, 14, "{text}");
    assert!(text.contains("FAIL  startup") && text.contains("OC-H400 starting"), "{text}");
    assert!(text.contains("\n  next  Wait; starting is not failing."), "{text}");
    assert_eq!(probe_gateway(&["--healthcheck", "--ask", "startup", &here]).await.0, 1);

    gateway.set_phase(Phase::Ready);
    assert_eq!(probe_gateway(&["--healthcheck", "--ask", "startup", &here]).await, (0, String::new()));
    assert_eq!(probe_gateway(&[&here]).await.0, 0, "without a token up to the challenge");
    let (code, text) = probe_gateway(&["--upto", "hello", &here]).await;
    assert_eq!(code, 2, "{text}");
    assert_eq!(probe_gateway(&["--token-file", right, &here]).await.0, 0);
    let (code, text) = probe_gateway(&["--token-file", wrong, &here]).await;
    assert_eq!((code, text.contains("OC-H601 token-mismatch")), (18, true), "{text}");
    // A remote client without a device is connected and gets no scope.
    let scope = ["--token-file", right, "--scope", "operator.read"];
    assert_eq!(probe_gateway(&[&scope[..], &[&here]].concat()).await.0, 0);
    assert_eq!(probe_gateway(&[&scope[..], &[&outside]].concat()).await.0, 19);

    gateway.drain();
    let (code, text) = probe_gateway(&["--json", &here]).await;
    assert_eq!(code, 14);
    let shown: serde_json::Value = serde_json::from_str(&text).expect("one line of JSON");
    assert_eq!(shown["findings"][0]["code"], "OC-H401");
    gateway.stop().await;
    assert_eq!(probe_gateway(&[&here]).await.0, 11);
}

/// By the unspecified address, which leads to this host and yet is not loopback.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_crosses_a_network_in_plaintext_only_by_its_flag() {
    let token = file(TOKEN);
    let token = token.path().to_str().expect("UTF-8");
    let gateway = gateway(Phase::Ready).await;
    let beyond = format!("0.0.0.0:{}", gateway.addr().port());
    let list = file(&serde_json::json!([{ "targets": [beyond] }]).to_string());
    let list = list.path().to_str().expect("UTF-8");
    let probe = |allowed: bool| match allowed {
        true => vec!["--token-file", token, "--allow-plaintext-token"],
        false => vec!["--token-file", token],
    };

    let (code, text) = probe_gateway(&[&probe(false)[..], &[&beyond]].concat()).await;
    assert_eq!(code, 18, "{text}");
    assert!(text.contains("skipped: the token would cross the network in plaintext"), "{text}");
    assert!(text.contains("Use wss://") && text.contains("--allow-plaintext-token"), "{text}");
    let compared = [&probe(false)[..], &["--compare-token", "--upto", "startup", &beyond]].concat();
    assert_eq!(probe_gateway(&compared).await.0, 14);
    assert_eq!(probe_gateway(&[&probe(true)[..], &[&beyond]].concat()).await.0, 0);

    // Waiting cannot cure it, so the hour is not waited for.
    let (code, text) = gate(&[&probe(false)[..], &["--within", "3600", &beyond]].concat()).await;
    assert_eq!((code, text.contains("--allow-plaintext-token")), (18, true), "{text}");
    let quick = ["--times", "1", &beyond];
    assert_eq!(gate(&[&probe(true)[..], &quick].concat()).await.0, 0);
    let (_, printed) = gate(&[&probe(true)[..], &["--print", "systemd", &beyond]].concat()).await;
    assert!(printed.contains("--allow-plaintext-token"), "{printed}");

    for (allowed, success) in [(false, "\nprobe_success 0\n"), (true, "\nprobe_success 1\n")] {
        let exporter = exporter(&[&probe(allowed)[..], &["--targets", list]].concat()).await;
        let said = exporter.get(&format!("/probe?target={beyond}&module=hello")).await;
        assert!(said.contains(success), "{said}");
        assert_eq!(
            said.contains("code=\"OC-H616\",name=\"token-in-plaintext\",rung=\"hello\""),
            !allowed,
            "{said}"
        );
        assert_eq!(exporter.stop().await, 0);
    }
}

/// The first target ends only after the second was asked.
#[tokio::test(flavor = "multi_thread")]
async fn targets_are_asked_at_once_and_shown_in_their_order() {
    let bind = async || tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (first, second) = (bind().await, bind().await);
    let targets = [&first, &second].map(|listener| listener.local_addr().expect("bound").to_string());
    let closing = tokio::spawn(async move {
        let mut held = first.accept().await.expect("asked").0;
        let mut after = second.accept().await.expect("asked").0;
        for stream in [&mut held, &mut after] {
            assert!(stream.read(&mut [0; 1024]).await.expect("a question") > 0);
        }
    });
    let (code, text) = probe_gateway(&["--ask", "liveness", &targets[0], &targets[1]]).await;
    closing.await.expect("both were asked");
    let shown: Vec<&str> = text.lines().filter(|line| line.starts_with("ws://")).collect();
    assert_eq!(shown, targets.map(|target| format!("ws://{target}")));
    assert_eq!((code, text.matches("OC-H114 closed-without-answer").count()), (13, 2), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_arguments_are_told_from_files_that_are_not_there() {
    let (code, text) = probe_gateway(&["ws://user:canary@host"]).await;
    assert_eq!(code, 2);
    assert!(text.contains("user information") && !text.contains("canary"), "{text}");
    assert_eq!(probe_gateway(&["--token-file", "/nonexistent/token", "127.0.0.1"]).await.0, 78);
    let (code, text) = probe_gateway(&["--upto", "challange"]).await;
    assert!(code == 2 && text.contains("did you mean challenge?"), "{text}");
    assert_eq!(gate(&["--within", "0", "127.0.0.1"]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_opens_when_it_held_and_says_what_failed_when_not() {
    let (right, wrong) = (file(TOKEN), file("test-token-of-somebody-else"));
    let (right, wrong) = (right.path().to_str().expect("UTF-8"), wrong.path().to_str().expect("UTF-8"));
    let gateway = gateway(Phase::Starting).await;
    let here = gateway.addr().to_string();
    let quick = ["--times", "3", "--every", "0.01"];

    let waiting = program("gate", &[&quick[..], &["--token-file", right, "-v", &here]].concat())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut waiting = waiting;
    let mut lines = lines(&mut waiting);
    until(&mut lines, "OC-H400 starting").await;
    gateway.set_phase(Phase::Ready);
    until(&mut lines, "gate: open, hello held 3 times in a row").await;
    assert_eq!(waiting.wait().await.expect("ended").code(), Some(0));

    // Waiting cannot cure a wrong token, so the hour is not waited for.
    let (code, text) = gate(&["--within", "3600", "--token-file", wrong, &here]).await;
    assert_eq!((code, text.contains("OC-H601 token-mismatch")), (18, true), "{text}");
    let (code, text) = gate(&["--within", "3600", "--token-file", wrong, "--format", "json", &here]).await;
    let told: serde_json::Value = serde_json::from_str(&text).expect("one document");
    assert_eq!(
        (code, &told["state"], &told["findings"][0]["code"]),
        (18, &"hopeless".into(), &"OC-H601".into())
    );

    gateway.set_phase(Phase::Starting);
    let (code, text) = gate(&[&quick[..], &["--within", "1", &here]].concat()).await;
    assert_eq!((code, text.contains("OC-H721 gate-deadline")), (14, true), "{text}");

    // Who gives up learns what was seen last.
    let stopped = program("gate", &["--every", "0.01", "--within", "3600", "-v", &here])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut stopped = stopped.expect("started");
    until(&mut self::lines(&mut stopped), "OC-H400 starting").await;
    terminate(&stopped).await;
    let (code, text) = said(&stopped.wait_with_output().await.expect("ended"));
    assert_eq!(code, 143, "{text}");
    assert!(text.contains("stopped; the last climb: ") && text.contains("OC-H400 starting"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_shows_each_change_and_ends_when_told() {
    let gateway = gateway(Phase::Ready).await;
    let (watch, mut lines) = watch(&gateway).await;
    gateway.stop().await;
    until(&mut lines, "DOWN     ws://").await;
    terminate(&watch).await;
    let output = watch.wait_with_output().await.expect("ended");
    assert_eq!(output.status.code(), Some(1), "down at the end");
    assert!(String::from_utf8_lossy(&output.stderr).contains("stopped after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_ends_where_nobody_reads_any_more() {
    let gateway = gateway(Phase::Ready).await;
    let (watch, lines) = watch(&gateway).await;
    drop(lines);
    gateway.stop().await;
    let (code, text) = said(&watch.wait_with_output().await.expect("ended"));
    assert_eq!(code, 1, "down at the end: {text}");
    assert!(text.contains("stopped after") && !text.contains("panicked"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_run_the_gate_and_are_checked() {
    let arguments = ["--token-file", "/etc/openclaw/token", "--user", "openclaw", "--print"];
    for (kind, name, needle) in [
        ("launchd", "LaunchDaemons/ai.openclaw.gate.plist", "<string>/etc/openclaw/token</string>"),
        ("systemd", "system/openclaw-gate.service", "RestartPreventExitStatus=78"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        // launchd opens the logs in a folder that is there.
        let logs = ["--logs", directory.path().to_str().expect("UTF-8")];
        let (code, text) = gate(&[&arguments[..], &[kind], &logs[..]].concat()).await;
        assert_eq!((code, text.contains(needle)), (0, true), "{text}");
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, &text).expect("written");
        let path = path.to_str().expect("UTF-8");
        assert_eq!(check_supervisors(&[path]).await, (0, String::new()));
        let worse = text
            .replace("<key>SuccessfulExit</key>", "<key>Crashed</key>")
            .replace("78", "77")
            .replace("<integer>330</integer>", "<integer>20</integer>");
        std::fs::write(path, worse).expect("written");
        let (code, text) = check_supervisors(&[path]).await;
        assert_eq!((code, text.contains("means") && text.contains(path)), (1, true), "{text}");
    }
    let (_, stanza) = gate(&["--print", "compose"]).await;
    assert!(stanza.contains("[\"CMD\", \"node\","), "with what the image has: {stanza}");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("compose.yaml");
    let bare = "services:\n  openclaw-gateway:\n    image: openclaw\n";
    std::fs::write(&path, format!("{bare}{stanza}")).expect("written");
    let path = path.to_str().expect("UTF-8");
    let (code, text) = check_supervisors(&[path]).await;
    assert!(code == 78 && text.contains("a Compose file"), "{text}");
    assert_eq!(check_supervisors(&["/nonexistent/x.service"]).await.0, 78);
}

async fn check_supervisors(arguments: &[&str]) -> (i32, String) {
    run("supervisors", arguments).await
}

/// A `docker` that is this shell script.
fn docker_that_says(directory: &std::path::Path, script: &str) -> String {
    let docker = directory.join("docker");
    std::fs::write(&docker, script).expect("written");
    std::fs::set_permissions(&docker, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("executable");
    docker.into_os_string().into_string().expect("UTF-8")
}

/// `docker exec` played by a shell script: it runs what it is given where it stands, or says what Docker would say.
#[tokio::test(flavor = "multi_thread")]
async fn places_are_compared_with_what_their_images_have() {
    const DOCKER: &str = r#"#!/bin/sh
shift; container=$1; shift
case "$container $1" in
  "gateway node") printf '{"status":200,"contentType":"application/json","body":"%s"}\n' '{\"ok\":true,\"status\":\"live\"}';;
  "cli node") echo 'exec: "node": executable file not found in $PATH' >&2; exit 127;;
  "cli wget") echo "wget: can't connect to remote host (172.18.0.2): Connection refused" >&2; exit 1;;
  *) echo "Error response from daemon: No such container: $container" >&2; exit 1;;
esac
"#;
    let directory = tempfile::tempdir().expect("a directory");
    let docker = &docker_that_says(directory.path(), DOCKER);
    let gateway = gateway(Phase::Ready).await;
    let host = gateway.addr().to_string();
    let places = async |inside: &str, beside: &str, host: &str| {
        let arguments = ["--docker", docker, "--inside", inside, "--beside", beside, "--host-url", host];
        run("vantage", &arguments).await
    };

    let (code, text) = places("gateway", "cli", "127.0.0.1:1").await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("OC-H710 loopback-only"), "{text}");
    assert!(
        text.contains("verdict  healthy inside the gateway's namespace, dead from a neighbour"),
        "{text}"
    );
    let (code, text) = places("gateway", "gateway", &host).await;
    assert_eq!((code, text.contains("means")), (0, false), "{text}");
    let (code, text) = places("gateway", "nobody", &host).await;
    assert_eq!((code, text.contains("No such container: nobody")), (78, true), "{text}");
}

/// A report keeps the beginning of what a peer says, which may end in the midst of a token that is known here and was sent
/// nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_token_that_is_known_no_half_is_shown() {
    const DOCKER: &str = r#"#!/bin/sh
shift; container=$1; shift
case "$container $1" in
  "gateway node") printf '{"status":500,"contentType":"text/plain","body":"%s"}\n' "$SAID";;
  "other node") echo "$SAID";;
  "cli wget") printf '  HTTP/1.1 500 No\n  Content-Type: text/plain\n' >&2; printf %s "$SAID"; exit 1;;
  "old wget") echo "wget: $SAID $SAID" >&2; exit 1;;
  *) exit 127;;
esac
"#;
    let directory = tempfile::tempdir().expect("a directory");
    let docker = &docker_that_says(directory.path(), DOCKER);
    let other = file("test-token-of-somebody-else");
    let other = other.path().to_str().expect("UTF-8");
    for before in [48, 64, 140] {
        let words = format!("{}{TOKEN}", "x".repeat(before));
        let url = format!("ws://{}", refusing(words.clone()).await);
        let here = ["--docker", docker, "--host-url", &url];
        let inside = |container| [&here[..], &["--inside", container]].concat();
        let beside = |container| [&here[..], &["--beside", container]].concat();
        for (subcommand, arguments) in [
            ("probe", vec![url.as_str(), "--json"]),
            ("probe", vec![&url, "--token-file", other]),
            ("gate", vec![&url, "--within", "0.5"]),
            ("vantage", here.to_vec()),
            ("vantage", inside("gateway")),
            ("vantage", inside("other")),
            ("vantage", beside("cli")),
            ("vantage", beside("old")),
        ] {
            let mut command = program(subcommand, &arguments);
            command.env("OPENCLAW_GATEWAY_TOKEN", TOKEN).env("SAID", &words);
            let (_, text) = said(&command.output().await.expect("started"));
            assert!(!text.contains(&TOKEN[..12]), "{subcommand} {arguments:?}, after {before}: {text}");
        }
    }
}

/// The address of a peer that answers whatever it is asked with these words in its head and its body.
async fn refusing(words: String) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = format!(
                "HTTP/1.1 500 No\r\nContent-Type: {words}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{words}",
                words.len()
            );
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_sends_the_token_only_where_the_operator_said() {
    let token = file(TOKEN);
    let token = token.path().to_str().expect("UTF-8");
    let (listed, stranger) = (gateway(Phase::Ready).await, gateway(Phase::Ready).await);
    let (here, elsewhere) = (listed.addr().to_string(), stranger.addr().to_string());
    let list = file(&serde_json::json!([{ "targets": [here] }]).to_string());
    let list = list.path().to_str().expect("UTF-8");

    let bound = exporter(&["--token-file", token, "--targets", list]).await;
    assert!(bound.get(&format!("/probe?target={here}&module=hello")).await.contains("\nprobe_success 1\n"));
    assert!(bound.get(&format!("/probe?target={elsewhere}&module=hello")).await.starts_with("HTTP/1.1 403 "));
    assert!(
        bound.get(&format!("/probe?target={elsewhere}&module=liveness")).await.starts_with("HTTP/1.1 403 ")
    );
    assert!(bound.get("/probe?module=hello").await.starts_with("HTTP/1.1 400 "));
    assert!(bound.get("/metrics").await.contains("\nopenclaw_probe_exporter_refused_total 2\n"));
    assert_eq!(bound.stop().await, 0);

    let open = exporter(&["--token-file", token]).await;
    assert!(
        open.get(&format!("/probe?target={elsewhere}&module=startup")).await.contains("\nprobe_success 1\n")
    );
    assert!(open.get(&format!("/probe?target={elsewhere}&module=hello")).await.starts_with("HTTP/1.1 403 "));
    assert_eq!(open.stop().await, 0);

    let bare = exporter(&["--targets", list]).await;
    assert!(bare.get(&format!("/probe?target={here}&module=hello")).await.starts_with("HTTP/1.1 400 "));
    assert_eq!(bare.stop().await, 0);

    assert_eq!(run("export", &["--token-file", token, "--compare-token"]).await.0, 2);
    assert_eq!(run("export", &["--targets", "/nonexistent/targets.json"]).await.0, 78);
}

/// A peer that answers every question with a chunk's size near 2^64, and holds the connection.
async fn endless_chunk() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.expect("asked");
            let _ = stream.read(&mut [0; 1024]).await;
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
            let answer = format!("{head}14\r\n{}\r\nffffffffffffffec\r\n", " ".repeat(20));
            let _ = stream.write_all(answer.as_bytes()).await;
            held.push(stream);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_and_signals_are_heard_while_a_hostile_peer_talks() {
    let hostile = endless_chunk().await;
    let (code, text) = gate(&["--within", "0.5", "--timeout", "0.2", &hostile]).await;
    assert_eq!((code, text.contains("OC-H721 gate-deadline")), (13, true), "{text}");
    assert_eq!(probe_gateway(&["--healthcheck", "--timeout", "0.2", &hostile]).await.0, 1);

    let exporter = exporter(&["--timeout", "0.2"]).await;
    let probed = exporter.get(&format!("/probe?target={hostile}&module=liveness")).await;
    assert!(probed.contains("\nprobe_success 0\n") && probed.contains("OC-H300"), "{probed}");
    assert!(exporter.get("/-/healthy").await.ends_with("healthy\n"));
    assert_eq!(exporter.stop().await, 0);
}

/// While it is told to stop, one connection waits for a probe and another for its reader, who never comes.
#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_stops_though_its_clients_do_not() {
    let hostile = endless_chunk().await;
    let exporter = exporter(&["--timeout", "1"]).await;
    let connect = async || tokio::net::TcpStream::connect(&exporter.address).await.expect("connected");
    let (mut probing, deaf) = (connect().await, connect().await);
    let request = format!("GET /probe?target={hostile}&module=liveness HTTP/1.1\r\nHost: x\r\n\r\n");
    probing.write_all(request.as_bytes()).await.expect("sent");
    // Answers nobody takes fill both sides' buffers, until the questions are not taken either.
    let many = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
    while deaf.try_write(many.as_bytes()).is_ok() || is_writable(&deaf).await {}
    assert_eq!(exporter.stop().await, 0);
}

/// Whether there is room again, soon.
async fn is_writable(stream: &tokio::net::TcpStream) -> bool {
    tokio::time::timeout(std::time::Duration::from_millis(200), stream.writable()).await.is_ok()
}

/// A running exporter.
struct Exporter {
    child: Child,
    address: String,
}

async fn exporter(arguments: &[&str]) -> Exporter {
    let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
    let mut child = program("export", &arguments).stdout(Stdio::piped()).spawn().expect("started");
    let line = lines(&mut child).next_line().await.expect("UTF-8").expect("a line");
    let address = line.rsplit_once("http://").expect("an address").1.to_owned();
    Exporter { child, address }
}

impl Exporter {
    async fn get(&self, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(&self.address).await.expect("connected");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(!answer.contains(TOKEN), "{answer}");
        answer
    }

    async fn stop(mut self) -> i32 {
        terminate(&self.child).await;
        self.child.wait().await.expect("ended").code().expect("not killed")
    }
}

fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().expect("piped")).lines()
}

/// `runbook probe --watch` of a gateway, as soon as it has said that it is up.
async fn watch(gateway: &Gateway) -> (Child, Lines<BufReader<ChildStdout>>) {
    let here = gateway.addr().to_string();
    let mut watch = program("probe", &["--watch=0.01", "--ask", "startup", &here])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = lines(&mut watch);
    until(&mut lines, "up       ws://").await;
    (watch, lines)
}

/// Reads on until a line holds the words.
async fn until(lines: &mut Lines<BufReader<ChildStdout>>, words: &str) {
    loop {
        let line = lines.next_line().await.expect("UTF-8").expect("it ended before it said so");
        if line.contains(words) {
            return;
        }
    }
}

async fn terminate(child: &Child) {
    let id = child.id().expect("running").to_string();
    assert!(Command::new("kill").arg(id).status().await.expect("kill").success());
}
