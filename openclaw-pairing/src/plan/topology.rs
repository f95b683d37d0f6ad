//! Where commands run: the engine, the services, and a command line for them.

use std::fmt;

use serde::Serialize;

use crate::words::is_hidden;

/// How commands reach a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Engine {
    /// `docker compose exec` into running services.
    ComposeExec,
    /// `docker compose run --rm` one-shot containers for the client, `exec` for the gateway.
    ComposeRun,
    /// `docker exec` by container name.
    Docker,
    /// `podman exec` by container name.
    Podman,
    /// No container: the commands run on the gateway's own host.
    Host,
}

/// Where the gateway and the client run, so that a plan can name exact commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Topology {
    /// How commands reach a container.
    pub engine: Engine,
    /// Compose service or container of the gateway.
    pub gateway: String,
    /// Compose service or container of the client.
    pub client: String,
    /// The words behind `docker compose` that choose the project, such as `-f prod.yaml`; empty for the default.
    pub compose_flags: Vec<String>,
    /// The command that starts OpenClaw's CLI inside a container.
    pub cli: Vec<String>,
    /// True if the client shares the gateway's network namespace.
    pub shared_namespace: bool,
    /// True if both mount one state directory: then they are one device.
    pub shared_state: bool,
    /// Where the gateway reads its configuration, in its container; nothing where that is not known.
    pub gateway_config: Option<String>,
    /// True if the client's container starts OpenClaw's CLI by itself: a one-shot container is given its arguments alone.
    pub cli_is_entrypoint: bool,
    /// True if no command of this topology reaches the client: an app, a page, somebody's own computer.
    pub client_is_elsewhere: bool,
}

impl Default for Topology {
    /// The official Compose layout, with the client in a namespace of its own.
    fn default() -> Self {
        Self::new(Engine::ComposeExec, "openclaw-gateway", "openclaw-cli")
    }
}

impl Topology {
    /// A topology with the CLI called `openclaw` and separate network namespaces.
    pub fn new(engine: Engine, gateway: impl Into<String>, client: impl Into<String>) -> Self {
        Self {
            engine,
            gateway: gateway.into(),
            client: client.into(),
            compose_flags: Vec::new(),
            cli: vec!["openclaw".to_owned()],
            shared_namespace: false,
            shared_state: false,
            gateway_config: None,
            cli_is_entrypoint: false,
            client_is_elsewhere: false,
        }
    }

    /// `openclaw` with these arguments, inside the gateway's network namespace: loopback there carries full scopes
    /// with the shared token alone (OpenClaw 2026.9.6 observed behaviour).
    pub fn in_gateway(&self, arguments: &[&str]) -> CommandLine {
        self.enter(&self.gateway, false, arguments)
    }

    /// `openclaw` with these arguments, where the client runs.
    pub fn in_client(&self, arguments: &[&str]) -> CommandLine {
        self.enter(&self.client, self.engine == Engine::ComposeRun, arguments)
    }

    /// The same with OpenClaw as a device of its own inside the gateway's namespace: one whose key nobody else uses, and that
    /// is let in silently there. Its configuration is the gateway's, which may hold the token and the port.
    pub(crate) fn as_another_device(&self) -> Self {
        let config = self.gateway_config.as_ref().map(|path| format!("OPENCLAW_CONFIG_PATH={path}"));
        let variables = [format!("OPENCLAW_STATE_DIR={OTHER_STATE}")].into_iter().chain(config);
        let cli = ["env".to_owned()].into_iter().chain(variables).chain(self.cli.iter().cloned()).collect();
        Self { cli, ..self.clone() }
    }

    /// The engine's own command on this topology, such as `logs` or `ps`, for the gateway. `None` on a bare host.
    pub fn engine_command(&self, arguments: &[&str]) -> Option<CommandLine> {
        let mut argv = match self.engine {
            Engine::ComposeExec | Engine::ComposeRun => self.compose(),
            Engine::Docker => vec!["docker".to_owned()],
            Engine::Podman => vec!["podman".to_owned()],
            Engine::Host => return None,
        };
        argv.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        Some(CommandLine { argv })
    }

