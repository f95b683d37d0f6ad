//! Every subcommand, in every way and format in which it says something about a stack.

use crate::support::RUNBOOK;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::peer::{ECHOES, Echo, start};
use super::places::{Files, stack};
use super::token::Numbers;

/// A subcommand and its arguments. `STACK`, `OTHER`, `OUT`, `TOKEN` and the like stand for what a run is about.
pub(crate) struct Call {
    subcommand: &'static str,
    arguments: &'static [&'static str],
}

macro_rules! calls {
    ($($subcommand:literal: $([$($argument:literal),* $(,)?]),* $(,)?;)*) => {
        /// Every call.
        pub(crate) const CALLS: &[Call] = &[$($(Call {
            subcommand: $subcommand,
            arguments: &[$($argument),*],
        }),*),*];
    };
}

calls! {
    "look":
        ["STACK"],
        ["STACK", "--format", "json"],
        ["STACK", "--format", "markdown"],
        ["STACK", "--format", "html"],
        ["STACK", "--format", "sarif"],
        ["STACK", "--format", "junit"],
        ["STACK", "--picture"],
        ["STACK", "--compare", "STACK/captured/inspect.json"],
        ["STACK", "--compare", "STACK/captured/devices/openclaw-gateway.json"],
        ["STACK", "--at", "2026-11-22T06:30:00Z", "--through", "session"],
        ["STACK", "--post", "http://127.0.0.1:1/TOKEN"],
        ["STACK", "--post", "http://user:TOKEN@127.0.0.1:1/?token=TOKEN"],
        ["STACK", "--format", "TOKEN"],
        ["STACK/TOKEN"];
    "fix":
        ["--project-directory", "STACK", "--dry-run"],
        ["--project-directory", "STACK", "--judgement"],
        ["--project-directory", "STACK", "--judgement", "--yes"],
        ["--project-directory", "STACK", "--code", "TOKEN"],
        ["--project-directory", "STACK", "--env-file", "STACK/TOKEN"];
    "align":
        ["--project-directory", "STACK"],
        ["--project-directory", "STACK", "--yes"];
    "plan-rotation":
        ["--project-directory", "STACK"];
    "rotate":
        ["--project-directory", "STACK", "--reason", "TOKEN"];
    "undo":
        ["--project-directory", "STACK"],
        ["--project-directory", "STACK", "--yes"];
    "recover":
        ["--project-directory", "STACK"];
    "all":
        ["STACK", "--dry-run"],
        ["STACK", "--yes"];
    "supervise":
        ["install", "launchd", "TOKEN"],
        ["print", "systemd", "--token-file", "TOKEN"];
    "upgrade-check":
        ["TOKEN", "2026.9.6"];
    "sources":
        ["--project-directory", "STACK"],
        ["--project-directory", "STACK", "--json"],
        ["--project-directory", "STACK", "--search"],
        ["--project-directory", "STACK", "--search", "--json"];
    "namespaces":
        ["--project-directory", "STACK"],
        ["--project-directory", "STACK", "--json"];
    "config":
        ["--project-directory", "STACK", "config"],
        ["--project-directory", "STACK", "config", "--format", "json"],
        ["--project-directory", "STACK", "config", "--quiet"],
        ["--project-directory", "STACK", "-f", "-", "config"],
        ["--project-directory", "STACK", "-f", "TOKEN.yaml", "config"],
        ["--project-directory", "STACK", "--profile", "TOKEN", "-p", "TOKEN", "config"];
    "explain":
        ["--project-directory", "STACK", "services.openclaw-gateway.environment.OPENCLAW_GATEWAY_TOKEN"],
        ["--project-directory", "STACK", "openclaw-cli", "OPENCLAW_GATEWAY_TOKEN", "--json"],
        ["--project-directory", "STACK", "$OPENCLAW_GATEWAY_TOKEN"],
        ["--project-directory", "STACK", "services.openclaw-gateway.PLANTED"],
        ["--project-directory", "STACK", "services.openclaw-gateway.PLANTED", "--json"],
        ["--project-directory", "STACK", "openclaw-gateway", "PLANTED"],
        ["--project-directory", "STACK", "services.TOKEN"],
        ["--project-directory", "STACK", "openclaw-cli", "TOKEN"];
    "diff":
        ["STACK", "OTHER"],
        ["OTHER", "STACK", "--json"],
        ["OTHER", "STACK", "--moved"],
        ["STACK", "OTHER/TOKEN"];
    "freeze":
        ["--project-directory", "STACK", "--verify"],
        ["--project-directory", "STACK", "--plan"],
        ["--project-directory", "STACK", "--adopt"],
        ["--project-directory", "STACK", "--mint", "--ticket", "TOKEN"],
        ["--project-directory", "STACK", "--rotate", "--reason", "TOKEN"];
    "pair":
        ["--gateway-list", "STACK/captured/devices/openclaw-gateway.json"],
        ["--gateway-list", "STACK/captured/devices/openclaw-gateway.json", "--json"],
        ["--gateway-list", "STACK/captured/logs/openclaw-cli.log"],
        ["--client-output", "STACK/captured/logs/openclaw-cli.log", "--gateway-log", "STACK/captured/logs/openclaw-gateway.log"],
        ["--client-output", "STACK/captured/logs/openclaw-cli.log", "--gateway-log", "STACK/captured/logs/openclaw-gateway.log", "--json"],
        ["--dashboard-output", "STACK/captured/devices/openclaw-gateway.json", "--gateway-log", "STACK/captured/inspect.json"],
        ["--engine", "docker", "--root", "OUT"],
        ["--engine", "docker", "--root", "OUT", "--run", "--yes"],
        ["--engine", "docker", "--root", "OUT", "--json"],
        ["--gateway-list", "STACK/TOKEN"],
        ["--state", "STACK/state"],
        ["--token", "TOKEN"];
    "supervisors":
        ["STACK/captured/launchd/ai.openclaw.gateway.plist"],
        ["STACK/captured/launchd/ai.openclaw.gateway.plist", "--json", "--headless"],
        ["STACK/captured/launchd/ai.openclaw.gateway.print.txt", "--json"],
        ["STACK/captured/systemd/openclaw-gateway.service"],
        ["STACK/captured/systemd/openclaw-gateway.service", "--json", "--headless"],
        ["STACK/compose.yaml"],
        ["STACK/compose.yaml", "--service", "TOKEN"],
        ["STACK/TOKEN.plist"];
    "vantage":
        ["--docker", "DOCKER", "--inside", "gw", "--host-url", "HTTP"],
        ["--docker", "DOCKER", "--inside", "TOKEN", "--json", "--host-url", "HTTP"],
        ["--host-url", "ws://user:TOKEN@127.0.0.1/?token=TOKEN"];
    "timeline":
        ["STACK"],
        ["STACK", "--format", "json"],
        ["STACK/captured/logs/openclaw-cli.log", "STACK/.env", "--only", "symptoms"],
        ["STACK", "--since", "2026-11-22T06:26:00Z", "--skew", "TOKEN=1"],
        ["STACK/TOKEN"];
    "triage":
        ["unauthorized: gateway token mismatch TOKEN"],
        ["TOKEN", "--format", "json"];
    "mask":
        ["STACK", "OUT/copy"];
    "capture":
        ["STACK", "--to", "OUT/copy"];
    "probe":
        ["REFUSAL", "--timeout", "2"],
        ["REFUSAL", "--timeout", "2", "--json"],
        ["HELLO", "--timeout", "2", "--scope", "operator.read"],
        ["HELLO", "--timeout", "2", "--json"],
        ["CLOSE", "--timeout", "2"],
        ["CLOSE", "--timeout", "2", "--json"],
        ["HTTP", "--timeout", "2", "--compare-token"],
        ["HTTP", "--timeout", "2", "--json", "--ask", "startup"],
        ["--upto", "TOKEN"],
        ["ws://user:TOKEN@127.0.0.1/?token=TOKEN"];
    "gate":
        ["REFUSAL", "--timeout", "2", "--within", "0.2", "--times", "1", "--verbose"],
        ["HELLO", "--timeout", "2", "--within", "0.2", "--times", "1", "--scope", "operator.read"],
        ["CLOSE", "--timeout", "2", "--within", "0.2", "--times", "1"],
        ["HTTP", "--timeout", "2", "--within", "0.2", "--times", "1"],
        ["HELLO", "--print", "launchd", "--user", "TOKEN", "--logs", "/TOKEN"];
    "export":
        ["--targets", "STACK/captured/inspect.json"],
        ["--targets", "STACK/captured/devices/openclaw-gateway.json"],
        ["--targets", "STACK/TOKEN"],
        ["--listen", "TOKEN"];
}

