//! Scalars as Go prints them, for that is what a container gets.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::model::Value;

/// `fmt.Sprint`: how a scalar becomes an environment value.
pub(crate) fn go(value: &Value) -> String {
    let mut out = String::new();
    go_into(&mut out, value);
    out
}

/// As [`go`], without a copy of a text.
pub(crate) fn scalar(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text.expose()),
        other => Cow::Owned(go(other)),
    }
}

/// As [`go`], at the end of a text.
pub(crate) fn go_into(out: &mut String, value: &Value) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::Unknown | Value::Null => {
            out.push_str("<nil>");
            Ok(())
        }
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Uint(value) => write!(out, "{value}"),
        Value::Float(value) => {
            out.push_str(&float(*value));
            Ok(())
        }
        Value::Time(value) => {
            out.push_str(&value.go_string());
            Ok(())
        }
        Value::Text(value) => {
            out.push_str(value.expose());
            Ok(())
        }
        Value::List(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(' ');
                }
                go_into(out, &item.value);
            }
            out.push(']');
            Ok(())
        }
        Value::Map(map) => {
            out.push_str("map[");
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            for (number, entry) in entries.into_iter().enumerate() {
                if number > 0 {
                    out.push(' ');
                }
                out.push_str(&entry.key);
                out.push(':');
                go_into(out, &entry.node.value);
            }
            out.push(']');
            Ok(())
        }
    };
}

/// `%v` of a float: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    general(value, 6, 2)
}

/// A float as `encoding/json` writes it: plain up to 1e21.
pub(crate) fn json_float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) { general(value, 0, 1) } else { plain(value) }
}

/// A float as go-yaml writes it.
pub(crate) fn yaml_float(value: f64) -> String {
    if value.is_nan() {
        ".nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() }
    } else {
        general(value, 6, 2)
    }
}

/// Shortest digits; exponential where the exponent is below -4 or at least `limit`; exponent of `width` digits at least.
fn general(value: f64, limit: i32, width: usize) -> String {
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".to_owned() } else { "0".to_owned() };
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if limit != 0 && (-4..limit).contains(&exponent) {
        return plain(value);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:0width$}", exponent.unsigned_abs())
}

fn plain(value: f64) -> String {
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        for (value, expected) in [
            (1.10, "1.1"),
            (1.0, "1"),
            (0.5, "0.5"),
            (1e3, "1000"),
            (1e21, "1e+21"),
            (123_456_789.125, "1.23456789125e+08"),
            (1e6, "1e+06"),
            (123_456.0, "123456"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.0, "-0"),
        ] {
            assert_eq!(float(value), expected, "{value}");
        }
        assert_eq!(json_float(1e20), "100000000000000000000");
        assert_eq!(json_float(1e21), "1e+21");
        assert_eq!(json_float(1e-7), "1e-7");
    }
}
