//! The lines of a stream, taken out of whatever an engine, a service manager or OpenClaw itself wraps them in.
//!
//! | written by | a line |
//! | --- | --- |
//! | `docker compose logs`, with or without `-t` | `openclaw-gateway-1  \| 2026-11-22T06:25:32Z TEXT` |
//! | `docker logs -t`, `podman logs -t` | `2026-11-22T06:25:32.343Z TEXT` |
//! | podman's and Kubernetes' files | `2026-11-22T06:25:32.343Z stdout F TEXT` |
//! | Docker's json-file driver | `{"log":"TEXT\n","stream":"stdout","time":"…"}` |
//! | `journalctl -o json` | `{"__REALTIME_TIMESTAMP":"…","MESSAGE":"TEXT",…}` |
//! | OpenClaw's file of JSON lines, and its console in JSON | `{"0":"{\"subsystem\":\"ws\"}","1":"TEXT","time":"…"}` |
//! | launchd, or whoever redirects | `TEXT` |
//!
//! Each line is judged alone, for one file may hold lines of several writers.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

use jiff::tz::Offset;
use memchr::{memchr, memchr2};
use serde::Deserialize;
use serde::de::{self, Visitor};
use serde_json::Value;

use super::time::{leading, moment};

/// How much is asked of a stream at once.
const BUFFER: usize = 256 * 1024;
/// Lines longer than this are kept up to it. Engines split what a program says at 16 KiB, before they escape it.
const LONGEST: usize = 64 * 1024;
/// How many envelopes lie in one another: a JSON line of OpenClaw in one of Docker behind a name of Compose.
const DEEPEST: usize = 3;

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
        let is_plain = memchr(0x1b, bytes).is_none();
        let plain = std::str::from_utf8(bytes).ok().filter(|_| is_plain);
        let text = if let Some(text) = plain {
            text
        } else {
            decode(bytes, &mut self.decoded);
            &self.decoded
        };
        let opened = open(text, self.zone, DEEPEST);
        self.line.service.clear();
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

/// A line without its envelopes.
struct Opened<'a> {
    at_ms: Option<u64>,
    service: Option<Cow<'a, str>>,
    said: Said<'a>,
}

enum Said<'a> {
    /// The end of the line.
    Rest(&'a str),
    /// What stands inside, as it is meant.
    Inside(Cow<'a, str>),
}

/// Takes a line out of its envelopes. The outermost time and name count: an engine's clock is one for all.
fn open(text: &str, zone: Offset, depth: usize) -> Opened<'_> {
    let (mut at_ms, mut service, mut rest) = (None, None, text);
    if let Some((name, behind)) = named(rest) {
        (service, rest) = (Some(Cow::Borrowed(name)), behind);
    }
    while let Some((at, end)) = leading(rest, zone) {
        at_ms = at_ms.or(Some(at));
        rest = rest.get(end..).unwrap_or_default().trim_start_matches(' ');
        for stream in ["stdout F ", "stdout P ", "stderr F ", "stderr P "] {
            rest = rest.strip_prefix(stream).unwrap_or(rest);
        }
    }
    if depth > 0
        && rest.starts_with('{')
        && let Some(json) = serde_json::from_str::<Json<'_>>(rest).ok().and_then(|json| json.open(zone))
    {
        let Opened { at_ms: inner_ms, service: inner_service, said } = json;
        let (at_ms, service) = (at_ms.or(inner_ms), service.or(inner_service));
        let Said::Inside(said) = said else { return Opened { at_ms, service, said } };
        let mut plain = String::new();
        let said = match memchr(0x1b, said.as_bytes()) {
            Some(_) => {
                decode(said.as_bytes(), &mut plain);
                Cow::Owned(plain)
            }
            None => said,
        };
        let inner = open(&said, zone, depth - 1);
        let (at_ms, service) =
            (at_ms.or(inner.at_ms), service.or(inner.service.map(|name| Cow::Owned(name.into_owned()))));
        let inside = match inner.said {
            // Only its end is left: the rest is taken off where it stands.
            Said::Rest(end) => end.len(),
            Said::Inside(said) => {
                let said = Cow::Owned(said.into_owned());
                return Opened { at_ms, service, said: Said::Inside(said) };
            }
        };
        let from = said.len() - inside;
        let said = match said {
            Cow::Borrowed(said) => Cow::Borrowed(said.get(from..).unwrap_or_default()),
            Cow::Owned(mut said) => {
                said.drain(..from);
                Cow::Owned(said)
            }
        };
        return Opened { at_ms, service, said: Said::Inside(said) };
    }
    Opened { at_ms, service, said: Said::Rest(rest) }
}

/// The name that Compose puts before a line, and what stands behind its bar.
fn named(text: &str) -> Option<(&str, &str)> {
    let bar = memchr(b'|', text.as_bytes().get(..text.len().min(LONGEST_NAME))?)?;
    let (name, behind) = (text.get(..bar)?, text.get(bar + 1..)?);
    let name = name.strip_suffix(' ')?.trim_end_matches(' ');
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = !name.is_empty() && name.bytes().all(is_name);
    fits.then(|| (name, behind.strip_prefix(' ').unwrap_or(behind)))
}

