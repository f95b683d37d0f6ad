//! What the crate and all below it write to a log while a token is sent: at no level the token.
//!
//! A program of its own: there is one log a process, and it would hold what other tests do.

#[path = "it/server.rs"]
#[expect(dead_code, reason = "this gateway has no fault")]
mod server;

use std::net::Ipv4Addr;
use std::sync::Mutex;

use openclaw_probe::secrecy::SecretString;
use openclaw_probe::{Prober, Rung, Target, TokenAuthenticator};
use server::{FaultServer, Script};

const TOKEN: &str = "canary-7c1f-token";

static LOG: Mutex<String> = Mutex::new(String::new());

struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // The gateway's threads, which have no name, log what they read.
        if std::thread::current().name().is_none() {
            return;
        }
        let line = format!("{} {}: {}\n", record.level(), record.target(), record.args());
        LOG.lock().expect("not poisoned").push_str(&line);
    }

    fn flush(&self) {}
}

#[tokio::test]
async fn no_log_holds_the_token_that_is_sent() {
    log::set_logger(&Log).expect("the first");
    log::set_max_level(log::LevelFilter::Trace);
    let server = FaultServer::start(Ipv4Addr::LOCALHOST.into(), Script::good());
    let target: Target = server.address().to_string().parse().expect("a target");
    let authenticator = TokenAuthenticator::new(SecretString::from(TOKEN)).scopes(["operator.read"]);
    let prober = Prober::builder().authenticate(authenticator).build().expect("a prober");
    let report = prober.climb(&target, Rung::Hello).await;
    assert!(report.is_good(), "{report}");

    let log = LOG.lock().expect("not poisoned");
    let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(log.contains("connect.challenge"), "the library logs what it reads: {log}");
    assert!(!log.contains(TOKEN) && !log.contains(&hex), "{log}");
}
