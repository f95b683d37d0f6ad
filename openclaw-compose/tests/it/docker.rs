//! `docker::look` against an engine of our own on a socket, whose answers were recorded from Docker 20.10 and masked: what
//! it shows is judged, and whatever it does instead of answering is a finding.
#![cfg(all(feature = "docker", unix))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use openclaw_compose::docker::{Evidence, Limits, Settings, Wanted, look};
use openclaw_compose::finding::{Code, Confidence, Subject};
use openclaw_compose::openclaw::{Auth, Report, Scope, Stack, examine};
use openclaw_compose::project::{self, Inputs, Resolution, Texts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

const TOKEN: &str = "canary-in-the-container";
const ID: &str = "f768d85883bf5ced";
const CLIENT_ID: &str = "0c11e27";
const STATE: &str = "/home/node/.openclaw";

const COMPOSE: &str = "
services:
  openclaw-gateway:
    image: openclaw:2026.9.6
    command: [openclaw, gateway]
    environment: { OPENCLAW_GATEWAY_TOKEN: '${OPENCLAW_GATEWAY_TOKEN}' }
    volumes: ['state:/home/node/.openclaw']
    ports: ['127.0.0.1:18789:18789']
volumes: { state: {} }
";

fn files() -> Texts {
    Texts::new()
        .file("/srv/compose.yaml", COMPOSE)
        .file("/srv/.env", "OPENCLAW_GATEWAY_TOKEN=canary-of-the-files\n")
}

fn resolution() -> Resolution {
    project::resolve(&Inputs::new("/srv"), &files())
}

/// What the engine does with a question.
#[derive(Clone)]
enum Answer {
    Json(String),
    /// A member of an archive: kind, owner, mode, bytes.
    Member(u8, u32, u32, Vec<u8>),
    Status(u16),
    Raw(&'static [u8]),
    /// A body without an end.
    Endless,
    /// Takes the question and says nothing.
    Silence,
}

/// An engine on a socket in a directory of its own.
struct Engine {
    directory: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    /// Told when a silent connection was closed by the other side.
    closed: mpsc::UnboundedReceiver<()>,
    /// Told when a question was left without an answer.
    waiting: mpsc::UnboundedReceiver<()>,
}

impl Engine {
    /// Answers by the path of the question without its query, or by the `path` of an archive.
    fn start(answers: BTreeMap<String, Answer>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (closed_in, closed) = mpsc::unbounded_channel();
        let (waiting_in, waiting) = mpsc::unbounded_channel();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, log) = (answers.clone(), Arc::clone(&log));
                let (closed, waiting) = (closed_in.clone(), waiting_in.clone());
                tokio::spawn(async move { serve(stream, &answers, &log, &closed, &waiting).await });
            }
        });
        Self { directory, asked, closed, waiting }
    }

    fn settings(&self) -> Settings {
        let socket = self.directory.path().join("docker.sock");
        Settings { host: Some(format!("unix://{}", socket.display())), ..Settings::default() }
    }

    async fn look(&self, limits: Limits) -> Evidence {
        look(&self.settings(), &resolution(), &Wanted::default(), limits).await
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: UnixStream,
    answers: &BTreeMap<String, Answer>,
    log: &Mutex<Vec<String>>,
    closed: &mpsc::UnboundedSender<()>,
    waiting: &mpsc::UnboundedSender<()>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    log.lock().unwrap().push(format!("{} {target}", head.split(' ').next().unwrap()));
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let inside = query.strip_prefix("path=").map(|path| path.replace("%2F", "/"));
    let key = inside.unwrap_or_else(|| path.to_owned());
    let body = match answers.get(&key).cloned().unwrap_or(Answer::Status(404)) {
        Answer::Json(text) => text.into_bytes(),
        Answer::Member(kind, owner, mode, bytes) => member(kind, owner, mode, &bytes),
        Answer::Status(status) => {
            let body = format!("{{\"message\":\"{TOKEN}\"}}");
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(head.as_bytes()).await;
            return;
        }
        Answer::Raw(bytes) => {
            let _ = stream.write_all(bytes).await;
            return;
        }
        Answer::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b' '; 4096]).await.is_ok() {}
            return;
        }
        Answer::Silence => {
            let _ = waiting.send(());
            let _ = stream.read_u8().await;
            let _ = closed.send(());
            return;
        }
    };
    let head = format!("HTTP/1.1 200 OK\r\napi-version: 1.41\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
}