/// A container's name and the blanks that line it up.
const LONGEST_NAME: usize = 128;

/// What the writers of JSON lines say, each by its own keys.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Json<'a> {
    // Docker's driver.
    #[serde(borrow)]
    log: Word<'a>,
    // journald.
    #[serde(rename = "MESSAGE")]
    entry: Word<'a>,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    microseconds: Word<'a>,
    #[serde(rename = "CONTAINER_NAME")]
    container: Word<'a>,
    #[serde(rename = "_SYSTEMD_USER_UNIT")]
    user_unit: Word<'a>,
    #[serde(rename = "_SYSTEMD_UNIT")]
    unit: Word<'a>,
    // OpenClaw.
    time: Word<'a>,
    subsystem: Word<'a>,
    message: Word<'a>,
    msg: Word<'a>,
    #[serde(rename = "0")]
    first: Word<'a>,
    /// What is said, or the fields that it is said with.
    #[serde(rename = "1")]
    second: Value,
    #[serde(rename = "2")]
    third: Word<'a>,
}

/// Fields as the console has them behind what is said: ` key=value key=value`.
fn fields(value: &Value) -> String {
    let mut out = String::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => out += &format!(" {key}={text}"),
            Value::Number(_) | Value::Bool(_) => out += &format!(" {key}={value}"),
            _ => {}
        }
    }
    out
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    subsystem: Word<'a>,
}

impl<'a> Json<'a> {
    fn open(self, zone: Offset) -> Option<Opened<'a>> {
        let at_ms = self.time.0.as_deref().and_then(|time| moment(time, zone));
        if let Some(entry) = self.entry.0 {
            let microseconds = self.microseconds.0.and_then(|text| text.parse::<u64>().ok());
            return Some(Opened {
                at_ms: microseconds.map(|at| at / 1000),
                service: self.container.0.or(self.user_unit.0).or(self.unit.0),
                said: Said::Inside(entry),
            });
        }
        if let Some(log) = self.log.0 {
            return Some(Opened { at_ms, service: None, said: Said::Inside(log) });
        }
        let first = self.first.0.as_deref().and_then(|first| serde_json::from_str::<Named<'_>>(first).ok());
        let subsystem =
            self.subsystem.0.as_deref().or(first.as_ref().and_then(|first| first.subsystem.0.as_deref()));
        let subsystem = subsystem.map(|subsystem| format!("[{subsystem}] "));
        let second = self.second.as_str().map(|said| Cow::Owned(said.to_owned()));
        let fields = fields(&self.second);
        let message = self.message.0.or(self.msg.0).or(second).or(self.third.0).or(self.first.0)?;
        let message = if fields.is_empty() { message } else { Cow::Owned(message.into_owned() + &fields) };
        let said = match subsystem {
            Some(subsystem) => Cow::Owned(subsystem + &message),
            None => message,
        };
        Some(Opened { at_ms, service: None, said: Said::Inside(said) })
    }
}

/// A text, the bytes that journald writes for one that is not UTF-8, or something else, which is nothing.
#[derive(Default)]
struct Word<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Word<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Word(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Word(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Word(Some(Cow::Owned(number.to_string()))))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Word(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Word(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Word(None))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Word(None))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut bytes = Vec::new();
                while let Some(Byte(byte)) = entries.next_element()? {
                    bytes.extend(byte);
                }
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Ok(Word((!text.is_empty()).then_some(Cow::Owned(text))))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                while entries.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
                Ok(Word(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A number that is a byte, or something else.
struct Byte(Option<u8>);

impl<'de> Deserialize<'de> for Byte {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Value::deserialize(deserializer)?;
        Ok(Self(number.as_u64().and_then(|number| u8::try_from(number).ok())))
    }
}

/// The bytes as text without escape sequences; what is not UTF-8 is replaced.
fn decode(bytes: &[u8], out: &mut String) {
    out.clear();
    let text = String::from_utf8_lossy(bytes);
    let mut rest = text.as_ref();
    while let Some(at) = memchr(0x1b, rest.as_bytes()) {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = behind_escape(rest.get(at + 1..).unwrap_or_default());
    }
    out.push_str(rest);
}

/// What stands behind an escape sequence whose first character is taken.
fn behind_escape(text: &str) -> &str {
    let end = match text.bytes().next() {
        Some(b'[') => {
            let parameters = |byte: &u8| (0x20..0x40).contains(byte);
            let end = 1 + text.bytes().skip(1).take_while(parameters).count();
            // The final byte, where there is one.
            end + usize::from(text.as_bytes().get(end).is_some_and(|byte| (0x40..0x7f).contains(byte)))
        }
        Some(b']') => match memchr2(0x07, 0x1b, text.as_bytes()) {
            Some(at) => at + if text.as_bytes().get(at..at + 2) == Some(b"\x1b\\") { 2 } else { 1 },
            None => text.len(),
        },
        Some(byte) if byte.is_ascii() => 1,
        _ => 0,
    };
    text.get(end..).unwrap_or_default()
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
