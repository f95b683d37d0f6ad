//! What a gateway's log proves of it: that it came up, against what the files make one expect, or why it did not.

use std::net::IpAddr;

use openclaw_compose::finding::Code as Told;
use openclaw_compose::openclaw::{GatewayView, Manager, Namespace, Report, Scope};

use super::case::Case;
use super::codes::{Code, shut_by};
use super::failure;
use crate::captured::Text;
use crate::finding::{self, Finding, Place, Remedy, Safety, Subject};
use crate::gates::{Gate, Kind, Whom};
use crate::lifecycle::{Failure, LastWords, Lifecycle, Listening};

/// A gateway's life as its log tells it.
pub(super) struct Heard<'h> {
    pub(super) gateway: &'h str,
    pub(super) view: Option<&'h GatewayView>,
    pub(super) published: &'h [u16],
    pub(super) log: &'h Text,
    pub(super) life: &'h Lifecycle,
    pub(super) report: &'h Report,
    pub(super) whom: &'h [Whom],
}

/// Findings of the files that say that a gateway will not start: one that came up refutes them. What no release would take,
/// such as a file that cannot be parsed, is not among them: that was written since.
const PREDICTIONS: &[Told] = &[
    Told::ConfigMissing,
    Told::ModeMissing,
    Told::ConfigUnknownKey,
    Told::ConfigValueRefused,
    Told::BindWithoutAuth,
    Told::AuthAmbiguous,
    Told::ProxyAndToken,
    Told::SecretRefMissing,
    Told::OriginsRequired,
];
/// And these that it may not use its state, unless its log says so itself.
const PREDICTIONS_OF_STATE: &[Told] =
    &[Told::UidDrift, Told::SelinuxLabel, Told::StateReadOnly, Told::HostPathInEnvironment];
/// What Docker shows of a gateway that ended: its log says why.
pub(super) const ENDS: &[Told] = &[Told::RestartLoop, Told::ContainerExited];

