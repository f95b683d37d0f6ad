//! What `launchctl print` shows of a gateway that is a job of the host: whether it runs, and how it ended.

use openclaw_compose::openclaw::{GatewayView, Manager};
use openclaw_probe::supervisors::launchd::Domain;
use openclaw_probe::supervisors::loaded::{self, Shown, Standing};
use openclaw_probe::supervisors::{EXIT_OPERATOR, stop_budget};

use super::case::Case;
use super::codes::Code;
use super::life;
use crate::captured::{Captured, Text};
use crate::finding::{Finding, Place, Remedy, Safety};
use crate::gates::{Gate, Whom};

/// A gateway's job as launchd shows it.
pub(super) struct Loaded<'c> {
    text: &'c Text,
    shown: Shown,
    manager: Manager,
    is_of_another_list: bool,
}

/// What was captured of this gateway's job; nothing where launchd does not keep it.
pub(super) fn loaded<'c>(view: Option<&GatewayView>, captured: &'c Captured) -> Option<Loaded<'c>> {
    let (view, manager) = view.and_then(|view| Some((view, view.manager?)))?;
    let domain = match manager {
        Manager::LaunchAgent => Domain::Agent,
        Manager::LaunchDaemon => Domain::Daemon,
        Manager::UserUnit | Manager::SystemUnit => return None,
    };
    captured.loaded.iter().find_map(|text| {
        let shown = Shown::read(&text.text)?;
        let is_its = shown.label == view.service && shown.domain.is_none_or(|shown| shown == domain);
        let file = shown.path.as_deref().and_then(|path| path.rsplit('/').next());
        let lists = || captured.definitions.iter().filter_map(|text| text.name.rsplit('/').next());
        let is_of_another_list = file.is_some_and(|file| lists().all(|list| list != file));
        is_its.then_some(Loaded { text, shown, manager, is_of_another_list })
    })
}

/// Enters what was captured as the answer of `launchctl print` and is none.
pub(super) fn unreadable(case: &mut Case, captured: &Captured) {
    for Text { name, .. } in captured.loaded.iter().filter(|text| Shown::read(&text.text).is_none()) {
        let summary = format!("{name} cannot be read: it is not what `launchctl print` shows of a job.");
        let mut finding = Code::EvidenceUnreadable.finding(summary);
        finding.places.push(Place::whole(name));
        case.report(finding, &[]);
    }
}

impl Loaded<'_> {
    /// Whether it is seen not to run.
    pub(super) fn is_down(&self) -> bool {
        !matches!(self.shown.standing, Standing::Running { .. })
    }

    /// Enters how the job stands, and what is wrong with the way it is kept.
    pub(super) fn enter(&self, case: &mut Case, gateway: &str, view: Option<&GatewayView>, whom: &[Whom]) {
        let Text { name, text, .. } = self.text;
        let release = view.and_then(|view| view.version.version).map(|release| release.to_string());
        if self.shown.standing != Standing::Absent {
            for finding in loaded::verify(name, text, false, stop_budget(release.as_deref())) {
                case.add(Finding::from(finding));
            }
        }
        let doubt = match self.shown.standing {
            Standing::Running { pid } => {
                format!("{name} shows that it runs (pid {pid}), not that it answers")
            }
            Standing::Down { status: None | Some(0), signal: None, runs } => {
                format!("{name} shows that it does not run, and no failure ({runs} runs)")
            }
            // Asked in another place, launchd may know it.
            Standing::Absent if case.passes(Gate::Liveness, whom) => return,
            _ => return self.failed(case, gateway, whom),
        };
        for whom in whom {
            case.maybe(Gate::Liveness, whom.clone(), doubt.clone());
        }
    }

    fn failed(&self, case: &mut Case, gateway: &str, whom: &[Whom]) {
        let name = &self.text.name;
        let reload = Some(self.manager.reload(gateway));
        let (line, summary, text, command) = match self.shown.standing {
            Standing::Down { status, signal, runs } => {
                let ended = match (signal, status) {
                    (Some(signal), _) => format!("signal {signal}"),
                    (None, status) => format!("status {}", status.unwrap_or_default()),
                };
                let summary = format!(
                    "launchd shows that {gateway} does not run: it ended with {ended}, after {runs} runs."
                );
                let text = if status == Some(u64::from(EXIT_OPERATOR)) {
                    "78 asks for a person, and no restart mends it: what it said last tells why; mend that, then load it again"
                } else {
                    "what it said last tells why; mend that, then load it again"
                };
                let key = if signal.is_some() { "last terminating signal" } else { "last exit code" };
                (self.line(key), summary, text, Some(life::log_of(self.manager, gateway)))
            }
            _ => {
                let summary =
                    format!("launchd does not know {gateway} where it was asked: nothing starts it.");
                (1, summary, "load its property list, as the user whose job it is", reload)
            }
        };
        let mut finding = Code::JobDown.finding(summary);
        finding.places.push(Place::line(name, line));
        finding.remedy =
            Some(Remedy { text: text.to_owned(), command, edits: Vec::new(), safety: Safety::Judgement });
        if self.is_of_another_list {
            let seen = "launchd loaded another property list than the one that was captured";
            finding.evidence.push(seen.to_owned());
        }
        // Why it does not come up, its log or its files may say.
        let said = [Gate::State, Gate::Listener, Gate::Liveness, Gate::Startup];
        case.corroborate(Gate::Liveness, &said, finding, whom);
    }

    /// The line, from 1, of a key.
    fn line(&self, key: &str) -> usize {
        let is_its =
            |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "));
        self.text.text.lines().position(is_its).unwrap_or_default() + 1
    }
}
