//! The climb: rung order, the stop rule, and one budget over all.

#![expect(clippy::disallowed_methods, reason = "a climb measures its rungs and compares clocks")]

pub(crate) mod answer;
mod challenge;
mod hello;
mod resolve;
mod upgrade;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use secrecy::SecretString;

use crate::authenticate::{Answer, Authenticate, DeviceUse, Session};
use crate::budget::{Allowance, Budget};
use crate::classify;
use crate::codes::Code;
use crate::http::{self, HttpAnswer};
use crate::prober::Prober;
use crate::report::{Because, Fault, Outcome, ProbeReport, RungOutput, RungResult};
use crate::rung::Rung;
use crate::stream::{Socket, tcp};
use crate::target::Target;

use answer::Judgement;

impl Prober {
    /// Climbs rung by rung up to `upto` and says how far it came. A failure is data, so this does not fail.
    ///
    /// Liveness goes over the connection that the TCP and TLS rungs opened; every later question opens its own, so that
    /// no warm connection hides a fault. All use the address that the TCP rung proved. Redirects are not followed and no proxy is used.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the open connection and leaves nothing behind; use
    /// [`climb_observed`](Self::climb_observed) to keep what was seen so far.
    pub async fn climb(&self, target: &Target, upto: Rung) -> ProbeReport {
        self.climb_within(target, upto, Duration::MAX).await
    }

    /// The same for a caller without a runtime: it waits here until the climb has ended.
    ///
    /// # Errors
    /// When the system gives no means to wait.
    ///
    /// # Panics
    /// On a runtime, where one waits with `.await`.
    pub fn climb_blocking(&self, target: &Target, upto: Rung) -> std::io::Result<ProbeReport> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(self.climb(target, upto)))
    }

    /// [`climb`](Self::climb) that takes no longer than `total`, or the prober's own budget where that is shorter. What was
    /// reached by then is in the report.
    pub async fn climb_within(&self, target: &Target, upto: Rung, total: Duration) -> ProbeReport {
        let budget = self.budget.at_most(total);
        let mut climb = Climb::start(self, target, upto, budget, |_: &RungResult| ());
        climb.run().await;
        climb.finish()
    }

    /// [`climb`](Self::climb) that shows each rung as it ends.
    pub async fn climb_observed(
        &self,
        target: &Target,
        upto: Rung,
        observe: impl FnMut(&RungResult) + Send,
    ) -> ProbeReport {
        let mut climb = Climb::start(self, target, upto, self.budget, observe);
        climb.run().await;
        climb.finish()
    }

    /// Asks one HTTP question, [`Rung::Liveness`], [`Rung::Startup`] or [`Rung::Readiness`], over the one connection
    /// that resolves, connects and, where the target wants it, speaks TLS. The cheapest useful probe, for fleets and
    /// health checks; judged by the same rules as [`climb`](Self::climb). Any other rung is climbed to instead. Where the
    /// endpoint is absent, liveness is asked too: only that tells an older gateway from any web server.
    ///
    /// # Cancel safety
    ///
    /// As [`climb`](Self::climb).
    pub async fn check(&self, target: &Target, question: Rung) -> ProbeReport {
        self.check_within(target, question, Duration::MAX).await
    }

    /// [`check`](Self::check) that takes no longer than `total`, or the prober's own budget where that is shorter. What
    /// was reached by then is in the report.
    pub async fn check_within(&self, target: &Target, question: Rung, total: Duration) -> ProbeReport {
        if !matches!(question, Rung::Liveness | Rung::Startup | Rung::Readiness) {
            return self.climb_within(target, question, total).await;
        }
        let budget = self.budget.at_most(total);
        let mut climb = Climb::start(self, target, question, budget, |_: &RungResult| ());
        climb.ask_once(question).await;
        climb.finish()
    }
}

/// The state of one climb.
pub(crate) struct Climb<'a, F> {
    prober: &'a Prober,
    target: &'a Target,
    budget: Budget,
    started: Instant,
    report: ProbeReport,
    observe: F,
}

impl<'a, F: FnMut(&RungResult) + Send> Climb<'a, F> {
    pub(crate) fn start(
        prober: &'a Prober,
        target: &'a Target,
        upto: Rung,
        budget: Budget,
        observe: F,
    ) -> Self {
        let report = ProbeReport::new(target, upto);
        Self { prober, target, budget, started: Instant::now(), report, observe }
    }

