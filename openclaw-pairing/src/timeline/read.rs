//! The lines of a stream, taken out of whatever an engine, a service manager or OpenClaw itself wraps them in.
//!
//! | written by | a line |
//! | --- | --- |
//! | `docker compose logs`, with or without `-t` | `openclaw-gateway-1  \| 2026-11-22T06:25:32Z TEXT` |
//! | `docker logs -t`, `podman logs -t` | `2026-11-22T06:25:32.343Z TEXT` |
//! | podman's and Kubernetes' files | `2026-11-22T06:25:32.343Z stdout F TEXT` |
//! | Docker's json-file driver | `{"log":"TEXT\n","stream":"stdout","time":"…"}` |
//! | `journalctl -o json` | `{"__REALTIME_TIMESTAMP":"…","MESSAGE":"TEXT",…}` |
//! | Caddy | `{"ts":1795328732.343,"msg":"TEXT",…}` |
//! | OpenClaw's file of JSON lines, and its console in JSON | `{"0":"{\"subsystem\":\"ws\"}","1":"TEXT","time":"…"}` |
//! | launchd, or whoever redirects | `TEXT` |
//!
//! Each line is judged alone, for one file may hold lines of several writers.

use std::fmt;
use std::io::{self, Read};

use jiff::tz::Offset;
use memchr::{memchr, memchr2, memchr3};

use super::envelopes::{LONGEST_NAME, Said, decode, open};
use super::symptoms::first_words;
use super::time::Clock;

/// How much is asked of a stream at once.
const BUFFER: usize = 256 * 1024;
/// Lines longer than this are kept up to it. Engines split what a program says at 16 KiB, before they escape it.
const LONGEST: usize = 64 * 1024;

/// The lines of a stream: of any length, in constant memory.
pub struct Lines<R> {
    from: R,
    buffer: Vec<u8>,
    /// The part of the buffer that holds what was read and not taken.
    rest: std::ops::Range<usize>,
    ended: bool,
    /// Of times without an offset.
    zone: Offset,
    last_ms: Option<u64>,
    line: Held,
    /// The line as text, where its bytes are not.
    decoded: String,
    /// What an envelope holds, where it is not spelt so in it.
    unwrapped: String,
    /// Of the engine's time, and of OpenClaw's own behind it.
    clocks: [Clock; 2],
    ahead: Ahead,
}

/// What of the buffer was searched ahead of the lines.
#[derive(Debug, Default)]
struct Ahead {
    /// Where the next line with words of the table is, or the end of what was searched.
    words: usize,
    /// The same of the next sign of an escape sequence, which may part words, or of an envelope.
    sign: usize,
    upto: usize,
}

/// The current line: where its text is, and what is known of it.
#[derive(Debug, Default)]
struct Held {
    number: u64,
    at_ms: Option<u64>,
    is_dated: bool,
    cut: u64,
    service: String,
    text: Kept,
}

#[derive(Debug, Default)]
enum Kept {
    #[default]
    Nowhere,
    Buffer(std::ops::Range<usize>),
    Decoded(std::ops::Range<usize>),
    Unwrapped,
}

/// One line of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// Milliseconds since 1970; of a line without a time, those of the line before it.
    pub at_ms: Option<u64>,
    /// Whether the line has a time of its own.
    pub is_dated: bool,
    /// The service, container or unit that the line itself names.
    pub service: Option<&'a str>,
    /// What was said, behind name and time, without colours.
    pub text: &'a str,
    /// Bytes beyond the longest line, which are left out.
    pub cut: u64,
}

/// The text is left out: it may hold a secret.
impl<R> fmt::Debug for Lines<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("line", &self.line.number).finish_non_exhaustive()
    }
}

impl<R: Read> Lines<R> {
    /// The lines of a stream. Times without an offset are UTC.
    pub fn new(from: R) -> Self {
        Self {
            from,
            buffer: vec![0; BUFFER],
            rest: 0..0,
            ended: false,
            zone: Offset::UTC,
            last_ms: None,
            line: Held::default(),
            decoded: String::new(),
            unwrapped: String::new(),
            clocks: [Clock::new(), Clock::new()],
            ahead: Ahead::default(),
        }
    }

    /// Says how many seconds east of Greenwich the clock was whose times have no offset. More than a day is UTC.
    #[must_use]
    pub fn zone(mut self, seconds_east: i32) -> Self {
        self.zone = Offset::from_seconds(seconds_east).unwrap_or(Offset::UTC);
        self
    }

