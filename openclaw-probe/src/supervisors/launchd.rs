//! launchd property lists. Keys and their meaning: launchd.plist(5).

use std::time::Duration;

use plist::{Dictionary, Value};

use super::{Exists, Job, STOP_BUDGET, is_literal, is_secret_argument, names_a_secret, observed, place};
use crate::codes::Code;
use crate::finding::Finding;

/// launchd's own pause between two starts of a job, in seconds.
const THROTTLE: i64 = 10;

/// Runs the words behind it, hands SIGTERM on and waits for the drain (launchd signals the shell alone), and ends with their
/// status, but for 78, which becomes 0: launchd starts again after every other.
const GATE: &str = "trap 'kill -TERM $p' TERM; \"$0\" \"$@\" & p=$!; wait $p; s=$?; while kill -0 $p 2>/dev/null; do wait $p; s=$?; done; case $s in 78) s=0;; esac; exit $s";

/// Whether a shell around the program makes exit 78 a 0.
fn ends_on_operator(root: &Dictionary) -> bool {
    let words = root.get("ProgramArguments").and_then(Value::as_array);
    words.into_iter().flatten().filter_map(Value::as_string).any(|word| word.contains("78) s=0"))
}

/// The XML property list of a job: a `LaunchDaemon` when the job names a user, else a `LaunchAgent`.
///
/// It starts again only after a failure (`KeepAlive` with `SuccessfulExit` false), so that a gate that opened and exited 0
/// stays done; a shell around it makes exit 78, which no restart mends, a 0 as well.
///
/// # Errors
///
/// When the plist crate cannot write it, which no valid [`Job`] brings about.
pub fn generate(job: &Job) -> Result<String, WriteError> {
    let mut keep_alive = Dictionary::new();
    keep_alive.insert("SuccessfulExit".into(), Value::Boolean(false));
    let mut root = Dictionary::new();
    let mut set = |key: &str, value: Value| {
        root.insert(key.to_owned(), value);
    };
    set("Label", Value::String(job.label.clone()));
    let program = ["/bin/sh", "-c", GATE].map(str::to_owned).into_iter().chain(job.program.iter().cloned());
    set("ProgramArguments", Value::Array(program.map(Value::String).collect()));
    if let Some(user) = &job.user {
        set("UserName", Value::String(user.clone()));
    }
    set("RunAtLoad", Value::Boolean(true));
    set("KeepAlive", Value::Dictionary(keep_alive));
    set("ThrottleInterval", Value::Integer(THROTTLE.into()));
    set("ExitTimeOut", Value::Integer(STOP_BUDGET.as_secs().into()));
    set("Umask", Value::Integer(0o077.into()));
    set("StandardOutPath", Value::String(format!("{}/{}.out.log", job.logs, job.label)));
    set("StandardErrorPath", Value::String(format!("{}/{}.err.log", job.logs, job.label)));
    let mut bytes = Vec::new();
    Value::Dictionary(root)
        .to_writer_xml(&mut bytes)
        .map_err(|error| WriteError { reason: error.to_string() })?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|error| WriteError { reason: error.to_string() })
}

/// The property list could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the property list could not be written: {reason}")]
#[non_exhaustive]
pub struct WriteError {
    /// What went wrong.
    pub reason: String,
}

/// Where a property list lies, which decides the domain it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// In a user's `LaunchAgents`: runs while that user is logged in.
    Agent,
    /// In `/Library/LaunchDaemons`: runs from boot.
    Daemon,
}

impl Domain {
    /// Where a property list runs that was copied out of its folder: only a daemon names the user or group it runs as.
    #[must_use]
    pub fn told_by(bytes: &[u8]) -> Self {
        match read(bytes) {
            Ok(Value::Dictionary(root))
                if root.contains_key("UserName") || root.contains_key("GroupName") =>
            {
                Self::Daemon
            }
            _ => Self::Agent,
        }
    }
}

/// What no definition of a job has as many of. A value that nests deeper than the stack ends the program when it is dropped.
const MOST_CONTAINERS: usize = 1000;
/// The same of a binary list, in bytes: no tag says there what is one.
const LARGEST_BINARY: usize = 16 << 10;

fn read(bytes: &[u8]) -> Result<Value, String> {
    let containers = bytes.windows(5).filter(|tag| matches!(*tag, b"<dict" | b"<arra")).count();
    if containers > MOST_CONTAINERS || bytes.starts_with(b"bplist") && bytes.len() > LARGEST_BINARY {
        return Err("it holds more than launchd's definitions do".to_owned());
    }
    Value::from_reader(std::io::Cursor::new(bytes)).map_err(|error| error.to_string())
}

