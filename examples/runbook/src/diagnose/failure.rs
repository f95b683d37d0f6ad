//! Why a gateway did not come up: the finding of each fault, and the step out.

use std::borrow::Cow;

use openclaw_compose::finding::Code as Told;
use openclaw_compose::openclaw::{Contended, GatewayView, PortSource};
use openclaw_pairing::timeline::Fault;

use super::codes::Code;
use crate::finding::{Finding, Place, PlaceRole, Remedy, Safety};
use crate::lifecycle::Failure;

/// What is fixed about a fault.
struct Row {
    code: Code,
    /// What is wrong, behind "The gateway did not come up: ".
    words: &'static str,
    /// The findings of openclaw-compose that say the same from the files.
    told_by: &'static [Told],
}

const STATE: &[Told] = &[
    Told::UidDrift,
    Told::SelinuxLabel,
    Told::StateReadOnly,
    Told::RootMountByEmptyVariable,
    Told::HostPathInEnvironment,
    Told::NestedStateDir,
];
const CONFIGURATION: &[Told] = &[
    Told::ConfigMissing,
    Told::ConfigSyntax,
    Told::ConfigInclude,
    Told::ModeMissing,
    Told::ConfigUnknownKey,
    Told::ConfigValueRefused,
];
const AUTH: &[Told] = &[Told::AuthAmbiguous, Told::ProxyAndToken];
const CREDENTIAL: &[Told] =
    &[Told::RefusedTokenText, Told::SecretRefMissing, Told::TokenMangled, Told::ConfigPlaceholderUnfilled];

const fn row(fault: Fault) -> Row {
    let (code, words, told_by): (_, _, &'static [Told]) = match fault {
        Fault::PathDenied => (Code::StateRefused, "a path of its state may not be used", STATE),
        Fault::PathReadOnly => {
            (Code::PathRefused, "a path that it writes lies on a read-only file system", STATE)
        }
        Fault::PathMissing => (
            Code::PathRefused,
            "there is no place for a directory that it has to make",
            &[Told::StateMountMissed],
        ),
        Fault::ConfigMissing => (Code::ConfigurationRefused, "there is no openclaw.json", CONFIGURATION),
        Fault::ModeMissing => (
            Code::ConfigurationRefused,
            "openclaw.json has no gateway.mode, or cannot be parsed, which it words alike",
            CONFIGURATION,
        ),
        Fault::ConfigInvalid => {
            (Code::ConfigurationRefused, "this release refuses its openclaw.json", CONFIGURATION)
        }
        Fault::VariableUnset => {
            (Code::VariableUnset, "openclaw.json refers to a variable that it does not have", &[])
        }
        Fault::OriginsRequired => (
            Code::ListenerRefused,
            "it refused to listen beyond loopback without a list of origins",
            &[Told::OriginsRequired],
        ),
        Fault::AuthConflict => {
            (Code::ListenerRefused, "two ways to prove who one is are configured, and it takes one", AUTH)
        }
        Fault::NoCredential => (
            Code::ListenerRefused,
            "it refused to listen without a credential",
            &[Told::BindWithoutAuth, Told::TokenEmptyAfterInterpolation],
        ),
        Fault::BadBind => (
            Code::ListenerRefused,
            "its command binds to what --bind does not take",
            &[Told::ConfigValueRefused],
        ),
        Fault::BadCredential => (Code::CredentialRefused, "it refused its own credential", CREDENTIAL),
        Fault::SecretUnavailable => (
            Code::CredentialRefused,
            "a secret to which its openclaw.json refers is not there",
            &[Told::SecretRefMissing],
        ),
        Fault::ProviderMissing => (
            Code::CredentialRefused,
            "a reference to a secret names a provider that its openclaw.json does not configure",
            &[Told::SecretRefMissing],
        ),
        Fault::PortBusy => (Code::ListenerRefused, "its port is taken by another process", &[]),
        Fault::StateLeased => (
            Code::StateLeased,
            "its state directory is leased to another gateway, one that runs or one that was killed less than 5 minutes ago",
            &[],
        ),
        Fault::StateMigrating => (
            Code::StateLeased,
            "the migrations of an earlier start still hold its state directory, which that start did not live to release",
            &[],
        ),
        Fault::StateLocked => (Code::StateLeased, "another gateway holds its state directory", &[]),
        Fault::StateMaintained => (Code::StateLeased, "a doctor run holds its databases", &[]),
        Fault::StateNewer => (Code::StateOfNewerRelease, "its state was written by a newer release", &[]),
        Fault::OutOfMemory => (Code::Ended, "it ran out of memory", &[Told::OutOfMemory, Told::MemoryTooLow]),
        Fault::Unknown => (Code::Ended, "it ended with an error", &[]),
    };
    Row { code, words, told_by }
}

