//! From a YAML document to the model: `!reset` and `!override` collected, every text interpolated, typed fields cast.

use std::collections::HashMap;
use std::rc::Rc;

use crate::codes::Code;
use crate::source::{MASK, Span, Text, masked_message, masked_template};
use crate::syntax::interpolate::{self, Found, Piece, PieceKind, ProblemKind};
use crate::syntax::offsets::Offsets;
use crate::syntax::yaml;

use super::limits;
use super::loader::Loader;
use super::model::{Map, Node, ProvenanceId, Value};
use super::path::{Path, Pattern};
use super::provenance::Event;
use super::raise::Raised;
use super::resets::Resets;
use super::variables::{EnvironmentId, Setting};
use crate::source::secret;

/// The types that texts are cast to once they are interpolated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cast {
    Int,
    Float,
    Float32,
    Bool,
}

/// The fields whose texts are cast.
const CASTS: &[(Pattern, Cast)] = &[
    (&["configs", "*", "external"], Cast::Bool),
    (&["networks", "*", "attachable"], Cast::Bool),
    (&["networks", "*", "enable_ipv4"], Cast::Bool),
    (&["networks", "*", "enable_ipv6"], Cast::Bool),
    (&["networks", "*", "external"], Cast::Bool),
    (&["networks", "*", "internal"], Cast::Bool),
    (&["secrets", "*", "external"], Cast::Bool),
    (&["services", "*", "configs", "[]", "mode"], Cast::Int),
    (&["services", "*", "cpu_count"], Cast::Int),
    (&["services", "*", "cpu_percent"], Cast::Float),
    (&["services", "*", "cpu_period"], Cast::Int),
    (&["services", "*", "cpu_quota"], Cast::Int),
    (&["services", "*", "cpu_rt_period"], Cast::Int),
    (&["services", "*", "cpu_rt_runtime"], Cast::Int),
    (&["services", "*", "cpu_shares"], Cast::Int),
    (&["services", "*", "cpus"], Cast::Float32),
    (&["services", "*", "deploy", "placement", "max_replicas_per_node"], Cast::Int),
    (&["services", "*", "deploy", "replicas"], Cast::Int),
    (&["services", "*", "deploy", "restart_policy", "max_attempts"], Cast::Int),
    (&["services", "*", "deploy", "rollback_config", "max_failure_ratio"], Cast::Float),
    (&["services", "*", "deploy", "rollback_config", "parallelism"], Cast::Int),
    (&["services", "*", "deploy", "update_config", "max_failure_ratio"], Cast::Float),
    (&["services", "*", "deploy", "update_config", "parallelism"], Cast::Int),
    (&["services", "*", "healthcheck", "disable"], Cast::Bool),
    (&["services", "*", "healthcheck", "retries"], Cast::Int),
    (&["services", "*", "init"], Cast::Bool),
    (&["services", "*", "oom_kill_disable"], Cast::Bool),
    (&["services", "*", "oom_score_adj"], Cast::Int),
    (&["services", "*", "pids_limit"], Cast::Int),
    (&["services", "*", "ports", "[]", "target"], Cast::Int),
    (&["services", "*", "privileged"], Cast::Bool),
    (&["services", "*", "read_only"], Cast::Bool),
    (&["services", "*", "scale"], Cast::Int),
    (&["services", "*", "secrets", "[]", "mode"], Cast::Int),
    (&["services", "*", "stdin_open"], Cast::Bool),
    (&["services", "*", "tty"], Cast::Bool),
    (&["services", "*", "ulimits", "*"], Cast::Int),
    (&["services", "*", "ulimits", "*", "hard"], Cast::Int),
    (&["services", "*", "ulimits", "*", "soft"], Cast::Int),
    (&["services", "*", "volumes", "[]", "read_only"], Cast::Bool),
    (&["services", "*", "volumes", "[]", "volume", "nocopy"], Cast::Bool),
    (&["volumes", "*", "external"], Cast::Bool),
];

/// A document in the model, and the paths it resets.
pub(crate) struct Document {
    pub(crate) root: Node,
    /// Where `!reset` and `!override` stand: what earlier files have there is dropped.
    pub(crate) resets: Rc<Resets>,
}

/// Reads one document.
pub(crate) fn document(loader: &mut Loader<'_>, root: &yaml::Node, environment: EnvironmentId) -> Document {
    let mut reader =
        Reader { loader, environment, resets: Resets::default(), castable: false, uses: HashMap::new() };
    let root = reader.node(root, &Path::ROOT).unwrap_or_else(|| Node::new(Value::Null, root.span));
    reader.refuse_nested_uses();
    Document { root, resets: Rc::new(reader.resets) }
}

