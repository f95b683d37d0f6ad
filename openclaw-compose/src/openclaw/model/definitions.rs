//! Launchd and systemd definitions on the host, as far as they embed a token.

use secrecy::{ExposeSecret as _, SecretString};

use crate::source::{Format, Span, Text};

use super::files::Reader;

/// A launchd plist, a systemd unit or its environment file, on the host.
#[derive(Clone, Debug)]
pub struct Definition {
    /// What reports call it: its path.
    pub name: String,
    /// Its text.
    pub text: SecretString,
}

/// The token of a definition.
#[derive(Debug)]
pub(crate) struct Defined {
    pub(crate) name: String,
    pub(crate) value: Option<Text>,
    pub(crate) span: Span,
}

pub(crate) const NAME: &str = "OPENCLAW_GATEWAY_TOKEN";

/// Finds the token in a plist, a unit or an environment file.
pub(crate) fn read_definition(definition: &Definition, reader: &mut Reader<'_>) -> Defined {
    let text = definition.text.expose_secret();
    let format = if text.contains("<plist") { Format::Xml } else { Format::Unit };
    let file = reader.enter(format, &definition.name, text);
    let found = if format == Format::Xml { in_plist(text) } else { in_unit(text) };
    let (value, range) = match found {
        Some(range) => (text.get(range.clone()).map(Text::from), range),
        None => (None, 0..0),
    };
    Defined { name: definition.name.clone(), value, span: Span::from_range(file, range) }
}

/// `<key>NAME</key> <string>VALUE</string>`
fn in_plist(text: &str) -> Option<std::ops::Range<usize>> {
    let key = text.find(&format!("<key>{NAME}</key>"))?;
    let from = key + text.get(key..)?.find("<string>")? + "<string>".len();
    let to = from + text.get(from..)?.find("</string>")?;
    Some(from..to)
}

/// `Environment=NAME=VALUE`, quoted or not, or `NAME=VALUE`; the last one counts.
fn in_unit(text: &str) -> Option<std::ops::Range<usize>> {
    let mut found = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let Some(at) = line.find(&format!("{NAME}=")) else { continue };
        let from = at + NAME.len() + 1;
        let before = line.get(..at).unwrap_or_default();
        let rest = line.get(from..).unwrap_or_default();
        let quote = before.chars().last().filter(|c| matches!(c, '"' | '\''));
        let length = match quote {
            Some(quote) => rest.find(quote),
            None => rest.find(char::is_whitespace),
        };
        let length = length.unwrap_or(rest.trim_end().len());
        let inner = rest.get(..length).unwrap_or_default();
        let bare = inner.trim_matches(['"', '\'']);
        let lead = inner.len() - inner.trim_start_matches(['"', '\'']).len();
        found = Some(start + from + lead..start + from + lead + bare.len());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_in_definitions_of_every_kind() {
        let plist =
            "<plist><dict><key>OPENCLAW_GATEWAY_TOKEN</key>\n<string>canary-1</string></dict></plist>";
        assert_eq!(&plist[in_plist(plist).expect("found")], "canary-1");
        for unit in [
            "[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN=canary-1\n",
            "[Service]\nEnvironment=\"OPENCLAW_GATEWAY_TOKEN=canary-1\" \"A=b\"\n",
            "[Service]\nEnvironment=A=b OPENCLAW_GATEWAY_TOKEN=canary-1 C=d\n",
            "# OPENCLAW_GATEWAY_TOKEN=old\nOPENCLAW_GATEWAY_TOKEN='canary-1'\n",
        ] {
            assert_eq!(&unit[in_unit(unit).expect("found")], "canary-1", "{unit}");
        }
        assert_eq!(in_unit("[Service]\nExecStart=/bin/true\n"), None);
    }
}
