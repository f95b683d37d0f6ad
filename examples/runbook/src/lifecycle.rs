//! What the gateway's own log says about its life: did it come up, and what stopped it.

mod last_words;

use openclaw_pairing::Symptom;
use openclaw_pairing::timeline::{Fault, Lines, Meaning};

use crate::clean;
use last_words::last_words;

pub use last_words::LastWords;

/// How far the last start in the log came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Line of the last `loading configuration`.
    pub began: Option<usize>,
    /// That it listens, after it.
    pub listening: Option<Listening>,
    /// Line of `ready` after it.
    pub ready: Option<usize>,
    /// Line of the first connection after it: of a log that begins later, all that shows that it listens.
    pub served: Option<usize>,
    /// Line of the signal that ended it.
    pub stopped: Option<usize>,
    /// What kept it from coming up.
    pub failed: Option<Failure>,
    /// Paths that were refused to it, whether it came up or not.
    pub refused: Vec<Failure>,
    /// What it ends with, where that looks like an error and nothing else says why it ended.
    pub last_words: Option<LastWords>,
    /// Line of the first write that found its disk full, before it was ready or after.
    pub full: Option<usize>,
    /// Starts seen in the whole log.
    pub starts: usize,
}

impl Lifecycle {
    /// The first line of its last start.
    #[must_use]
    pub fn started(&self) -> Option<usize> {
        self.began.or(self.listening.map(|listening| listening.line))
    }

    /// The line that shows that it came up. Whoever is ready listens; old releases say only the one.
    #[must_use]
    pub fn came_up(&self) -> Option<usize> {
        self.ready.or(self.listening.map(|listening| listening.line)).or(self.served)
    }
}

/// A line that says that the gateway listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Line in the log, from 1.
    pub line: usize,
    /// Whether it is on loopback alone, where the log says on which addresses.
    pub on_loopback: Option<bool>,
    /// The port, where the log says it.
    pub port: Option<u16>,
}

/// A line that says why the gateway did not come up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line in the log, from 1: the first of those that say the same at one start after the other.
    pub line: usize,
    /// What it means.
    pub fault: Fault,
    /// What it says, behind time and place.
    pub text: String,
    /// What it names: the path, the variable, the port or the time.
    pub named: Option<String>,
    /// What more it says, each with its line: what is wrong with which key.
    pub details: Vec<(usize, String)>,
    /// The starts that ended so, one after the other.
    pub times: usize,
    /// The releases that are known to say so, where not all do.
    pub releases: Option<String>,
}

impl Failure {
    /// That a program ended with these words, of which nobody knows more.
    #[must_use]
    pub fn unknown(words: &LastWords) -> Self {
        Self {
            line: words.line,
            fault: Fault::Unknown,
            text: words.text.clone(),
            named: None,
            details: Vec::new(),
            times: 1,
            releases: None,
        }
    }
}

/// A reason that is given this many lines before a vague end is that end's.
const NEAR: usize = 12;
/// What stands between `Config invalid` and the keys.
const HEADINGS: [&str; 2] = ["File:", "Problem"];
/// The most refused paths that are kept.
const MOST_REFUSED: usize = 8;

/// Reads a gateway log. Only the last start counts.
#[must_use]
pub fn lifecycle(log: &str) -> Lifecycle {
    let mut reader = Reader::default();
    each_line(log, |line, text| reader.read(line, text));
    reader.finish(log)
}

/// What each line says, in order, with its number.
fn each_line(log: &str, mut read: impl FnMut(usize, &str)) {
    let mut lines = Lines::new(log.as_bytes());
    let mut number = 0;
    // Reading from memory does not fail.
    while lines.advance().unwrap_or(false) {
        number += 1;
        read(number, lines.line().text);
    }
}

/// Which failure the lines below it tell more of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Pending,
    Failed,
}

#[derive(Default)]
struct Reader {
    life: Lifecycle,
    /// The first reason of this life that is given before its end.
    pending: Option<Failure>,
    /// A line said that this life has ended.
    ended: bool,
    /// How the life before this one ended.
    before: Option<Failure>,
    detailing: Option<Told>,
}

impl Reader {
    fn read(&mut self, line: usize, text: &str) {
        if let Some(told) = self.detailing {
            self.detail(told, line, text);
        }
        if self.life.served.is_none() && text.contains("[ws] ") {
            self.comes_up();
            self.life.served = Some(line);
        }
        let Some(meaning) = Meaning::of(text) else { return };
        match meaning.row.symptom {
            Symptom::GatewayStarts => self.begin(Some(line)),
            Symptom::GatewayListens => self.listens(listening(line, text)),
            Symptom::GatewayReady => {
                self.comes_up();
                self.life.ready = Some(line);
            }
            Symptom::GatewayStops => self.life.stopped = Some(line),
            Symptom::Fault(fault) => self.fails(line, text, fault, &meaning),
            symptom => {
                if symptom == Symptom::DiskFull {
                    self.life.full.get_or_insert(line);
                }
                if meaning.is_end {
                    self.fails(line, text, Fault::Unknown, &meaning);
                }
            }
        }
    }

