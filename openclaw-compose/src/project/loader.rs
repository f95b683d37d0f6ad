//! What a resolution reads and collects on its way: sources, provenances, environments, findings, and what was done before.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::codes::Code;
use crate::source::{FileId, Format, Sources, Span, Text};
use crate::syntax::yaml::{self, Parsed, ProblemKind, Refuser};

use super::bases::Bases;
use super::inputs::{Files, Inputs, Kind, ReadError};
use super::limits::{self, Spent};
use super::merge::{self, Merger};
use super::model::{Map, Node, ProvenanceId, Value, nowhere};
use super::path::Path;
use super::paths;
use super::provenance::{Event, Provenances};
use super::raise::{EXIT_NOT_FOUND, Raised};
use super::spelling::Spellings;
use super::unique;
use super::unread::{self, Unread};
use super::variables::{EnvironmentId, Variables};

/// What makes two includes the same: the files, where they are read from, and with which variables.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Included {
    pub(crate) paths: Vec<String>,
    pub(crate) working_dir: String,
    pub(crate) real_dir: String,
    pub(crate) environment: EnvironmentId,
}

/// Everything a resolution collects on its way.
pub(crate) struct Loader<'a> {
    pub(crate) inputs: &'a Inputs,
    files: &'a dyn Files,
    pub(crate) sources: Sources,
    pub(crate) provenances: Provenances,
    pub(crate) environments: Vec<Arc<Variables>>,
    pub(crate) raised: Vec<Raised>,
    /// What [`Loader::raise`] was given.
    said: HashSet<(Code, Option<Span>, String)>,
    /// Limits that were told.
    reached: HashSet<Code>,
    pub(crate) spent: Spent,
    /// Unset variables, each once, with the place of its first use.
    pub(crate) unset: Vec<(Arc<str>, Span)>,
    /// Their names.
    told_unset: HashSet<Arc<str>>,
    read: HashMap<String, Result<FileId, ReadError>>,
    /// Directories out of which no link is followed: the project's, and those of what it reads from elsewhere.
    bounds: Vec<String>,
    pub(crate) unread: Vec<Unread>,
    /// The names in the directories in which files were looked for.
    spellings: Spellings,
    parsed: HashMap<FileId, Rc<Parsed>>,
    /// Projects that were included, by what makes them the same.
    pub(crate) included: HashMap<Included, Node>,
    /// Environments of included projects, by their env files and the environment outside.
    pub(crate) inner_environments: HashMap<(Vec<String>, EnvironmentId), EnvironmentId>,
    /// Files that are extended, as far as they are resolved.
    pub(crate) bases: Bases,
    /// True once a number was read that is none, or has no end.
    pub(crate) not_finite: bool,
    /// Everything on the command line, one argument a line, for findings about flags.
    pub(crate) config_files: Vec<FileId>,
    configuring: HashSet<FileId>,
}

/// How the files of one project (the main one, or an included one) are read.
#[derive(Clone)]
pub(crate) struct Scope {
    /// Relative paths are below this directory, which may itself be relative to the outer project's.
    pub(crate) working_dir: String,
    /// The same directory, absolute: where files are looked for.
    pub(crate) real_dir: String,
    pub(crate) environment: EnvironmentId,
    /// Files that include this one, the outermost first.
    pub(crate) including: Vec<String>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(inputs: &'a Inputs, files: &'a dyn Files) -> Self {
        Self {
            inputs,
            files,
            sources: Sources::new(),
            provenances: Provenances::default(),
            environments: Vec::new(),
            raised: Vec::new(),
            said: HashSet::new(),
            reached: HashSet::new(),
            spent: Spent::default(),
            unset: Vec::new(),
            told_unset: HashSet::new(),
            read: HashMap::new(),
            bounds: Vec::new(),
            unread: Vec::new(),
            spellings: Spellings::default(),
            parsed: HashMap::new(),
            included: HashMap::new(),
            inner_environments: HashMap::new(),
            bases: Bases::default(),
            not_finite: false,
            config_files: Vec::new(),
            configuring: HashSet::new(),
        }
    }

