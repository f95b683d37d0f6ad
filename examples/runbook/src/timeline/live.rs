//! What a stack's containers write, as a stream of lines: each with its service before it, as Compose has it.

use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use openclaw_compose::docker::{Limits, Settings, follow};

use super::{Source, SourceError};
use crate::interrupt;
use crate::project::{Evidence, Project, ProjectFlags};

/// So many lines wait at most until somebody reads them.
const MOST: usize = 1024;

/// The containers of the stack in a directory, followed through their restarts until there is none any more or the program
/// is told to stop. What is secret in the files of the stack is masked from then on.
///
/// # Errors
/// [`SourceError`] if the stack cannot be read. What goes wrong later is an error of the stream.
pub fn live(stack: &Path) -> Result<Source, SourceError> {
    let unreadable = |source| SourceError::Stack { path: stack.to_owned(), source: Box::new(source) };
    let project =
        Project::read(&ProjectFlags::default().run_in(stack), Evidence::None).map_err(unreadable)?;
    if let Some(refusal) = project.refusal() {
        return Err(unreadable(refusal));
    }
    let name = project.resolution.project_name().to_owned();
    let (sender, lines) = sync_channel(MOST);
    let project = name.clone();
    std::thread::spawn(move || attend(&project, &sender));
    Ok(Source { name, stream: Box::new(Written { lines, rest: io::Cursor::default() }) })
}

/// Nobody hears what is written when the reader has gone.
fn attend(project: &str, sender: &SyncSender<io::Result<String>>) {
    let wrote = |service: &str, line: &str| drop(sender.send(Ok(format!("{service} | {line}\n"))));
    let settings = Settings::here();
    let followed = follow(&settings, project, Limits::default(), &wrote);
    let ended = interrupt::wait(interrupt::heed(followed)).and_then(|ended| match ended {
        Ok(followed) => followed.map_err(io::Error::other),
        Err(_) => Ok(()),
    });
    if let Err(error) = ended {
        drop(sender.send(Err(error)));
    }
}

/// The lines as a stream of bytes.
struct Written {
    lines: Receiver<io::Result<String>>,
    rest: io::Cursor<Vec<u8>>,
}

impl Read for Written {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.rest.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            match self.lines.recv() {
                Ok(line) => self.rest = io::Cursor::new(line?.into_bytes()),
                Err(_) => return Ok(0),
            }
        }
    }
}
