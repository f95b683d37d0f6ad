//! Who may have put what stands in a state directory, for it to be acted on.

use super::STATE_DIRECTORY;
use super::disk::{Kind, Stat};
use std::io;
use std::path::{Path, PathBuf};

/// Something that is not acted on, because of what it is or because of who could have put it there. It travels as the
/// source of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{} {why}", path.display())]
pub(crate) struct Untrusted {
    path: PathBuf,
    why: Distrust,
}

impl Untrusted {
    pub(crate) fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|source| source.is::<Self>())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Distrust {
    #[error(
        "has {names} names, so that writing to it would change another file; remove it, it is made again"
    )]
    Linked { names: u64 },
    #[error("is a symbolic link, and none is followed here; look who made it, then remove it")]
    Link,
    #[error("is not a directory; look who made it, then remove it")]
    NotADirectory,
    #[error("is not a regular file; look who made it, then remove it")]
    NotAFile,
    #[error(
        "belongs to uid {uid}, who is neither root nor the caller; look what it holds, then chown or remove it"
    )]
    Owner { uid: u32 },
    #[error(
        "may be written by others (mode {mode:04o}); look what it holds, then take that right away (chmod go-w)"
    )]
    Writable { mode: u32 },
}

impl Distrust {
    /// As the answer to an operation on `path`.
    pub(crate) fn of(self, path: &Path) -> io::Error {
        io::Error::other(Untrusted { path: path.to_owned(), why: self })
    }
}

/// Where a path below a root leads, as far as trust goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// A file of the user's, or a directory of such.
    Target,
    /// The state directory, records, ledger and locks: of whoever owns the root, so that its owner and root take turns.
    Shared,
    /// The journal and the backups of one transaction. They decide what is written where, so they are of the one who runs it.
    Private,
}

impl Area {
    /// Of a path relative to the root.
    pub(crate) fn of(path: &Path) -> Self {
        let mut parts = path.iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(state), ..) if state != STATE_DIRECTORY => Self::Target,
            (None, ..) => Self::Target,
            (_, Some(dir), Some(name)) if dir == "transactions" && name != "lock" => Self::Private,
            _ => Self::Shared,
        }
    }
}

/// Whom a caller trusts: itself and root, and for what is shared the owner of the root directory, who can change
/// everything else in it as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trust {
    pub(crate) caller: u32,
    pub(crate) owner_of_root: u32,
}

impl Trust {
    /// A directory of ours: whoever may write it decides what stands in it.
    pub(crate) fn directory(self, area: Area, found: Stat) -> Result<(), Distrust> {
        match (area, found.kind) {
            (_, Kind::Directory) => {}
            (_, Kind::Link) => return Err(Distrust::Link),
            _ => return Err(Distrust::NotADirectory),
        }
        match area {
            Area::Target => Ok(()),
            Area::Shared | Area::Private if !self.may_own(area, found.uid) => {
                Err(Distrust::Owner { uid: found.uid })
            }
            Area::Shared | Area::Private => not_writable(found),
        }
    }

    /// A file that is about to be read or, if `written`, changed in place.
    pub(crate) fn file(self, area: Area, found: Stat, written: bool) -> Result<(), Distrust> {
        match found.kind {
            Kind::File => {}
            Kind::Link => return Err(Distrust::Link),
            _ => return Err(Distrust::NotAFile),
        }
        match area {
            Area::Target => return Ok(()),
            // A backup belongs to the owner of its original; only the owner of its directory can have put it there.
            Area::Private => {}
            Area::Shared if !self.may_own(area, found.uid) => return Err(Distrust::Owner { uid: found.uid }),
            Area::Shared => {}
        }
        if written && found.links > 1 {
            return Err(Distrust::Linked { names: found.links });
        }
        not_writable(found)
    }

    /// Root leaves to the owner of the root directory what is shared, as it would leave a file of theirs.
    pub(crate) fn hands_over(self, area: Area, found: Stat) -> bool {
        area == Area::Shared && self.caller == 0 && found.uid == 0 && self.owner_of_root != 0
    }

    fn may_own(self, area: Area, uid: u32) -> bool {
        uid == 0 || uid == self.caller || (area == Area::Shared && uid == self.owner_of_root)
    }
}

