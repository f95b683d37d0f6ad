//! Compose health checks. Keys and their meaning: the Compose specification, `healthcheck` and `stop_grace_period`.

use std::time::Duration;

use super::{LEAST_START_BUDGET, STOP_BUDGET, observed};
use crate::code::Code;
use crate::finding::Finding;

/// What the health check runs inside the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// `runbook probe`, copied or mounted into the image; reads bodies, not only codes.
    Runbook,
    /// The image's own Node.
    Node,
}

/// The lines to put under the gateway's service, two blanks deeper than `services`' children. `up` asks `/startupz`, which
/// says that sessions are admitted; liveness alone would pass while the gateway still starts.
#[must_use]
pub fn generate(tool: Tool, port: u16) -> String {
    let test = match tool {
        Tool::Runbook => format!(
            "[\"CMD\", \"runbook\", \"probe\", \"--healthcheck\", \"--upto\", \"startup\", \"ws://127.0.0.1:{port}\"]"
        ),
        Tool::Node => format!(
            "[\"CMD\", \"node\", \"-e\", \"require('http').get('http://127.0.0.1:{port}/startupz',{{agent:false,timeout:4000}},r=>{{let \
             b='';r.on('data',c=>b+=c).on('end',()=>{{let s;try{{s=JSON.parse(b).status}}catch{{}};process.exit(r.statusCode===200&&s==='started'?0:1)}})}})\
             .on('timeout',()=>process.exit(1)).on('error',()=>process.exit(1))\"]"
        ),
    };
    let stop = STOP_BUDGET.as_secs();
    format!(
        "    healthcheck:\n      test: {test}\n      interval: 15s\n      timeout: 5s\n      retries: 3\n      \
         start_period: 120s\n    stop_grace_period: {stop}s\n"
    )
}

/// What a service's health check looks like once Compose has read it: the caller resolves the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// `healthcheck.test`, with its leading `CMD` or `CMD-SHELL`; empty when there is none, `["NONE"]` when it is off.
    pub test: Vec<String>,
    /// `healthcheck.start_period`.
    pub start_period: Option<Duration>,
    /// `healthcheck.interval`; Docker's default is 30 s.
    pub interval: Option<Duration>,
    /// `healthcheck.retries`; Docker's default is 3.
    pub retries: Option<u32>,
    /// `stop_grace_period`; Docker's default is 10 s.
    pub stop_grace_period: Option<Duration>,
}

/// What is wrong with a service's health check and stop time.
#[must_use]
pub fn verify(name: &str, service: &Service) -> Vec<Finding> {
    let mut findings = Vec::new();
    let command = service.test.join(" ");
    if service.test.is_empty() || command == "NONE" {
        findings.push(observed(
            name,
            Code::HealthcheckMissing,
            format!("service {name}: no healthcheck of its own"),
        ));
    } else {
        let start = service.start_period.unwrap_or_default()
            + service.interval.unwrap_or(Duration::from_secs(30)) * service.retries.unwrap_or(3);
        if start < LEAST_START_BUDGET {
            let seen = format!("service {name}: unhealthy {} s after a start", start.as_secs());
            findings.push(observed(name, Code::StartBudgetTooShort, seen));
        }
        if let Some(why) = blindness(&command) {
            findings.push(observed(name, Code::HealthcheckBlind, format!("service {name}: {why}")));
        }
    }
    let stop = service.stop_grace_period.unwrap_or(Duration::from_secs(10));
    if stop < STOP_BUDGET {
        findings.push(observed(
            name,
            Code::StopTimeTooShort,
            format!("service {name}: killed {} s after the stop", stop.as_secs()),
        ));
    }
    findings
}

/// Why a check can pass without a gateway.
fn blindness(command: &str) -> Option<&'static str> {
    const PROCESS: &[&str] = &["pgrep", "pidof", "ps aux", "ps -ef", "/proc/1"];
    const PATHS: &[&str] = &["/healthz", "/health", "/startupz", "/startup", "/readyz", "/ready"];
    if PROCESS.iter().any(|tool| command.contains(tool)) {
        return Some("looks for a process, which also runs when it serves nobody");
    }
    if command.contains("nc -z") || command.contains("/dev/tcp/") {
        return Some("looks for an open port only");
    }
    if command.contains("runbook probe") || command.contains("probe-gateway") {
        return None;
    }
    let asks_http = command.contains("http://") || command.contains("https://");
    // The port follows the host, so the path is what comes after both.
    (asks_http && !PATHS.iter().any(|path| command.contains(path)))
        .then_some("asks a path where the web UI answers 200 whatever the state")
}
