//! Health checks that ask the wrong question.

use crate::edit::Edit;
use crate::finding::{Code, Confidence, Remedy};
use crate::openclaw::model::processes::{self, Process};
use crate::openclaw::model::services::Healthcheck;
use crate::openclaw::verdict::Verdicts;

use super::Findings;
use super::remedies::{edits, words};

/// Everything about the gateways' health checks.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for gateway in verdicts.gateways.iter().filter(|gateway| gateway.process.service.job.is_none()) {
        health(gateway.process, gateway.listens_on(), verdicts, out);
    }
}

/// What a health check asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    /// The listener on this port, how it is.
    Health(u16),
    /// The listener on this port, for anything: a connection, or a page.
    Anything(u16),
    /// A process list, a pid, or nothing.
    ProcessOnly,
    /// OpenClaw's own command, or something unknown.
    Other,
}

/// A gateway that has been up before is ready within this, in seconds.
const SHORTEST_START: f64 = 60.0;

/// Where the gateway says how it is.
const HEALTH_PATHS: [&str; 6] = ["healthz", "health", "startupz", "startup", "readyz", "ready"];

fn health(process: &Process<'_>, listens: u16, verdicts: &Verdicts<'_>, out: &mut Findings) {
    let name = process.service.name;
    let Some(check) = &process.service.healthcheck else {
        // The official image brings its own.
        if !processes::is_openclaw_image(process.service) {
            let summary = format!("{name} has no health check, and its image is not known to bring one");
            let mut finding = verdicts
                .finding(Code::NoHealthcheck, summary, Some(process.service.key_span))
                .about(process.subject());
            finding.confidence = Confidence::Inferred;
            finding.remedy = Some(words(format!("ask http://127.0.0.1:{listens}/healthz")));
            out.push(finding);
        }
        return;
    };
    if check.disabled {
        let summary = format!("the health check of {name} is switched off");
        let mut finding =
            verdicts.finding(Code::NoHealthcheck, summary, Some(check.span)).about(process.subject());
        finding.remedy = Some(words("drop the line: the image's own check asks /healthz"));
        return out.push(finding);
    }
    if !check.test.is_empty() && check.patience < SHORTEST_START {
        let summary = format!(
            "the health check of {name} calls it unhealthy {} s after a start, which may take a minute",
            check.patience
        );
        let mut finding =
            verdicts.finding(Code::HealthcheckShortStart, summary, Some(check.span)).about(process.subject());
        finding.remedy = Some(words("start_period: 60s"));
        out.push(finding);
    }
    match asks(check) {
        Asks::Health(port) | Asks::Anything(port) if port != listens => {
            let summary =
                format!("the health check of {name} asks port {port}, and the gateway listens on {listens}");
            let mut finding = verdicts
                .finding(Code::HealthcheckWrongPort, summary, Some(check.span))
                .about(process.subject());
            finding.remedy = healthcheck_port(check, port, listens, verdicts);
            out.push(finding);
        }
        Asks::ProcessOnly => {
            let summary = format!(
                "the health check of {name} looks for a process: a gateway that answers nobody stays healthy"
            );
            let mut finding = verdicts
                .finding(Code::HealthcheckProcessOnly, summary, Some(check.span))
                .about(process.subject());
            finding.remedy = Some(words(format!(
                "test: [\"CMD\", \"node\", \"-e\", \"fetch('http://127.0.0.1:{listens}/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))\"]"
            )));
            out.push(finding);
        }
        Asks::Anything(_) => {
            let summary = format!(
                "the health check of {name} is content with any answer: a gateway that serves nobody stays healthy"
            );
            let mut finding = verdicts
                .finding(Code::HealthcheckAnyAnswer, summary, Some(check.span))
                .about(process.subject());
            finding.remedy = Some(words(format!("ask http://127.0.0.1:{listens}/healthz")));
            out.push(finding);
        }
        Asks::Health(_) | Asks::Other => {}
    }
}

fn asks(check: &Healthcheck<'_>) -> Asks {
    let words: Vec<&str> = check.test.iter().map(|word| word.expose()).collect();
    let line = words.join(" ");
    if let Some(port) = port_in(&line) {
        return if asks_how_it_is(&line) { Asks::Health(port) } else { Asks::Anything(port) };
    }
    let process_words = ["pgrep", "pidof", "ps ", "ps aux", "kill -0", "/proc/1", "exit 0", "true"];
    let bare = words.last().copied().unwrap_or_default().trim();
    if process_words.iter().any(|word| line.contains(word)) && !line.contains("http")
        || matches!(bare, "true" | ":")
    {
        return Asks::ProcessOnly;
    }
    Asks::Other
}

