//! Holds the embedded gateway to the real one: the same conversation with both, compared frame by frame.
//!
//! The conversation is data (`examples/oracle/conversation.json`). What one gateway says is masked, so that only what must
//! be equal is compared: ids, times and tokens become numbered placeholders, and the same placeholder must come back wherever the
//! same value does. Every difference must have its row in `examples/oracle/differences.md`, and every row its difference.
#![allow(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "nobody depends on it")]

mod compare;
mod conversation;
mod ladder;
mod mask;
mod peer;
mod real;
mod record;
mod talk;

pub use compare::{Difference, Differences, Explanation, compare, explanations};
pub use conversation::{Case, Conversation, Scene};
pub use real::{Real, Site};
pub use record::{Recording, record_embedded, record_real};
pub use talk::{Record, Transcript};

use openclaw_embedded_gateway::{Bind, Gateway, Limits};
use peer::Address;
use std::path::Path;
use std::time::Duration;

/// Why the oracle could not be asked. A difference is not among these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OracleError {
    /// A file of the project is missing or not what it should be.
    #[error("{file}: {problem}")]
    Input {
        /// Which file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The real gateway did not come up.
    #[error("the real gateway {problem}\n{log}")]
    Real {
        /// What happened.
        problem: String,
        /// The last lines it printed.
        log: String,
    },
    /// A gateway broke off where the conversation goes on.
    #[error("case `{case}`: {problem}")]
    Conversation {
        /// The case.
        case: String,
        /// What did not happen.
        problem: String,
    },
    /// The operating system refused something.
    #[error("{action}")]
    System {
        /// What was attempted.
        action: String,
        /// What it answered.
        source: std::io::Error,
    },
}

/// A gateway under test, real or embedded, as the conversation sees it.
pub(crate) enum Subject {
    /// In this process.
    Embedded(Gateway),
    /// Node, in its own network namespace.
    Real(Box<Real>),
}

/// Holds the whole conversation with the embedded gateway.
///
/// # Errors
/// [`OracleError::Conversation`] when the gateway breaks off.
pub async fn ask_embedded(conversation: &Conversation) -> Result<Transcript, OracleError> {
    let mut transcript = Transcript::default();
    for scene in &conversation.scenes {
        let bind = if scene.bind == "loopback" { Bind::Loopback } else { Bind::Lan };
        // Delays are not compared, and the embedded one's port is not the one that its seeded origins would name.
        let limits = Limits { loopback_delay: Duration::ZERO, ..Limits::default() };
        let origins = ["http://localhost:18789", "http://127.0.0.1:18789"].map(str::to_owned).to_vec();
        let builder = Gateway::builder().token(scene.token.clone().into()).bind(bind).limits(limits);
        let started = builder.allowed_origins(origins).start().await;
        let gateway = started.map_err(|error| OracleError::Conversation {
            case: scene.name.clone(),
            problem: error.to_string(),
        })?;
        talk::hold(scene, Subject::Embedded(gateway), &mut transcript).await?;
    }
    Ok(transcript)
}

/// Holds the whole conversation with the real gateway, started anew for every scene.
///
/// # Errors
/// [`OracleError::Real`] when it does not come up, [`OracleError::Conversation`] when it breaks off.
pub async fn ask_real(conversation: &Conversation, site: &Site) -> Result<Transcript, OracleError> {
    let mut transcript = Transcript::default();
    for scene in &conversation.scenes {
        let real = Real::start(site, scene).await?;
        talk::hold(scene, Subject::Real(Box::new(real)), &mut transcript).await?;
    }
    Ok(transcript)
}

/// Copies bytes between a socket file and an address, so that a process outside a network namespace can reach its loopback.
///
/// # Errors
/// [`OracleError::System`] when the socket cannot be opened.
pub async fn relay(socket: &Path, to: std::net::SocketAddr) -> Result<(), OracleError> {
    let failed = |action: &str| {
        let action = action.to_owned();
        move |source| OracleError::System { action, source }
    };
    let listener = tokio::net::UnixListener::bind(socket).map_err(failed("open the relay's socket"))?;
    loop {
        let (mut near, _) = listener.accept().await.map_err(failed("accept at the relay's socket"))?;
        tokio::spawn(async move {
            if let Ok(mut far) = tokio::net::TcpStream::connect(to).await {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}

impl Subject {
    fn address(&self, at: &str) -> Address {
        match (self, at) {
            (Self::Embedded(gateway), "inside") => Address::Tcp(gateway.addr()),
            (Self::Embedded(gateway), _) => Address::Tcp(gateway.container_addr()),
            (Self::Real(real), "inside") => Address::Unix(real.inside()),
            (Self::Real(real), _) => Address::Tcp(real.outside()),
        }
    }

    async fn change_token(&mut self, token: &str) -> Result<(), OracleError> {
        match self {
            Self::Embedded(gateway) => gateway.change_token(token.to_owned().into()),
            Self::Real(real) => {
                real.write_config(token)?;
                // The watcher of the configuration waits for writes to settle, and some releases start anew for it.
                tokio::time::sleep(Duration::from_secs(4)).await;
                real.ready().await?;
            }
        }
        Ok(())
    }

    fn terminate(&mut self) -> Result<(), OracleError> {
        match self {
            Self::Embedded(gateway) => gateway.drain(),
            Self::Real(real) => real.terminate()?,
        }
        Ok(())
    }
}
