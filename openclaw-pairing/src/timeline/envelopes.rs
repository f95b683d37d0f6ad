//! What an engine, a service manager or OpenClaw itself wraps a line in, taken off.

use std::borrow::Cow;
use std::fmt;

use jiff::tz::Offset;
use memchr::{memchr, memchr2};
use serde::Deserialize;
use serde::de::{self, Visitor};
use serde_json::Value;

use super::time::{leading, moment, seconds};

/// How many envelopes lie in one another: a JSON line of OpenClaw in one of Docker behind a name of Compose.
const DEEPEST: usize = 3;

/// A line without its envelopes.
pub(super) struct Opened<'a> {
    pub(super) at_ms: Option<u64>,
    pub(super) service: Option<Cow<'a, str>>,
    pub(super) said: Said<'a>,
}

pub(super) enum Said<'a> {
    /// The end of the line.
    Rest(&'a str),
    /// What stands inside, as it is meant.
    Inside(Cow<'a, str>),
}

/// Takes a line out of its envelopes. The outermost time and name count: an engine's clock is one for all.
pub(super) fn open(text: &str, zone: Offset) -> Opened<'_> {
    open_within(text, zone, DEEPEST)
}

fn open_within(text: &str, zone: Offset, depth: usize) -> Opened<'_> {
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
        let inner = open_within(&said, zone, depth - 1);
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
pub(super) const LONGEST_NAME: usize = 128;

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
    // Caddy.
    ts: Word<'a>,
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
        let time = self.time.0.as_deref().and_then(|time| moment(time, zone));
        let at_ms = time.or_else(|| self.ts.0.as_deref().and_then(seconds));
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

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Word(Some(Cow::Owned(number.to_string()))))
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
pub(super) fn decode(bytes: &[u8], out: &mut String) {
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
