//! A stack's directory in, a ticket out.
//!
//! Everything that was found is gathered in one [`case::Case`]: what openclaw-compose says about the files, what the
//! captured logs, device lists and `docker inspect` show, and what openclaw-pairing makes of them. The gates are judged
//! over all of it at once.

pub mod case;
pub mod codes;
mod columns;
mod devices;
mod failure;
mod heard;
mod jobs;
mod ladders;
mod life;
pub mod live;
mod stack;
mod tokens;
mod topology;
mod unfinished;

use std::path::Path;

use openclaw_compose::edit::{Applicability, Edit};
use openclaw_compose::finding::Code as Told;
use openclaw_compose::openclaw::{Report, StatePlace};
use openclaw_compose::project::Resolution;
use openclaw_compose::source::Sources;
use openclaw_pairing::plan::Topology;
use openclaw_token::Occurrence;
use secrecy::SecretString;

use crate::captured::Captured;
use crate::finding::Safety;
use crate::gates::Gate;
use crate::instant::Instant;
use crate::ladders::Ladder;
use crate::project::{Evidence, Project, ProjectFlags, Unreadable};
use crate::ticket::{Draft, Ticket};
use crate::timeline::{Lanes, lanes, story};
use case::Case;
pub use codes::shut_by;

/// What a caller may add to a stack's directory.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which project it is, as `docker compose` is told in the stack's directory.
    pub project: ProjectFlags,
    /// Time of the diagnosis.
    pub at: Option<Instant>,
    /// Host of the diagnosis.
    pub host: Option<String>,
    /// The last gate that must have been observed green.
    pub through: Option<Gate>,
    /// What counts beside the files.
    pub evidence: Evidence,
}

/// Diagnoses the stack in a directory. Reads, and writes nothing.
///
/// # Errors
/// [`Unreadable`] if the Compose project itself cannot be read. Anything else that is wrong is on the ticket.
pub fn diagnose(stack: &Path, options: Options) -> Result<Ticket, Unreadable> {
    Ok(Examination::of(stack, options)?.ticket(&stack.to_string_lossy()))
}

/// A stack, looked at.
#[derive(Debug)]
pub struct Examination {
    /// What was found.
    pub case: Case,
    stack: stack::ExaminedStack,
    captured: Captured,
    /// What `docker inspect` showed of the services.
    containers: Vec<life::Container>,
    ladders: Vec<Ladder>,
    /// Whether an engine was asked.
    asked: bool,
    /// The Compose that the project was read as, where anything told.
    compose: Option<String>,
    /// The profiles that no service has, a sentence each.
    unknown_profiles: Vec<String>,
    /// The record of the freeze that was read.
    record: Option<String>,
    options: Options,
}

impl Examination {
    /// Looks at the stack in a directory.
    ///
    /// # Errors
    /// [`Unreadable`] if the Compose project itself cannot be read.
    pub fn of(directory: &Path, options: Options) -> Result<Self, Unreadable> {
        let flags = options.project.clone().run_in(directory);
        let project = Project::read(&flags, options.evidence)?;
        if let Some(refusal) = project.refusal() {
            return Err(refusal);
        }
        let Project { resolution, report, mut captured, compose, asked, .. } = project;
        let unknown_profiles = flags.unknown_profiles(&resolution);
        let stack = stack::ExaminedStack::new(resolution, report);
        let mut case = Case::default();
        let now_ms = options.at.as_ref().map(|at| at.millis);
        stack.enter(&mut case);
        let containers = stack::containers(&mut case, &captured);
        let clients = stack.clients();
        for gateway in stack.gateways() {
            let clients = clients.get(gateway).map_or(&[][..], Vec::as_slice);
            let published = stack.published(gateway);
            let of = life::Of { gateway, clients, published: &published };
            life::enter(&mut case, of, stack.report(), &captured, &containers);
        }
        life::enter_proxies(&mut case, stack.report(), &captured, &containers);
        jobs::unreadable(&mut case, &captured);
        life::enter_clients(&mut case, stack.report(), &captured);
        let ladders = ladders::enter(&mut case, stack.report(), &mut captured, &containers);
        for gateway in stack.heard(&captured) {
            devices::enter(&mut case, &stack.pairing(gateway, now_ms, &containers, &captured), &captured);
        }
        stack::faults(&mut case, stack.gateway(), &captured, stack.report());
        let record = tokens::enter(&mut case, directory, stack.report(), now_ms);
        unfinished::enter(&mut case, directory, stack.sources());
        let asked = asked.is_some();
        Ok(Self {
            case,
            stack,
            captured,
            containers,
            ladders,
            asked,
            compose,
            unknown_profiles,
            record,
            options,
        })
    }