    /// Raises a finding, unless the same was said of the same place.
    pub(crate) fn raise(&mut self, raised: Raised) {
        // A limit that was reached is told where it was reached first.
        let limit = matches!(
            raised.code,
            Code::ReadLimit | Code::ExpansionLimit | Code::ExtendsLimit | Code::IncludeLimit
        );
        if limit && !self.reached.insert(raised.code) {
            return;
        }
        // A template is filled in wherever an alias brings it, and wrong once.
        let summary = match raised.code {
            Code::BadTemplate | Code::RequiredVariable => String::new(),
            _ => raised.summary.clone(),
        };
        if self.said.insert((raised.code, raised.primary(), summary)) {
            self.raised.push(raised);
        }
    }

    /// Counts the values that are copied; false, and told, where they are too many.
    pub(crate) fn may_copy(&mut self, values: usize, what: &str, at: Span) -> bool {
        let may = self.spent.copy(values);
        if !may {
            let summary = format!("{what} more than {} values into the project", limits::COPIES);
            self.raise(
                Raised::error(Code::ExpansionLimit, summary)
                    .at(at)
                    .help("look for one large service or file that many others name, and take out what they do not need"),
            );
        }
        may
    }

    /// The provenance of a value that nobody wrote.
    pub(crate) fn supplied(&mut self, from: &'static str) -> ProvenanceId {
        self.provenances.add(ProvenanceId::NONE, Event::Supplied(from))
    }

    /// True once Compose would have given up.
    pub(crate) fn refuses(&self) -> bool {
        self.raised.iter().any(|raised| raised.refusal.is_some())
    }

    /// True for a file of which lines had to be left out: what is missing then says nothing.
    pub(crate) fn has_gaps(&self, file: FileId) -> bool {
        let gap = |problem: &yaml::Problem| {
            matches!(
                problem.kind,
                ProblemKind::Syntax
                    | ProblemKind::UnknownAlias
                    | ProblemKind::SelfAlias
                    | ProblemKind::BadMerge
            )
        };
        self.parsed.get(&file).is_some_and(|parsed| parsed.problems.iter().any(gap))
    }

    /// True where something inside a place was told of as YAML already, so that its type says nothing.
    pub(crate) fn is_told(&self, span: Span) -> bool {
        let Some(parsed) = self.parsed.get(&span.file) else { return false };
        let first = parsed.problems.partition_point(|problem| problem.span.start < span.start);
        parsed.problems.get(first).is_some_and(|problem| problem.span.start < span.end)
    }

    /// The files of which lines had to be left out.
    pub(crate) fn files_with_gaps(&self) -> HashSet<FileId> {
        self.parsed.keys().copied().filter(|file| self.has_gaps(*file)).collect()
    }

    pub(crate) fn unset(&mut self, name: &str, at: Span) {
        if !self.told_unset.contains(name) {
            let known: Arc<str> = Arc::from(name);
            self.told_unset.insert(known.clone());
            self.unset.push((known, at));
            self.raise(
                Raised::warning(
                    Code::UnsetVariable,
                    format!("The \"{name}\" variable is not set. Defaulting to a blank string."),
                )
                .at(at)
                .help(format!("set {name}, or write ${{{name}:-}} where empty is meant")),
            );
        }
    }

    pub(crate) fn kind(&self, path: &str) -> Option<Kind> {
        self.files.kind(path)
    }

    /// Tells where a directory holds a file that Compose asks for under a name that differs by case alone.
    pub(crate) fn tell_of_case(&mut self, path: &str) {
        let bounds: Vec<&str> = self.bounds.iter().map(String::as_str).collect();
        let names = |directory: &str| self.files.names_within(&bounds, directory).unwrap_or_default();
        let told = self.spellings.told(path, names, |path| paths::shown(path, &self.inputs.directory));
        for (summary, help) in told {
            self.raise(Raised::warning(Code::NameDiffersByCase, summary).help(help));
        }
    }