/// An archive of one member, as an engine writes it.
fn member(kind: u8, owner: u32, mode: u32, bytes: &[u8]) -> Vec<u8> {
    let mut block = vec![0_u8; 512];
    let mut put = |at: usize, text: String| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, "openclaw.json".to_owned());
    put(100, format!("{mode:07o}\0{owner:07o}\0{owner:07o}\0{:011o}\0", bytes.len()));
    put(148, " ".repeat(8));
    put(257, "ustar\0".to_owned());
    block[156] = kind;
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.extend_from_slice(bytes);
    block.resize(block.len().next_multiple_of(512) + 1024, 0);
    block
}

/// What Docker shows of a gateway that was started from an older file, by an image that its tag no longer names.
fn answers() -> BTreeMap<String, Answer> {
    let inspect = format!(
        r#"{{"Id":"{ID}","Name":"/srv-openclaw-gateway-1","RestartCount":0,"Image":"sha256:old","ProcessLabel":"",
        "State":{{"Status":"running","Running":true,"OOMKilled":false,"ExitCode":0}},
        "Config":{{"User":"node","Image":"openclaw:2026.9.6","Env":["OPENCLAW_GATEWAY_TOKEN={TOKEN}"],
          "Labels":{{"com.docker.compose.project":"srv","com.docker.compose.service":"openclaw-gateway"}}}},
        "HostConfig":{{"NetworkMode":"srv_default","UsernsMode":""}},
        "Mounts":[{{"Type":"volume","Name":"srv_state","Source":"/var/lib/docker/volumes/srv_state/_data","Destination":"{STATE}"}}],
        "NetworkSettings":{{"Networks":{{"srv_default":{{"IPAddress":"172.20.0.2"}}}}}}}}"#
    );
    let list = format!(
        r#"[{{"Id":"{ID}","Names":["/srv-openclaw-gateway-1"],"Image":"openclaw:2026.9.6",
        "Labels":{{"com.docker.compose.project":"srv","com.docker.compose.service":"openclaw-gateway","com.docker.compose.oneoff":"False"}}}}]"#
    );
    let image = r#"{"Id":"sha256:new","RepoTags":["openclaw:2026.9.6"],"RepoDigests":["openclaw@sha256:0a1b"],
        "Config":{"Labels":{"com.docker.compose.service":"openclaw-gateway"}}}"#;
    let info = r#"{"OperatingSystem":"Debian GNU/Linux 12 (bookworm)","SecurityOptions":["name=seccomp,profile=default"],
        "DockerRootDir":"/var/lib/docker","Name":"host"}"#;
    let config = format!("{{ gateway: {{ mode: 'local', bind: 'lan', auth: {{ token: '{TOKEN}' }} }} }}");
    [
        ("/info", Answer::Json(info.to_owned())),
        ("/containers/json", Answer::Json(list)),
        (&*format!("/containers/{ID}/json"), Answer::Json(inspect)),
        ("/images/openclaw:2026.9.6/json", Answer::Json(image.to_owned())),
        (STATE, Answer::Member(b'5', 0, 0o755, Vec::new())),
        (&*format!("{STATE}/openclaw.json"), Answer::Member(b'0', 1000, 0o600, config.into_bytes())),
    ]
    .map(|(path, answer)| (path.to_owned(), answer))
    .into()
}

/// The same with a client beside the gateway, whose state lies in a directory of the host.
fn answers_of_two() -> BTreeMap<String, Answer> {
    let mut answers = answers();
    let of_client = |key: &str| {
        let Some(Answer::Json(text)) = answers.get(key) else { panic!("{key}") };
        text.replace(ID, CLIENT_ID).replace("openclaw-gateway", "openclaw-cli")
    };
    let inspect = of_client(&format!("/containers/{ID}/json"));
    let Some(Answer::Json(list)) = answers.get("/containers/json") else { panic!("no list") };
    let both =
        format!("{},{}", list.trim_end_matches(']'), of_client("/containers/json").trim_start_matches('['));
    answers.insert(format!("/containers/{CLIENT_ID}/json"), Answer::Json(inspect));
    answers.insert("/containers/json".to_owned(), Answer::Json(both));
    answers
}

fn files_of_two() -> Texts {
    let client = "
  openclaw-cli:
    image: openclaw:2026.9.6
    entrypoint: [openclaw]
    environment: { OPENCLAW_GATEWAY_TOKEN: '${OPENCLAW_GATEWAY_TOKEN}' }
    volumes: ['./cli:/home/node/.openclaw']
volumes:";
    files().file("/srv/compose.yaml", COMPOSE.replace("\nvolumes:", client))
}

