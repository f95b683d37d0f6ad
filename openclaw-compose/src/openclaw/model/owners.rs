//! Owners, modes, labels and ACLs as somebody recorded them, for Git and Compose files keep none of these.
//!
//! One line a path, relative to the stack's directory or absolute, as any of these prints it; they may follow each other
//! in one text:
//!
//! ```text
//! find . -exec ls -ldn {} +                               owner and mode, on any host
//! find . -printf '%U:%G %m %P\n'                          the same, on Linux
//! stat -c '%u:%g %a %C %n' . state state/openclaw.json    the same with the SELinux label
//! ls -ldnZ . state state/openclaw.json                    `+` says that there is an ACL
//! getfacl -n state state/openclaw.json                    the ACL itself
//! getenforce                                              whether SELinux refuses or only writes it down
//! ```
//!
//! A path that begins with `container:SERVICE:` was looked at inside that service's container, one with `volume:NAME:`
//! inside a volume: such ids are those that the process sees, whatever the engine maps them to.

use std::collections::BTreeMap;

use crate::openclaw::rules;
use crate::source::{FileId, Span};

use super::config;

/// Recorded owners by normalised absolute path, or by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    entries: BTreeMap<String, Owner>,
    /// Lines that are not entries.
    pub(crate) unread: Vec<Span>,
    /// The files may be a copy, whose owner says who made it and no more.
    pub(crate) is_copy: bool,
    /// It was read from the files at hand, wherever these are now.
    pub(crate) is_at_hand: bool,
    /// On a volume that ignores case: each path as it is recorded, by what all spellings of it share.
    spellings: BTreeMap<String, String>,
    /// Whether SELinux enforces, where `getenforce` was recorded.
    pub(crate) enforcing: Option<bool>,
}

/// Who owns a path, and what they let others do.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
    pub(crate) acl: Acl,
    /// The type of its SELinux label, such as `container_file_t`.
    pub(crate) label: Option<String>,
    pub(crate) span: Span,
}

/// An access control list beside the mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Acl {
    /// None is known of.
    None,
    /// There is one, and nobody recorded it.
    Unrecorded,
    /// Its entries.
    Entries(Vec<AclEntry>),
}

/// One entry of an ACL. Default entries decide nothing about the path itself and are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AclEntry {
    User(u32, u32),
    OwningGroup(u32),
    Group(u32, u32),
    Mask(u32),
}

/// Whether somebody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Granted,
    Denied,
    /// An ACL that was not recorded decides.
    Unknown,
}

impl Listing {
    /// Reads a listing whose relative paths start at `directory`.
    pub(crate) fn read(&mut self, file: FileId, directory: &str, text: &str) {
        let mut offset = 0;
        let mut acl: Option<Draft<'_>> = None;
        for line in text.split_inclusive('\n') {
            let span = Span::from_range(file, offset..offset + line.trim_end().len());
            offset += line.len();
            let line = line.trim();
            if let Some(path) = line.strip_prefix("# file: ") {
                self.enter_acl(acl.replace(Draft::new(path, span)), directory);
                continue;
            }
            if let Some(draft) = &mut acl {
                if !line.is_empty() {
                    if draft.read(line).is_none() {
                        self.unread.push(span);
                    }
                    continue;
                }
                self.enter_acl(acl.take(), directory);
            }
            if line.is_empty() || line.starts_with('#') || is_mac_acl(line) {
                continue;
            }
            match line {
                "Enforcing" => self.enforcing = Some(true),
                "Permissive" | "Disabled" => self.enforcing = Some(false),
                _ => match plain(line, span).or_else(|| long(line, span)) {
                    Some((path, owner)) => self.enter(key(directory, path), owner),
                    None => self.unread.push(span),
                },
            }
        }
        self.enter_acl(acl, directory);
    }

    /// What is recorded of one path by two commands adds up.
    fn enter(&mut self, path: String, mut owner: Owner) {
        if let Some(known) = self.entries.get(&path) {
            if matches!(known.acl, Acl::Entries(_)) && owner.acl == Acl::Unrecorded {
                owner.acl = known.acl.clone();
            }
            owner.label = owner.label.or_else(|| known.label.clone());
        }
        self.entries.insert(path, owner);
    }

