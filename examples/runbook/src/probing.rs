//! What the probe programs share: their arguments, and how a prober is made of them.

#![expect(
    clippy::disallowed_methods,
    reason = "programs read their token from a file or the environment, and say why they cannot start"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::errors::did_you_mean;
use crate::output;
use crate::reading::{self, ReadError};
use crate::{errln, interrupt};
use clap::Args;
use openclaw_probe::secrecy::SecretString;
use openclaw_probe::{
    Budget, BuildError, Prober, ProberBuilder, Rung, Target, TargetError, TokenAuthenticator,
};

/// Arguments of every probe program.
#[derive(Args, Clone, Debug)]
pub struct ProbeArguments {
    /// A file that holds the gateway's token. It is never taken from the command line, where every process can read it.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// The environment variable that holds the token, where no file is given.
    #[arg(long, value_name = "NAME", default_value = "OPENCLAW_GATEWAY_TOKEN")]
    pub token_env: String,

    /// A scope that the session must have, such as operator.read; may be given more than once.
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,

    /// Also compare the token over HTTP; proves something only from another host or container.
    #[arg(long)]
    pub compare_token: bool,

    /// Send the token over ws:// and http:// beyond loopback, too, where everybody on the way can read it: only for a network
    /// that is yours alone, such as a bridge between containers. Elsewhere use wss:// or a tunnel.
    #[arg(long)]
    pub allow_plaintext_token: bool,

    /// PEM file of roots to trust beside the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Seconds for one whole climb.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    pub timeout: f64,
}

/// Why a program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file that was named cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// A token that is not text.
    #[error("{path} is not UTF-8")]
    NotText {
        /// Which file.
        path: PathBuf,
    },
    /// The system gives no way to wait for sockets.
    #[error("the system: {0}")]
    System(#[source] std::io::Error),
    /// The settings make no prober.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A target that is none. Its text is not repeated: it may hold a credential.
    #[error("target {index} is not usable: {source}")]
    Target {
        /// Which one, from 1.
        index: usize,
        /// Why.
        source: TargetError,
    },
    /// A number that cannot be a time.
    #[error("--{name} must be a number of seconds above 0")]
    Seconds {
        /// Which argument.
        name: &'static str,
    },
    /// A rung that needs the token, without one.
    #[error("--upto {0} needs a token: give --token-file or set the variable named by --token-env")]
    NoToken(Rung),
}

/// The beginning of every prober of a program: what is known as a secret by now is masked before a peer's words are cut.
pub fn prober() -> ProberBuilder {
    Prober::builder().hide(output::known())
}

impl ProbeArguments {
    /// The prober, and the rung to climb to: the one wished for, or else the highest that the arguments allow.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, a number is no time, or the rung needs a token that is not there.
    pub fn prober(&self, upto: Option<Rung>) -> Result<(Prober, Rung), StartError> {
        let token = self.token()?;
        let upto = upto.unwrap_or(if token.is_none() {
            Rung::Challenge
        } else if self.scopes.is_empty() {
            Rung::Hello
        } else {
            Rung::Scope
        });
        let mut builder = prober().budget(Budget::total(seconds("timeout", self.timeout)?));
        if let Some(file) = &self.ca_file {
            builder = builder.add_roots_pem(&read(file)?);
        }
        if self.allow_plaintext_token {
            builder = builder.allow_plaintext_token();
        }
        if let Some(token) = token {
            output::hide([token.clone()]);
            if self.compare_token {
                builder = builder.compare_token_over_http(token.clone());
            }
            builder = builder
                .authenticate(TokenAuthenticator::new(token).scopes(self.scopes.clone()))
                .require_scopes(self.scopes.clone());
        } else if upto >= Rung::Hello {
            return Err(StartError::NoToken(upto));
        }
        Ok((builder.build()?, upto))
    }

    /// The token, without the line end that editors add.
    fn token(&self) -> Result<Option<SecretString>, StartError> {
        if let Some(path) = &self.token_file {
            let bytes = read(path)?;
            let text = std::str::from_utf8(&bytes).map_err(|_| StartError::NotText { path: path.clone() })?;
            return Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']))));
        }
        Ok(std::env::var(&self.token_env).ok().filter(|token| !token.is_empty()).map(SecretString::from))
    }
}

impl StartError {
    /// 2 for wrong arguments, 78 where an operator must put something right first.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::File { .. } | Self::NotText { .. } | Self::System(_) | Self::Build(_) => 78,
            Self::Target { .. } | Self::Seconds { .. } | Self::NoToken(_) => 2,
        }
    }
}

/// Runs a program's work to its end and gives its exit code; why it could not start goes to standard error.
pub fn run(program: &str, work: impl Future<Output = Result<ExitCode, StartError>>) -> ExitCode {
    let ended = interrupt::wait(work).map_err(StartError::System).and_then(|ended| ended);
    ended.unwrap_or_else(|error| {
        errln!("{program}: {error}");
        ExitCode::from(error.exit_code())
    })
}

/// The targets of a command line. Read here and not by the argument parser, which would repeat a bad one in full.
///
/// # Errors
///
/// When one of them is no target.
pub fn targets(texts: &[String]) -> Result<Vec<Target>, StartError> {
    texts.iter().enumerate().map(|(index, text)| target(index + 1, text)).collect()
}

/// One target, which errors call by its place on the command line.
///
/// # Errors
///
/// When it is none.
pub fn target(index: usize, text: &str) -> Result<Target, StartError> {
    text.parse().map_err(|source| StartError::Target { index, source })
}

/// A rung, by its name.
///
/// # Errors
///
/// When none is called so; the one that was perhaps meant is said.
pub fn rung(text: &str) -> Result<Rung, String> {
    let near = || did_you_mean(text, Rung::ALL.iter().map(|rung| rung.name()));
    text.parse().map_err(|unknown| format!("{unknown}{}", near()))
}

/// A time given in seconds.
///
/// # Errors
///
/// When it is not a number above 0.
pub fn seconds(name: &'static str, value: f64) -> Result<Duration, StartError> {
    Duration::try_from_secs_f64(value).ok().filter(|time| !time.is_zero()).ok_or(StartError::Seconds { name })
}

/// One line for a report, in columns: the target, padded to `width`, the highest rung that holds, the time, and what is
/// wrong. What a table or a log shows.
#[must_use]
pub fn line(report: &openclaw_probe::ProbeReport, width: usize) -> String {
    let highest = report.highest().map_or("-", Rung::name);
    let took = report
        .took
        .map_or_else(|| "unknown".to_owned(), |took| format!("{:.1} ms", took.as_secs_f64() * 1000.0));
    let state = match (report.first_fault(), report.first_unproven()) {
        (Some((rung, fault)), _) => format!("FAIL at {rung}: {}", fault.code),
        (None, Some(rung)) => format!("not proven: {rung}"),
        (None, None) => "ok".to_owned(),
    };
    let target = report.target.to_string();
    format!("{target:<width$}  {highest:<9}  {took:>10}  {state}")
}

fn read(path: &Path) -> Result<Arc<[u8]>, StartError> {
    reading::bytes(path).map_err(|source| StartError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_still_busy_does_not_keep_a_program() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let code = run("test", async {
            // As a name lookup does.
            drop(tokio::task::spawn_blocking(move || held.recv()));
            Ok(ExitCode::from(7))
        });
        assert_eq!(code, ExitCode::from(7));
        drop(release);
    }
}