fn examined(evidence: &Evidence) -> Report {
    let (resolution, files) = (resolution(), files());
    examine(&Stack::new(&resolution).files(&files).evidence(evidence))
}

fn summaries(evidence: &Evidence) -> String {
    evidence.findings.iter().map(|finding| format!("{finding}\n")).collect()
}

fn only(evidence: &Evidence, code: Code, words: &str) {
    let found = summaries(evidence);
    assert_eq!(evidence.findings.len(), 1, "{found}");
    assert_eq!(evidence.findings[0].code, code, "{found}");
    assert!(found.contains(words), "{found}");
}

fn quick() -> Limits {
    Limits { answer: Duration::from_millis(50), ..Limits::default() }
}

#[tokio::test]
async fn what_the_engine_shows_is_judged_like_recorded_evidence() {
    listen_to_the_log();
    let engine = Engine::start(answers());
    let evidence = engine.look(Limits::default()).await;
    assert_eq!(summaries(&evidence), "");
    let report = examined(&evidence);

    let drift = report.of_code(Code::UidDrift).next().expect("root owns the state inside");
    assert_eq!(drift.confidence, Confidence::Observed);
    assert!(drift.summary.contains("belongs to 0:0 with mode 755"), "{}", drift.summary);
    assert_eq!(report.of_code(Code::StaleToken).count(), 1);
    let gateway = &report.gateways[0];
    assert_eq!((gateway.auth, &gateway.bind), (Auth::Token, &Scope::All), "openclaw.json was read inside");
    let container = &report.containers[0];
    assert_eq!(container.differs, ["OPENCLAW_GATEWAY_TOKEN", "image"], "its tag names another image by now");
    assert_eq!(report.containers.len(), 1, "an image that Compose built is no container");

    let asked = engine.asked();
    assert!(asked.iter().all(|question| question.starts_with("GET ")), "it only asks: {asked:?}");
    assert!(asked[1].contains("com.docker.compose.project%3Dsrv"), "{asked:?}");
    silent_about_secrets(&evidence, &report);
}

/// The evidence, the report and the log of everything that was asked.
fn silent_about_secrets(evidence: &Evidence, report: &Report) {
    let outputs = [
        format!("{evidence:?}"),
        format!("{report:?}"),
        serde_json::to_string(report).unwrap(),
        summaries(evidence),
        evidence.owners.clone(),
        LOG.get().unwrap().lock().unwrap().clone(),
    ];
    for output in outputs {
        assert!(!output.contains("canary"), "{output}");
    }
}

static LOG: OnceLock<Mutex<String>> = OnceLock::new();

/// Everything that anybody logs, at the finest level: bollard logs the answers it decodes.
fn listen_to_the_log() {
    struct Ear;
    impl log::Log for Ear {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            LOG.get().unwrap().lock().unwrap().push_str(&record.args().to_string());
        }
        fn flush(&self) {}
    }
    LOG.get_or_init(|| {
        log::set_logger(&Ear).unwrap();
        Mutex::default()
    });
    log::set_max_level(log::LevelFilter::Trace);
}

/// Each question in turn answered by nonsense, in every manner of it.
#[tokio::test]
async fn whatever_goes_wrong_is_a_finding_and_the_rest_is_read() {
    listen_to_the_log();
    let manners: [(&str, Answer, &str); 6] = [
        ("text", Answer::Json("canary { no json".to_owned()), "its answer is no"),
        ("a wrong shape", Answer::Json("\"canary\"".to_owned()), ""),
        ("status 500", Answer::Status(500), "status 500"),
        ("no HTTP", Answer::Raw(b"\x16\x03\x01canary\r\n\r\n"), "its answer is no HTTP"),
        ("a cut head", Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"canary\":"), ""),
        ("bytes", Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\xff\xfe\xfd"), ""),
    ];
    for question in answers().keys() {
        for (manner, answer, words) in &manners {
            let mut answers = answers();
            answers.insert(question.clone(), answer.clone());
            let engine = Engine::start(answers);
            let evidence = engine.look(Limits::default()).await;
            let report = examined(&evidence);
            let context = format!("{question} answered by {manner}: {}", summaries(&evidence));
            let told = !evidence.findings.is_empty()
                || report.of_code(Code::InspectUnreadable).count() > 0
                || report.of_code(Code::EngineInfoUnreadable).count() > 0;
            assert!(told, "{context}");
            assert!(evidence.findings.len() <= 1, "{context}");
            if !words.is_empty() && !question.starts_with(STATE) {
                assert!(summaries(&evidence).contains(words), "{context}");
            }
            silent_about_secrets(&evidence, &report);
        }
    }
}