    fn enter_acl(&mut self, draft: Option<Draft<'_>>, directory: &str) {
        let Some(draft) = draft else { return };
        match draft.finish() {
            Ok((path, owner)) => self.enter(key(directory, path), owner),
            Err(span) => self.unread.push(span),
        }
    }

    /// Finds the host's paths by any spelling from now on, as a Mac's volume does.
    pub(crate) fn ignore_case(&mut self) {
        let on_host = self.entries.keys().filter(|path| path.starts_with('/'));
        self.spellings = on_host.map(|path| (path.to_lowercase(), path.clone())).collect();
    }

    /// A path as it is recorded.
    fn spelled<'p>(&'p self, path: &'p str) -> &'p str {
        let path = path.trim_end_matches('/');
        if self.spellings.is_empty() || self.entries.contains_key(path) {
            return path;
        }
        self.spellings.get(&path.to_lowercase()).map_or(path, String::as_str)
    }

    pub(crate) fn of(&self, path: &str) -> Option<&Owner> {
        self.entries.get(self.spelled(path))
    }

    /// Everything recorded below `path`, itself not included.
    pub(crate) fn below<'l>(&'l self, path: &str) -> impl Iterator<Item = (&'l str, &'l Owner)> {
        let prefix = format!("{}/", self.spelled(path));
        self.entries
            .range(prefix.clone()..)
            .take_while(move |(entry, _)| entry.starts_with(&prefix))
            .map(|(entry, owner)| (entry.as_str(), owner))
    }

    /// Every recorded directory on the way to `path`.
    pub(crate) fn above<'l>(&'l self, path: &'l str) -> impl Iterator<Item = (&'l str, &'l Owner)> {
        path.match_indices('/')
            .filter(|(at, _)| *at > 0)
            .filter_map(|(at, _)| path.get(..at))
            .filter_map(|above| Some((above, self.of(above)?)))
    }

    /// Whether everything on the host belongs to one user.
    pub(crate) fn has_one_owner(&self) -> bool {
        let on_host = self.entries.iter().filter(|(path, _)| path.starts_with('/'));
        let mut owners = on_host.map(|(_, owner)| owner.uid);
        owners.next().is_some_and(|first| owners.all(|owner| owner == first))
    }

    /// A regular or managed user of a Mac, in the group `staff`: the listing was made there.
    pub(crate) fn looks_like_macos(&self) -> bool {
        self.entries.values().any(|owner| (501..=999).contains(&owner.uid) && owner.gid == 20)
    }
}

impl Owner {
    /// Whether a process may do all of `wanted` (4 read, 2 write, 1 enter), by the algorithm of `acl(5)`: the owner by the
    /// owner's bits, named users and groups within the mask, everybody else by the last bits.
    pub(crate) fn lets(&self, uid: u32, gid: Option<u32>, wanted: u32) -> Access {
        let decide = |granted: u32| match granted & wanted == wanted {
            true => Access::Granted,
            false => Access::Denied,
        };
        if self.uid == uid {
            return decide(self.mode >> 6);
        }
        let Acl::Entries(entries) = &self.acl else {
            return match self.acl {
                // The group's bits are the mask of the ACL, and say nothing of who is in it.
                Acl::Unrecorded => Access::Unknown,
                _ if gid == Some(self.gid) => decide(self.mode >> 3),
                _ => decide(self.mode),
            };
        };
        let mask = entries.iter().find_map(|entry| match entry {
            AclEntry::Mask(bits) => Some(*bits),
            _ => None,
        });
        let mask = mask.unwrap_or(7);
        let named = entries.iter().find_map(|entry| match entry {
            AclEntry::User(user, bits) if *user == uid => Some(*bits),
            _ => None,
        });
        if let Some(bits) = named {
            return decide(bits & mask);
        }
        let mut groups = entries
            .iter()
            .filter_map(|entry| match entry {
                AclEntry::OwningGroup(bits) => (gid == Some(self.gid)).then_some(*bits),
                AclEntry::Group(group, bits) => (gid == Some(*group)).then_some(*bits),
                _ => None,
            })
            .peekable();
        if groups.peek().is_some() {
            let any = groups.any(|bits| bits & mask & wanted == wanted);
            return if any { Access::Granted } else { Access::Denied };
        }
        decide(self.mode)
    }
}

