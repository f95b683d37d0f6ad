//! The machine in the middle, the socket on one side, the clock on the other.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_util::{Sink as _, Stream as _};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tracing::{debug, trace};

use super::dial::{Dial, DialFault, Socket, dial};
use super::mask::Mask;
use super::session::{Session, SessionEnd, close_cause};
use super::{Client, Stopped};
use crate::input::{BootTag, Cause, Decision, Grant, Input, Refused, RequestTag, Timer};
use crate::machine::Pairing;
use crate::output::{CredentialKind, Output};
use crate::phase::Phase;
use crate::refusal::Refusal;
use crate::wire::{Challenge, Hello, Incoming, Limits, Proof, Response, connect_frame};

/// The id of the connect request. One is enough: a connection has one connect.
const CONNECT_ID: &str = "connect";

/// A connection in the making. Call [`Connecting::next`] until it ends.
pub struct Connecting {
    client: Client,
    pairing: Pairing,
    link: Link,
    timer: Option<(Timer, Pin<Box<Sleep>>)>,
    challenge: Option<Challenge>,
    proof: Option<Proof>,
    hello: Option<Hello>,
    refusal: Option<Refusal>,
    transport: Option<String>,
    reached: Phase,
    ready: VecDeque<Progress>,
    /// Frames since the connection was opened.
    frames: u32,
}

/// The most frames that a peer may send before its hello. A gateway sends two, and a few events that are nobody's yet.
const MOST_FRAMES: u32 = 256;
/// The most bytes of what was seen of the transport.
const LONGEST_WORDS: usize = 512;

enum Link {
    None,
    Dialing(Dial),
    Open(Box<Socket>),
}

/// One step of a connection in the making.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress {
    /// Another phase.
    Phase(Phase),
    /// A person must decide on this request. It comes again if the gateway replaces the request.
    Pending(Box<Refusal>),
    /// A session. The connecting is over.
    Session(Box<Session>),
    /// A final phase. The connecting is over.
    Stopped(Stopped),
}

enum Seen {
    Dialed(Box<Result<Socket, DialFault>>),
    Frame(Option<Result<Message, WsError>>),
    Timer(Timer),
}

impl Session {
    /// Connects again after the session ended, with the same budgets and the newest device token.
    pub fn resume(self, end: SessionEnd) -> Connecting {
        let settled = self.since.elapsed() >= self.client.policy.settle;
        Connecting::resume(self.client, self.pairing, settled, end.cause)
    }
}

impl Connecting {
    pub(super) fn start(client: Client, pairing: Pairing) -> Self {
        let mut connecting = Self {
            client,
            pairing,
            link: Link::None,
            timer: None,
            challenge: None,
            proof: None,
            hello: None,
            refusal: None,
            transport: None,
            reached: Phase::Idle,
            ready: VecDeque::new(),
            frames: 0,
        };
        connecting.feed(Input::Start);
        connecting
    }

    /// Takes up again after a session ended: the machine keeps its budgets, the client its new device token.
    pub(super) fn resume(client: Client, pairing: Pairing, settled: bool, cause: Cause) -> Self {
        let mut connecting = Self::start(client, pairing);
        if settled {
            connecting.feed(Input::TimerFired(Timer::Settle));
        }
        connecting.feed(Input::TransportDown(cause));
        connecting
    }

    /// The next step. After [`Progress::Session`] or [`Progress::Stopped`] the last phase is repeated.
    ///
    /// # Cancel safety
    /// Cancel safe: what was under way goes on with the next call.
    pub async fn next(&mut self) -> Progress {
        loop {
            if let Some(progress) = self.ready.pop_front() {
                return progress;
            }
            if self.pairing.phase().is_terminal() || self.pairing.phase().is_session() {
                return Progress::Phase(self.pairing.phase());
            }
            let seen = std::future::poll_fn(|context| self.poll(context)).await;
            self.take(seen);
        }
    }

    /// Tells of a decision that was seen elsewhere, such as on an operator's session. A rejection ends the waiting.
    pub fn decided(&mut self, request_id: &str, decision: Decision) {
        self.feed(Input::Decided(RequestTag::of(request_id), decision));
    }

    /// Gives up.
    pub fn abort(&mut self) {
        self.feed(Input::Abort);
    }

