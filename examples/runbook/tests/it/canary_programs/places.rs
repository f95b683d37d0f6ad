//! A stack with something in every field of every format, and every place in it where a token can stand.

use std::collections::BTreeMap;
use std::fmt;

use super::token::{Numbers, base64};

/// Texts by their path below the stack.
pub(crate) type Files = BTreeMap<String, String>;

macro_rules! files {
    ($($path:literal),* $(,)?) => { [$(($path, include_str!(concat!("stack/", $path)))),*] };
}

const STACK: [(&str, &str); 24] = files![
    ".env",
    "api.secret",
    "base.yaml",
    "captured/devices/openclaw-gateway.json",
    "captured/engine.json",
    "captured/idmap.txt",
    "captured/inspect.json",
    "captured/launchd/ai.openclaw.gateway.plist",
    "captured/launchd/ai.openclaw.gateway.print.txt",
    "captured/logs/openclaw-cli.log",
    "captured/logs/openclaw-gateway.log",
    "captured/ownership.txt",
    "captured/systemd/openclaw-gateway.service",
    "compose.override.yaml",
    "compose.yaml",
    "gateway.env",
    "part/compose.yaml",
    "part/part.env",
    "proxy/Caddyfile",
    "proxy/dynamic.yaml",
    "proxy/nginx.conf",
    "proxy/serve.json",
    "proxy/tunnel.yaml",
    "state/openclaw.json",
];

/// The stack as it is before anything is planted. It has one of several troubles, so that other lines are quoted and edited.
pub(crate) fn stack(numbers: &mut Numbers) -> Files {
    let mut files: Files =
        STACK.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    files.insert("state/.env".to_owned(), include_str!("stack/state.env").to_owned());
    let mut change = |path: &str, from: &str, to: &str| {
        if numbers.below(2) == 0 {
            let text = files.get_mut(path).unwrap();
            assert!(text.contains(from), "{path} has no {from}");
            *text = text.replace(from, to);
        }
    };
    // Which gates are shut decides what is quoted.
    change("captured/ownership.txt", "0:0", "1000:1000");
    change("state/openclaw.json", "test-token-wizard-8v2w5x9y1z4a7b0c3d6e", "${OPENCLAW_GATEWAY_TOKEN}");
    change("state/openclaw.json", "bind: \"loopback\"", "bind: \"lan\"");
    change("compose.yaml", "ws://127.0.0.1:18789", "ws://openclaw-gateway:18789");
    change("compose.yaml", "      HOME: /home/node\n", "");
    change("compose.yaml", "\"openclaw\", \"gateway\", ", "\"openclaw\", \"gateway\", \"--bind\", \"lan\", ");
    if numbers.below(3) == 0 {
        files.remove("captured/inspect.json");
    }
    if numbers.below(3) == 0 {
        files.remove("compose.override.yaml");
    }
    files
}

/// What is planted where.
#[derive(Clone)]
pub(crate) struct PlantedLine {
    pub(crate) file: String,
    /// Line, from 0.
    pub(crate) line: usize,
    /// The line as it was.
    pub(crate) text: String,
    pub(crate) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// In the place of a value.
    Value,
    /// Behind a value, as a word more.
    Word,
    /// Behind a value, as a parameter of a URL.
    Parameter,
    /// Behind a value, encoded.
    Encoded,
    /// In the place of a key.
    Key,
    /// As the error text, the default or the name of a template.
    Refused,
    Default,
    Variable,
    /// In a comment or a line of its own.
    Above,
    Below,
    Behind,
    /// In the place of a value, and the file ends there, in quotes.
    Cut,
    /// In a field that nobody knows.
    Unknown,
}

use How::*;

const ALL: [How; 13] =
    [Value, Word, Parameter, Encoded, Key, Refused, Default, Variable, Above, Below, Behind, Cut, Unknown];

/// How a format is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Yaml,
    Env,
    Json5,
    Json,
    Xml,
    Conf,
    Text,
}