    /// Goes to the next line; false where there is none.
    ///
    /// # Errors
    /// What the stream says. The next call goes on behind it.
    pub fn advance(&mut self) -> io::Result<bool> {
        let Some((raw, cut)) = self.next_raw()? else { return Ok(false) };
        self.line.number += 1;
        self.line.cut = cut;
        self.unwrap(raw);
        Ok(true)
    }

    /// Goes to the next line that may mean something; false where there is none. Of those passed over only the time is
    /// read, and handed to `passed` with whether it is their own.
    ///
    /// # Errors
    /// As [`Lines::advance`].
    pub(super) fn advance_to_words(&mut self, mut passed: impl FnMut(Option<u64>, bool)) -> io::Result<bool> {
        while let Some((raw, cut)) = self.next_raw()? {
            self.line.number += 1;
            self.line.cut = cut;
            let Some(at_ms) = self.silent(&raw, cut) else {
                self.unwrap(raw);
                return Ok(true);
            };
            self.last_ms = at_ms.or(self.last_ms);
            passed(self.last_ms, at_ms.is_some());
        }
        Ok(false)
    }

    /// The time of a plain line without any words of the table; `None` if it has to be looked at.
    fn silent(&mut self, raw: &std::ops::Range<usize>, cut: u64) -> Option<Option<u64>> {
        self.search_ahead(raw);
        let bytes = self.buffer.get(raw.clone())?;
        if cut > 0 || self.ahead.words < raw.end || self.ahead.sign < raw.end && is_wrapped(bytes) {
            return None;
        }
        let is_dated = bytes.first().is_some_and(u8::is_ascii_digit);
        let [clock, _] = &mut self.clocks;
        if is_dated { clock.leading(bytes).map(|(at_ms, _)| Some(at_ms)) } else { Some(None) }
    }

    /// Knows at least of this line what it holds.
    fn search_ahead(&mut self, raw: &std::ops::Range<usize>) {
        let (from, end) = (raw.start, self.rest.end);
        let Ahead { words, sign, upto } = &mut self.ahead;
        let is_behind = *upto < raw.end;
        let ahead = || self.buffer.get(from..end).unwrap_or_default();
        if is_behind || *words < from {
            *words = first_words(ahead()).map_or(end, |at| from + at);
        }
        if is_behind || *sign < from {
            *sign = memchr3(0x1b, b'{', b'|', ahead()).map_or(end, |at| from + at);
        }
        *upto = if is_behind { end } else { *upto };
    }

    /// The line that [`Lines::advance`] went to.
    pub fn line(&self) -> Line<'_> {
        let Held { number, at_ms, is_dated, cut, ref service, ref text } = self.line;
        let text = match text {
            Kept::Nowhere => "",
            Kept::Buffer(range) => {
                self.buffer.get(range.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
            }
            Kept::Decoded(range) => self.decoded.get(range.clone()).unwrap_or(""),
            Kept::Unwrapped => &self.unwrapped,
        };
        let service = (!service.is_empty()).then_some(service.as_str());
        Line { number, at_ms, is_dated, service, text, cut }
    }

    /// The time of the line, and whether it is its own.
    pub(super) fn time(&self) -> (Option<u64>, bool) {
        (self.line.at_ms, self.line.is_dated)
    }