/// The absolute path, or the key of what was looked at from inside.
fn key(directory: &str, path: &str) -> String {
    match path.split_once(":/") {
        Some((place, inside)) if place.starts_with("container:") => {
            format!("{place}:{}", config::normalise("/", inside.trim_start_matches('/')))
        }
        _ if path.starts_with("volume:") => path.trim_end_matches('/').to_owned(),
        _ => config::normalise(directory, path),
    }
}

/// `UID:GID MODE [LABEL] PATH`, the mode in octal with an optional `+`.
fn plain(line: &str, span: Span) -> Option<(&str, Owner)> {
    let (owner, rest) = line.split_once(char::is_whitespace)?;
    let (uid, gid) = owner.split_once(':')?;
    // `find -printf '%P'` prints nothing for the directory itself.
    let (mode, rest) = rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let (mode, acl) = match mode.strip_suffix('+') {
        Some(mode) => (mode, Acl::Unrecorded),
        None => (mode, Acl::None),
    };
    let mode = u32::from_str_radix(mode, 8).ok()? & 0o7777;
    let (label, path) = labelled(rest.trim_start());
    let path = if path.is_empty() { "." } else { path };
    Some((path, Owner { uid: id(uid)?, gid: id(gid)?, mode, acl, label, span }))
}

/// A line of `ls -ldn`, with the label of `-Z` or without.
fn long(line: &str, span: Span) -> Option<(&str, Owner)> {
    let (bits, rest) = word(line)?;
    let (bits, mark) = (bits.get(..10)?, bits.get(10..)?);
    let acl = if mark.contains('+') { Acl::Unrecorded } else { Acl::None };
    let mode = symbolic(bits)?;
    let (_links, rest) = word(rest)?;
    let (uid, rest) = word(rest)?;
    let (gid, rest) = word(rest)?;
    let (label, rest) = labelled(rest);
    let (size, rest) = word(rest)?;
    size.trim_end_matches(',').parse::<u64>().ok()?;
    // `2026-11-26 13:57` or `Nov 26 13:57`.
    let (date, mut rest) = word(rest)?;
    let more = if date.contains('-') { 1 } else { 2 };
    for _ in 0..more {
        rest = word(rest)?.1;
    }
    let path = rest.split(" -> ").next()?;
    Some((path, Owner { uid: id(uid)?, gid: id(gid)?, mode, acl, label, span })).filter(|_| !path.is_empty())
}

/// `0: group:everyone deny delete` below a line of a Mac's `ls -le`: no container sees it.
fn is_mac_acl(line: &str) -> bool {
    let entry = line.trim_start().split_once(": ");
    let is_numbered = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    entry.is_some_and(|(number, rule)| {
        is_numbered(number) && rule.split(' ').any(|word| matches!(word, "allow" | "deny"))
    })
}

fn word(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once(char::is_whitespace)?;
    Some((word, rest.trim_start()))
}

/// `drwxr-x---` as bits.
fn symbolic(bits: &str) -> Option<u32> {
    let mut letters = bits.chars();
    letters.next().filter(|kind| "-dlbcps".contains(*kind))?;
    letters.try_fold(0, |mode, letter| match letter {
        'r' | 'w' | 'x' | 's' | 't' => Some(mode << 1 | 1),
        '-' | 'S' | 'T' => Some(mode << 1),
        _ => None,
    })
}

/// The type of an SELinux label before a path: `user:role:type:level`, or `?` where there is none.
fn labelled(text: &str) -> (Option<String>, &str) {
    let Some((first, rest)) = word(text) else { return (None, text) };
    if first == "?" {
        return (None, rest);
    }
    match first.split(':').collect::<Vec<_>>()[..] {
        [_, role, kind, ..] if role.ends_with("_r") && kind.ends_with("_t") => (Some(kind.to_owned()), rest),
        _ => (None, text),
    }
}

