//! The children of every program: each leads a process group of its own, is heard within bounds, and is gone, with
//! whatever it started, when it is done with.
//!
//! Nothing but this module starts a process, so that no program forgets a deadline, a bound or a grandchild. A child does
//! not get the terminal's Ctrl-C, for it is in another group: a program that starts one does its work under
//! [`interrupt`](crate::interrupt).

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, copy_bidirectional, join};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::output;

/// The most that is read of each stream of a child, in bytes.
pub const MOST: usize = 16 * 1024 * 1024;

/// How long a child may take to end once it was told to.
const GRACE: Duration = Duration::from_secs(1);

/// A command that starts a child as every child is started: a group of its own, and nothing to read.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the programs start their children")]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let program = program.as_ref();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let found = beside_path(program, &path, home.as_deref(), |file| file.is_file());
    let mut command = Command::new(found.as_deref().map_or(program, Path::as_os_str));
    command.stdin(Stdio::null()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// Where Docker Desktop, Homebrew (and with it Colima), podman, OrbStack, Docker Desktop for one user and Rancher Desktop put
/// their programs: ssh, cron and launchd start a program with a PATH that has none of them.
const PLACES: [&str; 6] =
    ["/usr/local/bin", "/opt/homebrew/bin", "/opt/podman/bin", ".orbstack/bin", ".docker/bin", ".rd/bin"];

/// A program that PATH does not lead to, where it lies in one of [`PLACES`].
fn beside_path(
    program: &OsStr,
    path: &OsStr,
    home: Option<&Path>,
    is_there: impl Fn(&Path) -> bool,
) -> Option<PathBuf> {
    if Path::new(program).components().count() != 1
        || std::env::split_paths(path).any(|directory| is_there(&directory.join(program)))
    {
        return None;
    }
    // Only a home makes the last one absolute.
    let mut places = PLACES.iter().map(|place| home.unwrap_or(Path::new("/")).join(place).join(program));
    places.find(|file| is_there(file))
}

/// Whether there is such a program to start, as [`command`] finds it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "where a child's program is looked for")]
pub fn is_here(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let is_file = |file: &Path| file.is_file();
    std::env::split_paths(&path).any(|directory| is_file(&directory.join(program)))
        || beside_path(program.as_ref(), &path, home.as_deref(), is_file).is_some()
}

/// Runs a child, and passes on what it and somebody else say to each other, until both have hung up.
///
/// # Cancel safety
/// A dropped future ends the child and its group.
///
/// # Errors
/// If the child cannot be started, or the way to one of them breaks.
pub async fn pass_on(command: &mut Command, mut peer: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut running = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    let passed = match (running.child.stdout.take(), running.child.stdin.take()) {
        (Some(stdout), Some(stdin)) => copy_bidirectional(&mut join(stdout, stdin), &mut peer).await,
        _ => Ok((0, 0)),
    };
    running.end().await;
    passed.map(drop)
}

/// What a child said, and how it ended.
#[derive(Clone, Debug)]
pub struct Heard {
    /// How it ended.
    pub ended: Ended,
    /// Its standard output, at most [`MOST`] bytes.
    pub stdout: Vec<u8>,
    /// Its standard error, at most [`MOST`] bytes.
    pub stderr: Vec<u8>,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// It was ended, for it took longer than this.
    Late(Duration),
    /// It was ended, for it wrote more than [`MOST`] bytes to this stream. What is more is cut off.
    TooMuch(&'static str),
}

/// What comes after the program's name in a sentence.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "ended with {status}"),
            Self::Late(after) => write!(f, "did not end within {} s, so it was ended", after.as_secs_f64()),
            Self::TooMuch(stream) => {
                write!(f, "wrote more than {} MiB to its {stream}, so it was ended", MOST >> 20)
            }
        }
    }
}

/// Runs a child to its end, which comes at the deadline at the latest, and hears both of its streams. Whatever the child
/// started and left in its group ends with it. What looks secret in its words is not shown from then on.
///
/// # Cancel safety
/// A dropped future ends the child and its group.
///
/// # Errors
/// If the child cannot be started or waited for.
pub async fn hear(command: &mut Command, deadline: Duration) -> io::Result<Heard> {
    let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (out, err) = (running.child.stdout.take(), running.child.stderr.take());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let ended = {
        let talk = async {
            tokio::try_join!(
                read(out, "standard output", &mut stdout),
                read(err, "standard error", &mut stderr)
            )
        };
        let (mut talk, mut late) = (pin!(talk), pin!(sleep(deadline)));
        let mut is_silent = false;
        let ended = loop {
            tokio::select! {
                biased;
                () = &mut late => break Ended::Late(deadline),
                said = &mut talk, if !is_silent => match said {
                    Ok(_) => is_silent = true,
                    Err(stream) => break Ended::TooMuch(stream),
                },
                status = running.child.wait() => break Ended::Exited(status?),
            }
        };
        running.end().await;
        // What the child had said when it ended is still on its way. Who left its group may keep the way open for ever.
        match ended {
            Ended::Exited(_) if !is_silent => match timeout(GRACE, talk).await {
                Ok(Err(stream)) => Ended::TooMuch(stream),
                _ => ended,
            },
            ended => ended,
        }
    };
    for said in [&stdout, &stderr] {
        output::hide_in([&*String::from_utf8_lossy(said)]);
    }
    Ok(Heard { ended, stdout, stderr })
}

