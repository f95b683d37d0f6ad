//! The conversation as it stands in its file.

use super::OracleError;
use super::talk::Transcript;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::path::Path;

/// Everything that is said to both gateways.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// One gateway each.
    pub scenes: Vec<Scene>,
}

/// What is said to one gateway from its start to its end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Unique.
    pub name: String,
    /// `loopback` or `lan`.
    pub bind: String,
    /// The shared token.
    pub token: String,
    /// In order; each leaves its pairing state to the next.
    pub cases: Vec<Case>,
}

/// One exchange.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique within its scene.
    pub name: String,
    /// `inside` the gateway's network namespace, or `outside` it.
    #[serde(default = "inside")]
    pub at: String,
    /// How often to hold it; once unless said otherwise.
    #[serde(default = "once")]
    pub times: u32,
    /// In order.
    pub steps: Vec<Step>,
}

/// One thing said or awaited.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// A plain HTTP request.
    Http {
        /// `GET` unless said otherwise.
        #[serde(default = "get")]
        method: String,
        /// With its query.
        path: String,
        /// Added to `Host` and `Connection: close`.
        #[serde(default)]
        headers: Map<String, Value>,
    },
    /// Opens a WebSocket and reads the challenge. Other steps open one where none is open.
    Open {
        /// Headers of the upgrade.
        #[serde(default)]
        headers: Map<String, Value>,
        /// Which socket; the unnamed one unless said otherwise.
        #[serde(default)]
        on: String,
    },
    /// The first request.
    Connect {
        /// Put over the parameters of a CLI that asks for `operator.read`.
        #[serde(default)]
        over: Map<String, Value>,
        /// Signs with the key of this number.
        device: Option<u8>,
        /// Which text is signed: `v3` or `v2`.
        #[serde(default = "v3")]
        payload: String,
        /// Added to the challenge's time before it is signed.
        #[serde(default)]
        skew_ms: i64,
        /// Put in by JSON pointer after the signature.
        #[serde(default)]
        edit: Map<String, Value>,
        /// Keeps parts of the answer under a name, by JSON pointer.
        #[serde(default)]
        save: Map<String, Value>,
        /// Which socket.
        #[serde(default)]
        on: String,
    },
    /// A later request.
    Request {
        /// Its method.
        method: String,
        /// Its parameters; `$name` stands for a kept part.
        #[serde(default)]
        params: Value,
        /// Keeps parts of the answer under a name, by JSON pointer.
        #[serde(default)]
        save: Map<String, Value>,
        /// Which socket.
        #[serde(default)]
        on: String,
    },
    /// A frame as it stands.
    Text {
        /// The frame.
        text: String,
    },
    /// A frame of so many bytes.
    Bytes {
        /// How many.
        length: usize,
    },
    /// Waits for an event of this name.
    Event {
        /// The name.
        name: String,
        /// Which socket.
        #[serde(default)]
        on: String,
    },
    /// Waits for the close frame.
    Closed {
        /// Which socket.
        #[serde(default)]
        on: String,
    },
    /// Says goodbye.
    Close {
        /// Which socket.
        #[serde(default)]
        on: String,
    },
    /// Dials and says whether anything listens.
    Dial {},
    /// Changes the shared token of the running gateway.
    ChangeToken {
        /// The new one.
        token: String,
    },
    /// Tells the gateway to stop.
    Terminate {},
    /// Lets time pass.
    Pause {
        /// How long.
        ms: u64,
    },
}

impl Conversation {
    /// Reads the file.
    ///
    /// # Errors
    /// [`OracleError::Input`] when it cannot be read or understood.
    pub fn read(file: &Path) -> Result<Self, OracleError> {
        read(file)
    }
}

impl Transcript {
    /// Reads one that was kept.
    ///
    /// # Errors
    /// [`OracleError::Input`] when it cannot be read or understood.
    pub fn read(file: &Path) -> Result<Self, OracleError> {
        read(file)
    }
}

#[expect(clippy::disallowed_methods, reason = "the oracle is a tool that reads its own script")]
fn read<T: DeserializeOwned>(file: &Path) -> Result<T, OracleError> {
    let input = |problem: String| OracleError::Input { file: file.display().to_string(), problem };
    let text = std::fs::read_to_string(file).map_err(|error| input(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| input(error.to_string()))
}

fn inside() -> String {
    "inside".to_owned()
}

fn once() -> u32 {
    1
}

fn get() -> String {
    "GET".to_owned()
}

fn v3() -> String {
    "v3".to_owned()
}