    /// The ticket.
    #[must_use]
    pub fn ticket(&self, name: &str) -> Ticket {
        self.ticket_of(&self.case, name, &[])
    }

    /// The ticket of a case to which more was added since, and what was read for it.
    #[must_use]
    pub fn ticket_of(&self, case: &Case, name: &str, more: &[String]) -> Ticket {
        let mut evidence = self.stack.names();
        // What openclaw-compose looked up in a captured text is among its own.
        let captured = self.captured.names().filter(|name| !evidence.iter().any(|known| known == name));
        evidence.extend(captured.map(str::to_owned).collect::<Vec<_>>());
        evidence.extend(self.record.clone());
        evidence.extend_from_slice(more);
        let mut findings = case.findings.clone();
        let project = &self.options.project;
        for noted in &mut findings {
            noted.tell(|command| *command = self.told(command));
            let is_safe = noted.finding.remedy.as_ref().is_some_and(|remedy| remedy.safety == Safety::Safe);
            if is_safe && !noted.changes.is_empty() {
                noted.mend = Some(fix(project, name, &format!("--code {} --yes", noted.finding.code.id())));
            } else if let Some(flags) = unfinished::flags(&noted.finding) {
                noted.mend = Some(fix(project, name, flags));
            }
        }
        Ticket::new(Draft {
            stack: name.to_owned(),
            at: self.options.at.as_ref().map(|at| at.text.clone()),
            host: self.options.host.clone(),
            openclaw: self.stack.version(),
            compose: self.compose.clone(),
            clients: case.gates(),
            findings,
            topology: self.stack.places(),
            ladders: self.ladders.clone(),
            evidence,
            missing: self.missing().iter().map(|text| self.told(text)).collect(),
            unaccounted: case.unaccounted(),
            concerned: self.stack.concerned(&case.clients),
            through: self.options.through,
            unanswered: self.unanswered(),
        })
    }

    /// Who asked for pairing and when, where logs with times tell: for a page that shows it. It reads the logs once more.
    #[must_use]
    pub fn lanes(&self) -> Option<Lanes> {
        lanes(story(self.captured.logs.iter().map(|(_, log)| log.text.as_str())).all())
    }

    /// A command of Docker as somebody types it who stands in the stack's directory: with the flags that chose the project, for
    /// the engine that runs it.
    #[must_use]
    pub fn told(&self, command: &str) -> String {
        self.captured.of_engine(self.options.project.told(command, self.stack.runs_as()))
    }

    /// How commands reach a gateway of the stack and one of its clients, the first ones where none is named.
    #[must_use]
    pub fn reach(&self, gateway: Option<&str>, client: Option<&str>) -> Topology {
        let gateway = gateway.unwrap_or_else(|| self.stack.gateway());
        let client = client.unwrap_or_else(|| self.stack.first_client(gateway));
        self.stack.topology(gateway, client, &self.containers)
    }

