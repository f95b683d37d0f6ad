//! Every place that carries the gateway's token, side by side, with the winner of each side.

use std::process::ExitCode;

use clap::Args;
use openclaw_compose::finding::{Code, Finding, Place};
use openclaw_compose::openclaw::search::{MentionKind, search_directory};
use openclaw_compose::openclaw::{GateState, Report, StackGate};
use openclaw_runbook::project::{EngineFlags, Project, ProjectFlags};
use openclaw_runbook::{errln, outln, output};

use super::formats::Formats;

/// Show every source of the gateway's token, which one wins where, and whether they agree. Values are letters: the same
/// letter, the same value.
///
/// Exit status: 0 all agree; 1 sources disagree or a client is refused for it; 2 the project cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    project: ProjectFlags,
    /// Also search the project's directory for every mention, and for scripts that would mint a second token
    #[arg(long)]
    search: bool,
    #[command(flatten)]
    engine: EngineFlags,
    #[command(flatten)]
    formats: Formats,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let project = match Project::open(&arguments.project, arguments.engine.evidence(false)) {
        Ok(project) => project,
        Err(error) => {
            errln!("runbook sources: {error}");
            return ExitCode::from(2);
        }
    };
    let disagree = disagreements(&project.report);
    if arguments.formats.is_json() {
        let mut shown = serde_json::json!({
            "tokens": project.report.tokens,
            "gateways": project.report.gateways,
            "containers": project.report.containers,
            "findings": disagree,
            "unseen": project.unseen().collect::<Vec<_>>(),
        });
        if arguments.search {
            shown["search"] = serde_json::json!(search_directory(&project.directory).0);
        }
        output::print_json(&format!("{shown:#}\n"));
    } else {
        print_table(&project);
        for finding in &disagree {
            print_finding(finding, &|place| project.shown(place));
        }
        for finding in project.unseen() {
            print_finding(finding, &|place| project.shown(place));
        }
        if disagree.is_empty() {
            outln!("\nAll sources that count hold the same value.");
        }
    }
    if arguments.search && !arguments.formats.is_json() {
        print_search(&project);
    }
    ExitCode::from(u8::from(!disagree.is_empty()))
}

/// Findings about the token: its codes, and a running container that holds another.
fn disagreements(report: &Report) -> Vec<Finding> {
    let about = |code| (Code::SilentOverride..Code::UidDrift).contains(&code) || code == Code::StaleToken;
    let refused = report
        .clients
        .iter()
        .flat_map(|client| &client.gates)
        .filter(|gate| gate.gate == StackGate::Auth && gate.state == GateState::Red)
        .filter_map(|gate| gate.code);
    let refused: Vec<Code> = refused.collect();
    report
        .findings
        .iter()
        .filter(|finding| about(finding.code) || refused.contains(&finding.code))
        .cloned()
        .collect()
}

fn print_table(project: &Project) {
    let report = &project.report;
    let mut rows = vec![["value", "service", "source", "wins", "place"].map(str::to_owned)];
    for token in &report.tokens {
        let wins = match (token.wins_server, token.wins_client) {
            (true, true) => "server, client",
            (true, false) => "server",
            (false, true) => "client",
            (false, false) => "",
        };
        rows.push([
            token.class.clone().unwrap_or_else(|| token.content.to_string()),
            token.service.clone().unwrap_or_else(|| "(project)".to_owned()),
            token.source.clone(),
            wins.to_owned(),
            token.place.as_ref().map(|place| project.shown(place)).unwrap_or_default(),
        ]);
    }
    for container in &report.containers {
        if let Some(class) = &container.token_class {
            rows.push([
                class.clone(),
                container.service.clone(),
                format!("running container {}", container.name),
                String::new(),
                String::new(),
            ]);
        }
    }
    print_rows(&rows);
    outln!();
    for gateway in &report.gateways {
        outln!("{} decides by {}", gateway.service, gateway.token_rule);
    }
    for client in &report.clients {
        if let (Some(rule), Some(url)) = (client.token_rule, &client.url) {
            outln!("{} dials {url} and decides by {rule}", client.name);
        }
    }
}

fn print_rows(rows: &[[String; 5]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        outln!("{}", cells.join("  ").trim_end());
    }
}

fn print_finding(finding: &Finding, shown: &dyn Fn(&Place) -> String) {
    outln!("\n{} {finding}", finding.severity);
    for place in &finding.places {
        outln!("  {}", shown(place));
    }
    for line in &finding.evidence {
        outln!("  - {line}");
    }
    if let Some(remedy) = &finding.remedy {
        outln!("  next: {}", remedy.text);
        if let Some(command) = &remedy.command {
            outln!("        {command}");
        }
    }
}

fn print_search(project: &Project) {
    let (found, _) = search_directory(&project.directory);
    outln!("\nMentions below {}:", project.directory.display());
    for mention in &found.mentions {
        let kind = match mention.kind {
            MentionKind::Mints => "mints ",
            MentionKind::Literal => "value ",
            MentionKind::Refers => "refers",
            _ => "names ",
        };
        outln!("  {kind} {}  {}", mention.place, mention.line.trim());
    }
    for finding in &found.findings {
        print_finding(finding, &|place| place.to_string());
    }
    let skipped = found.skipped;
    outln!(
        "{} files searched; skipped {} binary, {} larger than 1 MiB, {} unreadable",
        found.files,
        skipped.binary,
        skipped.huge,
        skipped.unreadable
    );
}
