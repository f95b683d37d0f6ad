//! An engine that is reached by SSH or TLS: Docker's own command line has the keys and dials it, and what is said goes through
//! its `docker system dial-stdio`, a connection a process.

use std::io;
use std::process::Stdio;
use std::sync::Arc;

use openclaw_compose::docker::{BadEndpoint, Evidence, Limits, Settings};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::child;

/// An SSH server drops what knocks at once beyond ten.
const AT_ONCE: usize = 4;
const COMMAND: [&str; 3] = ["docker", "system", "dial-stdio"];

/// A socket of our own behind which `docker` dials.
pub(super) struct Dialled {
    directory: tempfile::TempDir,
    listens: JoinHandle<()>,
    /// What is dialled, for people.
    whom: String,
}

impl Dialled {
    /// Listens, where these settings choose an engine that only `docker` reaches, and `docker` is here.
    pub(super) fn of(settings: &Settings) -> io::Result<Option<Self>> {
        let whom = match settings.endpoint() {
            Err(BadEndpoint::Scheme { scheme }) => format!("{scheme}://"),
            Err(BadEndpoint::Tls) => "TLS".to_owned(),
            _ => return Ok(None),
        };
        if !child::is_here(COMMAND[0]) {
            return Ok(None);
        }
        let directory = tempfile::tempdir()?;
        let listener = UnixListener::bind(directory.path().join("docker.sock"))?;
        let few = Arc::new(Semaphore::new(AT_ONCE));
        let listens = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let few = Arc::clone(&few);
                tokio::spawn(async move {
                    let Ok(_one) = few.acquire().await else { return };
                    let [docker, words @ ..] = COMMAND;
                    let mut command = child::command(docker);
                    // Who hangs up early has heard enough, or will say that it heard nothing.
                    let _ = child::pass_on(command.args(words).stderr(Stdio::null()), stream).await;
                });
            }
        });
        Ok(Some(Self { directory, listens, whom }))
    }

    /// Our socket, as `DOCKER_HOST` names one.
    fn socket(&self) -> String {
        format!("unix://{}", self.directory.path().join("docker.sock").display())
    }

    /// The same settings with our socket for the engine.
    pub(super) fn settings(&self, settings: Settings) -> Settings {
        Settings { host_flag: Some(self.socket()), context_flag: None, ..settings }
    }

    /// Each answer waits for a handshake.
    pub(super) fn limits(limits: Limits) -> Limits {
        Limits { answer: limits.answer * 4, total: limits.total * 3, ..limits }
    }

    /// What the evidence says of our socket, it says of whom it leads to.
    pub(super) fn name(&self, evidence: &mut Evidence) {
        let socket = self.socket();
        let whom = format!("the end of `{}` ({})", COMMAND.join(" "), self.whom);
        for finding in &mut evidence.findings {
            finding.summary = finding.summary.replace(&socket, &whom);
        }
    }
}

impl Drop for Dialled {
    fn drop(&mut self) {
        self.listens.abort();
    }
}