    /// Where the next line is in the buffer, without its end, and how many bytes of it were left out.
    fn next_raw(&mut self) -> io::Result<Option<(std::ops::Range<usize>, u64)>> {
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(self.rest.clone()).unwrap_or_default();
            let found = rest.get(searched..).and_then(|rest| memchr(b'\n', rest)).map(|at| searched + at);
            let length = rest.len();
            let start = self.rest.start;
            if let Some(at) = found {
                self.rest.start = start + at + 1;
                return Ok(Some((start..start + at.min(LONGEST), at.saturating_sub(LONGEST) as u64)));
            }
            if length > LONGEST {
                return self.next_of_overlong().map(Some);
            }
            if self.ended {
                self.rest.start = self.rest.end;
                // Whoever asks again asks for what was written since.
                self.ended = false;
                return Ok((length > 0).then_some((start..start + length, 0)));
            }
            searched = length;
            self.fill()?;
        }
    }

    /// Keeps the beginning of a line and passes over the rest of it.
    fn next_of_overlong(&mut self) -> io::Result<(std::ops::Range<usize>, u64)> {
        self.compact();
        let mut cut = (self.rest.end - LONGEST) as u64;
        loop {
            self.rest = LONGEST..LONGEST;
            let read = self.read_behind()?;
            let more = self.buffer.get(self.rest.clone()).unwrap_or_default();
            if let Some(at) = memchr(b'\n', more) {
                self.rest.start += at + 1;
                return Ok((0..LONGEST, cut + at as u64));
            }
            cut += more.len() as u64;
            if read == 0 {
                self.rest.start = self.rest.end;
                return Ok((0..LONGEST, cut));
            }
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.compact();
        self.read_behind().map(|_| ())
    }

    fn compact(&mut self) {
        self.ahead = Ahead::default();
        self.buffer.copy_within(self.rest.clone(), 0);
        self.rest = 0..self.rest.len();
    }

    /// Reads on behind what is there; nothing is the end.
    fn read_behind(&mut self) -> io::Result<usize> {
        let free = self.buffer.get_mut(self.rest.end..).unwrap_or_default();
        loop {
            match self.from.read(free) {
                Ok(read) => {
                    self.rest.end += read;
                    self.ended = read == 0;
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn unwrap(&mut self, raw: std::ops::Range<usize>) {
        let bytes = self.buffer.get(raw.clone()).unwrap_or_default();
        self.line.service.clear();
        let is_plain = memchr(0x1b, bytes).is_none();
        // By far the most lines are a time and what is said, and nothing beyond ASCII.
        if is_plain
            && let Some((at_ms, said)) = behind_times(&mut self.clocks, bytes)
            && (bytes.is_ascii() || std::str::from_utf8(bytes).is_ok())
        {
            let end = raw.end - bytes.iter().rev().take_while(|byte| **byte == b'\r').count();
            (self.last_ms, self.line.at_ms, self.line.is_dated) = (Some(at_ms), Some(at_ms), true);
            self.line.text = Kept::Buffer((raw.start + said).min(end)..end);
            return;
        }
        let plain = std::str::from_utf8(bytes).ok().filter(|_| is_plain);
        let text = if let Some(text) = plain {
            text
        } else {
            decode(bytes, &mut self.decoded);
            &self.decoded
        };
        let opened = open(text, self.zone);
        self.line.service.push_str(opened.service.as_deref().unwrap_or_default());
        self.line.is_dated = opened.at_ms.is_some();
        self.last_ms = opened.at_ms.or(self.last_ms);
        self.line.at_ms = self.last_ms;
        self.line.text = match opened.said {
            Said::Rest(said) => {
                let (end, length) = (text.len(), said.len());
                let said = end - length..end - length + said.trim_end_matches(['\r', '\n']).len();
                if plain.is_some() {
                    Kept::Buffer(raw.start + said.start..raw.start + said.end)
                } else {
                    Kept::Decoded(said)
                }
            }
            Said::Inside(said) => {
                decode(said.trim_end_matches(['\r', '\n']).as_bytes(), &mut self.unwrapped);
                Kept::Unwrapped
            }
        };
    }
}

/// Whether a line may be parted by escape sequences, be JSON that spells words otherwise, or have its time behind a bar.
fn is_wrapped(line: &[u8]) -> bool {
    let head = line.get(..line.len().min(LONGEST_NAME)).unwrap_or_default();
    memchr2(b'{', b'|', head).is_some() || memchr(0x1b, line).is_some()
}

/// The first time of a line and where what is said begins, if no envelope does.
fn behind_times(clocks: &mut [Clock; 2], line: &[u8]) -> Option<(u64, usize)> {
    let (mut first, mut said) = (None, line);
    for clock in clocks {
        let Some((at_ms, length)) = clock.leading(said) else { break };
        first = first.or(Some(at_ms));
        said = said.get(length..).unwrap_or_default();
        while let [b' ', behind @ ..] = said {
            said = behind;
        }
    }
    let is_wrapped = said.first().is_some_and(|first| *first == b'{' || first.is_ascii_digit())
        || said.starts_with(b"stdout ")
        || said.starts_with(b"stderr ");
    Some((first.filter(|_| !is_wrapped)?, line.len() - said.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (Option<u64>, Option<String>, String);

    fn read(bytes: &[u8]) -> Vec<Read> {
        let mut lines = Lines::new(bytes);
        let mut out = Vec::new();
        while lines.advance().unwrap() {
            let line = lines.line();
            out.push((line.at_ms, line.service.map(str::to_owned), line.text.to_owned()));
        }
        out
    }

    fn one(line: &str) -> Read {
        let mut lines = read(line.as_bytes());
        assert_eq!(lines.len(), 1, "{line}");
        lines.remove(0)
    }

    #[test]
    fn every_writer_s_envelope_comes_off() {
        const AT: Option<u64> = Some(1_795_328_732_343);
        let said = "[ws] closed before connect conn=1";
        let plain = [
            "2026-11-22T06:25:32.343Z [ws] closed before connect conn=1",
            "2026-11-22T08:25:32.343+02:00 [ws] closed before connect conn=1\r",
            "2026-11-22 06:25:32,343 [ws] closed before connect conn=1",
            "2026-11-22T06:25:32.343999999Z stdout F [ws] closed before connect conn=1",
            "2026-11-22T06:25:32.343Z 2026-11-22T06:25:31.000+00:00 \u{1b}[2K[ws] closed before connect conn=1",
            "\u{1b}[2K\u{1b}[36m2026-11-22T06:25:32.343Z\u{1b}[0m [ws] closed before \u{1b}[1mconnect\u{1b}[0m conn=1",
            r#"{"log":"[ws] closed before connect conn=1\n","stream":"stderr","time":"2026-11-22T06:25:32.343Z"}"#,
            r#"{"log":"\u001b[2K2026-11-22T06:25:31Z [ws] closed before connect conn=1\r\n","time":"2026-11-22T06:25:32.343Z"}"#,
            r#"{"0":"{\"subsystem\":\"ws\"}","1":"closed before connect conn=1","_meta":{"a":[1]},"time":"2026-11-22T06:25:32.343Z"}"#,
            r#"{"time":"2026-11-22T06:25:32.343Z","level":"warn","subsystem":"ws","message":"closed before connect conn=1"}"#,
            r#"{"0":"{\"subsystem\":\"ws\"}","1":{"conn":1,"at":{}},"2":"closed before connect","time":"2026-11-22T06:25:32.343Z"}"#,
            "2026/11/22 06:25:32,343 [ws] closed before connect conn=1",
            r#"{"level":"error","ts":1795328732.343,"msg":"[ws] closed before connect conn=1","status":502}"#,
        ];
        for line in plain {
            assert_eq!(one(line), (AT, None, said.to_owned()), "{line}");
        }
        for (line, service) in [
            (
                "openclaw-gateway-1  | 2026-11-22T06:25:32.343Z [ws] closed before connect conn=1",
                "openclaw-gateway-1",
            ),
            ("[gateway] | 2026-11-22T06:25:32.343Z [ws] closed before connect conn=1", "gateway"),
            (
                r#"gw-1 | {"time":"2026-11-22T06:25:32.343Z","subsystem":"ws","message":"closed before connect conn=1"}"#,
                "gw-1",
            ),
            (
                r#"{"__REALTIME_TIMESTAMP":"1795328732343999","_SYSTEMD_UNIT":"oc.service","MESSAGE":"[ws] closed before connect conn=1"}"#,
                "oc.service",
            ),
        ] {
            assert_eq!(one(line), (AT, Some(service.to_owned()), said.to_owned()), "{line}");
        }
        let bytes = r#"{"__REALTIME_TIMESTAMP":"1795328732343999","MESSAGE":[27,91,50,75,111,107,255]}"#;
        assert_eq!(one(bytes), (AT, None, "ok\u{fffd}".to_owned()));
    }

    #[test]
    fn what_is_no_envelope_stays_as_it_is() {
        for line in [
            "{",
            "{\"log\":",
            "| Request | Device |",
            "a b | c",
            "{\"level\":30}",
            "2026-13-22T06:25:32Z x",
            "| a",
            "",
        ] {
            assert_eq!(one(&format!("{line}\n")), (None, None, line.to_owned()));
        }
    }

    #[test]
    fn bare_lines_inherit_and_the_zone_is_that_of_the_caller() {
        let log = b"first\n2026-11-22T08:25:32.343 a\n  at b\n2026-11-22T06:25:33.343Z c";
        let mut lines = Lines::new(&log[..]).zone(7200);
        let mut seen = Vec::new();
        while lines.advance().unwrap() {
            let line = lines.line();
            seen.push((line.number, line.at_ms, line.is_dated));
        }
        let at = Some(1_795_328_732_343);
        assert_eq!(
            seen,
            [(1, None, false), (2, at, true), (3, at, false), (4, at.map(|at| at + 1000), true)]
        );
    }

    #[test]
    fn a_line_of_any_length_and_of_any_bytes_is_one_line() {
        for length in [LONGEST - 1, LONGEST, LONGEST + 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER] {
            let mut log = vec![b'x'; length];
            log.extend(b"\n\xff\x00 after\n");
            let mut lines = Lines::new(&log[..]);
            assert!(lines.advance().unwrap());
            let line = lines.line();
            assert_eq!(
                (line.text.len(), line.cut),
                (length.min(LONGEST), length.saturating_sub(LONGEST) as u64)
            );
            assert!(lines.advance().unwrap());
            assert_eq!(lines.line().text, "\u{fffd}\0 after");
            assert!(!lines.advance().unwrap());
        }
    }
}