/// What is wrong with an existing property list, XML or binary. `headless` says that nobody logs in on this host, and
/// `stop_budget` how long the gateway may need to end ([`super::stop_budget`]).
#[must_use]
pub fn verify(
    file: &str,
    bytes: &[u8],
    domain: Domain,
    headless: bool,
    exists: Exists<'_>,
    stop_budget: Duration,
) -> Vec<Finding> {
    let root = match read(bytes) {
        Ok(Value::Dictionary(root)) => root,
        Ok(_) => {
            return vec![observed(
                file,
                Code::DefinitionUnreadable,
                format!("{file}: the root is not a dictionary"),
            )];
        }
        Err(error) => return vec![observed(file, Code::DefinitionUnreadable, format!("{file}: {error}"))],
    };
    let text = std::str::from_utf8(bytes).unwrap_or("");
    let mut findings = Vec::new();
    let mut find = |code: Code, key: &str, seen: String| {
        let key_tag = format!("<key>{key}</key>");
        let finding = observed(file, code, format!("{file}: {seen}"));
        findings.push(match place(file, text, &key_tag) {
            Some(place) => finding.at(place),
            None => finding,
        });
    };
    match root.get("KeepAlive") {
        Some(Value::Boolean(true)) => {
            find(
                Code::RestartsConfigError,
                "KeepAlive",
                "KeepAlive is true: restarts after every exit, 78 included".into(),
            );
        }
        Some(Value::Dictionary(when)) => match when.get("SuccessfulExit").and_then(Value::as_boolean) {
            Some(true) => find(
                Code::RestartsConfigError,
                "KeepAlive",
                "SuccessfulExit is true: restarts after success, not after failure".into(),
            ),
            // launchd can except no status but 0.
            Some(false) if !ends_on_operator(&root) => find(
                Code::RestartsConfigError,
                "KeepAlive",
                "SuccessfulExit is false: restarts after every status but 0, 78 included".into(),
            ),
            _ => {}
        },
        _ => {}
    }
    let seconds = |key: &str| root.get(key).and_then(Value::as_signed_integer);
    match seconds("ExitTimeOut") {
        // 0 means for ever.
        Some(0) => {}
        Some(time) if time >= stop_budget.as_secs().cast_signed() => {}
        Some(time) => find(Code::StopTimeTooShort, "ExitTimeOut", format!("ExitTimeOut is {time} s")),
        None => find(
            Code::StopTimeTooShort,
            "Label",
            "no ExitTimeOut: launchd kills after its own, 5 s on current macOS (`launchctl print` shows `exit timeout`)"
                .into(),
        ),
    }
    if seconds("ThrottleInterval") == Some(0) {
        find(Code::ThrottleMissing, "ThrottleInterval", "ThrottleInterval is 0".into());
    }
    for key in ["StandardOutPath", "StandardErrorPath"] {
        match root.get(key).and_then(Value::as_string) {
            None => find(Code::LogsDiscarded, "Label", format!("no {key}")),
            Some("/dev/null") => find(Code::LogsDiscarded, key, format!("{key} is /dev/null")),
            // launchd makes no folder, and starts nothing whose log it cannot open: EX_CONFIG.
            Some(path) => match path.rsplit_once('/').map(|(folder, _)| folder) {
                Some("/var/log" | "/Library/Logs") if domain == Domain::Agent => {
                    let seen = "root alone may write there: launchd does not start the agent (78: EX_CONFIG)";
                    find(Code::LogsDiscarded, key, format!("{key}: {seen}"));
                }
                Some(folder) if folder.starts_with('/') && !exists(folder) => {
                    let seen = "its folder is not there: launchd does not start the job (78: EX_CONFIG)";
                    find(Code::LogsDiscarded, key, format!("{key}: {seen}"));
                }
                _ => {}
            },
        }
    }
    verify_command(&root, &mut find, exists);
    if let Some(Value::Dictionary(variables)) = root.get("EnvironmentVariables") {
        for (name, value) in variables {
            if names_a_secret(name) && value.as_string().is_some_and(is_literal) {
                find(Code::SecretEmbedded, name, format!("EnvironmentVariables holds the value of {name}"));
            }
        }
    }
    match (domain, root.get("UserName").and_then(Value::as_string)) {
        (Domain::Agent, _) if headless => {
            find(
                Code::NeedsLogin,
                "Label",
                "a LaunchAgent starts when its user logs in, and nobody does".into(),
            );
        }
        (Domain::Daemon, None | Some("root")) => {
            find(Code::RunsAsRoot, "UserName", "a LaunchDaemon without UserName runs as root".into());
        }
        _ => {}
    }
    findings
}

fn verify_command(root: &Dictionary, find: &mut impl FnMut(Code, &str, String), exists: Exists<'_>) {
    let arguments: Vec<String> = root
        .get("ProgramArguments")
        .and_then(Value::as_array)
        .map(|values| values.iter().filter_map(Value::as_string).map(str::to_owned).collect())
        .unwrap_or_default();
    // Behind the shell of a gate stands the program that is meant.
    let first = if ends_on_operator(root) { arguments.get(3) } else { arguments.first() };
    let program = root.get("Program").and_then(Value::as_string).or(first.map(String::as_str));
    match program {
        None => find(Code::PathStale, "Label", "neither Program nor ProgramArguments".into()),
        Some(program) if program.starts_with('/') && !exists(program) => {
            find(Code::PathStale, "ProgramArguments", format!("{program} is not there"));
        }
        Some(_) => {}
    }
    // A runtime's script goes stale just as the runtime does.
    for script in arguments.iter().skip(1).filter(|a| a.starts_with('/') && is_script(a) && !exists(a)) {
        find(Code::PathStale, "ProgramArguments", format!("{script} is not there"));
    }
    for index in 0..arguments.len() {
        if is_secret_argument(&arguments, index) {
            find(Code::SecretEmbedded, "ProgramArguments", format!("argument {index} holds a secret"));
        }
    }
}

fn is_script(path: &str) -> bool {
    [".js", ".mjs", ".cjs", ".sh"].iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_a_bottom_is_refused() {
        let deep = |levels: usize| {
            let (open, close) = ("<dict><key>a</key>".repeat(levels), "</dict>".repeat(levels));
            format!("<?xml version=\"1.0\"?><plist version=\"1.0\">{open}<true/>{close}</plist>")
        };
        assert!(read(deep(100).as_bytes()).is_ok());
        assert!(read(deep(200_000).as_bytes()).is_err());
    }
}
