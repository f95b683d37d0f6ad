//! A program that is told to stop: its work is dropped, and with it what the work has started.
//!
//! The system would end the program on the spot, and leave its [children](crate::child) behind.

use std::process::ExitCode;

/// The program was told to stop before its work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted {
    signal: u8,
}

impl Interrupted {
    /// As a shell says it: 128 and the signal's number.
    #[must_use]
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(128 + self.signal)
    }
}

/// Does the work until it is done, or until this program gets SIGINT (Ctrl-C), SIGTERM or SIGHUP.
///
/// From the first call on these signals end nothing else in this program, so all that it does belongs under it.
///
/// # Errors
/// [`Interrupted`] if a signal came first.
#[cfg(unix)]
pub async fn heed<T>(work: impl Future<Output = T>) -> Result<T, Interrupted> {
    use tokio::signal::unix::{SignalKind, signal};
    const SIGNALS: [(SignalKind, u8); 3] =
        [(SignalKind::hangup(), 1), (SignalKind::interrupt(), 2), (SignalKind::terminate(), 15)];
    let listen = |(kind, number)| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
                Interrupted { signal: number }
            }
            // A signal that cannot be listened for ends the program as it always did.
            Err(_) => std::future::pending().await,
        }
    };
    let [hangup, interrupt, terminate] = SIGNALS.map(listen);
    tokio::select! {
        biased;
        stopped = hangup => Err(stopped),
        stopped = interrupt => Err(stopped),
        stopped = terminate => Err(stopped),
        done = work => Ok(done),
    }
}

/// Does the work until it is done.
///
/// # Errors
/// Never: the system has no signals.
#[cfg(not(unix))]
pub async fn heed<T>(work: impl Future<Output = T>) -> Result<T, Interrupted> {
    Ok(work.await)
}

/// Does a program's work, and ends with its exit code or with that of the signal that came first. Nobody is waited for then:
/// a person may still be asked something.
///
/// # Errors
/// When the system gives this process no means to wait.
pub fn run(work: impl Future<Output = ExitCode>) -> std::io::Result<ExitCode> {
    Ok(wait(heed(work))?.unwrap_or_else(Interrupted::exit_code))
}

/// Does work for a caller without a runtime, and waits here for its end.
///
/// # Errors
/// When the system gives this process no means to wait.
///
/// # Panics
/// On a runtime, where one waits with `.await`.
pub fn wait<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // A name lookup that its deadline gave up still holds a thread, for as long as the resolver likes.
    runtime.shutdown_background();
    Ok(done)
}