struct Reader<'r, 'l> {
    loader: &'r mut Loader<'l>,
    environment: EnvironmentId,
    resets: Resets,
    /// True below a field that stands in [`CASTS`].
    castable: bool,
    /// By anchor: the paths to which aliases and merge keys bring it.
    uses: HashMap<String, HashMap<String, Span>>,
}

impl Reader<'_, '_> {
    /// `None` for what is reset.
    fn node(&mut self, node: &yaml::Node, path: &Path<'_>) -> Option<Node> {
        if let Some(via) = node.via.as_ref().filter(|via| via.kind == yaml::ViaKind::Alias) {
            self.used(via.at, path);
        }
        match node.tag {
            yaml::Tag::Reset => {
                self.resets.add(path.keys());
                return None;
            }
            yaml::Tag::Override => self.resets.add(path.keys()),
            yaml::Tag::None => {}
        }
        let value = match &node.value {
            yaml::Value::Null => Value::Null,
            yaml::Value::Bool(value) => Value::Bool(*value),
            yaml::Value::Int(value) => Value::Int(*value),
            yaml::Value::UInt(value) => Value::Uint(*value),
            yaml::Value::Float(value) => {
                self.loader.not_finite |= !value.is_finite();
                Value::Float(*value)
            }
            yaml::Value::Timestamp(value) => Value::Time(*value),
            yaml::Value::Str(text) => return Some(self.text(text, node, path)),
            yaml::Value::Seq(items) => {
                let mut out = Vec::with_capacity(items.len());
                for (number, item) in items.iter().enumerate() {
                    out.extend(self.node(item, &path.item(number)));
                }
                Value::List(out)
            }
            yaml::Value::Map(map) => {
                let mut out = Map::with_capacity(map.len());
                let mut merged = None;
                for entry in map {
                    if let Some(via) =
                        entry.value.via.as_ref().filter(|via| via.kind == yaml::ViaKind::MergeKey)
                        && merged.replace(via.at) != Some(via.at)
                    {
                        self.used(via.at, path);
                    }
                    if path.depth() == 2 {
                        self.castable = is_cast_field(&entry.key);
                    }
                    if let Some(value) = self.node(&entry.value, &path.key(&entry.key)) {
                        out.push(entry.key.clone(), entry.key_span, value);
                    }
                }
                Value::Map(out)
            }
        };
        let provenance = self.via(node);
        Some(Node::with_provenance(value, node.span, provenance))
    }

    /// Notes where an anchor is brought to.
    fn used(&mut self, at: Span, path: &Path<'_>) {
        if let Some(name) = self.loader.sources.expose(at).strip_prefix('*') {
            let uses = self.uses.entry(name.to_owned()).or_default();
            uses.entry(path.to_string()).or_insert(at);
        }
    }

    /// Compose looks for circles by the beginnings of paths, and a dot in a key is to it as good as the end of one: an anchor
    /// that is used at `a.b` and at `a.b.c` is refused, whatever the two are.
    fn refuse_nested_uses(&mut self) {
        let mut found = Vec::new();
        for uses in self.uses.values().filter(|uses| uses.len() > 1) {
            for (path, at) in uses {
                let outer = path.match_indices('.').find_map(|(dot, _)| uses.get_key_value(path.get(..dot)?));
                if let Some((outer, first)) = outer {
                    found.push((*at, *first, format!("{path} and {outer} use one anchor: Compose takes the first for a part of the second, and refuses a circle")));
                }
            }
        }
        found.sort_unstable_by_key(|(at, ..)| at.start);
        for (at, first, summary) in found {
            self.loader.raise(
                Raised::error(Code::AliasCycle, summary)
                    .at(at)
                    .related(first)
                    .help("write one of the two out instead of using the anchor"),
            );
        }
    }

    fn via(&mut self, node: &yaml::Node) -> ProvenanceId {
        match &node.via {
            None => ProvenanceId::NONE,
            Some(via) => self.loader.provenances.add(ProvenanceId::NONE, Event::Via(via.clone())),
        }
    }

