//! Small edits of block YAML, JSON5 and dotenv that keep everything around them: where a line goes in, which lines an entry
//! takes up, how a value is written.

use secrecy::SecretString;

use crate::edit::Edit;
use crate::source::{Sources, Span};
use crate::syntax::json5::{Node, Value};

/// The lines below a `key:` of a block mapping.
struct Block {
    /// Offset behind the key's line.
    body: usize,
    /// Offset behind the last line that belongs to the key.
    end: usize,
    /// Column of the first line below it, two more than the key's where there is none.
    child_indent: usize,
}

fn block(sources: &Sources, key: Span) -> Option<Block> {
    let text = sources.expose_file(key.file);
    let start = line_start(text, key.start as usize);
    let before = text.get(start..key.start as usize)?;
    // A key behind `- ` or inside `{` has no block of its own to insert into.
    if !before.trim().is_empty() {
        return None;
    }
    let indent = before.len();
    let after_key = text.get(key.end as usize..)?;
    let rest_of_line = after_key.split('\n').next()?;
    let value = rest_of_line.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    if !(value.is_empty() || value.starts_with('&') && !value.contains(' ')) {
        return None;
    }
    let body = (key.end as usize + rest_of_line.len() + 1).min(text.len());
    let mut end = body;
    let mut offset = body;
    let mut child_indent = None;
    for line in text.get(body..).unwrap_or_default().split_inclusive('\n') {
        let content = line.trim_start_matches(' ');
        let column = line.len() - content.len();
        offset += line.len();
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        let list_of_this_key = content.starts_with("- ") && column == indent;
        if column <= indent && !list_of_this_key {
            break;
        }
        child_indent.get_or_insert(column);
        end = offset;
    }
    Some(Block { body, end, child_indent: child_indent.unwrap_or(indent + 2) })
}

fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The lines below `key` that belong to it.
pub(crate) fn body(sources: &Sources, key: Span) -> Option<Span> {
    block(sources, key).map(|block| Span::from_range(key.file, block.body..block.end))
}

/// Whether `span` stands in the block below `key`.
pub(crate) fn is_inside(sources: &Sources, key: Span, span: Span) -> bool {
    body(sources, key).is_some_and(|body| body.contains(span))
}

/// How many entries stand directly below `key`.
pub(crate) fn lines_below(sources: &Sources, key: Span) -> usize {
    let Some(block) = block(sources, key) else { return 0 };
    let body = sources.expose_file(key.file).get(block.body..block.end).unwrap_or_default();
    body.lines()
        .filter(|line| {
            let content = line.trim_start_matches(' ');
            line.len() - content.len() == block.child_indent
                && !content.is_empty()
                && !content.starts_with('#')
        })
        .count()
}

/// Inserts `line` (without indent) as the first line below `key`.
pub(crate) fn insert_child(sources: &Sources, key: Span, line: &str) -> Option<Edit> {
    insert_children(sources, key, &[line.to_owned()])
}

/// Inserts lines (without the block's indent) as the first ones below `key`.
pub(crate) fn insert_children(sources: &Sources, key: Span, lines: &[String]) -> Option<Edit> {
    let block = block(sources, key)?;
    let text = sources.expose_file(key.file);
    let mut inserted = String::new();
    if block.body == text.len() && !text.ends_with('\n') {
        inserted.push('\n');
    }
    for line in lines {
        inserted.push_str(&" ".repeat(block.child_indent));
        inserted.push_str(line);
        inserted.push('\n');
    }
    let at = u32::try_from(block.body).ok()?;
    Some(Edit::text(sources, Span::new(key.file, at, at), inserted))
}

/// Removes the whole entry of `key`: its line and the lines below that belong to it. Also an item `- KEY=value`.
pub(crate) fn remove_entry(sources: &Sources, key: Span) -> Option<Edit> {
    let text = sources.expose_file(key.file);
    let start = line_start(text, key.start as usize);
    let before = text.get(start..key.start as usize)?;
    let line_end =
        text.get(key.end as usize..)?.find('\n').map_or(text.len(), |at| key.end as usize + at + 1);
    let end = if matches!(before.trim(), "-" | "- \"" | "-  \"") || before.trim_start().starts_with("- ") {
        line_end
    } else if before.trim().is_empty() {
        block(sources, key).map_or(line_end, |block| block.end.max(line_end))
    } else {
        return None;
    };
    Some(Edit::text(sources, Span::from_range(key.file, start..end), ""))
}