    fn listens(&mut self, mut listening: Listening) {
        // Up to 2026.4.2 no line before it says that a process begins.
        if self.life.stopped.is_some() {
            self.begin(None);
        }
        // One line an address, in old releases.
        if let Some(earlier) = self.life.listening {
            listening.on_loopback = match (earlier.on_loopback, listening.on_loopback) {
                (Some(a), Some(b)) => Some(a && b),
                (a, b) => a.or(b),
            };
            listening.port = listening.port.or(earlier.port);
        }
        self.comes_up();
        // Up to 2026.4.2 the line with the addresses is the last of a start, and none says ready.
        if listening.on_loopback.is_some() {
            self.life.ready = Some(listening.line);
        }
        self.life.listening = Some(listening);
    }

    fn begin(&mut self, line: Option<usize>) {
        let failed = self.life.failed.take().or(self.pending.take());
        self.before = failed.filter(|_| self.life.came_up().is_none());
        self.life = Lifecycle { began: line, starts: self.life.starts + 1, ..Lifecycle::default() };
        self.ended = false;
    }

    fn comes_up(&mut self) {
        self.life.failed = None;
        self.pending = None;
        self.before = None;
        self.ended = false;
    }

    fn fails(&mut self, line: usize, text: &str, fault: Fault, meaning: &Meaning<'_>) {
        let failure = failure(line, clean::line(text).trim(), fault, meaning.words.releases());
        self.detailing = None;
        let is_path = matches!(fault, Fault::PathDenied | Fault::PathReadOnly | Fault::PathMissing);
        if !meaning.is_end {
            if is_path && self.life.refused.len() < MOST_REFUSED {
                self.life.refused.push(failure.clone());
            }
            if self.pending.is_none() {
                self.detailing = (fault == Fault::ConfigInvalid).then_some(Told::Pending);
                self.pending = Some(failure);
            }
            return;
        }
        if self.life.came_up().is_some() || self.ended {
            // Up to 2026.4.2 no line says that a process begins.
            if self.ended && self.life.began.is_some() {
                return;
            }
            let refused = self.pending.clone();
            self.begin(None);
            self.pending = refused;
        }
        let reason = self.pending.take();
        let says_more = |reason: &Failure| fault.is_vague() || reason.fault == fault;
        let reason = reason.filter(|reason| says_more(reason) && line - reason.line <= NEAR);
        self.detailing = (fault == Fault::ConfigInvalid && reason.is_none()).then_some(Told::Failed);
        self.end(reason.unwrap_or(failure));
    }

    fn end(&mut self, failure: Failure) {
        let same = |before: &Failure| before.fault == failure.fault && before.named == failure.named;
        self.life.failed = Some(match self.before.take().filter(same) {
            Some(before) => Failure { line: before.line, times: before.times + 1, ..failure },
            None => failure,
        });
        self.ended = true;
    }

    /// A line below `Invalid config`: what is wrong with which key.
    fn detail(&mut self, told: Told, line: usize, text: &str) {
        let text = clean::line(text);
        if HEADINGS.iter().any(|heading| text.trim_start().starts_with(heading)) {
            return;
        }
        let failure = match told {
            Told::Pending => &mut self.pending,
            Told::Failed => &mut self.life.failed,
        };
        match (key_and_fault(&text), failure) {
            (Some(detail), Some(failure)) if failure.details.len() < MOST_REFUSED => {
                if failure.details.iter().all(|(_, known)| *known != detail) {
                    failure.details.push((line, detail));
                }
            }
            _ => self.detailing = None,
        }
    }

    fn finish(mut self, log: &str) -> Lifecycle {
        if self.life.came_up().is_none()
            && !self.ended
            && let Some(reason) = self.pending.take()
        {
            self.end(reason);
        }
        if self.life.failed.is_none() {
            self.life.last_words = last_words(log);
        }
        self.life
    }
}

fn failure(line: usize, text: &str, fault: Fault, releases: Option<String>) -> Failure {
    let named = match fault {
        Fault::PathDenied | Fault::PathReadOnly | Fault::PathMissing => {
            quoted(text, '\'').or(quoted(text, '"'))
        }
        Fault::VariableUnset | Fault::ProviderMissing => quoted(text, '"'),
        Fault::PortBusy => port(text),
        Fault::StateMigrating => text.rsplit_once(" after ").map(|(_, time)| time.trim_end_matches('.')),
        Fault::StateNewer => text.split(' ').find(|word| word.starts_with('/')),
        _ => None,
    };
    let details = match fault {
        // Up to 2026.7.1 the line breaks are spelt out.
        Fault::ConfigInvalid => {
            text.split("\\n").skip(1).filter_map(key_and_fault).map(|detail| (line, detail)).collect()
        }
        _ => Vec::new(),
    };
    let (named, text) = (named.map(str::to_owned), text.to_owned());
    Failure { line, fault, text, named, details, times: 1, releases }
}

