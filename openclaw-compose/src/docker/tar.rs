//! The first member of a tar archive: owner, mode and kind of the file that the engine was asked for, and where its bytes
//! begin. Of the format only what engines write: POSIX headers, PAX records for large numbers, GNU long names skipped.

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

/// No tar archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What PAX records say about the member behind them.
#[derive(Default)]
struct Records {
    uid: Option<u64>,
    gid: Option<u64>,
    size: Option<u64>,
}

/// Reads the first member's header out of the beginning of an archive; nothing where more bytes are needed.
pub(super) fn first(archive: &[u8]) -> Result<Option<Header>, Malformed> {
    let mut records = Records::default();
    let mut at = 0_usize;
    loop {
        let Some(block) = archive.get(at..at + BLOCK) else { return Ok(None) };
        check(block)?;
        let size = number(block, 124..136)?;
        let body = at + BLOCK;
        let kind = match block.get(156).copied().unwrap_or(0) {
            b'x' => {
                let length = usize::try_from(size).map_err(|_| Malformed)?;
                let Some(text) = archive.get(body..body.saturating_add(length)) else { return Ok(None) };
                records.read(text);
                at = next(body, length)?;
                continue;
            }
            b'g' | b'L' | b'K' => {
                at = next(body, usize::try_from(size).map_err(|_| Malformed)?)?;
                continue;
            }
            b'0' | 0 => Kind::File,
            b'5' => Kind::Directory,
            b'1' | b'2' => Kind::Link,
            _ => Kind::Other,
        };
        let narrow = |number: u64| u32::try_from(number).map_err(|_| Malformed);
        return Ok(Some(Header {
            uid: narrow(records.uid.map_or_else(|| number(block, 108..116), Ok)?)?,
            gid: narrow(records.gid.map_or_else(|| number(block, 116..124), Ok)?)?,
            mode: narrow(number(block, 100..108)?)? & 0o7777,
            kind,
            size: records.size.unwrap_or(size),
            at: body,
        }));
    }
}

/// The block behind a body.
fn next(body: usize, length: usize) -> Result<usize, Malformed> {
    let blocks = length.checked_next_multiple_of(BLOCK).ok_or(Malformed)?;
    body.checked_add(blocks).filter(|at| *at < usize::MAX - BLOCK).ok_or(Malformed)
}

/// The header's checksum, taken with blanks in its own place.
fn check(block: &[u8]) -> Result<(), Malformed> {
    let sum = block.iter().enumerate().map(|(at, byte)| {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        u64::from(byte)
    });
    (sum.sum::<u64>() == number(block, 148..156)?).then_some(()).ok_or(Malformed)
}

/// An octal number, or one in base 256 where the highest bit is set.
fn number(block: &[u8], range: std::ops::Range<usize>) -> Result<u64, Malformed> {
    let field = block.get(range).ok_or(Malformed)?;
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        let start = u64::from(first & 0x7f);
        return rest
            .iter()
            .try_fold(start, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte)))
            .ok_or(Malformed);
    }
    let digits = field.split(|byte| matches!(byte, 0 | b' ')).find(|part| !part.is_empty()).unwrap_or(b"0");
    let digits = std::str::from_utf8(digits).map_err(|_| Malformed)?;
    u64::from_str_radix(digits, 8).map_err(|_| Malformed)
}

impl Records {
    /// `LENGTH NAME=VALUE\n`, one after the other; what is not understood is passed over.
    fn read(&mut self, text: &[u8]) {
        for line in text.split(|byte| *byte == b'\n') {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let Some((name, value)) = line.split_once(' ').and_then(|(_, record)| record.split_once('='))
            else {
                continue;
            };
            let slot = match name {
                "uid" => &mut self.uid,
                "gid" => &mut self.gid,
                "size" => &mut self.size,
                _ => continue,
            };
            *slot = value.parse().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header as an engine writes it.
    fn header(kind: u8, uid: &str, size: usize) -> Vec<u8> {
        let mut block = vec![0_u8; BLOCK];
        let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, "openclaw.json");
        put(100, "0100600\0");
        put(108, uid);
        put(116, "0001750\0");
        put(124, &format!("{size:011o}\0"));
        put(148, "        ");
        put(257, "ustar\0");
        block[156] = kind;
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }

    #[test]
    fn owner_mode_and_bytes_are_read() {
        let mut archive = header(b'0', "0001750\0", 3);
        archive.extend(b"{ }");
        let found = first(&archive).unwrap().unwrap();
        assert_eq!((found.uid, found.gid, found.mode, found.kind), (1000, 1000, 0o600, Kind::File));
        assert_eq!(&archive[found.at..found.at + 3], b"{ }");
        assert_eq!(first(&archive[..511]), Ok(None));
        assert_eq!(first(&header(b'5', "0000000\0", 0)).unwrap().unwrap().kind, Kind::Directory);
        assert_eq!(first(&header(b'2', "0000000\0", 0)).unwrap().unwrap().kind, Kind::Link);
    }

    #[test]
    fn records_before_the_member_count() {
        let records = b"20 uid=4000000000\n30 LIBARCHIVE.creationtime=12\n";
        let mut archive = header(b'x', "0000000\0", records.len());
        archive.extend(records);
        archive.resize(2 * BLOCK, 0);
        assert_eq!(first(&archive), Ok(None), "the member itself is not there yet");
        archive.extend(header(b'0', "0000000\0", 0));
        assert_eq!(first(&archive).unwrap().unwrap().uid, 4_000_000_000);
    }

    #[test]
    fn what_is_no_archive_is_told_and_nothing_panics() {
        assert_eq!(first(&[b'x'; 600]), Err(Malformed));
        assert_eq!(first(b""), Ok(None));
        let mut archive = header(b'0', "0001750\0", 3);
        archive[0] ^= 1;
        assert_eq!(first(&archive), Err(Malformed));
        let huge = {
            let mut block = header(b'x', "0000000\0", 0);
            block[124..136].copy_from_slice(&[0xff; 12]);
            let sum: u64 = block
                .iter()
                .enumerate()
                .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
                .sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            block
        };
        assert_eq!(first(&huge), Err(Malformed));
    }
}