/// What all runs share: the peers, and a stack with no token in it to compare with.
pub(crate) struct World {
    peers: Vec<(&'static str, String)>,
    other: tempfile::TempDir,
}

impl World {
    pub(crate) fn start() -> Self {
        let name = |echo| match echo {
            Echo::Refusal => "REFUSAL",
            Echo::Hello => "HELLO",
            Echo::Close => "CLOSE",
            Echo::Http => "HTTP",
        };
        let other = tempfile::tempdir().unwrap();
        write(&stack(&mut Numbers::new(0)), other.path());
        let peers = ECHOES.iter().map(|echo| (name(*echo), format!("ws://{}", start(*echo)))).collect();
        Self { peers, other }
    }
}

/// A stack on disk with a token somewhere.
pub(crate) struct Planted<'t> {
    pub(crate) files: &'t Files,
    pub(crate) token: &'t str,
    /// The key under which it stands, where it has one.
    pub(crate) key: &'t str,
    /// Whether the programs are given the token in their environment.
    pub(crate) given: bool,
    /// What the containers say.
    pub(crate) words: &'t str,
}

impl Call {
    /// The call on a stack of its own: all that it said, and all that it wrote where the stack is not.
    pub(crate) fn run(&self, world: &World, planted: &Planted<'_>) -> [String; 2] {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let (stack, out) = (root.join("stack"), root.join("out"));
        write(planted.files, &stack);
        fs::create_dir_all(&out).unwrap();
        let docker = docker(&root.join("bin"), planted.words);
        let fill = |argument: &&str| {
            let mut filled = (*argument).to_owned();
            for (name, value) in &world.peers {
                filled = filled.replace(name, value);
            }
            for (name, value) in [
                ("STACK", "stack"),
                ("OTHER", world.other.path().to_str().unwrap()),
                ("OUT", "out"),
                ("DOCKER", docker.to_str().unwrap()),
                ("PLANTED", planted.key),
                ("TOKEN", planted.token),
            ] {
                // Names of variables stay what they are.
                if !filled.contains("OPENCLAW_GATEWAY_TOKEN") || name == "STACK" {
                    filled = filled.replace(name, value);
                }
            }
            filled
        };
        let mut command = Command::new(program());
        command
            .arg(self.subcommand)
            .args(self.arguments.iter().map(fill))
            .current_dir(root)
            .env_clear()
            .env("RUNBOOK_HOST_FILES", "1")
            .stdin(Stdio::null());
        command
            .env("HOME", root)
            .env("PATH", format!("{}:/usr/bin:/bin", docker.parent().unwrap().display()));
        let names_it = self
            .arguments
            .iter()
            .any(|argument| argument.contains("TOKEN") && !argument.contains("GATEWAY_TOKEN"));
        if planted.given
            || names_it
            || self
                .arguments
                .iter()
                .any(|argument| world.peers.iter().any(|(name, _)| argument.contains(name)))
        {
            command.env("OPENCLAW_GATEWAY_TOKEN", planted.token);
        }
        if self.arguments.contains(&"-") {
            command.stdin(fs::File::open(stack.join("compose.yaml")).unwrap());
        }
        let output = command.output().unwrap();
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        let mut written = String::new();
        read_all(&out, &mut written);
        // What is kept of a freeze names the token by its fingerprint; only the files as they were hold it.
        for kept in ["ledger.jsonl", "records"] {
            read_all(&stack.join(".openclaw-token").join(kept), &mut written);
        }
        [said, written]
    }