    /// The whole ladder. `None` says that it ended before its top.
    pub(crate) async fn run(&mut self) -> Option<()> {
        let socket = self.connect().await?;
        let address = self.report.facts.address?;
        // Over the very connection that TCP and TLS proved: a reset after accept is seen on the one that was accepted.
        self.http_rung(Rung::Liveness, address, Some(socket)).await?;
        self.http_rung(Rung::Startup, address, None).await?;
        self.http_rung(Rung::Readiness, address, None).await?;
        self.session(address).await
    }

    /// Resolve, TCP and, on secure targets, TLS.
    async fn connect(&mut self) -> Option<Socket> {
        let target = self.target;
        let addresses = self
            .rung(Rung::Resolve, pin!(resolve::resolve(target, self.prober.pins.get(target.host()))))
            .await?;
        let (stream, address) = self.rung(Rung::Tcp, pin!(tcp::connect(&addresses))).await?;
        self.report.facts.address = Some(address);
        if !target.is_secure() {
            self.skip(Rung::Tls, Because::PlainTarget);
            return Some(Socket::plain(stream));
        }
        let setup = &self.prober.tls;
        self.rung(Rung::Tls, pin!(setup.connect(target, stream, &self.prober.mask))).await
    }

    /// One probe endpoint. `None` ends the climb.
    async fn http_rung(&mut self, rung: Rung, address: SocketAddr, over: Option<Socket>) -> Option<()> {
        if rung > self.report.upto {
            return None;
        }
        if self.withholds(rung, address) {
            return self.withhold(rung, "a request with the token", address);
        }
        let asked = self.ask(rung, address, over).await;
        self.judge(rung, asked)
    }

    /// One HTTP question over the connection that resolve, TCP and TLS made.
    pub(crate) async fn ask_once(&mut self, question: Rung) -> Option<()> {
        let socket = self.connect().await?;
        let address = self.report.facts.address?;
        if self.withholds(question, address) {
            self.skip_below(question);
            return self.withhold(question, "a request with the token", address);
        }
        let asked = self.ask(question, address, Some(socket)).await;
        let absent = asked.answer.as_ref().is_ok_and(|answer| answer::may_be_absent(question, answer));
        if absent {
            // An older gateway, or no gateway at all: liveness tells them apart.
            let alive = self.ask(Rung::Liveness, address, None).await;
            self.judge(Rung::Liveness, alive)?;
        }
        self.skip_below(question);
        self.judge(question, asked)
    }

    /// The questions below the one that is asked, which were not.
    fn skip_below(&mut self, question: Rung) {
        for rung in [Rung::Liveness, Rung::Startup, Rung::Readiness] {
            if rung < question && self.report.rung(rung).is_none() {
                self.skip(rung, Because::NotAsked);
            }
        }
    }

    /// The answer within the rung's allowance, over this connection or a fresh one, and when it was asked for.
    async fn ask(&self, rung: Rung, address: SocketAddr, over: Option<Socket>) -> Asked {
        let bearer = self.bearer_for(rung, address);
        let Prober { tls: setup, mask, .. } = self.prober;
        let target = self.target;
        // Larger than all the rest of a climb, which would hold room for it while it waits elsewhere.
        let asking = Box::pin(async {
            let socket = match over {
                Some(socket) => socket,
                None => Socket::open(setup, target, address, mask).await?,
            };
            http::ask(socket, target, rung, bearer).await
        });
        let sent = SystemTime::now();
        let started = Instant::now();
        let answer = timed(rung, self.allowance(rung), asking).await;
        Asked { answer, sent, took: started.elapsed(), with_token: bearer.is_some() }
    }

