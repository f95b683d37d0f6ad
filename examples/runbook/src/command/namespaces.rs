//! From every client: the URL it will really use, the namespace it stands in, and the listener it reaches or why none.

use std::process::ExitCode;

use clap::Args;
use openclaw_compose::finding::Code;
use openclaw_compose::openclaw::{GateState, Namespace, Report, StackGate};
use openclaw_runbook::project::{EngineFlags, Project, ProjectFlags};
use openclaw_runbook::{errln, outln, output};

use super::formats::Formats;

/// Show which listener each client of the gateway reaches, from its own network namespace.
///
/// Exit status: 0 every client arrives, or nothing says that it does not; 1 a client does not; 2 the project cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    project: ProjectFlags,
    #[command(flatten)]
    engine: EngineFlags,
    #[command(flatten)]
    formats: Formats,
}

/// The gates between a client and the listener.
const GATES: [StackGate; 5] =
    [StackGate::State, StackGate::Listener, StackGate::Published, StackGate::Reach, StackGate::Origin];

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let project = match Project::open(&arguments.project, arguments.engine.evidence(false)) {
        Ok(project) => project,
        Err(error) => {
            errln!("runbook namespaces: {error}");
            return ExitCode::from(2);
        }
    };
    let report = &project.report;
    let stopped = report
        .clients
        .iter()
        .flat_map(|client| &client.gates)
        .any(|gate| GATES.contains(&gate.gate) && gate.state == GateState::Red);
    if arguments.formats.is_json() {
        let shown = serde_json::json!({
            "namespaces": report.namespaces,
            "gateways": report.gateways,
            "clients": report.clients,
            "findings": report.findings.iter().filter(|finding| (Code::OwnLoopback..Code::SilentOverride).contains(&finding.code)).collect::<Vec<_>>(),
            "unseen": project.unseen().collect::<Vec<_>>(),
        });
        output::print_json(&format!("{shown:#}\n"));
    } else {
        print_namespaces(report);
        print_clients(&project);
        for finding in project.unseen() {
            outln!("\nnot seen: {finding}");
        }
    }
    ExitCode::from(u8::from(stopped))
}

fn print_namespaces(report: &Report) {
    outln!("Network namespaces");
    for (service, namespace) in &report.namespaces.of {
        let shown = match namespace {
            Namespace::Service(owner) if owner == service => "its own".to_owned(),
            Namespace::Service(owner) => format!("that of {owner}"),
            Namespace::Container(name) => format!("that of container {name}, outside this stack"),
            Namespace::Host => "the Docker host's".to_owned(),
            Namespace::None(_) => "none: loopback alone".to_owned(),
            Namespace::Dangling { from, .. } => format!("of {from}, which is not there"),
        };
        outln!("  {service}: {shown}");
        let borrowers = report.namespaces.borrowers_of(service);
        if !borrowers.is_empty() {
            let lend = borrowers.iter().any(|borrower| !report.namespaces.borrowers_of(borrower).is_empty());
            let further = if lend { ", and what borrows from these" } else { "" };
            outln!("    a restart of it strands {}{further}", borrowers.join(", "));
        }
    }
}

fn print_clients(project: &Project) {
    let report = &project.report;
    for client in &report.clients {
        outln!("\n{} -> {}", client.name, client.url.as_deref().unwrap_or("(no URL)"));
        if let Some(from) = &client.url_from {
            outln!("  URL from {from}");
        }
        for gate in client.gates.iter().filter(|gate| GATES.contains(&gate.gate)) {
            let state = match gate.state {
                GateState::Green => "ok     ",
                GateState::Red => "STOP   ",
                _ => "unknown",
            };
            outln!("  {state} {}", gate.because);
            for place in &gate.places {
                outln!("          {}", project.shown(place));
            }
        }
        let first = client.first_red();
        if let Some(code) = first.filter(|gate| !GATES.contains(&gate.gate)).and_then(|gate| gate.code) {
            outln!("  arrives, and is stopped later by {code}; see `runbook sources`");
        } else if let Some(finding) = first.and_then(|gate| report.finding(gate.finding?))
            && let Some(remedy) = &finding.remedy
        {
            outln!("  next: {}", remedy.text);
            if let Some(command) = &remedy.command {
                outln!("        {command}");
            }
        }
        if let Some(check) = &client.check {
            outln!("  check: {check}");
        }
    }
}