    /// Whether an engine was asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.asked
    }

    /// What openclaw-compose found: gateways, clients, and every place that carries the token.
    #[must_use]
    pub fn report(&self) -> &Report {
        self.stack.report()
    }

    /// The resolved project, each value with what decided it.
    #[must_use]
    pub fn resolution(&self) -> &Resolution {
        self.stack.resolution()
    }

    /// The tokens as they stand in the files, to be compared and frozen.
    #[must_use]
    pub fn occurrences(&self) -> Vec<Occurrence> {
        tokens::occurrences(self.stack.report())
    }

    /// The texts behind every place and edit.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        self.stack.sources()
    }

    /// The safe edits of the findings that shut this gate.
    #[must_use]
    pub fn edits_at(&self, gate: Gate) -> Vec<Edit> {
        let shutting = self.case.shutting().filter(|(shut, _)| *shut == gate);
        let edits =
            shutting.filter_map(|(_, noted)| noted.finding.remedy.as_ref()).flat_map(|remedy| &remedy.edits);
        let mut safe: Vec<Edit> = Vec::new();
        for edit in edits.filter(|edit| edit.applicability == Applicability::Safe) {
            if !safe.contains(edit) {
                safe.push(edit.clone());
            }
        }
        safe
    }

    /// The token that the gateway enforces, where the files say so.
    #[must_use]
    pub fn enforced_token(&self) -> Option<SecretString> {
        self.stack.enforced_token()
    }

    /// Why the engine that was asked showed nothing that runs.
    fn unanswered(&self) -> Option<String> {
        if !self.asked {
            return None;
        }
        let silent = self.stack.report().of_code(Told::EngineUnreachable).next();
        if let Some(finding) = silent {
            return Some(finding.summary.clone());
        }
        let runs = self.containers.iter().any(life::Container::is_running);
        (!runs).then(|| "no container of this stack is running".to_owned())
    }

    /// Whether Docker shows containers of a service, and none of them runs.
    fn is_down(&self, service: &str) -> bool {
        let own = life::of_service(&self.containers, service);
        !own.is_empty() && !own.iter().any(life::Container::is_running)
    }

    /// The commands that record who owns the state inside each container, where that alone tells whether it is usable.
    fn owners_inside(&self) -> impl Iterator<Item = String> {
        self.stack.report().unseen_states.iter().filter_map(|StatePlace { service, state_dir, config_path, .. }| {
            let (state, config) = (shlex::try_quote(state_dir).ok()?, shlex::try_quote(config_path).ok()?);
            let stat = format!("stat -c \"%u:%g %a container:{service}:%n\" {state} {config}");
            let stat = shlex::try_quote(&stat).ok()?;
            Some(format!(
                "owners: mkdir -p captured && docker compose run --rm --no-deps -T --entrypoint sh {service} -c {stat} >> captured/ownership.txt"
            ))
        })
    }

    /// Evidence that was not given, as the commands that would give it.
    fn missing(&self) -> Vec<String> {
        let gateway = self.stack.gateway();
        let mut missing = self.unknown_profiles.clone();
        if self.captured.ownership_is_empty {
            missing.push(
                "owners: captured/ownership.txt is empty: find . -exec ls -ldn {} + > captured/ownership.txt"
                    .to_owned(),
            );
        }
        missing.extend(self.owners_inside());
        let faulty = |name: &str| self.captured.faults.iter().any(|fault| fault.name.starts_with(name));
        if let Some(manager) = self.stack.manager(gateway) {
            let name = gateway.trim_end_matches(".service");
            if self.captured.logs.is_empty() && !faulty("captured/logs") {
                missing.push(format!("logs: {}", life::log_of(manager, gateway)));
            }
            if self.captured.loaded.is_empty() && !faulty("captured/launchd") {
                missing.extend(
                    manager
                        .show(gateway)
                        .map(|command| format!("the job: {command} > captured/launchd/{name}.print.txt")),
                );
            }
            if self.captured.devices.is_empty() && !faulty("captured/devices") {
                let inside = self.report().gateway(gateway).and_then(|view| view.container.as_deref());
                let enter = inside.map_or_else(String::new, |container| format!("podman exec {container} "));
                missing.push(format!(
                    "devices: {enter}openclaw devices list --json > captured/devices/{name}.json"
                ));
            }
            return missing;
        }
        if !self.stack.has_service(gateway) {
            return missing;
        }
        if self.captured.logs.is_empty() && !faulty("captured/logs") {
            missing.push(format!(
                "logs: mkdir -p captured/logs && docker compose logs --no-log-prefix {gateway} > captured/logs/{gateway}.log"
            ));
        }
        if self.captured.inspect.is_none() && !faulty("captured/inspect") {
            missing.push(
                "containers: mkdir -p captured && docker inspect $(docker compose ps -aq) > captured/inspect.json".to_owned(),
            );
        }
        if self.captured.devices.is_empty() && !faulty("captured/devices") && !self.is_down(gateway) {
            missing.push(format!(
                "devices: mkdir -p captured/devices && docker compose exec -T {gateway} openclaw devices list --json > captured/devices/{gateway}.json"
            ));
        }
        missing
    }
}

/// The command that mends a stack. With `--code` and `--yes` it makes the edits of one code, which it shows as a diff
/// if `--yes` is left out.
fn fix(project: &ProjectFlags, stack: &str, flags: &str) -> String {
    let chosen = project.chosen(None);
    if project.project_directory.is_some() {
        return format!("runbook fix {chosen}{flags}");
    }
    // Only a NUL could not be quoted, and a path that was opened holds none.
    let stack = shlex::try_quote(stack).unwrap_or_default();
    format!("runbook fix --project-directory {stack} {chosen}{flags}")
}