fn id(text: &str) -> Option<u32> {
    match text {
        "root" | "wheel" => Some(0),
        "node" => Some(rules::IMAGE_UID),
        digits => digits.parse().ok(),
    }
}

/// A block of `getfacl`, line by line.
struct Draft<'t> {
    path: &'t str,
    uid: Option<u32>,
    gid: Option<u32>,
    user: Option<u32>,
    other: Option<u32>,
    entries: Vec<AclEntry>,
    span: Span,
}

impl<'t> Draft<'t> {
    fn new(path: &'t str, span: Span) -> Self {
        Self { path, uid: None, gid: None, user: None, other: None, entries: Vec::new(), span }
    }

    fn read(&mut self, line: &str) -> Option<()> {
        if let Some(note) = line.strip_prefix("# ") {
            match note.split_once(": ")? {
                ("owner", owner) => self.uid = Some(id(owner)?),
                ("group", group) => self.gid = Some(id(group)?),
                _ => {}
            }
            return Some(());
        }
        let entry = line.split(['#', '\t']).next()?.trim();
        let mut parts = entry.split(':');
        let (kind, whom, bits) = (parts.next()?, parts.next()?, parts.next()?);
        if kind == "default" {
            return Some(());
        }
        let bits = bits.chars().try_fold(0, |bits, letter| match letter {
            'r' => Some(bits | 4),
            'w' => Some(bits | 2),
            'x' | 'X' => Some(bits | 1),
            '-' => Some(bits),
            _ => None,
        })?;
        match (kind, whom) {
            ("user", "") => self.user = Some(bits),
            ("user", user) => self.entries.push(AclEntry::User(id(user)?, bits)),
            ("group", "") => self.entries.push(AclEntry::OwningGroup(bits)),
            ("group", group) => self.entries.push(AclEntry::Group(id(group)?, bits)),
            ("mask", _) => self.entries.push(AclEntry::Mask(bits)),
            ("other", _) => self.other = Some(bits),
            _ => return None,
        }
        Some(())
    }