    fn text(&mut self, text: &Text, node: &yaml::Node, path: &Path<'_>) -> Node {
        let mut provenance = self.via(node);
        let mut value = text.clone();
        if text.expose().as_bytes().contains(&b'$') {
            let Some((filled, pieces)) = self.loader.fill(text, node, path, self.environment) else {
                return Node::with_provenance(Value::Unknown, node.span, provenance);
            };
            value = filled;
            provenance = self.loader.provenances.add(
                provenance,
                Event::Interpolated { span: node.span, pieces, environment: self.environment },
            );
        }
        // A list where a mapping belongs is told by the schema alone.
        let misplaced = |pattern: &Pattern| pattern.last() == Some(&"*") && path.is_item();
        let cast = if self.castable {
            CASTS.iter().find(|(pattern, _)| path.matches(pattern) && !misplaced(pattern))
        } else {
            None
        };
        let value = match cast {
            None => Value::Text(value),
            // Since modes are octal they are read later.
            Some((pattern, _))
                if pattern.last() == Some(&"mode") && self.loader.inputs.dialect.octal_modes() =>
            {
                Value::Text(value)
            }
            Some((_, cast)) => self.cast(*cast, value.expose(), node.span, path),
        };
        Node::with_provenance(value, node.span, provenance)
    }

    fn cast(&mut self, cast: Cast, text: &str, span: Span, path: &Path<'_>) -> Value {
        let (value, wanted) = match cast {
            Cast::Int => (text.parse().ok().map(Value::Int), "an integer"),
            Cast::Float => (text.parse().ok().map(Value::Float), "a number"),
            Cast::Float32 => (text.parse::<f32>().ok().map(|value| Value::Float(widen(value))), "a number"),
            Cast::Bool => (boolean(self.loader, text, span, path), "a boolean"),
        };
        self.loader.not_finite |= matches!(value, Some(Value::Float(float)) if !float.is_finite());
        value.unwrap_or_else(|| {
            self.loader.raise(
                Raised::error(Code::BadCast, format!("{path}: the text is not {wanted}"))
                    .at(span)
                    .help(format!("write {wanted}")),
            );
            Value::Unknown
        })
    }
}

/// The float whose shortest digits are those of the narrower one.
pub(crate) fn widen(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

fn is_cast_field(field: &str) -> bool {
    CASTS.iter().any(|(pattern, _)| pattern.get(2) == Some(&field))
}

/// `true`, `false`, and with a warning the words that YAML 1.2 dropped.
pub(crate) fn boolean(loader: &mut Loader<'_>, text: &str, span: Span, path: &Path<'_>) -> Option<Value> {
    let lower = text.to_lowercase();
    let value = match lower.as_str() {
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        "y" | "yes" | "on" => true,
        "n" | "no" | "off" => false,
        _ => return None,
    };
    loader.raise(
        Raised::warning(
            Code::OldBoolean,
            format!("{path}: {lower:?} for boolean is not supported by YAML 1.2, please use `{value}`"),
        )
        .at(span)
        .help(format!("write {value}")),
    );
    Some(Value::Bool(value))
}

impl Loader<'_> {
    /// Fills a template in. `None` where that is an error, which is then raised.
    pub(crate) fn fill(
        &mut self,
        template: &Text,
        node: &yaml::Node,
        path: &Path<'_>,
        environment: EnvironmentId,
    ) -> Option<(Text, Box<[Piece<Setting>]>)> {
        // An alias may use one long template again and again.
        if template.expose().len() > self.spent.left_to_make() {
            self.raise(made_too_much(&path.to_string()).at(node.span));
            return None;
        }
        let options = interpolate::Options::default()
            .eager_arguments(self.inputs.dialect.eager_arguments())
            .at_most(self.spent.left_to_make());
        let variables = self.environments.get(environment.0 as usize);
        let lookup = |name: &str| {
            let variable = variables?.find(name)?;
            Some(Found { value: variable.value.clone(), source: variable.setting })
        };
        let done = interpolate::interpolate(template.expose(), options, lookup);
        let (unset, problems, made) = (done.unset, done.problems, done.made);
        let (text, pieces) = (Text::from(done.text.into_owned()), done.pieces.into_boxed_slice());
        self.spent.made(made);
        if unset.is_empty() && problems.is_empty() {
            return Some((text, pieces));
        }
        let spelling = self.spelling(node, template.expose());
        for unset in unset {
            self.unset(&unset.name, spelling.span(unset.written));
        }
        let Some(problem) = problems.into_iter().next() else { return Some((text, pieces)) };
        let at = match node.style {
            yaml::Style::Folded => {
                let raw = self.sources.expose(node.span);
                folded(node.span, raw, template.expose(), problem.written.clone()).unwrap_or(node.span)
            }
            _ => spelling.span(problem.written.clone()),
        };
        let raised = match problem.kind {
            ProblemKind::Required { name, message } => {
                let mut summary = format!("{path}: required variable {name} is missing a value");
                if !message.is_empty() {
                    summary.push_str(": ");
                    // What the author wrote is for whoever starts the project; what a variable put there is not.
                    match pieces.iter().any(argument_names_secret) {
                        true => summary.push_str(MASK),
                        false => summary.push_str(&masked_message(message.expose())),
                    }
                }
                let mut raised = Raised::error(Code::RequiredVariable, summary).at(at);
                let empty =
                    self.environments.get(environment.0 as usize).and_then(|variables| variables.find(&name));
                match empty.map(|variable| variable.setting) {
                    Some(Setting::File(span)) => {
                        raised = raised.related(span).because(format!("{name} is set, but empty"));
                    }
                    Some(_) => raised = raised.because(format!("{name} is set in the shell, but empty")),
                    None => {
                        raised = raised.because(format!(
                            "{name} is set neither in the shell nor in an env file of the project"
                        ));
                    }
                }
                raised.help(format!("set {name} in the shell or in .env"))
            }
            ProblemKind::Invalid => {
                let quoted = line_with(template.expose(), problem.written.start);
                let quoted =
                    if secret::looks_secret(path.last()) && !quoted.contains("${") { "" } else { quoted };
                Raised::error(
                    Code::BadTemplate,
                    format!(
                        "invalid interpolation format for {path}: {}",
                        shortened(&masked_template(quoted))
                    ),
                )
                .at(at)
                .help("you may need to escape any $ with another $")
            }
            ProblemKind::TooLarge => made_too_much(&path.to_string()).at(at),
            ProblemKind::TooDeep => Raised::warning(
                Code::YamlLimit,
                format!("{path}: expressions nested deeper than this reader follows"),
            )
            .at(at),
        };
        self.raise(raised);
        None
    }

    /// How a source spells the text of a scalar. Compares the two, so a scalar with many parts asks once.
    fn spelling(&self, node: &yaml::Node, text: &str) -> Spelling {
        let raw = self.sources.expose(node.span);
        let shift = match node.style {
            _ if raw == text => Some(0),
            yaml::Style::SingleQuoted | yaml::Style::DoubleQuoted
                if raw.get(1..raw.len().saturating_sub(1)) == Some(text) =>
            {
                Some(1)
            }
            _ => None,
        };
        let offsets = (shift.is_none() && node.style != yaml::Style::Folded)
            .then(|| node.offsets(self.sources.expose_file(node.span.file)));
        Spelling { scalar: node.span, shift, offsets }
    }
}

