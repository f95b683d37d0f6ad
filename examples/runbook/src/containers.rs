//! The running containers of a project, asked of the engine here and now instead of read from `captured/`.

#[cfg(unix)]
mod dial;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use openclaw_compose::docker::{
    Asked, DEVICE_LIST, Endpoint, Evidence, Limits, Settings, Wanted, Watch, look_watched,
};
use openclaw_compose::project::Resolution;

use crate::{errln, interrupt, output};

/// Whether there is an engine to ask.
#[must_use]
pub fn engine_is_here() -> bool {
    Settings::here().names_an_engine()
}

/// Whether the engine that is asked here is on this host, and what it publishes with it.
#[must_use]
pub fn engine_is_on_this_host() -> bool {
    matches!(Settings::here().endpoint(), Ok(Endpoint::Unix(_)))
}

/// Looks at the project's containers through the engine that `docker` would use here, and through `docker` itself where it is
/// reached by SSH or TLS. Whatever goes wrong is in the evidence. Standard error says what is waited for, where that is a terminal, and what is run in a container, before it is.
///
/// # Errors
/// When the system gives this process no means to wait for an answer.
pub fn evidence(resolution: &Resolution, wanted: &Wanted) -> io::Result<Evidence> {
    let waits = Waits::default();
    let evidence = interrupt::wait(async {
        let (settings, limits) = (Settings::here(), Limits::default());
        #[cfg(unix)]
        if let Some(dialled) = dial::Dialled::of(&settings)? {
            let (settings, limits) = (dialled.settings(settings), dial::Dialled::limits(limits));
            let mut evidence = look_watched(&settings, resolution, wanted, limits, &waits).await;
            dialled.name(&mut evidence);
            return Ok(evidence);
        }
        Ok::<_, io::Error>(look_watched(&settings, resolution, wanted, limits, &waits).await)
    });
    output::show_waits("");
    evidence?
}

/// What is waited for.
#[derive(Default)]
struct Waits {
    names: Mutex<Vec<String>>,
    said: AtomicBool,
}

impl Waits {
    fn change(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut names);
        let line = if names.is_empty() { String::new() } else { format!("waiting for {}", names.join(", ")) };
        output::show_waits(&line);
    }
}

impl Watch for Waits {
    fn begins(&self, what: &Asked<'_>) {
        if matches!(what, Asked::Devices(_)) && !self.said.swap(true, Ordering::Relaxed) {
            output::show_waits("");
            let command = DEVICE_LIST.join(" ");
            errln!(
                "runbook: runs `{command}` in each gateway's container, and Node in those of its clients to ask it whether it \
                 is ready; --no-exec leaves both out"
            );
        }
        self.change(|names| names.push(what.to_string()));
    }

    fn ends(&self, what: &Asked<'_>) {
        let ended = what.to_string();
        self.change(|names| names.retain(|name| *name != ended));
    }
}