    /// The command line.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.subcommand, self.arguments.join(" "))
    }
}

/// Writes the files of a stack.
pub(crate) fn write(files: &Files, stack: &Path) {
    for (path, text) in files {
        let path = stack.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A stand-in for `docker` that only says these words, as an error.
fn docker(bin: &Path, words: &str) -> PathBuf {
    fs::create_dir_all(bin).unwrap();
    fs::write(bin.join("words"), words).unwrap();
    let docker = bin.join("docker");
    fs::write(
        &docker,
        "#!/bin/sh\ncat \"$(dirname \"$0\")/words\" >&2\ncat \"$(dirname \"$0\")/words\"\nexit 1\n",
    )
    .unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    docker
}

/// The names and texts of all files below this path.
fn read_all(path: &Path, into: &mut String) {
    into.push_str(&format!("{}\n", path.display()));
    if path.is_dir() {
        fs::read_dir(path).unwrap().flatten().for_each(|entry| read_all(&entry.path(), into));
    } else if path.exists() {
        into.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()));
    }
}

/// The program that was built with this test, or the one of `OPENCLAW_PROGRAMS`, a directory.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("OPENCLAW_PROGRAMS")
        .map_or_else(|| RUNBOOK.into(), |folder| Path::new(&folder).join("runbook"))
}