    /// Where the device stands.
    pub fn phase(&self) -> Phase {
        self.pairing.phase()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Seen> {
        if let Some((timer, sleep)) = &mut self.timer
            && sleep.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Seen::Timer(*timer));
        }
        match &mut self.link {
            Link::None => Poll::Pending,
            Link::Dialing(dial) => dial.as_mut().poll(context).map(|dialed| Seen::Dialed(Box::new(dialed))),
            Link::Open(socket) => {
                // What was sent must leave; an error here shows again on reading.
                let _ = pin!(&mut **socket).poll_flush(context);
                pin!(&mut **socket).poll_next(context).map(Seen::Frame)
            }
        }
    }

    fn take(&mut self, seen: Seen) {
        match seen {
            Seen::Timer(timer) => {
                self.timer = None;
                self.saw(&format!("the {timer:?} timer ran out in phase {}", self.phase()).to_lowercase());
                self.feed(Input::TimerFired(timer));
            }
            Seen::Dialed(dialed) => match *dialed {
                Ok(socket) => {
                    self.link = Link::Open(Box::new(socket));
                    self.feed(Input::TransportUp);
                }
                Err(fault) => {
                    self.link = Link::None;
                    self.saw(&fault.text);
                    self.refusal = fault.refusal.or(self.refusal.take());
                    self.feed(fault.input);
                }
            },
            Seen::Frame(Some(Ok(_))) if self.frames == MOST_FRAMES => {
                self.violated(format!("more than {MOST_FRAMES} frames before hello"));
            }
            Seen::Frame(Some(Ok(message))) => {
                self.frames += 1;
                self.message(&message);
            }
            // An end without a close frame, even in the middle of a frame, is a peer that died and not one that lies.
            Seen::Frame(Some(Err(WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)))) => {
                self.down(Cause::Lost, "the connection ended without a close frame".to_owned());
            }
            Seen::Frame(Some(Err(WsError::Capacity(_) | WsError::Utf8(_) | WsError::Protocol(_)))) => {
                self.violated("a frame that breaks the WebSocket protocol or its size limit".to_owned());
            }
            Seen::Frame(Some(Err(error))) => self.down(Cause::Lost, format!("the connection broke: {error}")),
            Seen::Frame(None) => {
                self.down(Cause::Lost, "the connection ended without a close frame".to_owned());
            }
        }
    }

    fn message(&mut self, message: &Message) {
        match message {
            Message::Text(text) => self.frame(text),
            Message::Close(frame) => self.closed(frame.as_ref()),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            Message::Binary(_) => {
                self.violated("a binary frame, where the protocol has only text".to_owned());
            }
        }
    }

    fn frame(&mut self, text: &str) {
        let limits = if self.phase() == Phase::Greeting { Limits::CHALLENGE } else { Limits::SESSION };
        let mask = self.mask(None);
        match Incoming::read(text, &limits, &|text, most| mask.shown(text, most)) {
            Ok(Incoming::Challenge(challenge)) if self.challenge.is_none() => {
                self.challenge = Some(challenge);
                self.feed(Input::Challenged);
            }
            Ok(Incoming::Response(Response { id, result })) if id == CONNECT_ID => self.answered(result),
            // Events, a second challenge, an answer to nobody: not ours to judge before hello.
            Ok(_) => trace!("ignored a frame"),
            Err(error) => self.violated(error.to_string()),
        }
    }

    fn answered(&mut self, result: Result<serde_json::Value, Refusal>) {
        let read = |payload: serde_json::Value| {
            let given = payload.pointer("/auth/deviceToken").and_then(serde_json::Value::as_str);
            let mask = self.mask(given.map(SecretString::from).as_ref());
            Hello::read(payload, &|text, most| mask.shown(text, most))
        };
        match result.map(read) {
            Ok(Ok(hello)) => {
                let grant =
                    Grant::new(hello.scopes, BootTag::of(&hello.boot_id), hello.device_token.is_some());
                self.hello = Some(hello);
                self.feed(Input::Hello(grant));
            }
            Ok(Err(error)) => self.violated(error.to_string()),
            Err(refusal) => {
                let refused = Refused::from(&refusal);
                debug!(code = refusal.code.name(), request = refusal.request_id, "refused");
                self.refusal = Some(refusal);
                self.feed(Input::Refused(refused));
            }
        }
    }

    fn closed(&mut self, frame: Option<&CloseFrame>) {
        let (cause, text) = close_cause(frame);
        self.down(cause, text);
    }

    /// The secrets of this connection in the making.
    fn mask(&self, given: Option<&SecretString>) -> Mask {
        let signature = self.proof.as_ref().map(|proof| SecretString::from(proof.signature.as_str()));
        self.client.mask(given.into_iter().chain(&signature))
    }

    /// Keeps what was seen of the transport.
    fn saw(&mut self, text: &str) {
        self.transport = Some(self.mask(None).shown(text, LONGEST_WORDS));
    }

    fn violated(&mut self, text: String) {
        self.saw(&text);
        self.feed(Input::Violated);
    }

    fn down(&mut self, cause: Cause, text: String) {
        self.link = Link::None;
        self.saw(&text);
        self.feed(Input::TransportDown(cause));
    }

    /// Feeds the machine and carries out what it says. A signer answers at once, so this may go round twice.
    fn feed(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            for output in &self.pairing.handle(input) {
                if let Some(answer) = self.carry_out(*output) {
                    next = Some(answer);
                }
            }
        }
    }

    fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Open => {
                self.challenge = None;
                self.proof = None;
                self.frames = 0;
                let only_here = self.client.keeps_tokens_here();
                self.link = Link::Dialing(dial(self.client.target.clone(), self.client.address, only_here));
            }
            Output::Close => self.link = Link::None,
            Output::Sign(kind) => return Some(self.sign(kind)),
            Output::SendConnect(kind) => self.send_connect(kind),
            Output::Arm(timer, after) => {
                self.timer = Some((timer, Box::pin(sleep_until(Instant::now() + after))));
            }
            Output::Disarm(_) => self.timer = None,
            Output::StoreDeviceToken => {
                let given = self.hello.as_ref().and_then(|hello| hello.device_token.clone());
                self.client.replace_device_token(given);
            }
            Output::ForgetDeviceToken => self.client.replace_device_token(None),
            Output::Report(phase) => self.report(phase),
        }
        None
    }

    fn sign(&mut self, kind: CredentialKind) -> Input {
        let (Some(signer), Some(challenge)) = (&self.client.signer, &self.challenge) else {
            return Input::SignFailed;
        };
        let params = self.client.params();
        let secret = self.client.secret(kind);
        match Proof::sign_as(self.client.form, signer.as_ref(), &params, secret, challenge) {
            Ok(proof) => {
                self.proof = Some(proof);
                Input::Signed
            }
            Err(error) => {
                self.saw(&error.to_string());
                Input::SignFailed
            }
        }
    }

    fn send_connect(&mut self, kind: CredentialKind) {
        let frame = connect_frame(
            CONNECT_ID,
            &self.client.params(),
            kind,
            self.client.secret(kind),
            self.proof.as_ref(),
        );
        if let Link::Open(socket) = &mut self.link {
            // It goes into the write buffer and leaves with the next poll; a broken socket shows on reading.
            let _ = pin!(&mut **socket).start_send(Message::text(frame.expose_secret()));
        }
    }

    fn report(&mut self, phase: Phase) {
        debug!(%phase, "pairing");
        match phase {
            Phase::Connected | Phase::Limited => {
                if let (Link::Open(socket), Some(hello)) =
                    (std::mem::replace(&mut self.link, Link::None), self.hello.take())
                {
                    self.timer = None;
                    let session = Session::new(*socket, hello, self.client.clone(), self.pairing);
                    self.ready.push_back(Progress::Session(Box::new(session)));
                }
            }
            phase if phase.is_terminal() => {
                let stopped = Stopped {
                    phase,
                    refusal: self.refusal.clone(),
                    transport: self.transport.clone(),
                    reached: self.reached,
                };
                self.ready.push_back(Progress::Stopped(stopped));
            }
            Phase::AwaitingApproval => {
                self.ready.push_back(Progress::Phase(phase));
                if let Some(refusal) = &self.refusal {
                    self.ready.push_back(Progress::Pending(Box::new(refusal.clone())));
                }
            }
            _ => self.ready.push_back(Progress::Phase(phase)),
        }
        if phase.has_socket() {
            self.reached = phase.max(self.reached);
        }
    }
}

impl std::fmt::Debug for Connecting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connecting")
            .field("client", &self.client)
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}