    /// The token, when the HTTP question may be asked with it: only while the attempts last.
    fn bearer_for(&self, rung: Rung, address: SocketAddr) -> Option<&'a SecretString> {
        let compares = self.compares(rung, address) && self.may_send_token(address);
        (compares && self.prober.attempts.take(self.target))
            .then_some(self.prober.token_over_http.as_ref())
            .flatten()
    }

    /// Whether this question is there to compare the token: only of a remote gateway, because a local one gives the details
    /// to everybody.
    fn compares(&self, rung: Rung, address: SocketAddr) -> bool {
        self.prober.token_over_http.is_some() && rung == Rung::Startup && !is_loopback(address)
    }

    /// Whether a token may go to this address: over TLS, on loopback, or where the caller said so.
    fn may_send_token(&self, address: SocketAddr) -> bool {
        self.target.is_secure() || self.prober.plaintext_token || is_loopback(address)
    }

    fn withholds(&self, rung: Rung, address: SocketAddr) -> bool {
        self.compares(rung, address) && !self.may_send_token(address)
    }

    /// Records that a rung is not attempted, because this would go out in plaintext.
    fn withhold(&mut self, rung: Rung, what: &str, address: SocketAddr) -> Option<()> {
        let outcome = Outcome::Skipped { because: Because::TokenInPlaintext };
        self.record(rung, outcome, Duration::ZERO, vec![format!("not sent: {what}, to {address}")])
    }

    fn judge(&mut self, rung: Rung, asked: Asked) -> Option<()> {
        let Asked { answer, sent, took, with_token } = asked;
        let answer = match answer {
            Ok(answer) => answer,
            Err(fault) => return self.record(rung, Outcome::Failed(fault), took, Vec::new()),
        };
        if let Some(skew) = answer.skew(sent, sent + took) {
            self.report.facts.clock = Some(skew.sharper(self.report.facts.clock));
        }
        let alive = self.report.rung(Rung::Liveness).is_some_and(|rung| rung.outcome == Outcome::Passed);
        let Judgement { outcome, version, evidence } = answer::judge(rung, &answer, alive, &self.prober.mask);
        if with_token && matches!(outcome, Outcome::Passed) {
            self.report.facts.token_equal = Some(version.is_some());
            if version.is_some() {
                self.prober.attempts.accepted(self.target);
            }
        }
        if version.is_some() {
            self.report.facts.version = version;
        }
        self.record(rung, outcome, took, evidence)
    }

    /// Upgrade, challenge, hello and scope over one WebSocket.
    async fn session(&mut self, address: SocketAddr) -> Option<()> {
        let Prober { tls: setup, mask, .. } = self.prober;
        let target = self.target;
        let sent = SystemTime::now();
        let started = Instant::now();
        let upgrading = Box::pin(async {
            let socket = Socket::open(setup, target, address, mask).await?;
            upgrade::upgrade(socket, target, mask).await
        });
        let mut websocket = self.rung(Rung::Upgrade, upgrading).await?;
        let challenge = self.rung(Rung::Challenge, pin!(challenge::read(&mut websocket, mask))).await?;
        if let Some(ts) = challenge.ts {
            let skew = crate::clock::ClockSkew::from_challenge(ts, sent, sent + started.elapsed());
            self.report.facts.clock = Some(skew.sharper(self.report.facts.clock));
        }
        let Some(authenticator) = self.allowed_authenticator(address) else {
            upgrade::close(&mut websocket).await;
            return None;
        };
        let started = Instant::now();
        let connect = hello::connect(&mut websocket, authenticator.as_ref(), &challenge, mask);
        let hello = timed(Rung::Hello, self.allowance(Rung::Hello), pin!(connect)).await;
        let took = started.elapsed();
        self.note_attempt(&hello);
        upgrade::close(&mut websocket).await;
        let session = match hello.and_then(|answer| hello::accept(answer, mask)) {
            Ok(session) => session,
            Err(fault) => return self.record(Rung::Hello, Outcome::Failed(fault), took, Vec::new()),
        };
        self.record(Rung::Hello, Outcome::Passed, took, hello::evidence(&session))?;
        self.scope_rung(session)
    }

    /// The authenticator, when there is one, it can create nothing, and the attempts last. Records why not.
    fn allowed_authenticator(&mut self, address: SocketAddr) -> Option<Arc<dyn Authenticate>> {
        if self.report.upto < Rung::Hello {
            return None;
        }
        let refused = match &self.prober.authenticator {
            None => Because::NoAuthenticator,
            Some(authenticator) if authenticator.device() == DeviceUse::Unknown => {
                Because::DeviceNotKnownPaired
            }
            Some(_) if !self.may_send_token(address) => {
                self.withhold(Rung::Hello, "the connect frame with the token", address);
                return None;
            }
            Some(_) if !self.prober.attempts.take(self.target) => Because::AttemptsSpent,
            Some(authenticator) => return Some(Arc::clone(authenticator)),
        };
        self.skip(Rung::Hello, refused);
        None
    }

    /// Only an answer that judged the credential is kept in the account of attempts.
    fn note_attempt(&self, hello: &Result<Answer, Fault>) {
        match hello {
            Ok(Answer::Refused(refusal)) if hello::counts_against_us(refusal.kind) => {
                self.prober.attempts.refused(self.target, hello::lock_of(refusal));
            }
            Ok(Answer::Accepted(_)) => self.prober.attempts.accepted(self.target),
            Ok(_) => self.prober.attempts.not_judged(self.target),
            // These may hide a refusal that was counted: the charge stays.
            Err(fault) if matches!(fault.code, Code::HelloTimeout | Code::ClosedPolicy) => {}
            Err(_) => self.prober.attempts.not_judged(self.target),
        }
    }

    fn scope_rung(&mut self, session: Session) -> Option<()> {
        let missing: Vec<&String> =
            self.prober.required_scopes.iter().filter(|scope| !session.scopes.contains(scope)).collect();
        let outcome = if self.prober.required_scopes.is_empty() {
            Outcome::Skipped { because: Because::NoScopesAsked }
        } else if missing.is_empty() {
            Outcome::Passed
        } else {
            let missing: Vec<&str> = missing.into_iter().map(String::as_str).collect();
            Outcome::Failed(Fault::new(Code::ScopeMissing, format!("not granted: {}", missing.join(", "))))
        };
        let facts = &mut self.report.facts;
        facts.version = session.version.or_else(|| facts.version.take());
        facts.boot_id = session.boot_id;
        facts.protocol = session.protocol;
        facts.scopes = Some(session.scopes);
        self.record(Rung::Scope, outcome, Duration::ZERO, Vec::new())
    }

    /// Runs one rung within its allowance and records it; the value, when the climb goes on. The work is pinned where it is
    /// made: a future handed down by value is held once by every function that it passes.
    async fn rung<T>(&mut self, rung: Rung, work: impl Future<Output = RungOutput<T>> + Unpin) -> Option<T> {
        if rung > self.report.upto {
            return None;
        }
        let started = Instant::now();
        let result = timed(rung, self.allowance(rung), work).await;
        let took = started.elapsed();
        match result {
            Ok((value, evidence)) => self.record(rung, Outcome::Passed, took, evidence).map(|()| value),
            Err(fault) => {
                self.record(rung, Outcome::Failed(fault), took, Vec::new());
                None
            }
        }
    }

    fn allowance(&self, rung: Rung) -> Allowance {
        self.budget.allowance(rung, self.started.elapsed())
    }

    fn skip(&mut self, rung: Rung, because: Because) {
        if rung <= self.report.upto {
            self.push(rung, Outcome::Skipped { because }, Duration::ZERO, Vec::new());
        }
    }

    /// Records a rung. `None` ends the climb: the rung failed in a way that stops, or was the last asked for.
    fn record(&mut self, rung: Rung, outcome: Outcome, took: Duration, evidence: Vec<String>) -> Option<()> {
        let goes_on = match &outcome {
            Outcome::Failed(fault) => !stops(rung, fault.code),
            _ => true,
        };
        if rung <= self.report.upto {
            self.push(rung, outcome, took, evidence);
        }
        (goes_on && rung < self.report.upto).then_some(())
    }

    fn push(&mut self, rung: Rung, outcome: Outcome, took: Duration, evidence: Vec<String>) {
        let took = (!matches!(outcome, Outcome::Skipped { .. })).then_some(took);
        let result = RungResult { rung, outcome, took, evidence };
        (self.observe)(&result);
        self.report.rungs.push(result);
    }

    /// The report, with every rung that was not reached.
    pub(crate) fn finish(mut self) -> ProbeReport {
        let reached = self.report.rungs.last().map_or(0, |last| last.rung as usize + 1);
        for rung in Rung::ALL.iter().copied().skip(reached) {
            self.skip(rung, Because::LowerRungFailed);
        }
        self.report.took = Some(self.started.elapsed());
        self.report
    }
}