/// The codes of openclaw-compose whose findings a failure bears out.
pub(super) fn told_by(fault: Fault) -> &'static [Told] {
    row(fault).told_by
}

/// The finding of a failure, with its line and its step. `view` is the gateway's, where the service is one.
pub(super) fn finding(failure: &Failure, log: &str, service: &str, view: Option<&GatewayView>) -> Finding {
    let who = if view.is_some() { "The gateway" } else { service };
    let Row { code, words, .. } = row(failure.fault);
    let (code, words) = match failure.fault {
        Fault::PathDenied if !is_of_state(failure, view) => {
            (Code::PathRefused, "a path that is not of its state may not be used")
        }
        _ => (code, words),
    };
    let summary = match failure.fault {
        // What nobody knows says itself what it is about.
        Fault::Unknown => format!("{who} ended with: {}", short(&failure.text)),
        _ => format!("{who} did not come up: {words}."),
    };
    let mut finding = code.finding(summary);
    finding.places.push(Place::line(log, failure.line));
    finding.evidence.push(format!("it says: {}", failure.text));
    for (line, detail) in &failure.details {
        finding.places.push(Place { role: PlaceRole::Related, ..Place::line(log, *line) });
        finding.evidence.push(detail.clone());
    }
    if failure.times > 1 {
        finding.evidence.push(format!("{} starts ended so; this is the first of them", failure.times));
    }
    finding.versions = failure.releases.clone();
    finding.remedy = Some(step(failure, service, view));
    finding
}

/// The beginning of a line, which may be long.
fn short(text: &str) -> Cow<'_, str> {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
}

/// A path that a gateway was refused and runs on without.
pub(super) fn path_refused(failure: &Failure, log: &str, view: Option<&GatewayView>) -> Finding {
    let path = failure.named.as_deref().unwrap_or("a path");
    let is_of_state = is_of_state(failure, view);
    let mut finding = if is_of_state {
        Code::StateRefused.finding(format!("The gateway runs, and may not use {path} of its state."))
    } else {
        Code::PathRefused
            .finding(format!("The gateway runs, and may not use {path}, which is not of its state."))
    };
    if !is_of_state {
        finding.severity = crate::finding::Severity::Warning;
    }
    finding.places.push(Place::line(log, failure.line));
    finding.evidence.push(format!("it says: {}", failure.text));
    finding.remedy = Some(match view {
        Some(view) => path_step(failure, &view.service, Some(view)),
        None => words(format!("let the gateway use {path}")),
    });
    finding
}

fn words(text: impl Into<String>) -> Remedy {
    Remedy { text: text.into(), command: None, edits: Vec::new(), safety: Safety::TextOnly }
}

fn command(text: impl Into<String>, command: String) -> Remedy {
    Remedy { command: Some(command), safety: Safety::Judgement, ..words(text) }
}

/// The step where SELinux is what refuses a mounted path, not its owner.
pub(super) fn relabel(service: &str) -> Remedy {
    words(format!(
        "let the engine label the mount of {service} for SELinux: `:z` behind it in the Compose file; then make the container anew"
    ))
}

/// Names under which a state directory goes.
const STATE_NAMES: &[&str] = &["/.openclaw", "/.clawdbot", "/.moltbot"];
/// What lies in a state directory and is not needed for a session.
const BESIDE_STATE: &[&str] = &["/workspace", "/extensions/", "/node_modules", "/plugins/", "/skills/"];

