//! Files that are there and could not be read: what they hold is unknown, which is not the same as nothing.

use serde::{Serialize, Serializer};

use crate::codes::Code;
use crate::secrets::Secrets;

use super::inputs::ReadError;

/// A file that is there and could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unread {
    /// Its name as findings show it.
    pub file: String,
    /// What is wrong with it.
    #[serde(serialize_with = "in_words")]
    pub error: ReadError,
}

impl Unread {
    /// Takes the secrets out of everything that it says.
    pub(crate) fn mask(&mut self, secrets: &Secrets) {
        secrets.mask_in(&mut self.file);
        match &mut self.error {
            ReadError::LeadsOut { link, target } => {
                secrets.mask_in(link);
                secrets.mask_in(target);
            }
            ReadError::Other(text) => secrets.mask_in(text),
            ReadError::NotFound
            | ReadError::Directory
            | ReadError::Denied
            | ReadError::Loop
            | ReadError::NotRegular(_)
            | ReadError::NotUtf8 { .. }
            | ReadError::TooLarge { .. }
            | ReadError::TooMany { .. } => {}
        }
    }
}

fn in_words<S: Serializer>(error: &ReadError, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

/// What a finding about a file that cannot be read is called.
pub(crate) fn code(error: &ReadError) -> Code {
    match error {
        ReadError::NotFound => Code::FileNotFound,
        ReadError::NotRegular(_) => Code::NotAFile,
        ReadError::LeadsOut { .. } => Code::LinkLeadsOut,
        ReadError::NotUtf8 { .. } => Code::NotUtf8,
        ReadError::TooMany { .. } => Code::ReadLimit,
        ReadError::Directory
        | ReadError::Denied
        | ReadError::Loop
        | ReadError::TooLarge { .. }
        | ReadError::Other(_) => Code::FileUnreadable,
    }
}

/// The next step, where there is one for every file.
pub(crate) fn next_step(error: &ReadError) -> Option<&'static str> {
    Some(match error {
        ReadError::NotRegular(_) => {
            "put a regular file in its place, and find out what made it: nothing else is opened"
        }
        ReadError::LeadsOut { .. } => {
            "put the file itself there; where the link is meant, read with links followed (--follow-links)"
        }
        ReadError::NotUtf8 { .. } => "save the file as UTF-8",
        ReadError::Denied => {
            "read it as a user who may; on a Mac, what ssh or launchd starts needs leave for Documents, Desktop and other volumes as well: Privacy & Security > Full Disk Access"
        }
        ReadError::TooLarge { .. } => {
            "take out what does not belong there: no file of this kind is that large"
        }
        ReadError::TooMany { .. } => {
            "look for files that include or name each other again and again, and take them out"
        }
        ReadError::Directory => {
            "remove the directory, which Docker makes where a file was to be mounted, and put the file there"
        }
        ReadError::Loop => "put the file itself in place of the link",
        ReadError::NotFound | ReadError::Other(_) => return None,
    })
}