    /// True for a file that was read before.
    pub(crate) fn has_read(&self, path: &str) -> bool {
        matches!(self.read.get(path), Some(Ok(_)))
    }

    /// Bounds the links of everything in a directory, unless they are bounded already.
    pub(crate) fn bound_by(&mut self, directory: &str) {
        if !self.bounds.iter().any(|bound| paths::is_below(directory, bound)) {
            self.bounds.push(directory.to_owned());
        }
    }

    /// The text of a file, read once. What is not UTF-8 is replaced and reported: as an error where `yaml`, which may also be
    /// UTF-16 under a byte order mark.
    pub(crate) fn read(&mut self, path: &str, yaml: bool) -> Result<FileId, ReadError> {
        if let Some(known) = self.read.get(path) {
            return known.clone();
        }
        let name = paths::shown(path, &self.inputs.directory);
        let bounds: Vec<&str> = self.bounds.iter().map(String::as_str).collect();
        let read = if self.spent.may_read() {
            self.files.read_within(&bounds, path)
        } else {
            Err(ReadError::TooMany { files: limits::FILES, bytes: limits::BYTES })
        };
        if let Ok(bytes) = &read {
            self.spent.read(bytes.len());
        }
        match &read {
            Err(ReadError::NotFound) => self.tell_of_case(path),
            Err(error) => self.unread.push(Unread { file: name.clone(), error: error.clone() }),
            Ok(_) => {}
        }
        let done = read.map(|bytes| {
            if yaml && let Some(text) = utf16(&bytes) {
                return self.sources.add_file(name, text, path, Some(1));
            }
            match std::str::from_utf8(&bytes) {
                Ok(text) => self.sources.add_file(name, text, path, None),
                Err(error) => {
                    let at = error.valid_up_to();
                    let line = bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
                    let line = u32::try_from(line).unwrap_or(u32::MAX);
                    let lossy = String::from_utf8_lossy(&bytes);
                    let file = self.sources.add_file(name, lossy.as_ref(), path, Some(line));
                    // The lossy text has U+FFFD (three bytes) where the first bad byte stood.
                    let raised = if yaml { Raised::error } else { Raised::warning };
                    self.raise(
                        raised(Code::NotUtf8, "the file holds bytes that are not UTF-8")
                            .at(Span::from_range(file, at..at + 3))
                            .help("save the file as UTF-8"),
                    );
                    file
                }
            }
        });
        if let Ok(file) = done {
            self.sources.set_format(file, if yaml { Format::Yaml } else { Format::Dotenv });
        }
        self.read.insert(path.to_owned(), done.clone());
        done
    }

    /// Compose reads no variables from a `.env` that is a directory, and says nothing of it.
    pub(crate) fn passed_over(&mut self, path: &str) {
        let file = paths::shown(path, &self.inputs.directory);
        let error = ReadError::Directory;
        let mut raised = Raised::warning(
            unread::code(&error),
            format!("{file}: {error}: Compose passes over it, and its variables are unset"),
        );
        if let Some(step) = unread::next_step(&error) {
            raised = raised.help(step);
        }
        self.raise(raised);
        let unread = Unread { file, error };
        if !self.unread.contains(&unread) {
            self.unread.push(unread);
        }
    }