/// Whether the path that a line names is of the state that a gateway needs: the directory, what lies in it, or what it is
/// to lie in.
pub(super) fn is_of_state(failure: &Failure, view: Option<&GatewayView>) -> bool {
    let Some(path) = failure.named.as_deref() else { return true };
    let is_below = |path: &str, above: &str| {
        path.strip_prefix(above.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_usual = STATE_NAMES
        .iter()
        .any(|name| path.split_once(name).is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with('/')));
    let is_its_own = view.is_some_and(|view| {
        is_below(path, &view.state_dir) || (path.len() > 1 && is_below(&view.state_dir, path))
    });
    (is_its_own || is_usual) && !BESIDE_STATE.iter().any(|beside| path.contains(beside))
}

/// The gateway of the stack that has what this one wants.
fn rival(view: Option<&GatewayView>, over: Contended) -> Option<String> {
    let rivals = view?.rivals.iter().filter(|rival| rival.over == over);
    let names: Vec<&str> = rivals.map(|rival| rival.service.as_str()).collect();
    (!names.is_empty()).then(|| format!("{}, which keeps its state in the same one", names.join(" or ")))
}

fn step(failure: &Failure, service: &str, view: Option<&GatewayView>) -> Remedy {
    let named = failure.named.as_deref();
    let again = format!("docker compose up -d {service}");
    match failure.fault {
        Fault::PathDenied | Fault::PathReadOnly | Fault::PathMissing => path_step(failure, service, view),
        Fault::ConfigMissing => words(
            "put an openclaw.json with gateway.mode local into the state directory; if it is there, see whether the container mounts the directory that it is in",
        ),
        Fault::ModeMissing => words(
            "see whether openclaw.json can be parsed to its end; if it can, write gateway.mode: \"local\" in it",
        ),
        Fault::ConfigInvalid if failure.details.is_empty() => {
            let asks = "docker compose run --rm --no-deps -T --entrypoint openclaw";
            let text = "put right in openclaw.json what this names, for the log does not";
            command(text, format!("{asks} {service} doctor --non-interactive"))
        }
        Fault::ConfigInvalid => {
            let details: Vec<&str> = failure.details.iter().map(|(_, detail)| detail.as_str()).collect();
            words(format!("take out of openclaw.json, or put right: {}", details.join("; ")))
        }
        Fault::VariableUnset => match named {
            Some(name) => words(format!(
                "hand {name} to {service} in its environment, and to every service that reads the same openclaw.json, or take ${{{name}}} out of that file"
            )),
            None => words("hand the variable to the service, or take it out of openclaw.json"),
        },
        Fault::OriginsRequired => {
            words("list the origins that browsers open in gateway.controlUi.allowedOrigins")
        }
        Fault::AuthConflict => words(
            "keep one: remove gateway.auth.token and OPENCLAW_GATEWAY_TOKEN where gateway.auth.mode means something else, or set gateway.auth.mode to what is meant",
        ),
        Fault::NoCredential => words(format!(
            "hand OPENCLAW_GATEWAY_TOKEN to {service}, or write gateway.auth.token in openclaw.json"
        )),
        Fault::BadBind => words("write loopback, lan, tailnet, auto or custom behind --bind"),
        Fault::BadCredential => words(
            "give the gateway a credential of its own, such as `openssl rand -hex 32` prints, where it looks for it: gateway.auth or OPENCLAW_GATEWAY_TOKEN",
        ),
        Fault::SecretUnavailable => words(format!(
            "hand {service} the variable, or mount the file, that the reference in openclaw.json names, readable for the user that it runs as"
        )),
        Fault::ProviderMissing => words(match named {
            Some(name) => format!(
                "configure secrets.providers.{name} in openclaw.json again, or let the reference that the line names use one that is configured; it may stand in openclaw.json or in an agent's auth-profiles.json"
            ),
            None => {
                "configure the provider that the reference names under secrets.providers in openclaw.json"
                    .to_owned()
            }
        }),
        Fault::PortBusy => words(match named {
            Some(port) => format!(
                "port {port} is taken where {service} listens: give {service} a port of its own{}, or end what listens there, which the lines behind this one name",
                decided_by(view, port)
            ),
            None => format!("give {service} a port of its own, or end what listens on its port"),
        }),
        Fault::StateLeased => command(
            "stop the other gateway that uses this state directory; where there is none, the last one was killed, and what it holds ends within 5 minutes: then start this one again",
            format!("docker compose up --detach {service}"),
        ),
        Fault::StateMigrating => command(
            match named {
                Some(time) => format!("wait until {time}, then start it again"),
                None => "wait 5 minutes, then start it again".to_owned(),
            },
            again,
        ),
        Fault::StateLocked => command(
            format!(
                "give {service} a state directory of its own, or end {}; where none runs, a new container of {service} sees that",
                rival(view, Contended::State).unwrap_or_else(|| "the gateway that holds this one".to_owned())
            ),
            format!("docker compose up -d --force-recreate {service}"),
        ),
        Fault::StateMaintained => command(
            "wait until `openclaw doctor --fix`, which runs elsewhere, has ended; then start it again",
            again,
        ),
        Fault::StateNewer if view.is_some_and(|view| view.manager.is_some()) => words(format!(
            "let {service} start the newer program that wrote this state: its definition names an older one, and `openclaw gateway install --force`, run by the newer, writes it anew; to stay with the older, give it a backup of the time before"
        )),
        Fault::StateNewer => words(format!(
            "set the image of {service} to a release that knows this state, the newer one that wrote it; to stay with the older, give it a backup of the time before"
        )),
        Fault::OutOfMemory => words(format!(
            "give {service} more memory (`mem_limit`), or node less: NODE_OPTIONS=--max-old-space-size below that limit"
        )),
        Fault::Unknown => match advice(&failure.text) {
            Some(arguments) => command(
                format!(
                    "do what the line advises, with the gateway stopped: openclaw {arguments}; then start it again"
                ),
                format!(
                    "docker compose run --rm --no-deps --entrypoint openclaw {service} {arguments}\n{again}"
                ),
            ),
            None => {
                let known = ENDS.iter().find(|(words, _)| failure.text.contains(words));
                words(match (unopened(&failure.text), known) {
                    (Some(file), _) => format!(
                        "let whoever starts {service} read {file}: an engine opens such a file as the user that it runs as, not as the container's; then start {service} again"
                    ),
                    (None, Some((_, step))) => format!("{step}; then start {service} again"),
                    (None, None) => format!(
                        "put right what the line names, then start {service} again: {}",
                        short(&failure.text)
                    ),
                })
            }
        },
    }
}

/// Where the port stands that a gateway took, as far as its files say so. What comes first counts, whatever the rest says.
fn decided_by(view: Option<&GatewayView>, port: &str) -> String {
    let view = view.filter(|view| view.port.is_some_and(|own| own.to_string() == port));
    match view.map(|view| view.port_from) {
        Some(from @ (PortSource::Flag | PortSource::Variable | PortSource::Config)) => {
            format!(" in {from}, which decides it")
        }
        Some(PortSource::Default) => " with --port or gateway.port".to_owned(),
        _ => String::new(),
    }
}

fn path_step(failure: &Failure, service: &str, view: Option<&GatewayView>) -> Remedy {
    let path = failure.named.as_deref().unwrap_or("the path that the line names");
    match failure.fault {
        Fault::PathReadOnly => {
            return words(format!(
                "mount a volume that can be written over {path}, or leave `read_only` out of {service}"
            ));
        }
        Fault::PathMissing => {
            return words(format!(
                "mount a directory or a volume at {path}, or at the directory above it, that {service} may write"
            ));
        }
        _ => {}
    }
    // A home inside the state directory, and no variable that says where the state is.
    if let Some(state) = nested(path) {
        return words(format!(
            "{service} looks for its state in a folder inside the gateway's: its HOME is that state directory. Run its commands in the gateway's own container as the gateway's user, or give it OPENCLAW_STATE_DIR={state} and that user"
        ));
    }
    let uid = view.and_then(|view| view.uid);
    match (uid, &failure.named) {
        (Some(uid), Some(path)) if is_of_state(failure, view) => {
            // A file that it was about to make stands for its directory.
            let is_new = path.ends_with(".tmp") || failure.text.contains("mkdir");
            let directory = path.rsplit_once('/').map_or("/", |(directory, _)| directory);
            let owned = if is_new { directory } else { path };
            let owned = shlex::try_quote(owned).unwrap_or_default();
            command(
                format!(
                    "give {owned} to the process, from inside a container, whose ids are the ones that count"
                ),
                format!(
                    "docker compose run --rm --no-deps -T --user 0 --entrypoint chown {service} -R {uid}:{uid} {owned}"
                ),
            )
        }
        _ if is_of_state(failure, view) => words(format!("give {path} to the user that {service} runs as")),
        _ => words(format!(
            "let the user that {service} runs as write {path}, or take the setting out that names it: the state directory is not concerned"
        )),
    }
}

/// The state directory inside which another one of the same name is looked for.
fn nested(path: &str) -> Option<&str> {
    STATE_NAMES.iter().find_map(|name| {
        let at = path.find(&format!("{name}{name}"))?;
        path.get(..at + name.len())
    })
}

/// The file that an engine was refused before it made a container: `open PATH: permission denied`.
fn unopened(text: &str) -> Option<&str> {
    let from = text.find("open /")? + "open ".len();
    text.get(from..)?.split_once(": permission denied").map(|(path, _)| path)
}

/// What ends a program before it says a word of its own, and the step out.
const ENDS: &[(&str, &str)] = &[
    (
        "database disk image is malformed",
        "put a backup in the place of the database, with the gateway stopped; a state in a directory that a Mac shares with its engine goes into a named volume before, for the sharing was seen to leave SQLite's log broken",
    ),
    (
        "exec format error",
        "take an image that is made for this machine's processor (`docker image inspect` shows its Architecture; an own image is built again on this machine, or for its `platform`); a script needs `#!` as its first line",
    ),
    (
        "Illegal instruction",
        "take an image whose programs this machine's processor can run: it lacks an instruction that they use",
    ),
    (
        "Failed to connect to bus",
        "let the job reach the bus of its user: Environment=DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/UID/bus in its unit, with the number that `id -u` prints, and `loginctl enable-linger` for that user",
    ),
];

/// What a line of OpenClaw's tells its reader to run, of the commands that mend: the arguments of `openclaw`.
fn advice(text: &str) -> Option<&'static str> {
    const COMMANDS: &[&str] = &["doctor --fix", "doctor"];
    COMMANDS.iter().copied().find(|command| text.contains(&format!("openclaw {command}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &str) -> Failure {
        Failure {
            line: 1,
            fault: Fault::PathDenied,
            text: format!("EACCES: permission denied, open '{path}'"),
            named: Some(path.to_owned()),
            details: Vec::new(),
            times: 1,
            releases: None,
        }
    }

    #[test]
    fn a_path_is_of_the_state_by_where_it_lies() {
        for path in ["/home/node/.openclaw", "/home/node/.openclaw/openclaw.json", "/root/.openclaw/state/x"]
        {
            assert!(is_of_state(&refused(path), None), "{path}");
        }
        for path in [
            "/Users",
            "/app/dist/extensions/acpx/node_modules",
            "/usr/local/lib/node_modules/clawhub",
            "/home/node/.openclaw/workspace/memory",
            "/home/node/.openclaw-backup/x",
        ] {
            assert!(!is_of_state(&refused(path), None), "{path}");
        }
    }

    #[test]
    fn an_unknown_line_gives_its_own_advice() {
        let line = "SQLite schema is incomplete; run openclaw doctor --fix to repair it. Run openclaw gateway status --deep for diagnostics.";
        assert_eq!(advice(line), Some("doctor --fix"));
        assert_eq!(advice("Run openclaw gateway status --deep for diagnostics."), None);
    }
}
