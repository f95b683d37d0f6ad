//! The real gateway: Node in a network namespace of its own, with a home that is thrown away.

use super::OracleError;
use super::conversation::Scene;
use super::peer::{Address, http};
use openclaw_runbook::child::{self, Running};
use serde_json::{Map, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

/// An idle machine starts it in fifteen seconds; a busy one took four minutes for an older release.
const PATIENCE: Duration = Duration::from_secs(600);
/// Ready is who answers so often in a row, each time so soon: work that a start does in the background delays answers.
const STEADY: u32 = 8;
const PROMPT: Duration = Duration::from_secs(1);
const PORT: u16 = 18789;

/// What the script has prepared.
#[derive(Clone, Debug)]
pub struct Site {
    /// The Node binary.
    pub node: PathBuf,
    /// `openclaw.mjs` of the installed package.
    pub openclaw: PathBuf,
    /// Name of the network namespace.
    pub namespace: String,
    /// The namespace's address as seen from outside it.
    pub address: IpAddr,
    /// An empty directory that the caller removes afterwards.
    pub scratch: PathBuf,
}

/// A running real gateway. It is killed when dropped.
#[derive(Debug)]
pub struct Real {
    site: Site,
    home: PathBuf,
    bind: String,
    gateway: Running,
    relay: Running,
}

impl Real {
    /// Starts it and waits until it is ready.
    pub(super) async fn start(site: &Site, scene: &Scene) -> Result<Self, OracleError> {
        let mut real = Self::launch(site, scene)?;
        real.ready().await?;
        Ok(real)
    }

    /// Starts it.
    pub(super) fn launch(site: &Site, scene: &Scene) -> Result<Self, OracleError> {
        let home = site.scratch.join(scene.name.replace(' ', "-"));
        let state = home.join(".openclaw");
        system("create a home for the gateway", std::fs::create_dir_all(&state))?;
        write_config(&state, &scene.bind, &scene.token)?;
        let log = system("create the gateway's log", create(&home.join("gateway.log")))?;
        let errors = system("share the gateway's log", log.try_clone())?;
        let mut gateway = command(site);
        gateway
            .arg("env")
            .arg("-i")
            .arg(format!("HOME={}", home.display()))
            .arg(format!("TMPDIR={}", home.display()))
            .arg("PATH=/usr/local/bin:/usr/bin:/bin")
            .arg("NO_COLOR=1")
            // Where a change needs a restart, the process that was started here does it itself.
            .arg("OPENCLAW_NO_RESPAWN=1")
            .arg(&site.node)
            .arg(&site.openclaw)
            .args(["gateway", "--port", &PORT.to_string()])
            .current_dir(&home)
            .stdout(log)
            .stderr(errors);
        let gateway = system("start the real gateway", Running::start(&mut gateway))?;
        let own = system("find this program", std::env::current_exe())?;
        let mut relay = command(site);
        relay
            .arg(own)
            .arg("relay")
            .arg(home.join("inside.sock"))
            .arg(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)).to_string());
        let relay = system("start the relay", Running::start(&mut relay))?;
        Ok(Self { site: site.clone(), home, bind: scene.bind.clone(), gateway, relay })
    }

    /// Fails once the gateway has ended.
    pub(super) fn still_runs(&mut self) -> Result<(), OracleError> {
        match self.gateway.try_wait() {
            Ok(Some(status)) => Err(self.failed(format!("ended with {status} instead of starting"))),
            _ => Ok(()),
        }
    }

    /// Waits until it is ready.
    pub(super) async fn ready(&mut self) -> Result<(), OracleError> {
        let deadline = Instant::now() + PATIENCE;
        let inside = Address::Unix(self.inside());
        let mut answered = 0;
        loop {
            self.still_runs()?;
            // 2026.4.15 is ready, and then loads plugins for seconds in which it answers nobody.
            let answer = timeout(PROMPT, http(&inside, "GET", "/readyz", &Map::new())).await;
            let is_ready = |body: &str| body.contains("\"ready\":true");
            answered = match answer {
                Ok(Ok(answer)) if answer.status == 200 && is_ready(&answer.body) => answered + 1,
                _ => 0,
            };
            if answered == STEADY {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failed(format!("was not ready after {} s", PATIENCE.as_secs())));
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    /// A socket file that leads to the gateway's loopback.
    pub(super) fn inside(&self) -> PathBuf {
        self.home.join("inside.sock")
    }

    /// The gateway's address on the link out of its namespace.
    pub(super) fn outside(&self) -> SocketAddr {
        SocketAddr::new(self.site.address, PORT)
    }

    pub(super) fn write_config(&self, token: &str) -> Result<(), OracleError> {
        write_config(&self.home.join(".openclaw"), &self.bind, token)
    }

    pub(super) fn terminate(&mut self) -> Result<(), OracleError> {
        system("signal the gateway", self.gateway.terminate())
    }

    pub(super) async fn stop(mut self) {
        // Whatever does not end by itself is killed.
        let _ = self.terminate();
        let _ = timeout(Duration::from_secs(20), self.gateway.wait()).await;
        self.gateway.end().await;
        self.relay.end().await;
    }

    fn failed(&self, problem: String) -> OracleError {
        let log = read(&self.home.join("gateway.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let log = lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>().join("\n");
        OracleError::Real { problem, log }
    }
}

fn command(site: &Site) -> Command {
    let mut command = child::command("ip");
    command.args(["netns", "exec", &site.namespace]);
    command
}

fn write_config(state: &Path, bind: &str, token: &str) -> Result<(), OracleError> {
    // 2026.4.15 locks nobody out unless told to; these are the limits that later releases have by themselves.
    let limits =
        json!({ "maxAttempts": 10, "windowMs": 60_000, "lockoutMs": 300_000, "exemptLoopback": true });
    let auth = json!({ "mode": "token", "token": token, "rateLimit": limits });
    let config = json!({ "gateway": { "mode": "local", "bind": bind, "port": PORT, "auth": auth } });
    system("write the gateway's configuration", write(&state.join("openclaw.json"), &config.to_string()))
}

#[expect(clippy::disallowed_methods, reason = "the oracle sets up a throw-away home for the real gateway")]
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(file, text)
}

#[expect(clippy::disallowed_methods, reason = "the oracle keeps the real gateway's log")]
fn create(file: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::create(file)
}

#[expect(clippy::disallowed_methods, reason = "the oracle shows the end of the real gateway's log")]
fn read(file: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(file)
}

fn system<T>(action: &str, result: std::io::Result<T>) -> Result<T, OracleError> {
    result.map_err(|source| OracleError::System { action: action.to_owned(), source })
}
