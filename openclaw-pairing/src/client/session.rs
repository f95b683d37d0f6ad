//! An open session: requests by id, devices by device id.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::Client;
use super::dial::Socket;
use super::mask::Mask;
use crate::devices::{DeviceList, PairedDevice};
use crate::input::Cause;
use crate::machine::Pairing;
use crate::refusal::{Refusal, RefusalCode};
use crate::scope::ScopeSet;
use crate::wire::{Hello, Incoming, Limits, Response, WireError, request_frame};

/// A session with a gateway.
pub struct Session {
    socket: Socket,
    hello: Hello,
    pub(super) client: Client,
    pub(super) pairing: Pairing,
    pub(super) since: Instant,
    next_id: u64,
    deadline: Duration,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEnd {
    /// What it means for the next connection.
    pub cause: Cause,
}

/// A request was not answered as hoped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The gateway refused it.
    #[error("{method}: refused with {}: {}", .refusal.code.name(), .refusal.message)]
    Refused {
        /// The method.
        method: String,
        /// Why.
        refusal: Box<Refusal>,
    },
    /// The session ended first.
    #[error("{method}: {text}")]
    Closed {
        /// The method.
        method: String,
        /// What was seen.
        text: String,
        /// What it means for the next connection.
        cause: Cause,
    },
    /// No answer in time.
    #[error("{method}: no answer within {after:?}")]
    Timeout {
        /// The method.
        method: String,
        /// How long was waited.
        after: Duration,
    },
    /// The answer is not what the protocol allows.
    #[error("{method}: unreadable answer")]
    Wire {
        /// The method.
        method: String,
        /// Why.
        #[source]
        source: WireError,
    },
}

/// A decision by device id could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// The device has no request now.
    #[error("device {device_id} has no pending request: it must connect once more before it can be approved")]
    NoRequest {
        /// The device.
        device_id: String,
    },
    /// The request is for more than was agreed.
    #[error("device {device_id} also asks for {excess}, which was not agreed; nothing was approved")]
    AsksForMore {
        /// The device.
        device_id: String,
        /// The scopes beyond the agreed ones.
        excess: ScopeSet,
    },
    /// The request was replaced again and again while deciding.
    #[error(
        "device {device_id} replaced its request {times} times while it was being decided: stop its retries first"
    )]
    Churning {
        /// The device.
        device_id: String,
        /// How often.
        times: u32,
    },
    /// A request to the gateway failed.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// How often a decision follows a request that is replaced while deciding.
const FOLLOW: u32 = 3;

impl Session {
    pub(super) fn new(socket: Socket, hello: Hello, client: Client, pairing: Pairing) -> Self {
        Self {
            socket,
            hello,
            client,
            pairing,
            since: Instant::now(),
            next_id: 0,
            deadline: Duration::from_secs(10),
        }
    }

    /// What the gateway said hello with.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The scopes that were asked for and not granted.
    pub fn missing_scopes(&self) -> ScopeSet {
        self.pairing.missing_scopes()
    }

    /// The device token to keep for the next connection.
    pub fn device_token(&self) -> Option<&SecretString> {
        self.hello.device_token.as_ref()
    }

