//! The running containers of a project, asked of Docker here and now instead of read from `captured/`.

use std::io;

use openclaw_compose::docker::{Evidence, Limits, Settings, Wanted, look};
use openclaw_compose::project::Resolution;

/// Looks at the project's containers through the engine that `docker` would use here. Whatever goes wrong is in the
/// evidence.
///
/// # Errors
/// When the system gives this process no means to wait for an answer.
pub fn evidence(resolution: &Resolution, wanted: &Wanted) -> io::Result<Evidence> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    Ok(runtime.block_on(look(&Settings::here(), resolution, wanted, Limits::default())))
}