/// Whether this never leaves the host: by the address that is dialled, whatever name led to it.
const fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// What came of one HTTP question.
struct Asked {
    answer: Result<HttpAnswer, Fault>,
    sent: SystemTime,
    took: Duration,
    with_token: bool,
}

/// The work, or the timeout fault of its rung.
async fn timed<T>(
    rung: Rung,
    allowance: Allowance,
    work: impl Future<Output = Result<T, Fault>> + Unpin,
) -> Result<T, Fault> {
    if allowance.time.is_zero() {
        return Err(classify::timeout(rung, allowance));
    }
    match tokio::time::timeout(allowance.time, work).await {
        Ok(result) => result,
        Err(_) => Err(classify::timeout(rung, allowance)),
    }
}

/// The stop rule: the first failure ends the climb, with one exception. A gateway that is started but "not ready" (one
/// failed channel account is enough) may serve sessions all the same, and only the rungs above can tell.
const fn stops(rung: Rung, code: Code) -> bool {
    !matches!((rung, code), (Rung::Readiness, Code::NotReady))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withheld_version_means_another_token() {
        let target: Target = "192.0.2.7".parse().expect("a target");
        let token = SecretString::from("canary-token");
        let prober = Prober::builder()
            .compare_token_over_http(token)
            .allow_plaintext_token()
            .build()
            .expect("a prober");
        let address = SocketAddr::from(([192, 0, 2, 7], 18789));
        for (body, equal) in [
            (r#"{"ok":true,"status":"started"}"#, false),
            (r#"{"ok":true,"status":"started","version":"2026.9.6","uptimeMs":1}"#, true),
        ] {
            let mut climb =
                Climb::start(&prober, &target, Rung::Startup, Budget::default(), |_: &RungResult| ());
            assert!(climb.bearer_for(Rung::Liveness, address).is_none(), "asked once only");
            assert!(climb.bearer_for(Rung::Startup, address).is_some());
            let answer = HttpAnswer {
                status: 200,
                content_type: Some("application/json".into()),
                body: body.into(),
                ..HttpAnswer::default()
            };
            let sent = SystemTime::now();
            climb.judge(
                Rung::Startup,
                Asked { answer: Ok(answer), sent, took: Duration::ZERO, with_token: true },
            );
            assert_eq!(climb.report.facts.token_equal, Some(equal));
            let codes: Vec<Code> = climb.report.findings().iter().map(|finding| finding.code).collect();
            assert_eq!(codes.contains(&Code::TokenUnequal), !equal);
        }
        let loopback = SocketAddr::from(([127, 0, 0, 1], 18789));
        let climb = Climb::start(&prober, &target, Rung::Startup, Budget::default(), |_: &RungResult| ());
        assert!(climb.bearer_for(Rung::Startup, loopback).is_none(), "a local answer proves nothing");
    }

    #[test]
    fn the_comparison_stops_when_the_attempts_are_spent() {
        let target: Target = "192.0.2.7".parse().expect("a target");
        let prober = Prober::builder()
            .compare_token_over_http(SecretString::from("canary-token"))
            .allow_plaintext_token()
            .build()
            .expect("a prober");
        let address = SocketAddr::from(([192, 0, 2, 7], 18789));
        let climb = Climb::start(&prober, &target, Rung::Startup, Budget::default(), |_: &RungResult| ());
        let sent = (0..10).filter(|_| climb.bearer_for(Rung::Startup, address).is_some()).count();
        assert_eq!(sent, 2);
    }

    #[test]
    fn a_token_leaves_the_host_over_tls_or_where_that_was_allowed() {
        let carries = |target: &str, address: &str, allowed: bool| {
            let builder = Prober::builder();
            let builder = if allowed { builder.allow_plaintext_token() } else { builder };
            let prober = builder.build().expect("a prober");
            let target: Target = target.parse().expect("a target");
            let address = SocketAddr::new(address.parse().expect("an address"), 1);
            Climb::start(&prober, &target, Rung::Hello, Budget::default(), |_: &RungResult| ())
                .may_send_token(address)
        };
        for address in ["127.0.0.1", "127.255.3.4", "::1", "::ffff:127.0.0.1"] {
            assert!(carries("ws://gateway", address, false), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.0.0.2",
            "172.17.0.1",
            "172.18.0.2",
            "192.168.65.254",
            "169.254.1.1",
            "100.64.0.1",
            "203.0.113.9",
            "::",
            "fd00::2",
            "fe80::1",
            "::ffff:172.18.0.2",
            "::127.0.0.1",
        ] {
            assert!(!carries("ws://localhost", address, false), "{address}");
            assert!(
                carries("ws://localhost", address, true) && carries("wss://gateway", address, false),
                "{address}"
            );
        }
    }
}
