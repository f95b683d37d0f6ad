//! Images that nobody showed: what they start, as whom and where they keep their state is not known, and no gate is shut by a
//! guess. Where a Dockerfile, a script or the container says it, that decides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test says so")]

use openclaw_compose::finding::{Code, Severity};
use openclaw_compose::openclaw::{GateState, Report, Stack, StackGate, examine};
use openclaw_compose::project::{self, Inputs, Texts};

const CONFIG: &str = "{ gateway: { mode: 'local', bind: 'lan' } }";

fn report(files: &Texts) -> Report {
    report_with(files, |stack| stack)
}

fn report_with(files: &Texts, more: impl for<'s> Fn(Stack<'s>) -> Stack<'s>) -> Report {
    let resolution = project::resolve(&Inputs::new("/srv"), files);
    assert!(resolution.compose_would_refuse().is_none(), "{:?}", resolution.findings());
    examine(&more(Stack::new(&resolution).files(files)))
}

fn stack(service: &str) -> Texts {
    Texts::new().file("/srv/compose.yaml", format!("services:\n  openclaw:\n{service}"))
}

#[track_caller]
fn is_not_red(report: &Report) {
    if let Some((client, gate)) = report.first_cause() {
        panic!("{} stops at {:?}: {}", client.name, gate.gate, gate.because);
    }
    let errors: Vec<_> =
        report.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

fn gate(report: &Report, client: &str, gate: StackGate) -> GateState {
    report.client(client).unwrap().gates.iter().find(|view| view.gate == gate).unwrap().state
}

#[test]
fn the_port_of_an_unseen_image_may_be_that_of_its_own_proxy() {
    let other = stack("    image: example/openclaw:latest\n    ports: ['8080:8080']\n");
    let report = report(&other);
    is_not_red(&report);
    assert_eq!(gate(&report, "host", StackGate::Published), GateState::Unknown);
    let official = stack(
        "    image: openclaw:2026.9.6\n    ports: ['8080:8080']\n    environment: {OPENCLAW_GATEWAY_TOKEN: t-1}\n",
    );
    let report = self::report(&official);
    assert_eq!(report.of_code(Code::PublishedTargetWrong).count(), 1);
}

#[test]
fn the_home_of_an_unseen_image_is_where_its_state_is_mounted() {
    for (image, home) in
        [("build: .", "/root"), ("image: example/openclaw:1", "/home/claw"), ("build: .", "/app/data")]
    {
        let files = stack(&format!(
            "    {image}\n    ports: ['18789:18789']\n    volumes: ['./state:{home}/.openclaw']\n"
        ))
        .file("/srv/state/openclaw.json", CONFIG);
        let report = report(&files);
        is_not_red(&report);
        assert_eq!(report.gateways[0].state_dir, format!("{home}/.openclaw"));
        assert_eq!(report.gateways[0].uid, None);
    }
    let official = stack(
        "    image: openclaw:2026.9.6\n    ports: ['18789:18789']\n    volumes: ['./state:/root/.openclaw']\n",
    );
    let report = report(&official.file("/srv/state/openclaw.json", CONFIG));
    assert_eq!(report.of_code(Code::StateMountMissed).count(), 1);
}

#[test]
fn owners_are_judged_only_where_the_user_is_known() {
    let compose = "    build: .\n    volumes: ['./state:/home/node/.openclaw']\n    ports: ['18789:18789']\n";
    let files = stack(compose).file("/srv/state/openclaw.json", CONFIG);
    fn drift<'s>(stack: Stack<'s>) -> Stack<'s> {
        stack.ownership("ownership.txt", "0:0 700 state\n")
    }
    let unknown = report_with(&files, drift);
    is_not_red(&unknown);
    assert_eq!(unknown.of_code(Code::UidDrift).count(), 0);
    let dockerfile =
        files.file("/srv/Dockerfile", "FROM node:24\nUSER 1001\nCMD [\"openclaw\", \"gateway\"]\n");
    let known = report_with(&dockerfile, drift);
    assert_eq!(known.of_code(Code::UidDrift).count(), 1);
    assert_eq!(known.gateways[0].uid, Some(1001));
}

#[test]
fn a_script_that_is_there_says_what_it_starts() {
    let built = stack(
        "    build: ./image\n    ports: ['8080:8080']\n    environment: {OPENCLAW_GATEWAY_TOKEN: t-1}\n",
    )
    .file(
        "/srv/image/Dockerfile",
        "FROM node:24\nCOPY start.sh /usr/local/bin/start.sh\nENTRYPOINT [\"/usr/local/bin/start.sh\"]\n",
    )
    .file(
        "/srv/image/start.sh",
        "#!/bin/sh\nset -e\nexec openclaw gateway run --bind loopback \\\n  --port 8080\n",
    );
    let mounted = stack("    image: example/claw:1\n    entrypoint: [/start.sh]\n    volumes: ['./image/start.sh:/start.sh:ro']\n    ports: ['8080:8080']\n    environment: {OPENCLAW_GATEWAY_TOKEN: t-1}\n")
        .file("/srv/image/start.sh", "#!/bin/sh\nset -e\nexec openclaw gateway run --bind loopback \\\n  --port 8080\n");
    for files in [built, mounted] {
        let report = report(&files);
        assert_eq!(
            (report.gateways[0].port, report.gateways[0].bind.to_string().as_str()),
            (Some(8080), "loopback")
        );
        let finding = report.of_code(Code::LoopbackBind).next().unwrap();
        assert_eq!((finding.places[0].file.as_str(), finding.places[0].line), ("image/start.sh", 3));
    }
}

#[test]
fn a_script_gets_the_command_of_the_service() {
    let files = stack("    image: example/claw:1\n    entrypoint: [/start.sh]\n    command: [--port, '9000']\n    volumes: ['./start.sh:/start.sh']\n    ports: ['9000:9000']\n")
        .file("/srv/start.sh", "#!/bin/sh\nexec openclaw gateway \"$@\"\n");
    assert_eq!(report(&files).gateways[0].port, Some(9000));
}

#[test]
fn not_being_able_to_tell_the_gateway_is_not_an_error() {
    let files = Texts::new().file(
        "/srv/compose.yaml",
        "services:\n  bot:\n    build: .\n    volumes: ['./data:/home/bot/.openclaw']\n    tty: true\n  cli:\n    image: openclaw:2026.9.6\n    entrypoint: [openclaw]\n",
    );
    let unsure = report(&files);
    let finding = unsure.of_code(Code::NoGateway).next().unwrap();
    assert!(unsure.gateways.is_empty() && finding.severity == Severity::Info, "{finding:?}");
    fn observed<'s>(stack: Stack<'s>) -> Stack<'s> {
        stack.runs_gateway("bot")
    }
    let sure = report_with(&files, observed);
    assert_eq!(sure.gateways[0].service, "bot");
    assert_eq!(sure.of_code(Code::NoGateway).count(), 0);
}

#[test]
fn an_unseen_start_may_bring_its_secret_its_bind_and_its_origins() {
    let host = report(&stack(
        "    build: .\n    network_mode: host\n    volumes: ['w:/root/.openclaw/workspace']\nvolumes: {w: {}}\n",
    ));
    is_not_red(&host);
    assert_eq!(host.gateways[0].bind.to_string(), "unknown");
}