fn not_writable(found: Stat) -> Result<(), Distrust> {
    if found.mode & 0o022 == 0 { Ok(()) } else { Err(Distrust::Writable { mode: found.mode }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(kind: Kind, uid: u32, mode: u32) -> Stat {
        Stat { kind, mode, uid, gid: uid, links: 1 }
    }

    #[test]
    fn areas() {
        for (path, area) in [
            ("", Area::Target),
            (".env", Area::Target),
            ("sub/.openclaw-token/x", Area::Target),
            (".openclaw-token", Area::Shared),
            (".openclaw-token/ledger.jsonl", Area::Shared),
            (".openclaw-token/records/record-000001.json", Area::Shared),
            (".openclaw-token/transactions", Area::Shared),
            (".openclaw-token/transactions/lock", Area::Shared),
            (".openclaw-token/transactions/000001.done", Area::Private),
            (".openclaw-token/transactions/000001.done/0.old", Area::Private),
        ] {
            assert_eq!(Area::of(Path::new(path)), area, "{path}");
        }
    }

    /// Root on a stack of uid 1000 shares records with it, and takes no orders from it.
    #[test]
    fn who_may_own_what() {
        let root = Trust { caller: 0, owner_of_root: 1000 };
        let owner = Trust { caller: 1000, owner_of_root: 1000 };
        let dir = |uid| stat(Kind::Directory, uid, 0o755);
        for (trust, area, uid, trusted) in [
            (root, Area::Shared, 0, true),
            (root, Area::Shared, 1000, true),
            (root, Area::Shared, 1001, false),
            (root, Area::Private, 0, true),
            (root, Area::Private, 1000, false),
            (owner, Area::Shared, 0, true),
            (owner, Area::Private, 0, true),
            (owner, Area::Private, 1000, true),
            (owner, Area::Private, 1001, false),
            (owner, Area::Target, 1001, true),
        ] {
            assert_eq!(trust.directory(area, dir(uid)).is_ok(), trusted, "{trust:?} {area:?} {uid}");
        }
        assert_eq!(
            root.file(Area::Shared, stat(Kind::File, 1001, 0o600), false),
            Err(Distrust::Owner { uid: 1001 })
        );
        assert_eq!(root.file(Area::Private, stat(Kind::File, 1001, 0o600), false), Ok(()));
        assert!(root.hands_over(Area::Shared, dir(0)) && !owner.hands_over(Area::Shared, dir(0)));
        assert!(!root.hands_over(Area::Private, dir(0)) && !root.hands_over(Area::Target, dir(0)));
    }

    #[test]
    fn what_it_may_be() {
        let trust = Trust { caller: 1000, owner_of_root: 1000 };
        for (kind, as_directory, as_file) in [
            (Kind::Directory, Ok(()), Err(Distrust::NotAFile)),
            (Kind::File, Err(Distrust::NotADirectory), Ok(())),
            (Kind::Link, Err(Distrust::Link), Err(Distrust::Link)),
            (Kind::Other, Err(Distrust::NotADirectory), Err(Distrust::NotAFile)),
        ] {
            for area in [Area::Target, Area::Shared, Area::Private] {
                assert_eq!(trust.directory(area, stat(kind, 1000, 0o700)), as_directory, "{kind:?} {area:?}");
                assert_eq!(trust.file(area, stat(kind, 1000, 0o600), true), as_file, "{kind:?} {area:?}");
            }
        }
        for mode in [0o720, 0o702, 0o1777] {
            let distrust = Err(Distrust::Writable { mode });
            assert_eq!(trust.directory(Area::Shared, stat(Kind::Directory, 1000, mode)), distrust);
            assert_eq!(trust.directory(Area::Target, stat(Kind::Directory, 1000, mode)), Ok(()));
            assert_eq!(trust.file(Area::Private, stat(Kind::File, 1000, mode), false), distrust);
        }
        let linked = Stat { links: 2, ..stat(Kind::File, 1000, 0o600) };
        assert_eq!(trust.file(Area::Shared, linked, true), Err(Distrust::Linked { names: 2 }));
        assert_eq!(trust.file(Area::Shared, linked, false), Ok(()));
    }
}
