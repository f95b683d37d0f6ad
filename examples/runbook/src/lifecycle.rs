//! What the gateway's own log says about its life: did it come up, and what stopped it.

use crate::clean;

/// How far the last start in the log came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Line of the last `loading configuration`.
    pub began: Option<usize>,
    /// Line of `http server listening` after it.
    pub listening: Option<usize>,
    /// Line of `ready` after it.
    pub ready: Option<usize>,
    /// Line of the signal that ended it.
    pub stopped: Option<usize>,
    /// What kept it from coming up.
    pub failed: Option<Failure>,
    /// Line of the first write that found its disk full, before it was ready or after.
    pub full: Option<usize>,
    /// Starts seen in the whole log.
    pub starts: usize,
}

/// A line that says why the gateway did not come up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line in the log, from 1.
    pub line: usize,
    /// What it means.
    pub meaning: Meaning,
}

/// Why the gateway did not come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A file of the state directory may not be read or written.
    Permission,
    /// No or broken configuration.
    Configuration,
    /// The bind was refused for want of a credential.
    BindRefused,
    /// A credential could not be resolved, or is a placeholder.
    Credential,
    /// The port is taken.
    PortBusy,
    /// The state directory belongs to another gateway.
    Leased,
}

impl Meaning {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Permission => "EACCES, it may not use its state directory",
            Self::Configuration => "its configuration is missing or broken",
            Self::BindRefused => "it refused to listen beyond loopback without a credential",
            Self::Credential => "it refused its own credential",
            Self::PortBusy => "its port is taken by another process",
            Self::Leased => {
                "its state directory is leased to another gateway, one that runs or one that was killed less than 5 minutes ago"
            }
        }
    }
}

/// Stable beginnings of the lines that matter; sentences differ between releases (OpenClaw 2026.9.6 observed behaviour).
/// The first line of a start that matches wins: the last line of an EACCES start speaks of `gateway.mode`.
const FAILURES: &[(&str, Meaning)] = &[
    ("EACCES: permission denied", Meaning::Permission),
    ("Missing config.", Meaning::Configuration),
    ("Gateway start blocked: existing config is missing gateway.mode", Meaning::Configuration),
    ("Gateway failed to start: Invalid config: gateway auth token", Meaning::Credential),
    ("Gateway failed to start: Invalid config", Meaning::Configuration),
    ("Gateway failed to start: Startup failed: required secrets", Meaning::Credential),
    ("Gateway auth token is a known redaction sentinel", Meaning::Credential),
    ("Refusing to bind gateway", Meaning::BindRefused),
    ("another gateway instance is already listening", Meaning::PortBusy),
    ("Another Gateway owner lease is still active", Meaning::Leased),
];

/// A full disk, whoever of the gateway met it (2026.9.6 observed on a volume without room: the process runs on, says ready
/// and answers no client). Node's ENOSPC has other meanings, such as too many watched files, so its words count.
const FULL: &[&str] = &["ENOSPC: no space left on device", "database or disk is full"];

/// Reads a gateway log. Only the last start counts.
#[must_use]
pub fn lifecycle(log: &str) -> Lifecycle {
    let mut life = Lifecycle::default();
    for (index, raw) in log.lines().enumerate() {
        let line = index + 1;
        if !interesting(raw) {
            continue;
        }
        let text = clean::line(raw);
        if life.full.is_none() && FULL.iter().any(|words| text.contains(words)) {
            life.full = Some(line);
        }
        if text.contains("[gateway] loading configuration") {
            life = Lifecycle { began: Some(line), starts: life.starts + 1, ..Lifecycle::default() };
        } else if text.contains("[gateway] http server listening") {
            life.listening = Some(line);
        } else if is_ready(&text) {
            life.ready = Some(line);
        } else if text.contains("[gateway] received SIG") {
            life.stopped = Some(line);
        } else if life.failed.is_none()
            && let Some((_, meaning)) = FAILURES.iter().find(|(head, _)| text.contains(head))
        {
            life.failed = Some(Failure { line, meaning: *meaning });
        }
    }
    life
}

/// `[gateway] ready`; up to 2026.4.15 it also counts the plugins, and no line before it says that the gateway listens.
fn is_ready(text: &str) -> bool {
    let said = text.split_once("[gateway] ready").map(|(_, rest)| rest.trim_end());
    said.is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
}

/// Keeps the cleaning off the thousands of lines that say nothing here.
fn interesting(line: &str) -> bool {
    ["[gateway] ", "EACCES", "Missing config", "Gateway ", "Refusing to bind", "already listening"]
        .iter()
        .chain(FULL)
        .any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_start_counts() {
        let life = lifecycle(
            "\u{1b}[2K2026-11-22T06:00:00+00:00 [gateway] loading configuration…\n\
             EACCES: permission denied, mkdir '/home/node/.openclaw/state'\n\
             2026-11-22T06:01:00+00:00 [gateway] loading configuration…\n\
             2026-11-22T06:01:08+00:00 [gateway] http server listening (1 plugins: a; 1s)\n\
             2026-11-22T06:01:10+00:00 \u{1b}[32m[gateway] ready\u{1b}[0m\n",
        );
        assert_eq!((life.starts, life.listening, life.ready, life.failed), (2, Some(4), Some(5), None));
    }

    #[test]
    fn an_old_gateway_counts_its_plugins_when_it_is_ready() {
        let life = lifecycle("[gateway] loading configuration…\n[gateway] ready (0 plugins, 8.2s)\n");
        assert_eq!(life.ready, Some(2));
        assert_eq!(lifecycle("[gateway] ready to be asked\n").ready, None);
    }

    #[test]
    fn the_first_reason_of_a_start_wins_over_the_misleading_last_line() {
        let life = lifecycle(
            "[gateway] loading configuration…\nread failed: Error: EACCES: permission denied, open 'x'\n\
             Gateway start blocked: existing config is missing gateway.mode. Treat\n",
        );
        assert_eq!(life.failed, Some(Failure { line: 2, meaning: Meaning::Permission }));
    }

    #[test]
    fn a_full_disk_is_seen_behind_ready_and_forgotten_at_the_next_start() {
        let ready = "[gateway] loading configuration…\n[gateway] ready\n";
        let watched = "[gateway] watch failed: ENOSPC: System limit for number of file watchers reached\n";
        let full = "[ws] ✗ parse-error error=Error: database or disk is full: code=ERR_SQLITE_ERROR conn=1\n";
        assert_eq!(lifecycle(&format!("{ready}{watched}")).full, None);
        let life = lifecycle(&format!("{ready}{watched}{full}{full}"));
        assert_eq!((life.ready, life.full), (Some(2), Some(4)));
        assert_eq!(lifecycle(&format!("{ready}{full}{ready}")).full, None);
    }
}