    /// Reads and parses a Compose file. `asked` is the place that names it, if a file does.
    pub(crate) fn parse(&mut self, path: &str, asked: Option<Span>) -> Option<(FileId, Rc<Parsed>)> {
        let file = if path == "-" { Ok(self.stdin()) } else { self.read(path, true) };
        let file = match file {
            Ok(file) => file,
            Err(error) => {
                self.raise(
                    unreadable(path, &error, &self.inputs.directory).at(asked.unwrap_or_else(nowhere)),
                );
                return None;
            }
        };
        if let Some(parsed) = self.parsed.get(&file) {
            return Some((file, parsed.clone()));
        }
        let text = self.sources.shared(file);
        let parsed = Rc::new(yaml::parse(file, &text));
        let anchors = OnceCell::new();
        for problem in &parsed.problems {
            let mut raised = yaml_problem(problem);
            if problem.kind == ProblemKind::UnknownAlias {
                let name = text.get(problem.span.range()).unwrap_or("").trim_start_matches('*');
                raised = self.meant_by(name, anchors.get_or_init(|| anchors_of(file, &text)), raised);
            }
            self.raise(raised);
        }
        self.parsed.insert(file, parsed.clone());
        Some((file, parsed))
    }

    /// Says which anchor an alias may mean: one of its name that stands too late, or the nearest by name.
    fn meant_by(&self, name: &str, anchors: &BTreeMap<&str, Span>, raised: Raised) -> Raised {
        if let Some(late) = anchors.get(name) {
            return raised.related(*late).because("the anchor stands behind its use").help("move it up");
        }
        match self.spent.nearest(name, anchors.keys().copied()) {
            Some(near) => {
                let raised = anchors.get(near).map_or(raised.clone(), |at| raised.related(*at));
                raised.help(format!("did you mean `*{near}`?"))
            }
            None if name.starts_with(|c: char| c.is_ascii_punctuation()) => {
                raised.help("quote a text that begins with `*`")
            }
            None => raised.help(format!("put `&{name}` before the value that is meant, in this file")),
        }
    }

    /// Gives back the trees of the files, once every document is in the model: half of the memory of a large project.
    pub(crate) fn close_files(&mut self) {
        self.parsed.clear();
        self.included.clear();
        self.bases = Bases::default();
    }

    fn stdin(&mut self) -> FileId {
        if let Some(Ok(file)) = self.read.get("-") {
            return *file;
        }
        let text = self.inputs.stdin.clone().unwrap_or_else(|| Text::from(""));
        let file = self.sources.add("-", text.expose());
        self.sources.set_format(file, Format::Yaml);
        self.read.insert("-".to_owned(), Ok(file));
        file
    }

    pub(crate) fn configures(&mut self, file: FileId) {
        if self.configuring.insert(file) {
            self.config_files.push(file);
        }
    }

    pub(crate) fn is_mapping(&mut self, root: &yaml::Node) -> bool {
        if root.as_map().is_some() {
            return true;
        }
        if self.has_gaps(root.span.file) {
            return false;
        }
        let span = if root.span.is_empty() { Span::new(root.span.file, 0, 0) } else { root.span };
        self.raise(
            Raised::error(
                Code::NotAMapping,
                format!("the top level of a Compose file must be a mapping, not {}", root.value.kind_name()),
            )
            .at(span)
            .help("begin with `services:`"),
        );
        false
    }

    pub(crate) fn merged(&mut self, older: Node, newer: Node) -> Node {
        let (Value::Map(earlier), Value::Map(later)) = (older.value, newer.value) else {
            return Node { value: Value::Map(Map::new()), ..newer };
        };
        let mut merger = Merger::new(&mut self.provenances, self.inputs.dialect);
        let merged = merger.mappings(earlier, later, &Path::ROOT);
        let Merger { conflicts, crowded, .. } = merger;
        self.conflicts(conflicts);
        self.crowded(crowded);
        Node { value: Value::Map(merged), span: newer.span, provenance: newer.provenance }
    }

    pub(crate) fn conflicts(&mut self, conflicts: Vec<merge::Conflict>) {
        for conflict in conflicts {
            self.raise(
                Raised::error(
                    Code::MergeConflict,
                    format!(
                        "cannot override {}: {} here, {} before",
                        conflict.path, conflict.later_kind, conflict.earlier_kind
                    ),
                )
                .at(conflict.later)
                .shadowed(conflict.earlier)
                .help("write both in the same form, or put !override before the later one"),
            );
        }
    }

