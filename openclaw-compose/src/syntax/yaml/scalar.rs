//! What an unquoted scalar means to go-yaml 3.0.1: the YAML 1.1 numbers it kept, three spellings of booleans, dates.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use jiff::civil::{Date, DateTime, Time};

use super::Value;
use crate::source::Text;

/// A date, or a date and time, with its offset from UTC. Always a real day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp {
    local: DateTime,
    /// Offset from UTC in minutes, east positive.
    offset: i16,
}

impl Timestamp {
    /// As Go writes a `time.Time` to JSON (RFC 3339): `2001-01-01T10:00:00.5+02:00`.
    #[must_use]
    pub fn rfc3339(&self) -> String {
        let zone = if self.offset == 0 { "Z".to_owned() } else { self.zone(":") };
        format!("{}{zone}", self.local)
    }

    /// As Go prints a `time.Time`, which is what a container's environment gets:
    /// `2001-01-01 10:00:00.5 +0200 +0200`, `2001-01-01 00:00:00 +0000 UTC`.
    #[must_use]
    pub fn go_string(&self) -> String {
        let zone = self.zone("");
        let name = if self.offset == 0 { "UTC" } else { &zone };
        format!("{} {} {zone} {name}", self.local.date(), self.local.time())
    }

    fn zone(&self, colon: &str) -> String {
        let (sign, minutes) = if self.offset < 0 { ('-', -self.offset) } else { ('+', self.offset) };
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }
}

/// The kind, not the value: it is a scalar of somebody's file.
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timestamp(…)")
    }
}

/// The standard tags that ask for a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarTag {
    Str,
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    Binary,
}

impl ScalarTag {
    pub(super) fn from_suffix(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "str" => Self::Str,
            "null" => Self::Null,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Str => "!!str",
            Self::Null => "!!null",
            Self::Bool => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::Binary => "!!binary",
        }
    }
}

/// Types a scalar with a standard tag; `None` where the text does not fit the tag.
pub(super) fn tagged(tag: ScalarTag, text: &str) -> Option<Value> {
    match tag {
        ScalarTag::Str => return Some(Value::Str(Text::from(text))),
        ScalarTag::Binary => return base64(text).map(|text| Value::Str(Text::from(text))),
        _ => {}
    }
    let value = if tag == ScalarTag::Timestamp { untagged(text) } else { resolve(text, false) };
    match (tag, value?) {
        #[expect(clippy::cast_precision_loss, reason = "go-yaml converts in the same way")]
        (ScalarTag::Float, Value::Int(number)) => Some(Value::Float(number as f64)),
        (ScalarTag::Null, value @ Value::Null)
        | (ScalarTag::Bool, value @ Value::Bool(_))
        | (ScalarTag::Int, value @ (Value::Int(_) | Value::UInt(_)))
        | (ScalarTag::Float, value @ Value::Float(_))
        | (ScalarTag::Timestamp, value @ Value::Timestamp(_)) => Some(value),
        _ => None,
    }
}

/// Types an unquoted scalar without a tag. `None` means a string.
pub(super) fn untagged(text: &str) -> Option<Value> {
    resolve(text, true)
}

/// The first byte decides what is tried at all, as in go-yaml.
fn resolve(text: &str, dates: bool) -> Option<Value> {
    let Some(&first) = text.as_bytes().first() else { return Some(Value::Null) };
    match first {
        b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' => match text {
            "~" | "null" | "Null" | "NULL" => Some(Value::Null),
            "true" | "True" | "TRUE" => Some(Value::Bool(true)),
            "false" | "False" | "FALSE" => Some(Value::Bool(false)),
            _ => None,
        },
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" => Some(Value::Float(f64::NAN)),
            ".inf" | ".Inf" | ".INF" => Some(Value::Float(f64::INFINITY)),
            _ => float(text).map(Value::Float),
        },
        b'0'..=b'9' | b'+' | b'-' => match text {
            "+.inf" | "+.Inf" | "+.INF" => Some(Value::Float(f64::INFINITY)),
            "-.inf" | "-.Inf" | "-.INF" => Some(Value::Float(f64::NEG_INFINITY)),
            _ => dates.then(|| timestamp(text)).flatten().map(Value::Timestamp).or_else(|| number(text)),
        },
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    // Most that gets here is an address, a version or a port mapping: no number holds its other bytes.
    if !text.bytes().all(|byte| matches!(byte, b'_' | b'.' | b'+' | b'-') || byte.is_ascii_alphanumeric()) {
        return None;
    }
    let stripped;
    let plain = if text.contains('_') {
        stripped = text.replace('_', "");
        &stripped
    } else {
        text
    };
    integer(plain).or_else(|| float(plain).map(Value::Float))
}