/// What stands in the first pair of these quotes.
fn quoted(text: &str, quote: char) -> Option<&str> {
    text.split(quote).nth(1).filter(|quoted| !quoted.is_empty())
}

/// The digits behind the first `://HOST:`, or behind `in use`.
fn port(text: &str) -> Option<&str> {
    let behind = text.split_once("://").or_else(|| text.split_once("address already in use"))?.1;
    let digits = behind.split([' ', ',', '|']).find(|word| word.contains(':'))?.rsplit(':').next()?;
    let digits = digits.trim_end_matches(['.', '/']);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// `gateway.controlUi: Unrecognized key: "x"` behind `openclaw.json:5 — ` or `- `. What the key was set to is left out.
fn key_and_fault(text: &str) -> Option<String> {
    let text = text.trim_start().trim_start_matches("- ");
    let text = text.split_once(" — ").map_or(text, |(_, rest)| rest);
    let (path, fault) = text.split_once(": ")?;
    let is_path = !path.is_empty()
        && path.chars().all(|c| c.is_ascii_alphanumeric() || "._-[]*<>".contains(c))
        && fault.starts_with(|c: char| c.is_ascii_alphabetic());
    if !is_path {
        return None;
    }
    if fault.starts_with("Unrecognized key") {
        let keys: Vec<&str> = fault.split('"').skip(1).step_by(2).collect();
        return Some(format!("{path}: unknown key {}", keys.join(", ")));
    }
    let fault = fault.split(['"', '(', '\'']).next().unwrap_or_default().trim_end_matches([' ', ',', ':']);
    Some(format!("{path}: {fault}"))
}

/// Of `listening on URL, URL (PID 7)`, up to 2026.4.2, the addresses; `http server listening` says none.
fn listening(line: usize, text: &str) -> Listening {
    let Some((_, addresses)) = text.split_once("[gateway] listening on ") else {
        return Listening { line, on_loopback: None, port: None };
    };
    let addresses = addresses.split(" (").next().unwrap_or_default();
    let is_loopback = |url: &str| {
        let host = url.split_once("://").map_or(url, |(_, host)| host);
        host.starts_with("127.") || host.starts_with("[::1]") || host.starts_with("localhost")
    };
    let port = addresses.rsplit(':').next().and_then(|port| port.trim().parse().ok());
    Listening { line, on_loopback: Some(addresses.split(", ").all(is_loopback)), port }
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
        assert_eq!((life.starts, life.came_up(), life.ready, life.failed), (2, Some(5), Some(5), None));
        assert_eq!(life.listening, Some(Listening { line: 4, on_loopback: None, port: None }));
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
        let failed = life.failed.unwrap();
        assert_eq!((failed.line, failed.fault, failed.named.as_deref()), (2, Fault::PathDenied, Some("x")));
    }

    fn failed(log: &str) -> Failure {
        lifecycle(log).failed.expect("a failure")
    }

    #[test]
    fn one_start_after_the_other_that_ends_alike_is_told_by_the_first() {
        let line = "2026-04-02T09:00:01Z Gateway failed to start: Error: gateway auth mode is trusted-proxy, but a shared token is also configured\n";
        let three = failed(&line.repeat(3));
        assert_eq!((three.line, three.times, three.fault), (1, 3, Fault::AuthConflict));
        let began = format!("[gateway] loading configuration…\n{line}");
        let three = failed(&began.repeat(3));
        assert_eq!((three.line, three.times), (2, 3));
        // Another end is another story, and one that came up ends it.
        let other = "Gateway failed to start: gateway already running (pid 8)\n";
        assert_eq!(failed(&format!("{line}{line}{other}")).line, 3);
        let up = format!("{line}[gateway] listening on ws://0.0.0.0:18789 (PID 7)\n");
        assert_eq!(lifecycle(&up).failed, None);
        // Up to 2026.4.2 that line is all that says ready.
        assert_eq!(lifecycle(&up).ready, Some(2));
        assert_eq!(failed(&format!("{up}{other}")).line, 3);
    }

    #[test]
    fn a_line_of_unknown_words_is_heard_and_a_known_one_names_what_it_is_about() {
        let cases = [
            ("Gateway failed to start: the moon is full. Run x.", Fault::Unknown, None),
            (
                "Failed to read config at /x/openclaw.json MissingEnvVarError: Missing env var \"PAT\" referenced at config path: env.vars.T",
                Fault::VariableUnset,
                Some("PAT"),
            ),
            (
                "Gateway failed to start: another gateway instance is already listening on ws://0.0.0.0:18789 | listen EADDRINUSE",
                Fault::PortBusy,
                Some("18789"),
            ),
            (
                "OpenClaw startup migrations are already running for this state directory; retry after the other gateway finishes or after 2026-07-27T07:59:21.893Z.",
                Fault::StateMigrating,
                Some("2026-07-27T07:59:21.893Z"),
            ),
            (
                "gw-1  | 2026-09-07T11:00:07+00:00 Gateway failed to start: OpenClaw state database /s/openclaw.sqlite uses newer schema version 15; this OpenClaw build supports 4.",
                Fault::StateNewer,
                Some("/s/openclaw.sqlite"),
            ),
            (
                "{\"time\":\"2026-09-07T11:00:07Z\",\"level\":\"error\",\"message\":\"Gateway failed to start: EROFS: read-only file system, open '/s/a'\"}",
                Fault::PathReadOnly,
                Some("/s/a"),
            ),
        ];
        for (line, fault, named) in cases {
            let failure = failed(line);
            assert_eq!((failure.fault, failure.named.as_deref()), (fault, named), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_with_which_key_is_read_below_the_line_and_no_value_is() {
        let lines = "Gateway failed to start: Invalid config at /x/openclaw.json:\n\
             openclaw.json:5 — gateway.controlUi: Unrecognized key: \"allowInsecureAuth\"\n\
             - gateway.bind: Invalid input: expected one of x, received \"canary\"\n\
             Run \"openclaw doctor --fix\" to repair, then retry.\n\
             - gateway.port: Invalid input\n";
        let details = [
            "gateway.controlUi: unknown key allowInsecureAuth",
            "gateway.bind: Invalid input: expected one of x, received",
        ];
        let read: Vec<_> = failed(lines).details.into_iter().map(|(_, detail)| detail).collect();
        assert_eq!(read, details);
        let guard =
            "Config invalid\nFile: ~/.openclaw/openclaw.json\nProblem:\n  - gateway.bind: Invalid input\n";
        assert_eq!(failed(guard).details, [(4, "gateway.bind: Invalid input".to_owned())]);
        let old = "Invalid config at /x/openclaw.json:\\n- gateway.bind: Invalid input\n";
        assert_eq!(failed(old).details, [(1, "gateway.bind: Invalid input".to_owned())]);
    }

    #[test]
    fn a_path_that_is_refused_to_one_that_runs_did_not_end_it() {
        let ready = "[gateway] ready\n";
        let refused = "Embedded agent failed before reply: EACCES: permission denied, mkdir '/Users'\n";
        let life = lifecycle(&format!("{ready}{refused}"));
        assert_eq!((life.failed, life.refused[0].named.as_deref()), (None, Some("/Users")));
        // So does one of which only the end is there.
        let tail = "[ws] closed before connect conn=1\n[telegram] Error: 401 Unauthorized\n";
        let life = lifecycle(tail);
        assert_eq!((life.came_up(), life.last_words), (Some(1), None));
        // One that stays and serves nobody did end.
        let stays =
            "[gateway] gateway startup failed: x. Process will stay alive; fix the issue and restart.";
        assert_eq!(failed(stays).fault, Fault::Unknown);
        // Hours later, another process ends for another reason.
        let hours = "[ws] x\n[gateway] x\n".repeat(20);
        let end = "Gateway start blocked: set gateway.mode=local (current: unset)\n";
        assert_eq!(failed(&format!("{ready}{refused}{hours}{end}")).fault, Fault::ModeMissing);
        let near = "Failed to read config Error: EACCES: permission denied, open '/x'\n";
        assert_eq!(failed(&format!("{ready}{near}{end}")).fault, Fault::PathDenied);
    }

    #[test]
    fn addresses_are_on_loopback_or_not() {
        let on_loopback = |log: &str| lifecycle(log).listening.unwrap().on_loopback;
        let old =
            "[gateway] listening on ws://127.0.0.1:18789 (PID 7)\n[gateway] listening on ws://[::1]:18789\n";
        assert_eq!(on_loopback(old), Some(true));
        assert_eq!(on_loopback("[gateway] listening on ws://127.0.0.1:1, ws://[::1]:1 (PID 7)"), Some(true));
        let all = "[gateway] listening on ws://0.0.0.0:18789 (PID 7)";
        assert_eq!((on_loopback(all), lifecycle(all).listening.unwrap().port), (Some(false), Some(18789)));
        assert_eq!(on_loopback("[gateway] http server listening (5 plugins: a; 1s)"), None);
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