    fn finish(self) -> Result<(&'t str, Owner), Span> {
        let whole = || Some((self.uid?, self.gid?, self.user?, self.other?));
        let (uid, gid, user, other) = whole().ok_or(self.span)?;
        let group = self.entries.iter().find_map(|entry| match entry {
            AclEntry::OwningGroup(bits) => Some(*bits),
            _ => None,
        });
        let mode = user << 6 | group.unwrap_or(0) << 3 | other;
        let owner = Owner { uid, gid, mode, acl: Acl::Entries(self.entries), label: None, span: self.span };
        Ok((self.path, owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(text: &str) -> Listing {
        let mut listing = Listing::default();
        listing.read(FileId::new(0), "/srv", text);
        listing
    }

    #[test]
    fn on_a_volume_that_ignores_case_a_path_is_found_by_any_spelling() {
        let mut listing =
            listing("501:20 700 state\n501:20 600 state/openclaw.json\n0:0 755 container:gw:/State\n");
        assert!(listing.of("/srv/State").is_none());
        listing.ignore_case();
        assert!(listing.of("/srv/State").is_some() && listing.of("/srv/state").is_some());
        assert_eq!(listing.below("/srv/STATE").count(), 1);
        assert!(listing.of("container:gw:/state").is_none(), "containers tell case apart");
    }

    #[test]
    fn listings_answer_for_paths() {
        let listing = listing(
            "0:0 755 .\n# a note\n1000:1000 700 ./state\n0:0 600 state/openclaw.json\nnonsense\n0:0 755\n",
        );
        assert_eq!(listing.of("/srv/state").map(|owner| (owner.uid, owner.mode)), Some((1000, 0o700)));
        assert_eq!(listing.below("/srv/state").count(), 1);
        assert_eq!(listing.above("/srv/state/openclaw.json").count(), 2);
        assert_eq!(listing.unread.len(), 1);
        let owner = listing.of("/srv/state/openclaw.json").expect("recorded");
        assert_eq!(owner.lets(1000, Some(1000), 4), Access::Denied);
    }

    #[test]
    fn group_and_other_bits_count_for_those_they_are_for() {
        let listing = listing("0:5 750 state\n");
        let owner = listing.of("/srv/state").expect("recorded");
        assert_eq!(owner.lets(1000, Some(5), 5), Access::Granted);
        assert_eq!(owner.lets(1000, Some(5), 2), Access::Denied);
        assert_eq!(owner.lets(1000, Some(6), 4), Access::Denied);
    }

    #[test]
    fn every_command_of_the_documentation_is_read() {
        let listing = listing(
            "Enforcing\n\
             1000:1000 700 unconfined_u:object_r:user_home_t:s0 a\n\
             1000:1000 700 ? b\n\
             1000:1000 770+ c\n\
             drwxrwx---+ 2 0 1000 4096 Nov 26 13:57 d\n\
             drwxr-xr-x. 2 1000 1000 system_u:object_r:container_file_t:s0 4096 Nov 26 13:57 e f\n\
             -rw------- 1 1000 1000 12 2026-11-26 13:57 g\n\
             lrwxrwxrwx 1 0 0 7 Nov 26  2025 h -> /etc/x\n\
             drwx------@ 4 501 20 128 26 Nov 13:57 ./m\n 0: group:everyone deny delete\n\
             1000:1000 700 container:openclaw-gateway:/home/node/.openclaw/\n\
             1000:1000 600 volume:data:openclaw.json\n",
        );
        assert!(listing.unread.is_empty(), "{:?}", listing.unread);
        assert_eq!(listing.enforcing, Some(true));
        let of = |path: &str| listing.of(path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(of("/srv/a").label.as_deref(), Some("user_home_t"));
        assert_eq!((of("/srv/b").label.as_deref(), &of("/srv/b").acl), (None, &Acl::None));
        assert_eq!((of("/srv/c").mode, &of("/srv/c").acl), (0o770, &Acl::Unrecorded));
        assert_eq!((of("/srv/d").mode, of("/srv/d").uid, &of("/srv/d").acl), (0o770, 0, &Acl::Unrecorded));
        assert_eq!(of("/srv/e f").label.as_deref(), Some("container_file_t"));
        assert_eq!(of("/srv/g").mode, 0o600);
        assert_eq!(of("/srv/h").uid, 0);
        assert_eq!((of("/srv/m").uid, of("/srv/m").gid), (501, 20));
        assert_eq!(of("container:openclaw-gateway:/home/node/.openclaw").uid, 1000);
        assert_eq!(of("volume:data:openclaw.json").mode, 0o600);
    }

    #[test]
    fn an_acl_decides_as_the_kernel_does() {
        let listing = listing(
            "# file: state\n# owner: 0\n# group: 7\n# flags: s--\nuser::rwx\nuser:1000:rwx\t#effective:r-x\n\
             group::r-x\ngroup:5:rwx\nmask::r-x\nother::---\ndefault:user::rwx\n\n0:0 755 next\n\
             # file: broken\nuser::rwx\n",
        );
        let owner = listing.of("/srv/state").expect("recorded");
        assert_eq!(owner.lets(1000, None, 5), Access::Granted, "a named user");
        assert_eq!(owner.lets(1000, None, 2), Access::Denied, "within the mask");
        assert_eq!(owner.lets(1001, Some(5), 4), Access::Granted, "a named group");
        assert_eq!(owner.lets(1001, Some(7), 2), Access::Denied, "the owning group");
        assert_eq!(owner.lets(1001, Some(8), 4), Access::Denied, "anybody else");
        assert_eq!(owner.lets(0, None, 7), Access::Granted, "the owner, whatever the mask");
        assert!(listing.of("/srv/next").is_some());
        assert_eq!(listing.unread.len(), 1, "a block without owner is not an entry");
    }

    #[test]
    fn an_acl_that_nobody_recorded_leaves_it_open_for_all_but_the_owner() {
        let listing = listing("0:0 700+ state\n1000:1000 700+ own\n");
        let owner = listing.of("/srv/state").expect("recorded");
        assert_eq!(owner.lets(1000, Some(1000), 7), Access::Unknown);
        assert_eq!(listing.of("/srv/own").map(|own| own.lets(1000, None, 7)), Some(Access::Granted));
    }
}