/// Go's `ParseInt(…, 0, 64)`, then `ParseUint`, then go-yaml's own second try at `0b` and `0o`, which lets a sign stand
/// behind the prefix.
fn integer(plain: &str) -> Option<Value> {
    let negative = plain.starts_with('-');
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let (radix, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, unsigned.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, unsigned.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, unsigned.get(2..)?),
        [b'0', _, ..] => (8, unsigned.get(1..)?),
        _ => (10, unsigned),
    };
    if digits.starts_with(['+', '-']) {
        let retried = plain.starts_with("0b") || plain.starts_with("0o");
        return retried.then(|| i64::from_str_radix(digits, radix).ok()).flatten().map(Value::Int);
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(number)) => Some(Value::Int(number)),
        (false, Err(_)) => (!plain.starts_with('+')).then_some(Value::UInt(magnitude)),
        (true, _) => 0_i64.checked_sub_unsigned(magnitude).map(Value::Int),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`; what overflows is a string.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at)?, unsigned.get(at + 1..)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if !(mantissa_fits && exponent_fits) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The four layouts go-yaml tries, with one or two digits where Go's `time.Parse` takes either.
fn timestamp(text: &str) -> Option<Timestamp> {
    let mut cursor = Cursor(text);
    let year = i16::try_from(cursor.digits(4, 4)?).ok()?;
    cursor.byte(b'-')?;
    let month = cursor.short()?;
    cursor.byte(b'-')?;
    let date = Date::new(year, month, cursor.short()?).ok()?;
    let (mut time, mut offset) = (Time::midnight(), 0);
    if let Some(&separator) = cursor.0.as_bytes().first() {
        if !matches!(separator, b'T' | b't' | b' ') {
            return None;
        }
        cursor.byte(separator)?;
        let hour = cursor.short()?;
        cursor.byte(b':')?;
        let minute = cursor.short()?;
        cursor.byte(b':')?;
        time = Time::new(hour, minute, cursor.short()?, cursor.fraction()?).ok()?;
        if separator != b' ' {
            offset = cursor.zone()?;
        }
    }
    cursor.0.is_empty().then(|| Timestamp { local: date.to_datetime(time), offset })
}

/// What is left of a timestamp.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn byte(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(char::from(byte))?;
        Some(())
    }

    /// A number of `least` to `most` digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        if count < least { None } else { number.parse().ok() }
    }

    fn short(&mut self) -> Option<i8> {
        self.digits(1, 2).and_then(|number| i8::try_from(number).ok())
    }

    /// `.5` or `,5` as nanoseconds; nothing is 0.
    fn fraction(&mut self) -> Option<i32> {
        let Some(rest) = self.0.strip_prefix(['.', ',']) else { return Some(0) };
        self.0 = rest;
        let number = self.digits(1, 9)?;
        let digits = rest.len() - self.0.len();
        i32::try_from(number * 10_u32.pow(9 - u32::try_from(digits).ok()?)).ok()
    }

    /// `Z` or `±hh:mm`, in minutes.
    fn zone(&mut self) -> Option<i16> {
        if self.byte(b'Z').is_some() {
            return Some(0);
        }
        let sign = if self.byte(b'-').is_some() {
            -1
        } else {
            self.byte(b'+')?;
            1
        };
        let hours = i16::try_from(self.digits(2, 2)?).ok()?;
        self.byte(b':')?;
        let minutes = i16::try_from(self.digits(2, 2)?).ok()?;
        (hours <= 24 && minutes <= 60).then_some(sign * (hours * 60 + minutes))
    }
}

/// Standard base64 as Go decodes it: line breaks are skipped, padding is required, what is left of a last character is not
/// looked at. Bytes that are not UTF-8 are replaced, as they are when Go writes JSON.
fn base64(text: &str) -> Option<String> {
    const GO: GeneralPurpose = GeneralPurpose::new(&STANDARD, PAD.with_decode_allow_trailing_bits(true));
    let text: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    GO.decode(text).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
