//! What the containers of a project write, as they write it, through their restarts.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use super::engine::{Engine, Fault};
use super::evidence::{Found, Listed, Made, containers};
use super::{BadEndpoint, Endpoint, Limits, Settings};
use crate::openclaw;

/// How long it takes until a container that is new, or runs again, is noticed.
const PAUSE: Duration = Duration::from_secs(1);
/// The most of a line that is kept.
const LONGEST: usize = 64 * 1024;

/// Why a project's containers are not followed, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// No engine can be chosen.
    #[error(transparent)]
    Endpoint(#[from] BadEndpoint),
    /// The engine does not answer, or no longer.
    #[error("the engine at {endpoint}: {why}")]
    Silent {
        /// Which.
        endpoint: Endpoint,
        /// Why, in a few words.
        why: String,
    },
    /// There is nothing to follow.
    #[error("{project} has no container; `docker compose up -d` makes them")]
    NoContainer {
        /// The project.
        project: String,
    },
}

/// Hands over each line that a container of the project wrote, with its service: first what was written before, by time, then
/// what is written from now on. Each line begins with the engine's time. A container that is started again, or made anew, is
/// followed further; the end is when there is none any more.
///
/// Must run on a tokio runtime with I/O and time. Dropping the future ends it; the engine is only ever asked.
///
/// # Errors
/// [`FollowError`]: nothing is there to be followed, or the engine fell silent.
pub async fn follow(
    settings: &Settings,
    project: &str,
    limits: Limits,
    wrote: &(dyn Fn(&str, &str) + Sync),
) -> Result<(), FollowError> {
    let mut silent = None;
    for endpoint in settings.endpoints()? {
        let of_engine =
            |fault: Fault| FollowError::Silent { endpoint: endpoint.clone(), why: fault.to_string() };
        match Found::at(&endpoint, project, limits).await {
            Ok(found) if found.has_containers() => {
                return attend_all(&found.engine, project, wrote).await.map_err(of_engine);
            }
            Ok(_) => {}
            Err(fault) => silent = silent.or(Some(of_engine(fault))),
        }
    }
    Err(silent.unwrap_or_else(|| FollowError::NoContainer { project: project.to_owned() }))
}

async fn attend_all(
    engine: &Engine,
    project: &str,
    wrote: &(dyn Fn(&str, &str) + Sync),
) -> Result<(), Fault> {
    // What is known of each container; nothing while it is attended.
    let mut logs: BTreeMap<String, Option<Log>> = BTreeMap::new();
    let mut attended = FuturesUnordered::new();
    loop {
        let listed = containers(engine, project).await?;
        if listed.is_empty() {
            return Ok(());
        }
        let (mut fresh, mut earlier) = (Vec::new(), Vec::new());
        for container in &listed {
            let known = logs.entry(container.id.clone());
            match known.or_insert_with(|| Log::of(container)).take() {
                Some(log) if log.newest.is_some() => fresh.push(log),
                Some(mut log) => {
                    log.read_earlier(engine, &mut earlier).await?;
                    fresh.push(log);
                }
                None => {}
            }
        }
        earlier.sort_by_key(|(at, ..)| *at);
        for (_, service, line) in earlier {
            wrote(&service, &line);
        }
        attended.extend(fresh.into_iter().map(|log| log.attend(engine, wrote)));
        match timeout(PAUSE, attended.next()).await {
            Ok(Some(log)) => {
                let is_quiet = !log.has_said;
                logs.insert(log.container.clone(), Some(log));
                // A container that does not run has nothing more to say for a while.
                if is_quiet {
                    sleep(PAUSE).await;
                }
            }
            Ok(None) => sleep(PAUSE).await,
            Err(_) => {}
        }
    }
}

/// The log of one container.
struct Log {
    container: String,
    service: String,
    is_terminal: bool,
    /// The time of the last line that was handed over.
    newest: Option<Timestamp>,
    /// The same when it was last asked for: what is not newer comes again.
    known: Option<Timestamp>,
    /// Whether there was one since it was attended.
    has_said: bool,
    /// What is left of the part that the engine sends, or its head.
    part: Part,
    line: Vec<u8>,
}

/// The engine sends the streams of a container without a terminal as parts: a kind, a length, and so many bytes.
enum Part {
    Head(Vec<u8>),
    Bytes(usize),
}

impl Log {
    /// Nothing for a container that is of no service.
    fn of(container: &Listed) -> Option<Self> {
        let service = container.label(openclaw::SERVICE).filter(|service| container.is_of(service))?;
        Some(Self {
            container: container.id.clone(),
            service: service.to_owned(),
            is_terminal: false,
            newest: None,
            known: None,
            has_said: false,
            part: Part::Head(Vec::new()),
            line: Vec::new(),
        })
    }