/// The column-correct lines for variables in the `environment` below `service`: in a block that is there, in list or map
/// form, or as a new block.
pub(crate) fn set_variables(
    sources: &Sources,
    service: Span,
    environment: Option<Span>,
    variables: &[(&str, &str)],
) -> Option<Edit> {
    let Some(environment) = environment.filter(|key| is_inside(sources, service, *key)) else {
        let indented = variables.iter().map(|(name, value)| format!("  {name}: {value}"));
        let lines: Vec<String> = std::iter::once("environment:".to_owned()).chain(indented).collect();
        return insert_children(sources, service, &lines);
    };
    let inner = block(sources, environment)?;
    let body = sources.expose_file(environment.file).get(inner.body..inner.end)?;
    let first = body.lines().map(str::trim_start).find(|line| !line.is_empty() && !line.starts_with('#'));
    let listed = first.is_some_and(|first| first.starts_with("- "));
    let line = |(name, value): &(&str, &str)| {
        if listed { format!("- {name}={}", value.trim_matches('"')) } else { format!("{name}: {value}") }
    };
    insert_children(sources, environment, &variables.iter().map(line).collect::<Vec<_>>())
}

/// Adds `member` (`key: value`) as the first member of a JSON5 object.
pub(crate) fn insert_member(sources: &Sources, object: &Node, member: &str) -> Option<Edit> {
    if !matches!(object.value, Value::Object(_)) {
        return None;
    }
    let at = object.span.start + 1;
    let text = sources.expose_file(object.span.file);
    let rest = text.get(at as usize..)?;
    let first = object.members().first();
    // Follow the layout of the first member: on a line of its own, or on the brace's line.
    let broken = first.is_some_and(|member| {
        text.get(at as usize..member.key_span.start as usize).is_some_and(|between| between.contains('\n'))
    });
    let inserted = if broken {
        let indent = first.map_or(0, |member| {
            let start = member.key_span.start as usize;
            start - line_start(text, start)
        });
        format!("\n{}{member},", " ".repeat(indent))
    } else {
        let comma = if first.is_some() { "," } else { "" };
        let blank = if rest.starts_with(' ') { "" } else { " " };
        format!(" {member}{comma}{blank}")
    };
    Some(Edit::text(sources, Span::new(object.span.file, at, at), inserted))
}