/// Reads a stream to its end; one byte too many is an error that names the stream.
async fn read(
    stream: Option<impl AsyncRead + Unpin>,
    name: &'static str,
    into: &mut Vec<u8>,
) -> Result<(), &'static str> {
    let Some(stream) = stream else { return Ok(()) };
    // A stream that breaks has said all that it will say.
    let _ = stream.take(MOST as u64 + 1).read_to_end(into).await;
    if into.len() > MOST {
        into.truncate(MOST);
        return Err(name);
    }
    Ok(())
}

/// A child that runs. Dropped, it ends, and so does all that it started and left in its group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
}

impl Running {
    /// Starts a command that [`command`] made.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.spawn()?;
        #[cfg(unix)]
        return Ok(Self { group: id(&child), child });
        #[cfg(not(unix))]
        Ok(Self { child })
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// If the system cannot say.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Tells the child, and nobody else of its group, to end. One that has ended needs no telling.
    ///
    /// # Errors
    /// If it may not be told.
    pub fn terminate(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        return match id(&self.child) {
            Some(id) => Ok(rustix::process::kill_process(id, rustix::process::Signal::TERM)?),
            None => Ok(()),
        };
        #[cfg(not(unix))]
        self.child.start_kill()
    }

    /// Ends the group: it is told to, and killed if somebody of it is still there after a while.
    pub async fn end(&mut self) {
        #[cfg(unix)]
        if self.tell(rustix::process::Signal::TERM) {
            let until = Instant::now() + GRACE;
            while self.is_there() && Instant::now() < until {
                sleep(Duration::from_millis(10)).await;
            }
            self.tell(rustix::process::Signal::KILL);
            self.group = None;
        }
        #[cfg(not(unix))]
        let _ = self.child.start_kill();
        // One that does not even die is not waited for.
        let _ = timeout(GRACE, self.child.wait()).await;
    }

    /// True if there was somebody to tell.
    #[cfg(unix)]
    fn tell(&self, signal: rustix::process::Signal) -> bool {
        self.group.is_some_and(|group| rustix::process::kill_process_group(group, signal).is_ok())
    }

    /// True if somebody of the group is there. The child itself is until it was waited for.
    #[cfg(unix)]
    fn is_there(&mut self) -> bool {
        let _ = self.child.try_wait();
        self.group.is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok())
    }
}

/// The process, until it was waited for.
#[cfg(unix)]
fn id(child: &Child) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(child.id()?.try_into().ok()?)
}

#[cfg(unix)]
impl Drop for Running {
    /// There is no time left to be polite for longer than a moment.
    fn drop(&mut self) {
        if self.tell(rustix::process::Signal::TERM) {
            for _ in 0..20 {
                if !self.is_there() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            self.tell(rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_beside_the_path_is_found_where_macs_keep_it() {
        let there = ["/opt/homebrew/bin/docker", "/Users/ann/.orbstack/bin/docker", "/usr/bin/ssh"];
        let is_there = |file: &Path| there.iter().any(|known| Path::new(known) == file);
        let find = |program: &str, path: &str, home: Option<&str>| {
            beside_path(program.as_ref(), path.as_ref(), home.map(Path::new), is_there)
        };
        let bare = "/usr/bin:/bin:/usr/sbin:/sbin";
        assert_eq!(find("docker", bare, None), Some("/opt/homebrew/bin/docker".into()));
        assert_eq!(find("docker", "/opt/homebrew/bin:/usr/bin", None), None);
        assert_eq!(find("ssh", bare, None), None);
        assert_eq!(find("./docker", bare, None), None);
        assert_eq!(find("podman", bare, Some("/Users/ann")), None);
        let of_one_user = |file: &Path| file == Path::new("/Users/ann/.docker/bin/docker");
        let home = Some(Path::new("/Users/ann"));
        assert!(beside_path("docker".as_ref(), bare.as_ref(), home, of_one_user).is_some());
    }
}