impl Heard<'_> {
    /// `is_down` says that Docker shows its container, and it does not run.
    pub(super) fn enter(&self, case: &mut Case, is_down: bool) {
        let Self { life, log, whom, .. } = *self;
        if let Some(failure) = &life.failed {
            return self.failed(case, failure, is_down);
        }
        if let Some(words) = life.last_words.as_ref().filter(|words| is_down || self.ended_with(words)) {
            return self.failed(case, &Failure::unknown(words), is_down);
        }
        if let Some(line) = stopped_by_systemd(&log.text) {
            return self.stopped(case, line);
        }
        if let Some(line) = life.stopped {
            let because = format!("{}:{line} says that the gateway was stopped", log.name);
            for gate in [Gate::Liveness, Gate::Startup, Gate::Readiness] {
                for whom in whom {
                    case.unjudged(gate, whom.clone(), because.clone());
                }
            }
            return;
        }
        if let Some(line) = life.came_up() {
            self.came_up(case, line, is_down);
        }
    }

    /// Whether the log of a gateway that nobody saw come up ends with these words.
    fn ended_with(&self, words: &LastWords) -> bool {
        words.is_last && self.life.came_up().is_none() && self.life.stopped.is_none()
    }

    /// Its service manager ended it, and started nothing since.
    fn stopped(&self, case: &mut Case, line: usize) {
        let Self { gateway, view, log, whom, .. } = *self;
        let mut finding = Code::Stopped
            .finding(format!("systemd stopped {gateway} as it was told to, and did not start it again."));
        finding.places.push(Place::line(&log.name, line));
        let is_user = view.and_then(|view| view.manager) == Some(Manager::UserUnit);
        let (text, command) = if is_user {
            finding
                .evidence
                .push("a user's units end with the user's last session, unless that user lingers".to_owned());
            (
                "let the units of this user outlive the session, and start it again",
                format!("sudo loginctl enable-linger \"$USER\" && systemctl --user start {gateway}"),
            )
        } else {
            ("start it again", format!("sudo systemctl start {gateway}"))
        };
        finding.remedy = Some(Remedy {
            text: text.to_owned(),
            command: Some(command),
            edits: Vec::new(),
            safety: Safety::Judgement,
        });
        case.report(finding, whom);
    }

    fn came_up(&self, case: &mut Case, line: usize, is_down: bool) {
        let Self { life, log, whom, .. } = *self;
        // What happened since is for its container to say.
        if !is_down {
            pass(case, Gate::Liveness, whom, &format!("{}:{line} listening", log.name));
            if let Some(line) = life.ready {
                pass(case, Gate::Startup, whom, &format!("{}:{line} ready", log.name));
                pass(case, Gate::Readiness, whom, &format!("{}:{line} ready", log.name));
            }
        }
        let because =
            format!("a doubt: {}:{line} shows that it came up all the same, or before that was so", log.name);
        case.refute(|finding| self.is_ours(finding, PREDICTIONS), &because);
        // It was started again until it came up.
        if !is_down {
            case.refute(|finding| self.is_ours(finding, &[Told::RestartLoop]), &because);
        }
        let mut told: Vec<&str> = Vec::new();
        let mut keeps_state = true;
        for refused in &life.refused {
            let path = refused.named.as_deref().unwrap_or_default();
            if !told.contains(&path) {
                told.push(path);
                keeps_state &= !self.path_refused(case, refused);
            }
        }
        if keeps_state {
            case.refute(|finding| self.is_ours(finding, PREDICTIONS_OF_STATE), &because);
        }
        if let Some(listening) = life.listening {
            self.listens(case, listening);
        }
    }

    /// Whether somebody from outside its container is in its log.
    fn was_reached(&self) -> bool {
        let lines = self.log.text.lines().filter(|line| line.contains("[ws] "));
        let mut addresses = lines.flat_map(|line| line.split(' ')).filter_map(|word| {
            let address = word.strip_prefix("remote=").or_else(|| word.strip_prefix("fwd="))?;
            address.parse::<IpAddr>().ok()
        });
        addresses.any(|address| !address.is_loopback())
    }

    /// Enters a path that a gateway which runs may not use; true if its state is concerned.
    fn path_refused(&self, case: &mut Case, refused: &Failure) -> bool {
        let Self { log, view, .. } = *self;
        let finding = failure::path_refused(refused, &log.name, view);
        let Some(gate) = shut_by(&finding) else {
            case.add(finding);
            return false;
        };
        self.confirm(case, gate, refused, finding);
        true
    }

    fn failed(&self, case: &mut Case, failure: &Failure, is_down: bool) {
        let Self { gateway, log, life, view, .. } = *self;
        let mut finding = failure::finding(failure, &log.name, gateway, view);
        if life.starts > 1 && failure.times == 1 {
            finding.evidence.push(format!("the log holds {} starts; this is the last", life.starts));
        }
        // A job is loaded again, and no container started.
        if let (Some(manager), Some(remedy)) = (view.and_then(|view| view.manager), &mut finding.remedy)
            && remedy.command.is_some()
        {
            remedy.command = Some(manager.reload(gateway));
        }
        let because = format!("{}:{} says why ({})", log.name, failure.line, finding.code);
        case.explain(|finding| self.is_ours(finding, ENDS), &because);
        let gate = match shut_by(&finding).unwrap_or(Gate::Liveness) {
            // That it ended is known; that it is down, nobody showed.
            Gate::Liveness if !is_down => Gate::Startup,
            gate => gate,
        };
        self.confirm(case, gate, failure, finding);
    }

    /// Enters a finding of the log, or lets it bear out what the files tell.
    fn confirm(&self, case: &mut Case, gate: Gate, failure: &Failure, mut seen: Finding) {
        let told = failure::told_by(failure.fault);
        let told = |finding: &Finding| self.is_ours(finding, told);
        let first = case.findings.iter().map(|noted| &noted.finding).find(|finding| told(finding));
        if first.is_some_and(|finding| self.is_ours(finding, &[Told::SelinuxLabel])) {
            seen.remedy = Some(failure::relabel(self.gateway));
        }
        case.confirm(gate, told, seen, self.whom);
    }

    /// Where the log says that it listens, whatever the files do.
    fn listens(&self, case: &mut Case, listening: Listening) {
        let Self { gateway, log, view, published, report, whom, .. } = *self;
        let Listening { line, on_loopback: Some(on_loopback), port } = listening else { return };
        if !on_loopback {
            let because = format!("a doubt: {}:{line} shows that it listens beyond loopback", log.name);
            case.refute(|finding| self.is_ours(finding, &[Told::LoopbackBind]), &because);
            return;
        }
        let lives_alone = report
            .namespaces
            .of
            .get(gateway)
            .is_some_and(|namespace| matches!(namespace, Namespace::Service(owner) if owner == gateway));
        // What the files themselves say of loopback, they say client by client; and a server in the same container may
        // stand before it.
        if !lives_alone || view.is_none_or(|view| view.bind == Scope::Loopback) || self.was_reached() {
            return;
        }
        let is_published = port.is_some_and(|port| published.contains(&port));
        let apart: Vec<Whom> = case
            .clients
            .iter()
            .filter(|client| whom.iter().any(|whom| whom.covers(client)))
            .filter(|client| match client.kind {
                Kind::Service => client.name != gateway && !report.namespaces.share(gateway, &client.name),
                _ => is_published,
            })
            .map(|client| Whom::Client(client.name.clone()))
            .collect();
        if apart.is_empty() {
            return;
        }
        let mut finding = Code::LoopbackSeen.finding(format!(
            "{gateway} listens on the loopback of its own container alone, whatever its files say: a published port leads nowhere."
        ));
        finding.places.push(Place::line(&log.name, line));
        finding.remedy = Some(Remedy {
            text: "see with which --bind, and with which openclaw.json, the container starts it: that bind counts, not the one in this file"
                .to_owned(),
            command: Some(format!("docker compose top {gateway}")),
            edits: Vec::new(),
            safety: Safety::Judgement,
        });
        case.report(finding, &apart);
    }

    /// Whether a finding is one of these, about this gateway.
    fn is_ours(&self, finding: &Finding, codes: &[Told]) -> bool {
        is_about(finding, self.gateway, codes)
    }
}