    /// How long a request may take; 10 s unless set.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    fn mask(&self) -> Mask {
        self.client.mask(&self.hello.device_token)
    }

    /// Sends a request and waits for its own answer, in which this client's own tokens are masked. Events and answers to requests that were given up are skipped.
    ///
    /// # Cancel safety
    /// Cancel safe for the session: a late answer is skipped. Whether the gateway carried the request out is then unknown.
    ///
    /// # Errors
    /// [`RequestError`] if the gateway refuses, closes, stays silent or answers nonsense.
    pub async fn request(&mut self, method: &str, params: &Value) -> Result<Value, RequestError> {
        let answer = self.ask(method, params).await?;
        Ok(self.mask().answer(answer))
    }

    /// As [`Session::request`], with the answer as the gateway gave it: it may hold a new token.
    async fn ask(&mut self, method: &str, params: &Value) -> Result<Value, RequestError> {
        let mask = self.mask();
        self.next_id += 1;
        let id = format!("r{}", self.next_id);
        let until = Instant::now() + self.deadline;
        let exchange = async {
            let frame = Message::text(request_frame(&id, method, params));
            self.socket
                .send(frame)
                .await
                .map_err(|error| closed(method, Cause::Lost, error.to_string(), &mask))?;
            loop {
                let text = match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Close(frame))) => {
                        let (cause, text) = close_cause(frame.as_ref());
                        return Err(closed(method, cause, text, &mask));
                    }
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return Err(closed(method, Cause::Lost, error.to_string(), &mask)),
                    None => {
                        let text = "ended without a close frame".to_owned();
                        return Err(closed(method, Cause::Lost, text, &mask));
                    }
                };
                match Incoming::read(&text, &Limits::SESSION, &|text, most| mask.shown(text, most)) {
                    Ok(Incoming::Response(Response { id: answered, result })) if answered == id => {
                        return result.map_err(|refusal| RequestError::Refused {
                            method: method.to_owned(),
                            refusal: Box::new(refusal),
                        });
                    }
                    Ok(_) => {}
                    Err(source) => return Err(RequestError::Wire { method: method.to_owned(), source }),
                }
            }
        };
        match timeout_at(until, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(RequestError::Timeout { method: method.to_owned(), after: self.deadline }),
        }
    }

    /// Pending requests and paired devices. Needs `operator.pairing`.
    ///
    /// # Errors
    /// As [`Session::request`].
    pub async fn devices(&mut self) -> Result<DeviceList, RequestError> {
        let payload = self.request("device.pair.list", &json!({})).await?;
        read("device.pair.list", payload)
    }

    /// Lists again, finds this device's request and approves that one, if it asks for no more than `at_most`. A
    /// remembered request id is never used: it is replaced whenever the device asks for something else.
    ///
    /// # Cancel safety
    /// After a cancel, list again: the approval may or may not have happened.
    ///
    /// # Errors
    /// [`DecideError`] if there is no request, it asks for more, or the gateway refuses.
    pub async fn approve(&mut self, device_id: &str, at_most: ScopeSet) -> Result<PairedDevice, DecideError> {
        for _ in 0..FOLLOW {
            let list = self.devices().await?;
            let Some(request) = list.pending_for(device_id) else {
                return Err(DecideError::NoRequest { device_id: device_id.to_owned() });
            };
            let excess = request.scopes.missing_from(at_most);
            if !excess.is_empty() {
                return Err(DecideError::AsksForMore { device_id: device_id.to_owned(), excess });
            }
            match self.request("device.pair.approve", &json!({ "requestId": request.request_id })).await {
                Ok(mut payload) => {
                    let device = payload.get_mut("device").map(Value::take).unwrap_or_default();
                    return Ok(read("device.pair.approve", device)?);
                }
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(DecideError::Churning { device_id: device_id.to_owned(), times: FOLLOW })
    }

    /// Lists again, finds this device's request and rejects that one.
    ///
    /// # Errors
    /// [`DecideError`] if there is no request or the gateway refuses.
    pub async fn reject(&mut self, device_id: &str) -> Result<(), DecideError> {
        for _ in 0..FOLLOW {
            let list = self.devices().await?;
            let Some(request) = list.pending_for(device_id) else {
                return Err(DecideError::NoRequest { device_id: device_id.to_owned() });
            };
            match self.request("device.pair.reject", &json!({ "requestId": request.request_id })).await {
                Ok(_) => return Ok(()),
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(DecideError::Churning { device_id: device_id.to_owned(), times: FOLLOW })
    }

    /// Removes a paired device; its sessions close with 4001. Needs `operator.admin` for another device than one's own.
    ///
    /// # Errors
    /// As [`Session::request`].
    pub async fn remove(&mut self, device_id: &str) -> Result<(), RequestError> {
        self.request("device.pair.remove", &json!({ "deviceId": device_id })).await.map(drop)
    }

    /// Issues a new token for a device's role; the old one stops working. Returns the new token if this session is the
    /// device's own, `None` if the gateway withholds it.
    ///
    /// # Errors
    /// As [`Session::request`].
    pub async fn rotate(
        &mut self,
        device_id: &str,
        role: &str,
    ) -> Result<Option<SecretString>, RequestError> {
        let mut payload =
            self.ask("device.token.rotate", &json!({ "deviceId": device_id, "role": role })).await?;
        match payload.get_mut("token").map(Value::take) {
            Some(Value::String(token)) => {
                let token = SecretString::from(token);
                self.client.replace_device_token(Some(token.clone()));
                Ok(Some(token))
            }
            _ => Ok(None),
        }
    }

    /// Revokes the token of a device's role. The device then asks for a role upgrade until it is approved again.
    ///
    /// # Errors
    /// As [`Session::request`].
    pub async fn revoke(&mut self, device_id: &str, role: &str) -> Result<(), RequestError> {
        self.request("device.token.revoke", &json!({ "deviceId": device_id, "role": role })).await.map(drop)
    }

    /// Waits until the session ends. A gateway that is silent for two of its own ticks is gone ([`Cause::Lost`]): behind a
    /// dead network no close frame ever arrives. OpenClaw's own client does the same.
    ///
    /// # Cancel safety
    /// Cancel safe; the silence is then measured anew.
    pub async fn ended(&mut self) -> SessionEnd {
        let silence = Duration::from_millis(self.hello.tick_interval_ms.saturating_mul(2));
        loop {
            let cause = match timeout(silence, self.socket.next()).await {
                Ok(Some(Ok(Message::Close(frame)))) => close_cause(frame.as_ref()).0,
                Ok(Some(Ok(_))) => continue,
                Ok(Some(Err(_)) | None) | Err(_) => Cause::Lost,
            };
            return SessionEnd { cause };
        }
    }

    /// Says goodbye. Dropping the session does the same without the word.
    pub async fn close(mut self) {
        // The peer may be gone already; then there is nobody to tell.
        let _ = self.socket.close(None).await;
    }
}

/// What a close frame means to the machine, and in words.
pub(super) fn close_cause(frame: Option<&CloseFrame>) -> (Cause, String) {
    let Some(frame) = frame else {
        return (Cause::Lost, "the gateway closed without a code".to_owned());
    };
    let code = u16::from(frame.code);
    (
        Cause::of_close(code, &frame.reason),
        format!("the gateway closed with {code} {}", frame.reason).trim_end().to_owned(),
    )
}

fn closed(method: &str, cause: Cause, text: String, mask: &Mask) -> RequestError {
    RequestError::Closed { method: method.to_owned(), text: mask.shown(&text, 512), cause }
}

fn read<T: serde::de::DeserializeOwned>(method: &str, payload: Value) -> Result<T, RequestError> {
    serde_json::from_value(payload).map_err(|_| RequestError::Wire {
        method: method.to_owned(),
        source: WireError::Shape { expected: "devices as this protocol lists them" },
    })
}

/// True if the request was decided, expired or replaced since it was listed.
fn is_gone(error: &RequestError) -> bool {
    matches!(error, RequestError::Refused { refusal, .. }
        if refusal.code == RefusalCode::InvalidRequest && refusal.message.contains("unknown requestId"))
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("hello", &self.hello)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