fn format(file: &str) -> Format {
    match file.rsplit('.').next().unwrap_or_default() {
        "yaml" => Format::Yaml,
        "env" | "service" => Format::Env,
        "json" if file.ends_with("openclaw.json") => Format::Json5,
        "json" => Format::Json,
        "plist" => Format::Xml,
        "conf" | "proxy/Caddyfile" => Format::Conf,
        _ => Format::Text,
    }
}

impl fmt::Debug for PlantedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}:{} {}", self.how, self.file, self.line + 1, self.text.trim())
    }
}

impl PlantedLine {
    /// Some place of these files where the token can stand.
    pub(crate) fn choose(files: &Files, token: &str, numbers: &mut Numbers) -> Self {
        loop {
            let names: Vec<&String> = files.keys().collect();
            // The Compose file has the most fields.
            let file = match numbers.below(3) {
                0 => "compose.yaml".to_owned(),
                _ => (*numbers.pick(&names)).clone(),
            };
            let lines: Vec<&str> = files[&file].lines().collect();
            let line = numbers.below(lines.len());
            let place = Self { text: lines[line].to_owned(), line, how: *numbers.pick(&ALL), file };
            if plant(format(&place.file), &place.text, place.how, token).is_some() {
                return place;
            }
        }
    }

    /// Whether what stands here is a name, which is shown as it is: of a key, a variable, a file.
    pub(crate) fn is_a_name(&self) -> bool {
        self.how == Key || self.how == Variable || self.file == "captured/ownership.txt"
    }

    /// The path below a service, or the name, of the field on this line.
    pub(crate) fn key(&self) -> String {
        let field = self.text.trim().trim_start_matches("- ");
        let name = field.split([':', '=']).next().unwrap_or_default().trim_matches('"');
        match self.text.len() - self.text.trim_start().len() {
            6 if !field.contains('=') => format!("labels.{name}"),
            _ => name.to_owned(),
        }
    }

    /// Plants the token.
    pub(crate) fn plant(&self, files: &mut Files, token: &str) {
        let text = files.get_mut(&self.file).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let planted = plant(format(&self.file), &self.text, self.how, token).unwrap();
        lines.splice(self.line..=self.line, planted);
        if self.how == Cut {
            lines.truncate(self.line + 1);
            *text = lines.join("\n");
        } else {
            *text = lines.join("\n") + "\n";
        }
    }
}