/// Whether the first URL is of an endpoint that says how the gateway is. The web UI answers 200 on any other path.
fn asks_how_it_is(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("://") else { return false };
    let path = rest.split(['"', '\'', ' ', ')', '`', '?']).next().and_then(|url| url.split_once('/'));
    path.is_some_and(|(_, path)| HEALTH_PATHS.contains(&path.trim_end_matches('/')))
}

/// The port of the first `://HOST:PORT`, or after `nc ... HOST`, or `/dev/tcp/HOST/PORT`.
fn port_in(line: &str) -> Option<u16> {
    if let Some((_, rest)) = line.split_once("://") {
        let authority = rest.split(['/', '"', '\'', ' ', ')', '`']).next()?;
        let port = authority.rsplit_once(':').map(|(_, port)| port)?;
        return port.parse().ok();
    }
    if let Some((_, rest)) = line.split_once("/dev/tcp/") {
        return rest.split(['/', ' ', '"', '\'']).nth(1)?.parse().ok();
    }
    let mut words = line.split_whitespace().skip_while(|word| !matches!(*word, "nc" | "ncat" | "netcat"));
    words.next()?;
    words.filter_map(|word| word.trim_matches(['"', '\'']).parse().ok()).last()
}

/// The health check asks the port that is listened on.
fn healthcheck_port(
    check: &Healthcheck<'_>,
    wrong: u16,
    listens: u16,
    verdicts: &Verdicts<'_>,
) -> Option<Remedy> {
    let written = verdicts.model.sources.expose(check.span);
    let wrong = format!(":{wrong}");
    let at = written.find(&wrong)?;
    let edit =
        Edit::text(verdicts.model.sources, check.span.part(at + 1..at + wrong.len()), listens.to_string());
    Some(edits(format!("ask port {listens}"), vec![edit], None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openclaw::{Stack, examine};
    use crate::project::{self, Inputs, Texts};

    fn found(healthcheck: &str) -> Vec<Code> {
        let compose = format!(
            "services: {{openclaw-gateway: {{image: 'openclaw:2026.9.6', command: [openclaw, gateway], healthcheck: {healthcheck}}}}}"
        );
        let files = Texts::new().file("/srv/compose.yaml", &compose);
        let resolution = project::resolve(&Inputs::new("/srv"), &files);
        let report = examine(&Stack::new(&resolution).files(&files));
        let health = [Code::HealthcheckShortStart, Code::HealthcheckAnyAnswer, Code::HealthcheckWrongPort];
        report.findings.iter().map(|finding| finding.code).filter(|code| health.contains(code)).collect()
    }

    #[test]
    fn a_check_that_any_answer_satisfies_is_told_from_one_of_health() {
        let url = |url: &str| found(&format!("{{test: ['CMD', 'curl', '-f', '{url}']}}"));
        for good in ["http://127.0.0.1:18789/healthz", "http://localhost:18789/readyz/?x=1"] {
            assert_eq!(url(good), [], "{good}");
        }
        for blind in ["http://127.0.0.1:18789/", "http://127.0.0.1:18789", "http://127.0.0.1:18789/status"] {
            assert_eq!(url(blind), [Code::HealthcheckAnyAnswer], "{blind}");
        }
        assert_eq!(found("{test: nc -z localhost 18789}"), [Code::HealthcheckAnyAnswer]);
        assert_eq!(url("http://127.0.0.1:3000/"), [Code::HealthcheckWrongPort]);
    }

    #[test]
    fn a_start_wants_a_minute() {
        let check = |times: &str| found(&format!("{{test: 'curl http://127.0.0.1:18789/healthz', {times}}}"));
        assert_eq!(check("interval: 10s, retries: 3"), [Code::HealthcheckShortStart]);
        assert_eq!(check("interval: 10s, retries: 3, start_period: 30s"), []);
        assert_eq!(check("timeout: 5s"), []);
        assert_eq!(found("{interval: 1s}"), [], "the image's own check");
    }

    #[test]
    fn a_health_check_shows_what_it_asks() {
        for (line, wanted) in [
            ("curl -fsS http://127.0.0.1:18789/healthz", Some(18789)),
            ("fetch('http://localhost:3000/readyz').then(r => 0)", Some(3000)),
            ("wget -qO- http://[::1]:18789/healthz", Some(18789)),
            ("nc -z -w 2 localhost 18790", Some(18790)),
            ("bash -c '</dev/tcp/127.0.0.1/18789'", Some(18789)),
            ("pgrep -f openclaw", None),
        ] {
            assert_eq!(port_in(line), wanted, "{line}");
        }
    }
}