    pub(crate) fn crowded(&mut self, crowded: Vec<(String, Span)>) {
        for (path, later) in crowded {
            let summary = format!(
                "{path}: more than {} pairs of address pools meet, each of an earlier file with each here",
                limits::POOLS
            );
            let raised = Raised::error(Code::ExpansionLimit, summary).at(later);
            self.raise(raised.help("list the pools of a network in one file"));
        }
    }

    pub(crate) fn unique(&mut self, dict: &mut Node) {
        let mut problems = Vec::new();
        unique::enforce_unique(dict, &mut self.provenances, &mut problems);
        for problem in problems {
            self.raise(
                Raised::error(problem.code, format!("{}: {}", problem.path, problem.why)).at(problem.span),
            );
        }
    }

    pub(crate) fn environment(&self, id: EnvironmentId) -> &Variables {
        static EMPTY: std::sync::OnceLock<Variables> = std::sync::OnceLock::new();
        self.environments
            .get(id.0 as usize)
            .map_or_else(|| EMPTY.get_or_init(Variables::default), |variables| &**variables)
    }

    pub(crate) fn add_environment(&mut self, variables: Variables) -> EnvironmentId {
        self.environments.push(Arc::new(variables));
        EnvironmentId(u32::try_from(self.environments.len() - 1).unwrap_or(u32::MAX))
    }

    /// The home directory, as the shell says it.
    pub(crate) fn home(&self) -> Option<&str> {
        self.inputs.shell.get("HOME").map(Text::expose).filter(|home| !home.is_empty())
    }
}

/// The finding for a file that cannot be read.
pub(crate) fn unreadable(path: &str, error: &ReadError, directory: &str) -> Raised {
    let shown = paths::shown(path, directory);
    let raised = Raised::error(unread::code(error), format!("{shown}: {error}")).exit(EXIT_NOT_FOUND);
    match unread::next_step(error) {
        Some(step) => raised.help(step),
        None => raised,
    }
}

/// What looks like an anchor in a text, the first of each name.
fn anchors_of(file: FileId, text: &str) -> BTreeMap<&str, Span> {
    let mut anchors = BTreeMap::new();
    for (at, _) in text.match_indices('&') {
        let rest = text.get(at + 1..).unwrap_or("");
        let end = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-'));
        let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or("");
        if !name.is_empty() {
            anchors.entry(name).or_insert(Span::from_range(file, at..at + 1 + name.len()));
        }
    }
    anchors
}

fn yaml_problem(problem: &yaml::Problem) -> Raised {
    let code = match problem.kind {
        ProblemKind::DuplicateKey => Code::DuplicateKey,
        ProblemKind::KeyNotString => Code::KeyNotString,
        ProblemKind::UnknownAlias => Code::UnknownAnchor,
        ProblemKind::SelfAlias => Code::AliasCycle,
        ProblemKind::BadMerge => Code::BadMergeKey,
        ProblemKind::BadTag
        | ProblemKind::Tab
        | ProblemKind::Escape
        | ProblemKind::Character
        | ProblemKind::Directive => Code::YamlDialect,
        ProblemKind::TooDeep | ProblemKind::TooLarge => Code::YamlLimit,
        _ => Code::YamlSyntax,
    };
    let mut raised = if problem.refuser == Refuser::ComposeRefuses || code == Code::YamlLimit {
        Raised::error(code, problem.message.clone())
    } else {
        Raised::warning(code, problem.message.clone())
    };
    raised = raised.at(problem.span);
    if code == Code::YamlLimit {
        raised = raised.help("take out aliases that repeat each other, and levels that nothing needs");
    }
    for (span, what) in &problem.related {
        raised = raised.related(*span).because(*what);
    }
    raised
}

/// The text of a file that begins with a byte order mark of UTF-16, as go-yaml reads it; `None` where it is none.
fn utf16(bytes: &[u8]) -> Option<String> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    char::decode_utf16(pairs.iter().skip(1).map(|pair| unit(*pair))).collect::<Result<_, _>>().ok()
}