    /// Starts the gateway's container where it stands. `None` on a bare host.
    pub(crate) fn start_gateway(&self) -> Option<CommandLine> {
        match self.engine {
            Engine::ComposeExec | Engine::ComposeRun => self.on_gateway(&["up", "-d"]),
            _ => self.on_gateway(&["start"]),
        }
    }

    /// Stops it again. `None` on a bare host.
    pub(crate) fn stop_gateway(&self) -> Option<CommandLine> {
        self.on_gateway(&["stop"])
    }

    /// The engine's own command about the gateway, by name.
    pub(crate) fn on_gateway(&self, arguments: &[&str]) -> Option<CommandLine> {
        let whole: Vec<&str> = arguments.iter().copied().chain(operand(&self.gateway)).collect();
        self.engine_command(&whole)
    }

    fn compose(&self) -> Vec<String> {
        let mut argv = vec!["docker".to_owned(), "compose".to_owned()];
        argv.extend_from_slice(&self.compose_flags);
        argv
    }

    fn enter(&self, target: &str, one_shot: bool, arguments: &[&str]) -> CommandLine {
        let mut argv = match self.engine {
            Engine::ComposeExec | Engine::ComposeRun => self.compose(),
            Engine::Docker => vec!["docker".to_owned()],
            Engine::Podman => vec!["podman".to_owned()],
            Engine::Host => Vec::new(),
        };
        let enter: &[&str] = match self.engine {
            // `--no-deps`: a one-shot client must never start or recreate the gateway that holds the request.
            Engine::ComposeExec | Engine::ComposeRun if one_shot => &["run", "--rm", "--no-deps", "-T"],
            Engine::ComposeExec | Engine::ComposeRun => &["exec", "-T"],
            Engine::Docker | Engine::Podman => &["exec"],
            Engine::Host => &[],
        };
        argv.extend(enter.iter().map(|argument| (*argument).to_owned()));
        if self.engine != Engine::Host {
            argv.extend(operand(target).map(str::to_owned));
        }
        if !(one_shot && self.cli_is_entrypoint) {
            argv.extend(self.cli.iter().cloned());
        }
        argv.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        CommandLine { argv }
    }
}

/// A name as an argument: one that begins like an option comes after the end of options.
pub(super) fn operand(name: &str) -> impl Iterator<Item = &str> {
    name.starts_with('-').then_some("--").into_iter().chain([name])
}

/// Where [`Topology::as_another_device`] keeps its key.
const OTHER_STATE: &str = "/tmp/openclaw-approver";

/// Stands in a decision's command where the freshly listed id goes.
pub(crate) const REQUEST_ID: &str = "REQUEST_ID";
/// Stands in the way back of a decision while the device is not known yet.
pub(crate) const DEVICE_ID: &str = "DEVICE_ID";

/// A command as arguments; its `Display` quotes them for a POSIX shell. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CommandLine {
    pub(super) argv: Vec<String>,
}

impl CommandLine {
    /// The program and its arguments.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The command with the request id in its place.
    pub(super) fn for_request(&self, request_id: &str) -> Self {
        let fill =
            |argument: &String| if argument == REQUEST_ID { request_id.to_owned() } else { argument.clone() };
        Self { argv: self.argv.iter().map(fill).collect() }
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, argument) in self.argv.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            quote(f, argument)?;
        }
        Ok(())
    }
}

/// One argument for a POSIX shell. What would act on a terminal is written out: who pastes the line sees all of it.
pub(super) fn quote(f: &mut fmt::Formatter<'_>, argument: &str) -> fmt::Result {
    // `NAME=value` behind `env` needs no quotes; as the first word of a line it would be an assignment.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_/:=.,@%+-".contains(c);
    if argument.starts_with(|c: char| c.is_ascii_alphabetic()) && argument.chars().all(is_plain) {
        return f.write_str(argument);
    }
    // Only a NUL cannot be quoted, and it is one of the hidden characters.
    if let (false, Ok(quoted)) = (argument.contains(is_hidden), shlex::try_quote(argument)) {
        return f.write_str(&quoted);
    }
    f.write_str("$'")?;
    for c in argument.chars() {
        match c {
            '\'' | '\\' => write!(f, "\\{c}")?,
            c if is_hidden(c) => write!(f, "\\U{:08x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("'")
}