/// The line of a journal with which systemd says that it stopped a unit, where no start follows. Without the name of the
/// program before it (`journalctl -o cat`), what it says names the unit.
fn stopped_by_systemd(log: &str) -> Option<usize> {
    let mut stopped = None;
    for (index, line) in log.lines().enumerate() {
        let behind = line.split_once(" systemd[").and_then(|(_, rest)| rest.split_once("]: "));
        let said = match behind {
            Some((_, said)) => said,
            None if line.contains(".service") => line,
            None => continue,
        };
        match said.split(' ').next() {
            Some("Stopped") => stopped = Some(index + 1),
            Some("Started" | "Starting") => stopped = None,
            _ => {}
        }
    }
    stopped
}

/// Whether a finding is one of these, about this service.
pub(super) fn is_about(finding: &Finding, service: &str, codes: &[Told]) -> bool {
    let is_about = match &finding.subject {
        Subject::Service(name) | Subject::Client(name) => name == service,
        Subject::Stack => true,
        _ => false,
    };
    is_about && matches!(finding.code, finding::Code::Compose(code) if codes.contains(&code))
}

/// Claims for all of these that a gate was seen to be passed.
pub(super) fn pass(case: &mut Case, gate: Gate, whom: &[Whom], because: &str) {
    for whom in whom {
        case.pass(gate, whom.clone(), because);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_stopped_until_it_is_started_again() {
        let journal = "Jun 03 11:30:01 box systemd[1]: Stopped claw.service - OpenClaw Gateway.\n";
        let cat = "Stopped claw.service - OpenClaw Gateway.\n";
        let started = "Jun 03 11:30:02 box systemd[1]: Started claw.service - OpenClaw Gateway.\n";
        assert_eq!((stopped_by_systemd(journal), stopped_by_systemd(cat)), (Some(1), Some(1)));
        assert_eq!(stopped_by_systemd(&format!("{cat}{started}")), None);
        assert_eq!(stopped_by_systemd("Stopped by a person\n[gateway] ready\n"), None);
    }
}