/// Replaces the value at `span` by a secret, quoted as the file wants it. The kind of file is told by its name.
pub(crate) fn write_secret(sources: &Sources, span: Span, value: &str) -> Option<Edit> {
    let name = sources.name(span.file);
    if name == "shell" || name.is_empty() {
        return None;
    }
    let written = sources.expose(span);
    let quoted = match kind(name) {
        FileKind::Json => json_quoted(value),
        FileKind::Yaml => yaml_value(sources, span, written, value)?,
        FileKind::Dotenv => dotenv_quoted(value)?,
    };
    Some(Edit::secret(sources, span, SecretString::from(quoted)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Yaml,
    Json,
    Dotenv,
}

fn kind(name: &str) -> FileKind {
    match name.rsplit('.').next() {
        Some("yml" | "yaml") => FileKind::Yaml,
        Some("json" | "json5") => FileKind::Json,
        _ => FileKind::Dotenv,
    }
}

fn json_quoted(value: &str) -> String {
    // `${NAME}` in a literal would be substituted.
    serde_json::Value::from(value.replace("${", "$${")).to_string()
}

/// Bare where no reader can see anything in it, else in single quotes, which nothing is taken from.
fn dotenv_quoted(value: &str) -> Option<String> {
    if is_plain(value) {
        return Some(value.to_owned());
    }
    (!value.contains(['\'', '\n', '\r'])).then(|| format!("'{value}'"))
}

fn yaml_value(sources: &Sources, span: Span, written: &str, value: &str) -> Option<String> {
    let value = value.replace('$', "$$");
    let before = sources.expose_file(span.file).get(..span.start as usize)?;
    // Behind `KEY=` of a list item the value is a part of a scalar.
    if before.ends_with('=') {
        let item_quoted = before.get(line_start(before, before.len())..)?.contains(['"', '\'']);
        return (is_plain(&value) || item_quoted && !value.contains(['"', '\'', '\\'])).then_some(value);
    }
    if written.starts_with('\'') {
        return Some(format!("'{}'", value.replace('\'', "''")));
    }
    Some(serde_json::Value::from(value).to_string())
}

fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./+=:@%".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::apply;
    use crate::source::FileId;
    use secrecy::ExposeSecret as _;

    const STACK: &str = "services:\n  gw:\n    image: x # gw\n  cli:\n    # a note\n    <<: *openclaw\n    environment:\n      A: 1\n      B: 2\n\n    tty: true\nvolumes:\n";

    fn sources() -> (Sources, FileId) {
        let mut sources = Sources::new();
        let file = sources.add("compose.yaml", STACK);
        (sources, file)
    }

    fn key(file: FileId, word: &str) -> Span {
        let at = STACK.find(word).expect("the key is there");
        Span::from_range(file, at..at + word.trim_end_matches(':').len())
    }

    fn applied(sources: &Sources, edit: Edit) -> String {
        let changes = apply(&[edit], sources).expect("one edit");
        String::from_utf8(changes[0].bytes.expose_secret().to_vec()).expect("UTF-8")
    }

    #[test]
    fn lines_go_in_at_the_right_column() {
        let (sources, file) = sources();
        let edit = insert_child(&sources, key(file, "cli:"), "network_mode: x").expect("a block");
        assert!(applied(&sources, edit).contains("  cli:\n    network_mode: x\n    # a note\n    <<"));
        let edit = set_variables(&sources, key(file, "cli:"), Some(key(file, "environment:")), &[("C", "3")])
            .expect("a block");
        assert!(applied(&sources, edit).contains("    environment:\n      C: 3\n      A: 1\n"));
        let edit = set_variables(&sources, key(file, "gw:"), None, &[("C", "3")]).expect("a block");
        assert!(applied(&sources, edit).contains("  gw:\n    environment:\n      C: 3\n    image: x # gw\n"));
        assert!(insert_child(&sources, key(file, "image:"), "y").is_none(), "a scalar has no children");
    }

    #[test]
    fn an_entry_goes_with_all_its_lines_and_nothing_else() {
        let (sources, file) = sources();
        let edit = remove_entry(&sources, key(file, "environment:")).expect("an entry");
        assert!(applied(&sources, edit).contains("    <<: *openclaw\n\n    tty: true\nvolumes:\n"));
        let edit = remove_entry(&sources, key(file, "A:")).expect("an entry");
        assert!(applied(&sources, edit).contains("    environment:\n      B: 2\n"));
        assert!(is_inside(&sources, key(file, "cli:"), key(file, "B:")));
        assert!(!is_inside(&sources, key(file, "gw:"), key(file, "B:")));
    }

    #[test]
    fn secrets_are_written_so_that_every_reader_reads_them_back() {
        let token = "canary-a$b#c";
        let mut sources = Sources::new();
        let env = sources.add(".env", "TOKEN=old\n");
        let edit = write_secret(&sources, Span::new(env, 6, 9), token).expect("an edit");
        assert_eq!(applied(&sources, edit), "TOKEN='canary-a$b#c'\n");
        let json = sources.add("openclaw.json", "{token: 'old'}");
        let edit = write_secret(&sources, Span::new(json, 8, 13), token).expect("an edit");
        assert_eq!(applied(&sources, edit), "{token: \"canary-a$b#c\"}");
        let yaml = sources.add("compose.yaml", "TOKEN: old\n");
        let edit = write_secret(&sources, Span::new(yaml, 7, 10), token).expect("an edit");
        assert_eq!(applied(&sources, edit), "TOKEN: \"canary-a$$b#c\"\n");
        let shell = sources.add("shell", "old");
        assert!(write_secret(&sources, Span::new(shell, 0, 3), token).is_none());
    }

    #[test]
    fn members_follow_the_layout_of_their_object() {
        for (text, wanted) in [
            ("{ bind: 'lan' }", "{ mode: \"local\", bind: 'lan' }"),
            ("{\n  bind: 'lan',\n}", "{\n  mode: \"local\",\n  bind: 'lan',\n}"),
            ("{}", "{ mode: \"local\" }"),
        ] {
            let mut sources = Sources::new();
            let file = sources.add("openclaw.json", text);
            let node = crate::syntax::json5::parse(file, text).expect("JSON5");
            let edit = insert_member(&sources, &node, "mode: \"local\"").expect("an object");
            assert_eq!(applied(&sources, edit), wanted);
        }
    }
}
