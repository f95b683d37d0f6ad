//! Looks at the running containers of a project, behind the feature `docker`: what [`openclaw`](crate::openclaw) otherwise
//! takes as recorded texts is read from the engine here and now.
//!
//! ```no_run
//! # async fn example(resolution: &openclaw_compose::project::Resolution) {
//! use openclaw_compose::docker::{Limits, Settings, Wanted, look};
//! use openclaw_compose::openclaw::{Stack, examine};
//!
//! let evidence = look(&Settings::here(), resolution, &Wanted::default(), Limits::default()).await;
//! let report = examine(&Stack::new(resolution).evidence(&evidence));
//! # }
//! ```
//!
//! It only asks: nothing is started, stopped or written, and nothing is run in a container but what [`Wanted`] names. Whatever
//! goes wrong is a finding of the [`Evidence`], and what could not be read stays unknown.

// | question | file |
// | --- | --- |
// | Which engine does `docker` talk to here? | `endpoint.rs`, `here.rs` |
// | How is it asked, and for how long? | `engine.rs` |
// | What is asked? | `evidence.rs` |
// | How are logs heard as they are written? | `follow.rs` |
// | What does an archive say about a file? | `tar.rs` |

mod endpoint;
mod engine;
mod evidence;
mod follow;
mod here;
mod tar;

pub use endpoint::{BadEndpoint, Endpoint, Settings};
pub use evidence::{Asked, DEVICE_LIST, Evidence, Wanted, Watch, look, look_watched};
pub use follow::{FollowError, follow};

use std::time::Duration;

/// How long and how much the engine may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "settings that a caller fills in one by one")]
pub struct Limits {
    /// For each answer.
    pub answer: Duration,
    /// For a command inside a container.
    pub command: Duration,
    /// For everything together; what was read until then counts.
    pub total: Duration,
    /// The largest answer that is read, in bytes.
    pub bytes: usize,
}

/// Five seconds an answer, twenty a command, thirty for all, 8 MiB.
impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(5),
            command: Duration::from_secs(20),
            total: Duration::from_secs(30),
            bytes: 8 << 20,
        }
    }
}
