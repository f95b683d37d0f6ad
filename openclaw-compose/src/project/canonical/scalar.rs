//! Texts with a grammar of their own: durations, sizes, command lines.

/// Reads a Go duration, `with_days` with days and weeks as well, and prints it as Go does; `None` for what is not a duration.
pub(crate) fn duration(text: &str, with_days: bool) -> Option<String> {
    parse_duration(text, with_days).map(print_duration)
}

/// Nanoseconds of `1h2m3.5s`.
fn parse_duration(text: &str, with_days: bool) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let whole_len = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at_checked(whole_len)?;
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at_checked(after.bytes().take_while(u8::is_ascii_digit).count())?,
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_len = after.bytes().take_while(|byte| *byte != b'.' && !byte.is_ascii_digit()).count();
        let (unit, after) = after.split_at_checked(unit_len)?;
        let scale: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" if with_days => 86_400_000_000_000,
            "w" if with_days => 604_800_000_000_000,
            _ => return None,
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let mut value = whole.checked_mul(scale)?;
        if !fraction.is_empty() {
            // As Go: as many digits as fit, then a float product.
            let digits: String = fraction.chars().take(18).collect();
            let numerator: f64 = digits.parse().ok()?;
            let denominator = 10f64.powi(i32::try_from(digits.len()).ok()?);
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most 3.6e12"
            )]
            let part = (numerator * (scale as f64 / denominator)) as u64;
            value = value.checked_add(part)?;
        }
        total = total.checked_add(value)?;
        rest = after;
    }
    let total = i64::try_from(total).ok()?;
    Some(if negative { -total } else { total })
}

fn print_duration(nanos: i64) -> String {
    let magnitude = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    if magnitude == 0 {
        return "0s".to_owned();
    }
    if magnitude < 1_000_000_000 {
        let (scale, unit) = match magnitude {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{unit}", decimal(magnitude, scale));
    }
    let (minutes, rest) = (magnitude / 60_000_000_000, magnitude % 60_000_000_000);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let seconds = decimal(rest, 1_000_000_000);
    if hours > 0 {
        format!("{sign}{hours}h{minutes}m{seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m{seconds}s")
    } else {
        format!("{sign}{seconds}s")
    }
}

/// `value / scale` without trailing zeros.
fn decimal(value: u64, scale: u64) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// Reads `512m`, `1.5 GiB`, `1024`: bytes, units of 1024. `None` for what is no size.
pub(crate) fn bytes(text: &str) -> Option<i64> {
    let at = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
    let (number, unit) = text.split_at_checked(at + 1)?;
    // One blank may stand between number and unit.
    let (number, unit) = match number.strip_suffix(' ') {
        Some(number) if !number.is_empty() => (number, unit),
        Some(_) => return None,
        None => (number, unit),
    };
    let value: f64 = number.parse().ok()?;
    if value < 0.0 || !value.is_finite() {
        return None;
    }
    let unit = unit.to_ascii_lowercase();
    let scale = match unit.as_str() {
        "" | "b" => 1f64,
        unit => {
            let mut chars = unit.chars();
            let power = match chars.next()? {
                'k' => 1,
                'm' => 2,
                'g' => 3,
                't' => 4,
                'p' => 5,
                _ => return None,
            };
            if !matches!(chars.as_str(), "" | "b" | "ib") {
                return None;
            }
            1024f64.powi(power)
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "the conversion saturates, as a size should")]
    Some((value * scale) as i64)
}

/// Splits a command line as Compose does: quotes and backslashes as in a shell, `` `…` `` and `$(…)` kept whole, nothing
/// expanded, and everything from the first free `;`, `&`, `|`, `<` or `>` on dropped. `None` where a quote, an escape or a
/// parenthesis stays open.
pub(crate) fn words(line: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut word = String::new();
    // True once the current word exists, be it as an empty pair of quotes.
    let mut begun = false;
    let (mut escaped, mut single, mut double, mut back, mut dollar) = (false, false, false, false, false);
    for c in line.chars() {
        if escaped {
            word.push(c);
            escaped = false;
            begun = true;
            continue;
        }
        match c {
            '\\' if single => word.push(c),
            '\\' => escaped = true,
            ' ' | '\t' | '\r' | '\n' if single || double || back || dollar => word.push(c),
            ' ' | '\t' | '\r' | '\n' => {
                if begun {
                    out.push(std::mem::take(&mut word));
                    begun = false;
                }
            }
            '"' if !single && !dollar => {
                begun |= double;
                double = !double;
            }
            '\'' if !double && !dollar => {
                begun |= single;
                single = !single;
            }
            ';' | '&' | '|' | '<' | '>' if !(single || double || back || dollar) => {
                let descriptor = c == '>' && word.starts_with(|first: char| first.is_ascii_digit());
                if begun && !descriptor {
                    out.push(word);
                }
                return Some(out);
            }
            _ => {
                let free = !single && !double;
                match c {
                    '`' if free && !dollar => back = !back,
                    ')' if free && !back => dollar = !dollar,
                    '(' if free && !back && (dollar || !word.ends_with('$')) => return None,
                    '(' if free && !back => dollar = true,
                    _ => {}
                }
                begun = true;
                word.push(c);
            }
        }
    }
    if begun {
        out.push(word);
    }
    if escaped || single || double || back || dollar { None } else { Some(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("10s", Some("10s")),
            ("90s", Some("1m30s")),
            ("1m30s", Some("1m30s")),
            ("1.5h", Some("1h30m0s")),
            ("0", Some("0s")),
            ("500ms", Some("500ms")),
            ("1500us", Some("1.5ms")),
            ("-5s", Some("-5s")),
            ("", None),
            ("10", None),
            ("10 s", None),
            ("1d", None),
            (".s", None),
        ] {
            assert_eq!(duration(text, false).as_deref(), expected, "{text}");
        }
        assert_eq!(duration("1w2d", true).as_deref(), Some("216h0m0s"));
    }

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("10m", Some(10 << 20)),
            ("512M", Some(512 << 20)),
            ("1.5g", Some(3 << 29)),
            ("1024", Some(1024)),
            ("64 kb", Some(65536)),
            ("1GiB", Some(1 << 30)),
            ("", None),
            ("x", None),
            ("-1", None),
            ("1mm", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn command_lines() {
        let split = |line: &str| words(line).map(|words| words.join("|"));
        assert_eq!(split("node  server.js --port 1").as_deref(), Some("node|server.js|--port|1"));
        assert_eq!(split(r#"sh -c "echo 'a b'" '' x\ y"#).as_deref(), Some("sh|-c|echo 'a b'||x y"));
        assert_eq!(split("a `x y` $(ls z) b | c").as_deref(), Some("a|`x y`|$(ls z)|b"));
        assert_eq!(split("a 2>&1").as_deref(), Some("a"));
        assert_eq!(split("a(b"), None);
        assert_eq!(split("a)b"), None);
        assert_eq!(split("a 'b"), None);
        assert_eq!(split("a \\"), None);
    }
}
