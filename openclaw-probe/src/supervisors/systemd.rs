//! systemd service units. Keys and their meaning: systemd.service(5), systemd.exec(5), systemd.unit(5).

use std::time::Duration;

use super::{
    EXIT_OPERATOR, Exists, Job, STOP_BUDGET, is_literal, is_secret_argument, names_a_secret, observed, place,
};
use crate::codes::Code;
use crate::finding::Finding;

/// The unit of a job: a system unit when the job names a user, else a user unit.
#[must_use]
pub fn generate(job: &Job) -> String {
    let command = job.program.iter().map(|argument| quote(argument)).collect::<Vec<_>>().join(" ");
    let user = job.user.as_ref().map_or_else(String::new, |user| format!("User={user}\n"));
    let target = if job.user.is_some() { "multi-user.target" } else { "default.target" };
    let stop = STOP_BUDGET.as_secs();
    let (label, logs) = (&job.label, job.logs.replace('%', "%%"));
    format!(
        "[Unit]\n\
         Description={label}\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         StartLimitIntervalSec=300\n\
         StartLimitBurst=10\n\
         \n\
         [Service]\n\
         {user}ExecStart={command}\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         RestartPreventExitStatus={EXIT_OPERATOR}\n\
         TimeoutStopSec={stop}\n\
         UMask=0077\n\
         StandardOutput=append:{logs}/{label}.out.log\n\
         StandardError=append:{logs}/{label}.err.log\n\
         \n\
         [Install]\n\
         WantedBy={target}\n"
    )
}

/// One word of a command line: quoted where systemd would split or expand it.
fn quote(argument: &str) -> String {
    let escaped = argument.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$").replace('%', "%%");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/.-_=:,@+%$".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) { escaped } else { format!("\"{escaped}\"") }
}

/// Which manager runs the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manager {
    /// The system's: from boot.
    System,
    /// A user's: from login, or from boot where lingering is on.
    User {
        /// Whether lingering is on.
        lingers: bool,
    },
}

/// What is wrong with an existing unit. `stop_budget` is how long the gateway may need to end ([`super::stop_budget`]).
#[must_use]
pub fn verify(
    file: &str,
    text: &str,
    manager: Manager,
    exists: Exists<'_>,
    stop_budget: Duration,
) -> Vec<Finding> {
    let settings = settings(text);
    let all = |name: &'static str| {
        settings.iter().filter(move |(key, _)| *key == name).map(|(_, value)| value.as_str())
    };
    let last = |name: &'static str| all(name).next_back().filter(|value| !value.is_empty());
    let mut findings = Vec::new();
    let mut find = |code: Code, needle: &str, seen: String| {
        let finding = observed(file, code, format!("{file}: {seen}"));
        findings.push(match place(file, text, needle) {
            Some(place) => finding.at(place),
            None => finding,
        });
    };
    let Some(command) = last("ExecStart") else {
        find(Code::DefinitionUnreadable, "[Service]", "no ExecStart".into());
        return findings;
    };
    let restart = last("Restart").unwrap_or("no");
    let prevented = all("RestartPreventExitStatus").flat_map(str::split_whitespace).any(|code| code == "78");
    if matches!(restart, "always" | "on-failure") && !prevented {
        find(
            Code::RestartsConfigError,
            "Restart=",
            format!("Restart={restart} without RestartPreventExitStatus=78"),
        );
    }
    if restart != "no" && last("RestartSec").and_then(seconds) == Some(0.0) {
        find(Code::ThrottleMissing, "RestartSec=", "RestartSec is 0".into());
    }
    let stop = last("TimeoutStopSec").or_else(|| last("TimeoutSec"));
    match stop.map(|text| (text, seconds(text))) {
        None => {
            find(Code::StopTimeTooShort, "ExecStart=", "no TimeoutStopSec: systemd kills after 90 s".into());
        }
        Some((text, Some(time))) if time < stop_budget.as_secs_f64() => {
            find(Code::StopTimeTooShort, "TimeoutStopSec=", format!("the stop time is {text}"));
        }
        Some(_) => {}
    }
    for name in ["StandardOutput", "StandardError"] {
        if last(name) == Some("null") {
            find(Code::LogsDiscarded, name, format!("{name}=null"));
        }
    }
    let words = words(command);
    for path in words.iter().take(1).filter(|path| path.starts_with('/') && !exists(path)) {
        find(Code::PathStale, "ExecStart=", format!("{path} is not there"));
    }
    if (0..words.len()).any(|index| is_secret_argument(&words, index)) {
        find(Code::SecretEmbedded, "ExecStart=", "ExecStart holds a secret".into());
    }
    for line in all("Environment") {
        for pair in self::words(line) {
            let secret =
                pair.split_once('=').filter(|(name, value)| names_a_secret(name) && is_literal(value));
            if let Some((name, _)) = secret {
                find(Code::SecretEmbedded, name, format!("Environment holds the value of {name}"));
            }
        }
    }
    match manager {
        Manager::System
            if matches!(last("User"), None | Some("root")) && last("DynamicUser") != Some("yes") =>
        {
            find(Code::RunsAsRoot, "[Service]", "a system unit without User runs as root".into());
        }
        Manager::User { lingers: false } => {
            find(Code::NeedsLogin, "[Install]", "a user unit starts at login, and lingering is off".into());
        }
        _ => {}
    }
    findings
}

/// `(key, value)` of every setting, continuation lines joined.
fn settings(text: &str) -> Vec<(&str, String)> {
    let mut settings: Vec<(&str, String)> = Vec::new();
    let mut continues = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('#') || line.starts_with(';') {
            continue;
        }
        let (line, more) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        if continues {
            if let Some((_, value)) = settings.last_mut() {
                value.push(' ');
                value.push_str(line);
            }
        } else if let Some((key, value)) = line.split_once('=') {
            settings.push((key.trim(), value.trim().to_owned()));
        }
        continues = more;
    }
    settings
}

/// The words of a command line or an `Environment=`: blanks split, quotes keep.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut started) = (None, false);
    for c in line.trim_start_matches(['@', '-', ':', '+', '!']).chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                started = true;
            }
            None if c.is_whitespace() => {
                if started {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            _ => {
                word.push(c);
                started = true;
            }
        }
    }
    if started {
        words.push(word);
    }
    words
}

/// A systemd time span in seconds: `330`, `5min 30s`, `infinity`.
fn seconds(text: &str) -> Option<f64> {
    if text == "infinity" {
        return Some(f64::INFINITY);
    }
    let mut total = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, more) = after.split_at_checked(letters)?;
        let factor = match unit {
            "" | "s" | "sec" | "second" | "seconds" => 1.0,
            "ms" | "msec" => 0.001,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hour" | "hours" => 3600.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = more.trim_start();
    }
    Some(total)
}