/// The lines that stand for this one; nothing where it has no such place.
fn plant(format: Format, line: &str, how: How, token: &str) -> Option<Vec<String>> {
    let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
    let comment = |text: &str| match format {
        Format::Yaml | Format::Env | Format::Conf => Some(format!("# {text}")),
        Format::Json5 => Some(format!("// {text}")),
        Format::Xml => Some(format!("<!-- {text} -->")),
        Format::Text => Some(text.to_owned()),
        Format::Json => None,
    };
    let one = |line: String| Some(vec![line]);
    match how {
        Above => {
            return Some(vec![format!("{indent}{}", comment(&format!("was {token}"))?), line.to_owned()]);
        }
        Below => {
            return Some(vec![line.to_owned(), format!("{indent}{}", comment(&format!("was {token}"))?)]);
        }
        Behind => return one(format!("{line}   {}", comment(&format!("was {token}"))?)),
        _ => {}
    }
    if rest.starts_with(['#', '<']) && format != Format::Xml || rest.starts_with("//") || rest.is_empty() {
        return None;
    }
    match format {
        Format::Xml => {
            let (tag, end) = [("<string>", "</string>"), ("<key>", "</key>")]
                .into_iter()
                .find(|(tag, _)| rest.starts_with(tag))?;
            let old = rest.strip_prefix(tag)?.strip_suffix(end)?;
            let token = token.replace('&', "&amp;").replace('<', "&lt;");
            let new = valued(how, old, &token)?;
            match (how, tag) {
                (Key, "<key>") | (Value | Word | Parameter | Encoded, "<string>") => {
                    one(format!("{indent}{tag}{new}{end}"))
                }
                (Cut, "<string>") => one(format!("{indent}{tag}{new}")),
                _ => None,
            }
        }
        Format::Conf if how == Value => {
            let end = if line.ends_with(';') { ";" } else { "" };
            let (name, _) = line.rsplit_once(' ').filter(|_| !line.ends_with(['{', '}']))?;
            one(format!("{name} \"{token}\"{end}"))
        }
        Format::Text | Format::Conf => match how {
            Word | Parameter | Encoded => one(valued(how, line, token)?),
            Unknown => one(format!("{line} token={token}")),
            _ => None,
        },
        Format::Env => {
            let (name, old) = rest.split_once('=')?;
            let old = old.trim_matches(['"', '\'']);
            match how {
                // Nothing that holds one is a name there.
                Key if !token.contains('=') => one(format!("{indent}{token}={old}")),
                Key => None,
                Unknown => Some(vec![line.to_owned(), format!("{indent}{token}")]),
                Cut => one(format!("{name}=\"{token}")),
                _ => one(format!("{name}=\"{}\"", valued(how, old, &token.replace('"', "\\\""))?)),
            }
        }
        Format::Yaml | Format::Json5 | Format::Json => {
            let (dash, field) = match rest.strip_prefix("- ") {
                Some(field) => ("- ", field),
                None => ("", rest),
            };
            let (key, value) = split_field(field);
            let ends = value.strip_suffix(',').map_or("", |_| ",");
            let old = value.trim_end_matches(',');
            let json = |text: &str| serde_json::to_string(text).unwrap();
            match how {
                Key if key.is_some() && !token.contains('=') => {
                    one(format!("{indent}{dash}{}: {value}", json(token)))
                }
                Key => None,
                Unknown => {
                    let own =
                        if format == Format::Json { json("noteOfOurs") } else { "noteOfOurs".to_owned() };
                    let comma = if format == Format::Yaml { "" } else { "," };
                    if !dash.is_empty() || key.is_none() {
                        return None;
                    }
                    Some(vec![format!("{indent}{own}: {}{comma}", json(token)), line.to_owned()])
                }
                _ if old.is_empty() || old.starts_with(['{', '&', '|', '*']) || "]})".contains(old) => None,
                _ if old.starts_with('[') => {
                    if old.len() < 3 || !old.ends_with(']') || how == Cut {
                        return None;
                    }
                    let new = valued(how, "", token)?;
                    one(format!(
                        "{indent}{dash}{}{}, {}]{ends}",
                        shown(key),
                        &old[..old.len() - 1],
                        json(&new)
                    ))
                }
                Cut => one(format!("{indent}{dash}{}\"{token}", shown(key))),
                _ => {
                    let new = valued(how, old.trim_matches('"'), token)?;
                    one(format!("{indent}{dash}{}{}{ends}", shown(key), json(&new)))
                }
            }
        }
    }
}

fn shown(key: Option<String>) -> String {
    key.map(|key| format!("{key}: ")).unwrap_or_default()
}

/// The key of a field, if it has one, and its value.
fn split_field(field: &str) -> (Option<String>, &str) {
    if field.starts_with('"')
        && let Some(end) = field[1..].find('"')
    {
        let (key, rest) = field.split_at(end + 2);
        return match rest.strip_prefix(':') {
            Some(value) => (Some(key.to_owned()), value.trim_start()),
            None => (None, field),
        };
    }
    match field.split_once(": ") {
        Some((key, value)) if !key.contains(['"', '[', ' ']) => (Some(key.to_owned()), value),
        _ => match field.strip_suffix(':') {
            Some(key) => (Some(key.to_owned()), ""),
            None => (None, field),
        },
    }
}

/// A value with the token in it.
fn valued(how: How, old: &str, token: &str) -> Option<String> {
    Some(match how {
        Value | Key | Cut => token.to_owned(),
        Word => format!("{old} {token}"),
        Parameter => format!("{old}?token={token}"),
        // In whole groups, so that nothing of it is cut off.
        Encoded => format!(
            "{old} {}",
            base64(format!("{token:=>width$}", width = token.len().next_multiple_of(3)).as_bytes())
        ),
        Refused => format!("${{NOT_SET:?{token}}}"),
        Default => format!("${{NOT_SET:-{token}}}"),
        Variable if token.bytes().all(|byte| byte.is_ascii_alphanumeric()) => format!("${{{token}}}"),
        _ => return None,
    })
}