    /// What was written so far.
    async fn read_earlier(
        &mut self,
        engine: &Engine,
        into: &mut Vec<(Timestamp, String, String)>,
    ) -> Result<(), Fault> {
        let made = match engine.json(format!("/containers/{}/json", self.container)).await {
            // It went away since the list was made.
            Err(fault) if fault.is_absence() => return Ok(()),
            made => made?,
        };
        let made = serde_json::from_str::<Made>(made.expose()).map_err(|_| Fault::Broken("no container"))?;
        self.is_terminal = made.is_terminal();
        let text = engine.timed_log(&self.container, self.is_terminal).await?;
        for line in text.expose().lines() {
            if let Some(at) = self.newer(line) {
                into.push((at, self.service.clone(), line.to_owned()));
            }
        }
        // Of one that has written nothing whatever comes is new.
        self.newest = self.newest.or(Some(Timestamp::UNIX_EPOCH));
        Ok(())
    }

    /// Hands over what is written from now on, until the container ends or the engine hangs up.
    async fn attend(mut self, engine: &Engine, wrote: &(dyn Fn(&str, &str) + Sync)) -> Self {
        (self.has_said, self.known) = (false, self.newest);
        self.part = Part::Head(Vec::new());
        let since = self.newest.unwrap_or_default();
        let (seconds, rest) = (since.as_second(), since.subsec_nanosecond());
        let question = format!(
            "/containers/{}/logs?stdout=1&stderr=1&timestamps=1&follow=1&since={seconds}.{rest:09}",
            self.container
        );
        let docker = engine.asking(question, None);
        let mut answer = std::pin::pin!(docker.download_from_container("", None));
        while let Some(Ok(bytes)) = answer.next().await {
            if self.is_terminal {
                self.take(bytes.as_ref(), wrote);
            } else if self.take_parts(bytes.as_ref(), wrote).is_none() {
                break;
            }
        }
        let last = std::mem::take(&mut self.line);
        self.say(&last, wrote);
        self
    }

    /// Nothing where it is not in parts.
    fn take_parts(&mut self, mut bytes: &[u8], wrote: &(dyn Fn(&str, &str) + Sync)) -> Option<()> {
        while !bytes.is_empty() {
            match &mut self.part {
                Part::Head(head) => {
                    let (more, rest) = bytes.split_at(bytes.len().min(8 - head.len()));
                    head.extend_from_slice(more);
                    bytes = rest;
                    if let Some(head) = head.first_chunk::<8>() {
                        let [0..=2, 0, 0, 0, length @ ..] = *head else { return None };
                        self.part = Part::Bytes(usize::try_from(u32::from_be_bytes(length)).ok()?);
                    }
                }
                Part::Bytes(left) => {
                    let (now, rest) = bytes.split_at(bytes.len().min(*left));
                    *left -= now.len();
                    bytes = rest;
                    if *left == 0 {
                        self.part = Part::Head(Vec::new());
                    }
                    self.take(now, wrote);
                }
            }
        }
        Some(())
    }

    fn take(&mut self, bytes: &[u8], wrote: &(dyn Fn(&str, &str) + Sync)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST.saturating_sub(self.line.len());
            self.line.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.say(&line, wrote);
            }
        }
    }

    fn say(&mut self, line: &[u8], wrote: &(dyn Fn(&str, &str) + Sync)) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\r', '\n']);
        if self.newer(line).is_some() {
            self.has_said = true;
            wrote(&self.service, line);
        }
    }

    /// The time of a line that was not handed over yet.
    fn newer(&mut self, line: &str) -> Option<Timestamp> {
        let (time, _) = line.split_once(' ').unwrap_or((line, ""));
        let at: Timestamp = time.parse().ok()?;
        if self.known.is_some_and(|known| at <= known) {
            return None;
        }
        self.newest = Some(at);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn parts_are_put_together_however_they_come_and_no_line_comes_twice() {
        let part = |text: &str| {
            let mut bytes = vec![1, 0, 0, 0];
            bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend(text.as_bytes());
            bytes
        };
        let all = [
            part("2026-11-22T06:00:01Z known\n2026-11-22T06:00:02Z a\n2026-11-22T06:0"),
            part("0:02Z at once\n2026-11-22T06:00:02.5Z b\r\n"),
            part("2026-11-22T06:00:03Z cut"),
        ];
        for chunk in 1..30 {
            let heard = Mutex::new(Vec::new());
            let wrote = |service: &str, line: &str| heard.lock().unwrap().push(format!("{service} {line}"));
            let mut log = Log {
                container: "c1".to_owned(),
                service: "gw".to_owned(),
                is_terminal: false,
                newest: None,
                known: Some("2026-11-22T06:00:01Z".parse().unwrap()),
                has_said: false,
                part: Part::Head(Vec::new()),
                line: Vec::new(),
            };
            for bytes in all.concat().chunks(chunk) {
                log.take_parts(bytes, &wrote).unwrap();
            }
            let last = std::mem::take(&mut log.line);
            log.say(&last, &wrote);
            let expected = [
                "gw 2026-11-22T06:00:02Z a",
                "gw 2026-11-22T06:00:02Z at once",
                "gw 2026-11-22T06:00:02.5Z b",
                "gw 2026-11-22T06:00:03Z cut",
            ];
            assert_eq!(*heard.lock().unwrap(), expected);
            assert!(log.take_parts(b"plain words", &wrote).is_none());
        }
    }
}