/// A part of a stream as the engine sends it: 1 is standard output, 2 standard error.
fn part(stream: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[stream, 0, 0, 0], &length[..], text.as_bytes()].concat()
}

fn raw(parts: &[Vec<u8>]) -> Answer {
    Answer::Json(String::from_utf8(parts.concat()).unwrap())
}

#[tokio::test]
async fn logs_are_read_and_one_command_is_run_where_they_are_wanted() {
    listen_to_the_log();
    let log = format!("/containers/{ID}/logs");
    let mut answers = answers();
    answers.insert(log.clone(), raw(&[part(1, "[gateway] ready\n"), part(2, TOKEN)]));
    answers.insert(format!("/containers/{ID}/exec"), Answer::Json(r#"{"Id":"e1"}"#.to_owned()));
    answers.insert("/exec/e1/start".to_owned(), raw(&[part(2, "a warning"), part(1, r#"{"pending":[]}"#)]));
    answers.insert("/exec/e1/json".to_owned(), Answer::Json(r#"{"ExitCode":0}"#.to_owned()));
    let gateway = || "openclaw-gateway".to_owned();
    let asks = [(gateway(), vec!["node".to_owned(), "-e".to_owned()])];
    let wanted = Wanted { logs: true, device_lists: vec![gateway()], commands: asks.into() };

    let engine = Engine::start(answers.clone());
    let evidence = look(&engine.settings(), &resolution(), &wanted, Limits::default()).await;
    assert_eq!(summaries(&evidence), "");
    assert_eq!(evidence.logs["openclaw-gateway"].expose(), format!("[gateway] ready\n{TOKEN}"));
    assert_eq!(evidence.devices["openclaw-gateway"].expose(), r#"{"pending":[]}"#);
    let mut told = engine.asked();
    told.retain(|question| !question.starts_with("GET "));
    told.sort();
    let (made, started) = (format!("POST /containers/{ID}/exec"), "POST /exec/e1/start".to_owned());
    assert_eq!(told, [made.clone(), made, started.clone(), started]);
    assert_eq!(evidence.answers["openclaw-gateway"].expose(), r#"{"pending":[]}"#);
    silent_about_secrets(&evidence, &examined(&evidence));

    // What fails is one finding, and the rest is read.
    answers.insert(log, Answer::Silence);
    answers.insert("/exec/e1/start".to_owned(), raw(&[part(2, TOKEN)]));
    answers.insert("/exec/e1/json".to_owned(), Answer::Json(r#"{"ExitCode":1}"#.to_owned()));
    let engine = Engine::start(answers);
    let evidence = look(&engine.settings(), &resolution(), &wanted, quick()).await;
    let found = summaries(&evidence);
    assert!(found.contains("the log of openclaw-gateway could not be read"), "{found}");
    assert!(found.contains("gave no list: exit status 1"), "{found}");
    assert_eq!(evidence.findings.len(), 2, "{found}");
    silent_about_secrets(&evidence, &examined(&evidence));
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let mut answers = answers();
    answers.insert("/info".to_owned(), Answer::Silence);
    let mut engine = Engine::start(answers);
    only(&engine.look(quick()).await, Code::EngineUnreachable, "it does not answer within 50ms");
    engine.closed.recv().await.expect("the connection is closed");
}

#[tokio::test]
async fn the_deadline_for_all_keeps_what_was_read() {
    let mut answers = answers();
    answers.insert(STATE.to_owned(), Answer::Silence);
    let engine = Engine::start(answers);
    let limits = Limits { total: Duration::from_millis(400), ..Limits::default() };
    let evidence = engine.look(limits).await;
    only(&evidence, Code::EvidenceIncomplete, "was ended after 400ms");
    assert!(evidence.inspect.is_some());
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let mut answers = answers();
    answers.insert(format!("/containers/{ID}/json"), Answer::Endless);
    let engine = Engine::start(answers);
    let limits = Limits { bytes: 20_000, ..Limits::default() };
    only(&engine.look(limits).await, Code::EvidenceIncomplete, "larger than 20000 bytes");
}

#[tokio::test]
async fn a_large_file_is_left_and_a_link_is_not_followed() {
    let mut answers = answers();
    let big = Answer::Member(b'0', 1000, 0o600, vec![b' '; 30_000]);
    answers.insert(format!("{STATE}/openclaw.json"), big);
    let engine = Engine::start(answers.clone());
    let limits = Limits { bytes: 20_000, ..Limits::default() };
    only(&engine.look(limits).await, Code::EvidenceIncomplete, "larger than 20000 bytes");

    answers.insert(format!("{STATE}/openclaw.json"), Answer::Member(b'2', 0, 0o777, Vec::new()));
    let engine = Engine::start(answers);
    only(&engine.look(Limits::default()).await, Code::EvidenceIncomplete, "a symbolic link");
}

/// The services whose state belongs to somebody else.
fn drifted(report: &Report) -> BTreeSet<&str> {
    let drifts = report.of_code(Code::UidDrift);
    drifts
        .map(|drift| match &drift.subject {
            Subject::Service(name) => name.as_str(),
            subject => panic!("{subject:?}"),
        })
        .collect()
}

#[tokio::test]
async fn a_client_with_a_state_of_its_own_is_asked_and_told_of_as_the_gateway_is() {
    let (files, engine) = (files_of_two(), Engine::start(answers_of_two()));
    let resolution = project::resolve(&Inputs::new("/srv"), &files);
    let evidence = look(&engine.settings(), &resolution, &Wanted::default(), Limits::default()).await;
    for service in ["openclaw-gateway", "openclaw-cli"] {
        let line = format!("0:0 755 container:{service}:{STATE}\n");
        assert!(evidence.owners.contains(&line), "{}", evidence.owners);
        assert!(evidence.texts.contains_key(&format!("container:{service}:{STATE}/openclaw.json")));
    }
    let report = examine(&Stack::new(&resolution).files(&files).evidence(&evidence));
    assert_eq!(
        drifted(&report),
        ["openclaw-cli", "openclaw-gateway"].into(),
        "each has a directory of its own"
    );
    assert!(engine.asked().iter().all(|question| question.starts_with("GET ")), "{:?}", engine.asked());
}

#[tokio::test]
async fn owners_behind_a_file_sharing_are_not_taken_for_those_of_the_process() {
    let mut answers = answers_of_two();
    answers.insert("/info".to_owned(), Answer::Json(r#"{"OperatingSystem":"Docker Desktop"}"#.to_owned()));
    let (files, engine) = (files_of_two(), Engine::start(answers));
    let resolution = project::resolve(&Inputs::new("/srv"), &files);
    let evidence = look(&engine.settings(), &resolution, &Wanted::default(), Limits::default()).await;
    assert!(!evidence.owners.contains("openclaw-cli"), "the Mac's directory: {}", evidence.owners);
    assert!(
        evidence.owners.contains("openclaw-gateway"),
        "the volume is the machine's own: {}",
        evidence.owners
    );
    assert_eq!(evidence.texts.len(), 2);
    let report = examine(&Stack::new(&resolution).files(&files).evidence(&evidence));
    assert_eq!(drifted(&report), ["openclaw-gateway"].into());
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_a_finding() {
    let directory = tempfile::tempdir().unwrap();
    let at =
        |path: PathBuf| Settings { host: Some(format!("unix://{}", path.display())), ..Settings::default() };
    let gone =
        look(&at(directory.path().join("none")), &resolution(), &Wanted::default(), Limits::default()).await;
    only(&gone, Code::EngineUnreachable, "there is no such socket");
    let there = "/Users/ann/.orbstack/run/docker.sock";
    let beside = Settings { sockets: vec![there.to_owned()], ..at(directory.path().join("none")) };
    let gone = look(&beside, &resolution(), &Wanted::default(), Limits::default()).await;
    assert_eq!(gone.findings[0].evidence, [format!("there is a socket at unix://{there}")]);
    let socket = directory.path().join("left");
    drop(UnixListener::bind(&socket).unwrap());
    let refused = look(&at(socket), &resolution(), &Wanted::default(), Limits::default()).await;
    only(&refused, Code::EngineUnreachable, "connection refused");
    let context = Settings { context: Some("nowhere".to_owned()), ..Settings::default() };
    let unknown = look(&context, &resolution(), &Wanted::default(), Limits::default()).await;
    only(&unknown, Code::EngineUnreachable, "there is no Docker context nowhere");
    assert_eq!(examined(&unknown).of_code(Code::EngineUnreachable).count(), 1, "it is in the report");
}

#[tokio::test]
async fn a_dropped_look_closes_its_connection_and_leaves_nothing() {
    let mut answers = answers();
    answers.insert(STATE.to_owned(), Answer::Silence);
    let mut engine = Engine::start(answers);
    let (settings, resolution) = (engine.settings(), resolution());
    let task =
        tokio::spawn(
            async move { look(&settings, &resolution, &Wanted::default(), Limits::default()).await },
        );
    engine.waiting.recv().await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    engine.closed.recv().await.expect("the connection is closed");
}
