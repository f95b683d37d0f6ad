//! The first member of a tar archive: owner, mode and kind of the file that the engine was asked for, and where its bytes
//! begin. Read from what has arrived so far, which `tar::Archive` cannot do: it takes an end for a fault.

use std::io;

use tar::{EntryType, PaxExtensions};

/// One block of an archive.
const BLOCK: usize = 512;

/// What the header of a member says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
    pub(super) kind: Kind,
    /// Bytes of the member.
    pub(super) size: u64,
    /// Where they begin.
    pub(super) at: usize,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
    Other,
}

/// Not a tar archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads the first member's header out of the beginning of an archive; nothing where more bytes are needed.
pub(super) fn first(archive: &[u8]) -> Result<Option<Header>, Malformed> {
    let mut records = Vec::new();
    let mut at = 0_usize;
    loop {
        let Some(block) = archive.get(at..at + BLOCK) else { return Ok(None) };
        let head = checked(block)?;
        let size = head.entry_size().map_err(|_| Malformed)?;
        let body = at + BLOCK;
        let kind = match head.entry_type() {
            EntryType::XHeader => {
                let length = usize::try_from(size).map_err(|_| Malformed)?;
                at = next(body, length)?;
                let Some(text) = archive.get(body..body + length) else { return Ok(None) };
                records.extend(PaxExtensions::new(text).flatten());
                continue;
            }
            EntryType::XGlobalHeader | EntryType::GNULongName | EntryType::GNULongLink => {
                at = next(body, usize::try_from(size).map_err(|_| Malformed)?)?;
                continue;
            }
            EntryType::Regular => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Link | EntryType::Symlink => Kind::Link,
            _ => Kind::Other,
        };
        let recorded = |name| {
            let values = records.iter().filter(|record| record.key() == Ok(name));
            values.rev().find_map(|record| record.value().ok()?.parse::<u64>().ok())
        };
        let narrow = |number: u64| u32::try_from(number).map_err(|_| Malformed);
        let or = |recorded: Option<u64>, number: io::Result<u64>| {
            recorded.map_or_else(|| number.map_err(|_| Malformed), Ok).and_then(narrow)
        };
        return Ok(Some(Header {
            uid: or(recorded("uid"), head.uid())?,
            gid: or(recorded("gid"), head.gid())?,
            mode: head.mode().map_err(|_| Malformed)? & 0o7777,
            kind,
            size: recorded("size").unwrap_or(size),
            at: body,
        }));
    }
}

/// The block behind a body.
fn next(body: usize, length: usize) -> Result<usize, Malformed> {
    let blocks = length.checked_next_multiple_of(BLOCK).ok_or(Malformed)?;
    body.checked_add(blocks).filter(|at| *at < usize::MAX - BLOCK).ok_or(Malformed)
}

/// The block as a header, if its checksum holds, which is taken with blanks in its own place.
fn checked(block: &[u8]) -> Result<&tar::Header, Malformed> {
    let head = tar::Header::from_byte_slice(block);
    let sum = block.iter().enumerate().map(|(at, byte)| {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        u32::from(byte)
    });
    (head.cksum().ok() == Some(sum.sum())).then_some(head).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header as an engine writes it.
    fn header(kind: EntryType, uid: u64, size: u64) -> Vec<u8> {
        let mut head = tar::Header::new_ustar();
        head.set_path("openclaw.json").unwrap();
        head.set_mode(0o100_600);
        head.set_uid(uid);
        head.set_gid(1000);
        head.set_size(size);
        head.set_entry_type(kind);
        head.set_cksum();
        head.as_bytes().to_vec()
    }

    #[test]
    fn owner_mode_and_bytes_are_read() {
        let mut archive = header(EntryType::Regular, 1000, 3);
        archive.extend(b"{ }");
        let found = first(&archive).unwrap().unwrap();
        assert_eq!((found.uid, found.gid, found.mode, found.kind), (1000, 1000, 0o600, Kind::File));
        assert_eq!(&archive[found.at..found.at + 3], b"{ }");
        assert_eq!(first(&archive[..511]), Ok(None));
        assert_eq!(first(&header(EntryType::Directory, 0, 0)).unwrap().unwrap().kind, Kind::Directory);
        assert_eq!(first(&header(EntryType::Symlink, 0, 0)).unwrap().unwrap().kind, Kind::Link);
    }

    #[test]
    fn records_before_the_member_count() {
        let records = b"18 uid=4000000000\n30 LIBARCHIVE.creationtime=12\n";
        let mut archive = header(EntryType::XHeader, 0, records.len() as u64);
        archive.extend(records);
        archive.resize(2 * BLOCK, 0);
        assert_eq!(first(&archive), Ok(None), "the member itself is not there yet");
        archive.extend(header(EntryType::Regular, 0, 0));
        assert_eq!(first(&archive).unwrap().unwrap().uid, 4_000_000_000);
    }

    #[test]
    fn what_is_no_archive_is_told_and_nothing_panics() {
        assert_eq!(first(&[b'x'; 600]), Err(Malformed));
        assert_eq!(first(b""), Ok(None));
        let mut archive = header(EntryType::Regular, 1000, 3);
        archive[0] ^= 1;
        assert_eq!(first(&archive), Err(Malformed));
        let huge = header(EntryType::XHeader, 0, u64::MAX);
        assert_eq!(first(&huge), Err(Malformed));
    }
}
