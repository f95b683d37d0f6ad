//! Every command that a ticket of the fixtures prints is one that can be run: it parses by the grammar of its engine and of
//! OpenClaw's own CLI in that release, names services of the stack, fits their entrypoints, fills in what the evidence
//! knows, and is none that the evidence shows failing.
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::panic,
    reason = "a test that cannot prepare its case has failed"
)]
#![expect(clippy::disallowed_methods, reason = "the cases are files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use openclaw_compose::openclaw::{Host, Version};
use openclaw_compose::project::Node;
use openclaw_runbook::diagnose::{Options, diagnose};
use openclaw_runbook::project::{Evidence, Project, ProjectFlags};
use openclaw_runbook::ticket::Ticket;
use serde_json::Value;

use crate::support::root;

#[test]
fn every_printed_command_can_be_run() {
    let mut faults = String::new();
    let mut seen = 0;
    for folder in ["examples/runbook/tests/field", "examples/stacks"] {
        for dir in folders(&root().join(folder)) {
            let name = dir.file_name().unwrap().to_string_lossy().into_owned();
            let printed_on = |host| {
                let project = ProjectFlags { host, ..ProjectFlags::default() };
                diagnose(&dir, Options { project, ..Options::default() })
            };
            let (Ok(at_home), Ok(on_mac)) = (printed_on(None), printed_on(Some(Host::Mac))) else { continue };
            let mut stack = Surroundings::read(&dir, &at_home);
            for ticket in [at_home, on_mac] {
                for printed in commands(&ticket) {
                    seen += 1;
                    if let Err(fault) = stack.judge(&printed) {
                        writeln!(faults, "{name}: {fault}: {printed}").unwrap();
                    }
                }
                stack.shares_files = !stack.services.is_empty();
            }
        }
    }
    assert!(seen > 1000, "the fixtures print {seen} commands");
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn a_ticket_of_chosen_files_prints_commands_with_them() {
    let dir = root().join("examples/stacks/own-loopback");
    let project = ProjectFlags {
        files: vec!["compose.yaml".to_owned()],
        project_name: Some("a b".to_owned()),
        ..ProjectFlags::default()
    };
    let ticket = diagnose(&dir, Options { project, ..Options::default() }).unwrap();
    let of_compose: Vec<String> =
        commands(&ticket).into_iter().filter(|command| command.contains("docker compose")).collect();
    assert!(!of_compose.is_empty());
    for command in of_compose {
        assert!(command.contains("docker compose -f compose.yaml -p 'a b' "), "{command}");
    }
}

#[test]
fn the_grammar_refuses_what_cannot_be_run() {
    let stack = Surroundings {
        services: BTreeMap::from([
            ("gw".to_owned(), vec![]),
            ("cli".to_owned(), vec!["openclaw".to_owned()]),
        ]),
        release: "2026.2.6".parse().ok(),
        down: BTreeSet::from(["gw".to_owned()]),
        failed: BTreeSet::from([("cli".to_owned(), "devices list".to_owned())]),
        pending: BTreeSet::from(["r1".to_owned()]),
        shares_files: false,
    };
    for (command, fault) in [
        ("docker compose up -d gw", None),
        ("docker compose run --rm --no-deps -T cli devices approve r1 --json", None),
        ("docker compose run --rm cli openclaw devices approve r1", Some("openclaw twice")),
        ("docker compose exec -T gw openclaw health", Some("gw does not run")),
        ("docker compose up -d gone", Some("no service gone")),
        ("docker compose exec cli openclaw devices remove d1", Some("not in this release")),
        ("docker compose exec cli openclaw devices list --frobnicate", Some("no option --frobnicate")),
        ("docker compose exec cli openclaw devices list", Some("was seen failing")),
        (
            "docker compose exec cli openclaw devices approve REQUEST_ID",
            Some("the evidence knows the request"),
        ),
        ("docker compose exec cli openclaw devices approve r2", Some("no request r2")),
        ("docker compose exec gw openclaw devices list", Some("gw does not run")),
        ("docker compose exec cli openclaw gateway status", Some("wants a terminal")),
        ("find . -printf %u", Some("GNU's alone")),
        ("ls -ldnZ state", Some("GNU's alone")),
        ("podmann ps", Some("no program podmann")),
        ("docker inspect claw", None),
        ("docker inspect", Some("inspect of 0 operands")),
        ("docker run --rm --user 0 --entrypoint chown claw:1 -R 1000:1000 /data", None),
        ("docker run --rm --user '0 1' claw:1", Some("`0 1` is not a user")),
        ("docker logs --tail many claw", Some("`many` is not a number")),
        ("sudo chown -R 1000:1000 ./state", None),
        ("sudo chown -R 1000:1000", Some("chown of 1 operands")),
        ("chown -R ./state 1000", Some("`./state` is not an owner")),
        ("chmod 9x ./state", Some("`9x` is not a mode")),
        ("podman exec claw env OPENCLAW_STATE_DIR=/tmp/a openclaw gateway call update.status --json", None),
        ("docker compose exec -u -T gw id", Some("`-T` is not a user")),
    ] {
        let found = stack.judge(command).err();
        assert_eq!(found.is_some(), fault.is_some(), "{command}: {found:?}");
        assert!(found.unwrap_or_default().contains(fault.unwrap_or_default()), "{command}");
    }
    let on_mac = Surroundings { shares_files: true, ..stack };
    assert!(on_mac.judge("sudo chown -R 1000:1000 ./state").is_err());
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(of)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// Every command on a ticket, a line each.
fn commands(ticket: &Ticket) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for noted in &ticket.findings {
        found.extend(noted.finding.remedy.iter().filter_map(|remedy| remedy.command.clone()));
        found.extend(noted.steps.iter().filter_map(|step| step.command.clone()));
        found.extend(noted.mend.clone());
    }
    found.extend(ticket.missing.iter().filter_map(|text| Some(text.split_once(": ")?.1.to_owned())));
    found.iter().flat_map(|command| command.lines()).map(str::to_owned).collect()
}

/// What is known of a stack beside its ticket.
struct Surroundings {
    /// Each service with its entrypoint.
    services: BTreeMap<String, Vec<String>>,
    release: Option<Version>,
    /// Services whose containers do not run.
    down: BTreeSet<String>,
    /// What was tried in a service, and failed.
    failed: BTreeSet<(String, String)>,
    /// The requests that wait, by a list or a line.
    pending: BTreeSet<String>,
    /// A Mac shares its files with the engine's machine: owners there are none of the containers'.
    shares_files: bool,
}

impl Surroundings {
    fn read(dir: &Path, ticket: &Ticket) -> Self {
        let flags = ProjectFlags::default().run_in(dir);
        let project = Project::read(&flags, Evidence::Captured).unwrap();
        let resolution = &project.resolution;
        let all = resolution.services().chain(resolution.disabled_services());
        let services = all.map(|service| {
            let words = service.items("entrypoint").iter().filter_map(Node::text);
            (service.name().to_owned(), words.map(|word| word.expose().to_owned()).collect())
        });
        let services: BTreeMap<String, Vec<String>> = services.collect();
        let mut stack = Self {
            services,
            release: ticket.openclaw.split(' ').next().and_then(|release| release.parse().ok()),
            down: BTreeSet::new(),
            failed: BTreeSet::new(),
            pending: BTreeSet::new(),
            shares_files: false,
        };
        let captured = dir.join("captured");
        if let Ok(text) = std::fs::read_to_string(captured.join("inspect.json")) {
            stack.down = down(&serde_json::from_str(&text).unwrap_or_default());
        }
        for folder in ["logs", "devices"].map(|folder| captured.join(folder)) {
            let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
            for path in entries {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let service = path.file_stem().unwrap().to_string_lossy().into_owned();
                stack.hear(&service, &text);
            }
        }
        stack
    }

    /// Takes in what a captured text shows of requests and of commands that were tried.
    fn hear(&mut self, service: &str, text: &str) {
        if let Ok(list) = serde_json::from_str::<Value>(text) {
            let ids = list["pending"].as_array().into_iter().flatten();
            self.pending.extend(ids.filter_map(|row| Some(row["requestId"].as_str()?.to_owned())));
        }
        let id = regex::Regex::new("(?i)requestId(?:=|: )([0-9a-f-]{36})").unwrap();
        self.pending.extend(id.captures_iter(text).map(|found| found[1].to_owned()));
        let tried = regex::Regex::new(r"(?m)[$#] openclaw ([a-z ]+)").unwrap();
        let tried = tried.captures_iter(text).map(|found| (service.to_owned(), found[1].trim().to_owned()));
        self.failed.extend(tried);
    }

    /// Why a line cannot be run.
    fn judge(&self, line: &str) -> Result<(), String> {
        let words = shlex::split(line).ok_or("quotes that do not close")?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        words
            .split(|word| *word == "&&")
            .try_for_each(|command| self.one(command.split(|word| *word == ">").next().unwrap_or_default()))
    }

    fn one(&self, words: &[&str]) -> Result<(), String> {
        match words {
            ["docker" | "podman", "compose", rest @ ..] => self.compose(rest),
            ["docker" | "podman", "image", rest @ ..] => plain(ENGINE, rest),
            ["podman", "unshare", program @ ..] => self.one(program),
            ["docker" | "podman", "exec", rest @ ..] => self.entered(rest),
            ["docker" | "podman", rest @ ..] => plain(ENGINE, rest),
            ["sudo", "-u", user, program @ ..] => {
                is_value("--user", user)?;
                self.one(program)
            }
            ["sudo", program @ ..] => self.one(program),
            // Jobs of the host.
            ["launchctl", verb, ..] => {
                known(&["bootout", "bootstrap", "disable", "kickstart", "print"], verb)
            }
            ["systemctl", "--user", verb, ..] | ["systemctl", verb, ..] => {
                known(&["daemon-reload", "restart", "start", "stop", "disable", "status"], verb)
            }
            ["while", "launchctl", "print", ..] => Ok(()),
            ["chown", ..] if self.shares_files => Err("on a Mac the files would belong to nobody".to_owned()),
            // A Mac has none of these.
            ["find", flags @ ..] if flags.contains(&"-printf") => Err("-printf is GNU's alone".to_owned()),
            ["ls", flags, ..] if flags.starts_with('-') && flags.contains('Z') => {
                Err(format!("{flags} is GNU's alone"))
            }
            ["openclaw", arguments @ ..] => self.openclaw("", arguments),
            ["runbook", subcommand, ..] => known(&["fix", "pair", "namespaces", "sources"], subcommand),
            [program, ..] if !TOOLS.iter().any(|(name, ..)| name == program) => {
                Err(format!("no program {program}"))
            }
            words => plain(TOOLS, words),
        }
    }

    /// `docker exec` by a container's name: what it runs there.
    fn entered(&self, words: &[&str]) -> Result<(), String> {
        let (_, words) = options(words, &["-i", "-t", "-it"], &["-u", "--user", "-e", "--env", "-w"])?;
        let Some((container, program)) = words.split_first() else { return Err("no container".to_owned()) };
        is_operand(Operand::Name, container)?;
        self.program("", program)
    }

    fn compose(&self, words: &[&str]) -> Result<(), String> {
        let globals = ["-f", "-p", "--env-file", "--profile", "--project-directory"];
        let (_, words) = options(words, &[], &globals)?;
        let Some((subcommand, words)) = words.split_first() else { return Err("no subcommand".to_owned()) };
        let Some((_, switches, valued)) = COMPOSE.iter().find(|(name, ..)| name == subcommand) else {
            return Err(format!("docker compose has no {subcommand}"));
        };
        let (given, words) = options(words, switches, valued)?;
        if !matches!(*subcommand, "exec" | "run") {
            return words.iter().try_for_each(|service| self.service(service).map(|_| ()));
        }
        let Some((service, program)) = words.split_first() else { return Err("no service".to_owned()) };
        let entrypoint = self.service(service)?;
        self.inside(subcommand, service, entrypoint, &given, program)?;
        // ssh, cron and launchd give it none.
        let wants_terminal = *subcommand == "exec" && !given.contains(&("-T", None));
        if wants_terminal { Err("wants a terminal".to_owned()) } else { Ok(()) }
    }

    /// A command that `docker compose` runs in a container.
    fn inside(
        &self,
        subcommand: &str,
        service: &str,
        entrypoint: &[String],
        given: &[Given<'_>],
        program: &[&str],
    ) -> Result<(), String> {
        if subcommand == "exec" {
            if self.down.contains(service) {
                return Err(format!("{service} does not run"));
            }
            return self.program(service, program);
        }
        if let Some((_, own)) = given.iter().find(|(name, _)| *name == "--entrypoint") {
            return self.program(service, &[&[own.unwrap_or_default()], program].concat());
        }
        let is_cli = entrypoint.last().is_some_and(|word| is_openclaw(word));
        match (is_cli, program) {
            (true, ["openclaw", ..]) => Err("openclaw twice".to_owned()),
            (true, arguments) => self.openclaw(service, arguments),
            (false, program) => self.program(service, program),
        }
    }

    /// A service by its name: its entrypoint.
    fn service(&self, name: &str) -> Result<&Vec<String>, String> {
        self.services.get(name).ok_or(format!("no service {name}"))
    }

    /// A program in a container.
    fn program(&self, service: &str, words: &[&str]) -> Result<(), String> {
        match words {
            ["openclaw", arguments @ ..] => self.openclaw(service, arguments),
            ["env", "-u", _, program @ ..] => self.program(service, program),
            ["env", program @ ..] => {
                let assigned = program.iter().take_while(|word| word.contains('=')).count();
                self.program(service, &program[assigned..])
            }
            ["node", entry, arguments @ ..] if is_openclaw(entry) => self.openclaw(service, arguments),
            [program, ..] if TOOLS.iter().any(|(name, ..)| name == program) => plain(TOOLS, words),
            [program, ..] => known(&["sh", "ps", "rm", "id"], program),
            [] => Err("no program".to_owned()),
        }
    }

    /// OpenClaw's own CLI.
    fn openclaw(&self, service: &str, words: &[&str]) -> Result<(), String> {
        let split = words.iter().position(|word| word.starts_with('-')).unwrap_or(words.len());
        let (plain, flags) = words.split_at(split);
        let path = plain.join(" ");
        let row = CLI.iter().filter(|(name, ..)| !name.contains("--"));
        let row = row.filter(|(name, ..)| path == *name || path.starts_with(&format!("{name} ")));
        let Some((name, first, last)) = row.max_by_key(|(name, ..)| name.len()) else {
            let is_bare = plain.is_empty() && matches!(flags, ["--version"]);
            return if is_bare { Ok(()) } else { Err(format!("openclaw has no {path}")) };
        };
        self.in_release(name, first, last)?;
        let operands: Vec<&str> = path.get(name.len()..).unwrap_or_default().split_whitespace().collect();
        let group = name.split(' ').next().unwrap_or_default();
        for flag in flags.iter().filter(|flag| flag.starts_with('-')) {
            let row = CLI
                .iter()
                .find(|(row, ..)| *row == format!("{name} {flag}") || *row == format!("{group} {flag}"));
            let (option, first, last) = row.ok_or(format!("no option {flag}"))?;
            self.in_release(option, first, last)?;
        }
        if self.failed.contains(&(service.to_owned(), (*name).to_owned())) {
            return Err(format!("`{name}` was seen failing in {service}"));
        }
        match (*name, operands.as_slice()) {
            ("devices approve" | "devices reject", ["REQUEST_ID"]) if !self.pending.is_empty() => {
                Err("the evidence knows the request".to_owned())
            }
            ("devices approve" | "devices reject", ["REQUEST_ID"]) => Ok(()),
            ("devices approve" | "devices reject", [id]) if !self.pending.contains(*id) => {
                Err(format!("no request {id}"))
            }
            (
                "devices approve" | "devices reject" | "devices remove" | "config get" | "config unset",
                [_],
            ) => Ok(()),
            ("config set", [_, _]) => Ok(()),
            ("gateway call", [method]) => is_match("a method", r"^[a-z]+(\.[a-zA-Z]+)+$", method),
            (_, []) => Ok(()),
            (_, operands) => Err(format!("`{name}` does not take {}", operands.join(" "))),
        }
    }

    fn in_release(&self, what: &str, first: &str, last: &str) -> Result<(), String> {
        let Some(release) = self.release else { return Ok(()) };
        let is_in = first.parse().is_ok_and(|first: Version| first <= release)
            && last.parse().is_ok_and(|last: Version| release <= last);
        if is_in { Ok(()) } else { Err(format!("{what} is not in this release, {release}")) }
    }
}

/// A command of its own program: its options with their values, and what it is done to.
fn plain(of: &[Tool], words: &[&str]) -> Result<(), String> {
    let Some((name, rest)) = words.split_first() else { return Err("nothing".to_owned()) };
    let Some((_, switches, valued, operands, rest_is)) = of.iter().find(|(known, ..)| known == name) else {
        return Err(format!("no {name}"));
    };
    let (_, words) = options(rest, switches, valued)?;
    if words.len() < operands.len() || words.len() > operands.len() && *rest_is == Operand::None {
        return Err(format!("{name} of {} operands", words.len()));
    }
    for (at, word) in words.iter().enumerate() {
        // What another command prints is a name a word.
        if word.starts_with("$(") {
            return Ok(());
        }
        is_operand(operands.get(at).copied().unwrap_or(*rest_is), word)
            .map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

/// What an operand is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operand {
    /// There is none.
    None,
    /// Anything, such as the words of a program.
    Word,
    Path,
    /// A container or an image.
    Name,
    Owner,
    Mode,
}

fn is_operand(is: Operand, word: &str) -> Result<(), String> {
    match is {
        Operand::None => Err(format!("{word} is one too many")),
        Operand::Word => Ok(()),
        Operand::Path => is_match("a path", r"^(~|\.|/|[\w.$])[^\x00-\x1f]*$", word),
        Operand::Name => is_match("a name", r"^[a-zA-Z0-9][\w.:/@-]*$", word),
        Operand::Owner => {
            is_match("an owner", r"^(\d+|[a-z_][\w-]*|\$USER|\$\(id)(:(\d+|[a-z_][\w-]*))?$", word)
        }
        Operand::Mode => {
            is_match("a mode", r"^([0-7]{3,4}|[ugoa]*[-+=][rwxXst]+(,[ugoa]*[-+=][rwxXst]+)*)$", word)
        }
    }
}

/// The value of an option.
fn is_value(flag: &str, value: &str) -> Result<(), String> {
    match flag {
        "-u" if value.ends_with(".service") => is_operand(Operand::Name, value),
        "-u" | "--user" => is_match("a user", r"^(\d+|[a-z_][\w-]*)(:(\d+|[a-z_][\w-]*))?$", value),
        "-e" | "--env" => is_match("a variable", r"^[A-Za-z_]\w*(=.*)?$", value),
        "-t" | "--time" | "--tail" | "-n" => is_match("a number", r"^(\d+|all)$", value),
        "--filter" => is_match("a filter", r"^[a-z]+=.+$", value),
        "--entrypoint" => is_match("a program", r"^[\w./-]+$", value),
        "--type" => is_match("a type", r"^[a-z]\w*$", value),
        _ if value.is_empty() || value.starts_with('-') => Err(format!("{flag} of {value}")),
        _ => Ok(()),
    }
}

fn is_match(what: &str, grammar: &str, word: &str) -> Result<(), String> {
    let is_one = regex::Regex::new(grammar).unwrap().is_match(word);
    if is_one { Ok(()) } else { Err(format!("`{word}` is not {what}")) }
}

fn known(of: &[&str], word: &str) -> Result<(), String> {
    if of.contains(&word) { Ok(()) } else { Err(format!("{word} is not known here")) }
}

fn is_openclaw(word: &str) -> bool {
    let last = word.rsplit('/').next().unwrap_or_default();
    ["openclaw", "openclaw.mjs", "index.js"].contains(&last)
}

/// The services of which no container runs.
fn down(inspected: &Value) -> BTreeSet<String> {
    let mut up = BTreeSet::new();
    let mut all = BTreeSet::new();
    for container in inspected.as_array().into_iter().flatten() {
        let Some(service) = container["Config"]["Labels"]["com.docker.compose.service"].as_str() else {
            continue;
        };
        all.insert(service.to_owned());
        if container["State"]["Running"] == true {
            up.insert(service.to_owned());
        }
    }
    all.difference(&up).cloned().collect()
}

/// An option with its value, if it takes one.
type Given<'w> = (&'w str, Option<&'w str>);

/// Options before the operands: what was given, and the rest.
fn options<'w>(
    mut words: &'w [&'w str],
    switches: &[&str],
    valued: &[&str],
) -> Result<(Vec<Given<'w>>, &'w [&'w str]), String> {
    let mut given = Vec::new();
    loop {
        match words {
            ["--", rest @ ..] => return Ok((given, rest)),
            [flag, rest @ ..] if switches.contains(flag) => {
                given.push((*flag, None));
                words = rest;
            }
            [flag, value, rest @ ..] if valued.contains(flag) => {
                is_value(flag, value)?;
                given.push((*flag, Some(*value)));
                words = rest;
            }
            [flag, ..] if flag.starts_with('-') => return Err(format!("no option {flag}")),
            rest => return Ok((given, rest)),
        }
    }
}

/// A command: its switches, its options that take a value, its operands, and what any further one is.
type Tool = (&'static str, &'static [&'static str], &'static [&'static str], &'static [Operand], Operand);

/// Subcommands of the engines' own programs.
const ENGINE: &[Tool] = &[
    (
        "ps",
        &["-a", "-q", "-aq", "--all", "--quiet", "--no-trunc"],
        &["--filter", "--format"],
        &[],
        Operand::None,
    ),
    ("inspect", &[], &["-f", "--format", "--type"], &[Operand::Name], Operand::Name),
    ("logs", &["-f", "-t"], &["-n", "--tail", "--since", "--until"], &[Operand::Name], Operand::None),
    (
        "run",
        &["--rm", "-i", "-it", "-d"],
        &["--network", "--entrypoint", "-u", "--user", "-v", "--volume", "-e", "--env", "--name"],
        &[Operand::Name],
        Operand::Word,
    ),
    ("start", &[], &[], &[Operand::Name], Operand::Name),
    ("stop", &[], &["-t", "--time"], &[Operand::Name], Operand::Name),
    ("restart", &[], &["-t", "--time"], &[Operand::Name], Operand::Name),
    ("pull", &[], &[], &[Operand::Name], Operand::None),
    ("info", &[], &["-f", "--format"], &[], Operand::None),
];

/// Programs of the host and of containers.
const TOOLS: &[Tool] = &[
    ("cat", &[], &[], &[Operand::Path], Operand::Path),
    ("chown", &["-R", "-h", "-Rh"], &[], &[Operand::Owner, Operand::Path], Operand::Path),
    ("chmod", &["-R"], &[], &[Operand::Mode, Operand::Path], Operand::Path),
    ("chcon", &["-R"], &["-t", "-Rt"], &[Operand::Path], Operand::Path),
    ("restorecon", &["-R", "-RF", "-Rv", "-RFv"], &[], &[Operand::Path], Operand::Path),
    ("find", &[], &[], &[Operand::Path], Operand::Word),
    (
        "journalctl",
        &["--user", "-e", "-b", "-f", "--no-pager"],
        &["-u", "-n", "-o", "--since"],
        &[],
        Operand::None,
    ),
    ("loginctl", &[], &[], &[Operand::Word, Operand::Owner], Operand::None),
    ("sysctl", &["-w"], &[], &[Operand::Word], Operand::None),
    ("mkdir", &["-p"], &[], &[Operand::Path], Operand::Path),
    ("ls", &["-l", "-la", "-ld", "-ldn", "-ln", "-lan", "-laZ", "-ldZ"], &[], &[], Operand::Path),
    ("rm", &["-r", "-f", "-rf"], &[], &[Operand::Path], Operand::Path),
    ("stat", &[], &["-c"], &[Operand::Path], Operand::Path),
];

/// Subcommands of `docker compose` with their switches and their options that take a value.
const COMPOSE: &[(&str, &[&str], &[&str])] = &[
    (
        "up",
        &["-d", "--detach", "--force-recreate", "--no-deps", "--remove-orphans", "--build", "--wait"],
        &[],
    ),
    ("exec", &["-T"], &["-u", "--user", "-e", "--env", "-w"]),
    ("run", &["--rm", "--no-deps", "-T"], &["-u", "--user", "-e", "--env", "--entrypoint"]),
    ("logs", &["--no-log-prefix", "-f", "-t"], &["--tail", "--since"]),
    ("restart", &["--no-deps"], &["-t"]),
    ("start", &[], &[]),
    ("stop", &[], &["-t"]),
    ("down", &["--remove-orphans"], &[]),
    ("pull", &[], &[]),
    ("ps", &["-a", "-q", "-aq"], &[]),
    ("top", &[], &[]),
    ("config", &[], &[]),
    ("version", &[], &[]),
];

/// Commands and options of OpenClaw's CLI with the first and the last release that has them, as its packages register them.
const CLI: &[(&str, &str, &str)] = &[
    ("devices list", "2026.1.29", "2026.9.6"),
    ("devices approve", "2026.1.29", "2026.9.6"),
    ("devices reject", "2026.1.29", "2026.9.6"),
    ("devices remove", "2026.2.19", "2026.9.6"),
    ("devices clear", "2026.2.19", "2026.9.6"),
    ("devices rotate", "2026.1.29", "2026.9.6"),
    ("devices revoke", "2026.1.29", "2026.9.6"),
    ("devices rename", "2026.8.1", "2026.9.6"),
    ("devices --url", "2026.1.29", "2026.9.6"),
    ("devices --token", "2026.1.29", "2026.9.6"),
    ("devices --password", "2026.1.29", "2026.9.6"),
    ("devices --json", "2026.1.29", "2026.9.6"),
    ("devices --latest", "2026.2.17", "2026.9.6"),
    ("devices --timeout", "2026.1.29", "2026.9.6"),
    ("devices --yes", "2026.2.19", "2026.9.6"),
    ("gateway run", "2026.1.29", "2026.9.6"),
    ("gateway status", "2026.1.29", "2026.9.6"),
    ("gateway probe", "2026.1.29", "2026.9.6"),
    ("gateway call", "2026.1.29", "2026.9.6"),
    ("gateway call --json", "2026.1.29", "2026.9.6"),
    ("gateway health", "2026.1.29", "2026.9.6"),
    ("gateway discover", "2026.1.29", "2026.9.6"),
    ("gateway install", "2026.1.29", "2026.9.6"),
    ("gateway uninstall", "2026.1.29", "2026.9.6"),
    ("gateway start", "2026.1.29", "2026.9.6"),
    ("gateway stop", "2026.1.29", "2026.9.6"),
    ("gateway restart", "2026.1.29", "2026.9.6"),
    ("gateway usage-cost", "2026.1.29", "2026.9.6"),
    ("gateway auth-token", "2026.8.1", "2026.9.6"),
    ("gateway stability", "2026.4.22", "2026.9.6"),
    ("gateway suspend", "2026.8.1", "2026.9.6"),
    ("gateway resume", "2026.8.1", "2026.9.6"),
    ("gateway diagnostics", "2026.4.22", "2026.9.6"),
    ("gateway restart-handoff", "2026.8.1", "2026.9.6"),
    ("gateway run --port", "2026.1.29", "2026.9.6"),
    ("gateway run --bind", "2026.1.29", "2026.9.6"),
    ("gateway run --token", "2026.1.29", "2026.9.6"),
    ("gateway run --auth", "2026.1.29", "2026.9.6"),
    ("gateway run --password", "2026.1.29", "2026.9.6"),
    ("gateway run --password-file", "2026.3.7", "2026.9.6"),
    ("gateway run --tailscale", "2026.1.29", "2026.9.6"),
    ("gateway run --allow-unconfigured", "2026.1.29", "2026.9.6"),
    ("gateway run --dev", "2026.1.29", "2026.9.6"),
    ("gateway run --reset", "2026.1.29", "2026.9.6"),
    ("gateway run --force", "2026.1.29", "2026.9.6"),
    ("gateway run --verbose", "2026.1.29", "2026.9.6"),
    ("gateway run --compact", "2026.1.29", "2026.9.6"),
    ("gateway run --ws-log", "2026.1.29", "2026.9.6"),
    ("gateway run --raw-stream", "2026.1.29", "2026.9.6"),
    ("gateway status --deep", "2026.1.29", "2026.9.6"),
    ("gateway status --json", "2026.1.29", "2026.9.6"),
    ("gateway status --no-probe", "2026.1.29", "2026.9.6"),
    ("gateway status --require-rpc", "2026.3.13", "2026.9.6"),
    ("gateway status --url", "2026.1.29", "2026.9.6"),
    ("gateway status --token", "2026.1.29", "2026.9.6"),
    ("gateway status --password", "2026.1.29", "2026.9.6"),
    ("gateway status --timeout", "2026.1.29", "2026.9.6"),
    ("dashboard --no-open", "2026.1.29", "2026.9.6"),
    ("doctor --lint", "2026.5.18", "2026.9.6"),
    ("doctor --fix", "2026.1.29", "2026.9.6"),
    ("doctor --generate-gateway-token", "2026.1.29", "2026.9.6"),
    ("doctor --non-interactive", "2026.1.29", "2026.9.6"),
    ("config get", "2026.1.29", "2026.9.6"),
    ("config set", "2026.1.29", "2026.9.6"),
    ("config unset", "2026.1.29", "2026.9.6"),
    ("config file", "2026.3.1", "2026.9.6"),
    ("config schema", "2026.3.28", "2026.9.6"),
    ("config validate", "2026.3.2", "2026.9.6"),
    ("config patch", "2026.4.29", "2026.9.6"),
    ("system presence", "2026.1.29", "2026.9.6"),
    ("system event", "2026.1.29", "2026.9.6"),
    ("system heartbeat", "2026.1.29", "2026.9.6"),
    ("nodes pending", "2026.1.29", "2026.9.6"),
    ("nodes approve", "2026.1.29", "2026.9.6"),
    ("nodes reject", "2026.1.29", "2026.9.6"),
    ("nodes status", "2026.1.29", "2026.9.6"),
    ("nodes list", "2026.1.29", "2026.9.6"),
    ("nodes rename", "2026.1.29", "2026.9.6"),
    ("nodes remove", "2026.4.26", "2026.9.6"),
    ("health", "2026.1.29", "2026.9.6"),
    ("status", "2026.1.29", "2026.9.6"),
    ("security audit", "2026.1.29", "2026.9.6"),
    ("qr", "2026.2.17", "2026.9.6"),
    ("logs", "2026.1.29", "2026.9.6"),
    ("dashboard", "2026.1.29", "2026.9.6"),
    ("doctor", "2026.1.29", "2026.9.6"),
    ("gateway", "2026.1.29", "2026.9.6"),
    ("setup", "2026.1.29", "2026.9.6"),
    ("node run", "2026.1.29", "2026.9.6"),
    ("node run --host", "2026.1.29", "2026.9.6"),
    ("node run --port", "2026.1.29", "2026.9.6"),
    ("health --json", "2026.1.29", "2026.9.6"),
    ("system presence --json", "2026.1.29", "2026.9.6"),
];