/// Where the bytes of a scalar's text stand in its source.
struct Spelling {
    scalar: Span,
    /// How many bytes of the scalar stand before its text; `None` where escapes, indentation or folding stand between them.
    shift: Option<usize>,
    /// For escapes and indentation.
    offsets: Option<Offsets>,
}

impl Spelling {
    /// The bytes of the source that spell a part of the text; the whole scalar where they cannot be told.
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        match (self.shift, &self.offsets) {
            (Some(shift), _) => self.scalar.part(range.start + shift..range.end + shift),
            (None, Some(offsets)) => offsets.span(range),
            (None, None) => self.scalar,
        }
    }
}

/// A part of a folded text where it is written. Lines are folded at blanks alone, so that the same words stand in the same
/// order: found by counting them.
fn folded(span: Span, raw: &str, text: &str, range: std::ops::Range<usize>) -> Option<Span> {
    let part = text.get(range.clone())?.split_whitespace().next()?;
    let before = text.get(..range.start)?.matches(part).count();
    let (at, _) = raw.match_indices(part).nth(before)?;
    Some(span.part(at..at + part.len()))
}

/// Values whose variables make too much of them.
pub(crate) fn made_too_much(what: &str) -> Raised {
    let (value, all) = (interpolate::Options::LIMIT >> 20, limits::MADE >> 20);
    Raised::error(
        Code::ExpansionLimit,
        format!("{what}: its variables make more than {value} MiB of one value, or {all} MiB of the project"),
    )
    .help("look for variables that name each other, or one long value, again and again; no container takes such a value")
}

/// The line of a text in which a byte stands.
fn line_with(text: &str, at: usize) -> &str {
    let (before, behind) = text.split_at_checked(at).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let end = at + behind.find('\n').unwrap_or(behind.len());
    text.get(start..end).unwrap_or(text).trim()
}

fn shortened(line: &str) -> String {
    let mut shown: String = line.chars().take(80).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

/// True where a variable with a name that looks secret stands in the argument of another.
fn argument_names_secret(piece: &Piece<Setting>) -> bool {
    matches!(&piece.kind, PieceKind::Variable(substitution) if names_secret(&substitution.argument))
}

/// True where any variable of the pieces has a name that looks secret.
pub(crate) fn names_secret(pieces: &[Piece<Setting>]) -> bool {
    pieces.iter().any(|piece| match &piece.kind {
        PieceKind::Variable(substitution) => {
            secret::looks_secret(&substitution.name) || names_secret(&substitution.argument)
        }
        _ => false,
    })
}
