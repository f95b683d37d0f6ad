//! Which files make the project, where it lives, and what it is called.
//!
//! Compose looks twice: once with the shell's variables alone, to find the `.env`; then again with the variables of that
//! `.env`, which may name other files (`COMPOSE_FILE`), profiles and a project name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::codes::Code;
use crate::source::{Span, Text, masked_message};
use crate::syntax::dotenv::{self, Form, ProblemKind};
use crate::syntax::interpolate::{self, Found};
use crate::syntax::yaml;

use super::inputs::{Kind, ReadError};
use super::loader::{Loader, unreadable};
use super::model::{Node, ProvenanceId, Value, nowhere};
use super::paths;
use super::provenance::Event;
use super::raise::{EXIT_FLAGS, EXIT_NOT_FOUND, EXIT_PROJECT, Raised};
use super::variables::{EnvironmentId, Setting, Variables};
use crate::source::secret;

/// Names of a Compose file, the preferred one first.
pub const FILE_NAMES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Names of its override; here `.yml` comes first.
pub const OVERRIDE_NAMES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What was found.
pub(crate) struct Project {
    /// The files in the order in which they are merged; absolute, or `-`.
    pub(crate) files: Vec<String>,
    pub(crate) working_dir: String,
    pub(crate) environment: EnvironmentId,
    pub(crate) profiles: Vec<String>,
    /// `-p` or `COMPOSE_PROJECT_NAME`.
    pub(crate) given_name: Option<String>,
}

/// Whose variables an env file gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The project itself: Compose puts them into its own environment.
    Project,
    /// A project that a file includes.
    Included,
}

impl Owner {
    /// Compose's exit status where the file cannot be read.
    fn exit(self) -> u8 {
        match self {
            Self::Project => EXIT_FLAGS,
            Self::Included => EXIT_PROJECT,
        }
    }
}

/// A variable that an env file sets.
pub(crate) type Assignment = (Arc<str>, Text, Setting);

impl Loader<'_> {
    /// Finds the project. What is wrong is raised; what can be found is returned.
    pub(crate) fn discover(&mut self) -> Project {
        let inputs = self.inputs;
        let mut shell =
            Variables::from_shell(inputs.shell.iter().map(|(name, value)| (name.as_str(), value)));
        if inputs.dialect.sets_pwd() {
            shell.offer(&Arc::from("PWD"), Text::from(inputs.directory.as_str()), Setting::Compose);
        }
        let env_file_flags = self.env_file_flags(&shell);

        if let Some(name) = &inputs.project_name
            && !name.is_empty()
            && normalised(name) != *name
        {
            self.raise(bad_name(name, nowhere()).exit(EXIT_FLAGS));
        }
        // First look, to find the env files.
        let both = inputs.dialect.reads_env_of_both_directories();
        let working_dir = if both {
            self.working_dir(&inputs.files.iter().map(|path| self.given(path)).collect::<Vec<_>>())
        } else {
            let (files, complain) = self.config_paths(&shell);
            for raised in complain.into_iter().filter(|raised| raised.code == Code::FileNotFound) {
                self.raise(raised.exit(EXIT_FLAGS));
            }
            self.working_dir(&files)
        };
        self.bound_by(&working_dir);
        let env_files = self.project_env_files(&env_file_flags, &working_dir, &shell);
        let settings = self.env_files(&env_files, &shell, Owner::Project);
        let mut variables = shell;
        for (name, value, setting) in settings {
            variables.offer(&name, value, setting);
        }
        // Second look, with what they say.
        let (files, complain) = self.config_paths(&variables);
        let second_dir = self.working_dir(&files);
        self.bound_by(&second_dir);
        if second_dir != working_dir && env_file_flags.is_empty() {
            let env_files = self.project_env_files(&env_file_flags, &second_dir, &variables);
            let settings = self.env_files(&env_files, &variables, Owner::Project);
            for (name, value, setting) in settings {
                variables.offer(&name, value, setting);
            }
        }
        if inputs.files.is_empty() && variables.find("COMPOSE_FILE").is_none() {
            let searched = files.first().map_or_else(|| second_dir.clone(), |file| paths::directory(file));
            for name in FILE_NAMES.iter().chain(&OVERRIDE_NAMES) {
                self.tell_of_case(&paths::join(&searched, name));
            }
        }
        self.parallel_limit(&variables);
        for raised in complain {
            self.raise(raised);
        }
        let profiles = if inputs.profiles.is_empty() {
            // Nothing at all is one empty name, which a service may have among its profiles.
            let listed = variables.value("COMPOSE_PROFILES").unwrap_or_default();
            listed.split(',').map(|profile| profile.trim().to_owned()).collect()
        } else {
            inputs.profiles.clone()
        };
        let given_name = inputs.project_name.clone().filter(|name| !name.is_empty()).or_else(|| {
            variables.value("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty()).map(str::to_owned)
        });
        let environment = self.add_environment(variables);
        Project { files, working_dir: second_dir, environment, profiles, given_name }
    }

    /// A file as the command line or `COMPOSE_FILE` gives it: absolute, or `-`.
    fn given(&self, path: &str) -> String {
        if path == "-" { path.to_owned() } else { paths::absolute(&self.inputs.directory, path) }
    }

    /// Compose reads this one before it looks at any project, and stops where it is not a number.
    fn parallel_limit(&mut self, variables: &Variables) {
        let Some(limit) = variables.find("COMPOSE_PARALLEL_LIMIT") else { return };
        if limit.value.expose().parse::<i64>().is_err() {
            let at = if let Setting::File(span) = limit.setting { span } else { nowhere() };
            self.raise(
                Raised::error(Code::BadSetting, "COMPOSE_PARALLEL_LIMIT must be an integer")
                    .at(at)
                    .exit(EXIT_FLAGS)
                    .help("set it to a number, or unset it"),
            );
        }
    }

    /// `--env-file`, or `COMPOSE_ENV_FILES`.
    fn env_file_flags(&mut self, shell: &Variables) -> Vec<String> {
        let inputs = self.inputs;
        let flags: Vec<String> = if inputs.env_files.is_empty() {
            let listed = shell.value("COMPOSE_ENV_FILES").unwrap_or_default();
            if listed.is_empty() { Vec::new() } else { listed.split(',').map(str::to_owned).collect() }
        } else {
            inputs.env_files.clone()
        };
        flags.iter().map(|path| paths::absolute(&inputs.directory, path)).collect()
    }

    /// The files of the project: `-f`, `COMPOSE_FILE`, or what is found walking up. The second value is what to say of it.
    fn config_paths(&mut self, variables: &Variables) -> (Vec<String>, Vec<Raised>) {
        let inputs = self.inputs;
        let directory = &inputs.directory;
        if !inputs.files.is_empty() {
            return (inputs.files.iter().map(|path| self.given(path)).collect(), Vec::new());
        }
        if let Some(listed) = variables.find("COMPOSE_FILE") {
            let separator =
                variables.value("COMPOSE_PATH_SEPARATOR").filter(|text| !text.is_empty()).unwrap_or(":");
            let at = if let Setting::File(span) = listed.setting { span } else { nowhere() };
            let mut complain = Vec::new();
            let mut files = Vec::new();
            for path in listed.value.expose().split(separator) {
                let path = self.given(path);
                if path != "-" && self.kind(&path).is_none() {
                    complain.push(
                        unreadable(&path, &ReadError::NotFound, directory)
                            .at(at)
                            .because("named by COMPOSE_FILE"),
                    );
                    continue;
                }
                files.push(path);
            }
            return (files, complain);
        }
        let mut here = match &inputs.project_directory {
            Some(path) if !path.is_empty() => paths::absolute(directory, path),
            _ => directory.clone(),
        };
        loop {
            let found = self.present(&FILE_NAMES, &here);
            if let Some(winner) = found.first() {
                let mut complain = Vec::new();
                let mut files = vec![winner.clone()];
                if found.len() > 1 {
                    complain.push(several("config", &found));
                }
                let overrides = self.present(&OVERRIDE_NAMES, &here);
                if overrides.len() > 1 {
                    complain.push(several("override", &overrides));
                }
                files.extend(overrides.into_iter().next());
                return (files, complain);
            }
            let parent = paths::directory(&here);
            if parent == here {
                let raised = Raised::error(Code::NoComposeFile, "no configuration file provided: not found")
                    .exit(EXIT_NOT_FOUND)
                    .because(format!("looked for {} in {directory} and above", FILE_NAMES.join(", ")))
                    .help("name one with -f, or change to the project's directory");
                return (Vec::new(), vec![raised]);
            }
            here = parent;
        }
    }

    fn present(&self, names: &[&str], directory: &str) -> Vec<String> {
        names
            .iter()
            .map(|name| paths::join(directory, name))
            .filter(|path| self.kind(path).is_some())
            .collect()
    }

    fn working_dir(&self, files: &[String]) -> String {
        let inputs = self.inputs;
        match &inputs.project_directory {
            Some(path) if !path.is_empty() => paths::absolute(&inputs.directory, path),
            _ => match files.iter().find(|path| *path != "-") {
                Some(path) => paths::directory(path),
                None => inputs.directory.clone(),
            },
        }
    }

    /// `--env-file`s, or the `.env` of the project's directory.
    fn project_env_files(
        &mut self,
        flags: &[String],
        working_dir: &str,
        variables: &Variables,
    ) -> Vec<(String, Option<Span>)> {
        if !flags.is_empty() {
            return flags.iter().map(|path| (path.clone(), None)).collect();
        }
        if let Some(disable) = variables.value("COMPOSE_DISABLE_ENV_FILE") {
            match disable {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => return Vec::new(),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => {}
                _ => {
                    self.raise(
                        Raised::error(Code::BadSetting, "COMPOSE_DISABLE_ENV_FILE must be a boolean")
                            .exit(EXIT_FLAGS)
                            .help("set it to 1 or 0"),
                    );
                }
            }
        }
        let path = paths::join(working_dir, ".env");
        self.tell_of_case(&path);
        match self.kind(&path) {
            Some(Kind::File) => vec![(path, None)],
            Some(Kind::Directory) => {
                self.passed_over(&path);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Reads env files in order; the last that names a variable gives its value.
    pub(crate) fn env_files(
        &mut self,
        files: &[(String, Option<Span>)],
        outer: &Variables,
        owner: Owner,
    ) -> Vec<Assignment> {
        let mut known: HashMap<String, (Text, Setting)> = HashMap::new();
        let mut order: Vec<Assignment> = Vec::new();
        for (path, asked) in files {
            let file = match self.read(path, false) {
                Ok(file) => file,
                Err(error) => {
                    let raised = unreadable(path, &error, &self.inputs.directory).exit(owner.exit());
                    self.raise(if let Some(at) = asked { raised.at(*at) } else { raised });
                    continue;
                }
            };
            let text: Arc<str> = Arc::from(self.sources.expose_file(file));
            let options = self.dotenv_options();
            let found = |value: &Text, setting| Found { value: value.clone(), source: setting };
            let set = |name: &str| outer.find(name).map(|variable| found(&variable.value, variable.setting));
            let before = |name: &str| known.get(name).map(|(value, setting)| found(value, *setting));
            let read = if self.inputs.dialect.env_file_sees_itself_first() {
                dotenv::parse_after(file, &text, options, set, before)
            } else {
                dotenv::parse(file, &text, options, |name| set(name).or_else(|| before(name)))
            };
            let enters = owner == Owner::Project && self.inputs.dialect.env_enters_process();
            let process = enters.then_some(outer);
            let settings = self.assignments(read, owner.exit(), process);
            for (name, value, setting) in settings {
                known.insert(name.to_string(), (value.clone(), setting));
                order.push((name, value, setting));
            }
        }
        // The last file that names a variable comes first here: the first offer wins.
        order.reverse();
        order
    }

    pub(crate) fn dotenv_options(&self) -> dotenv::Options {
        let eager = self.inputs.dialect.eager_arguments();
        dotenv::Options::default()
            .interpolation(interpolate::Options::default().eager_arguments(eager))
            .at_most(self.spent.left_to_make())
    }

    /// What an env file sets, in order; problems are raised, secrets marked. `process`: the environment of the process that
    /// will take what it does not have yet, so that the operating system has to like the names and values.
    pub(crate) fn assignments(
        &mut self,
        read: dotenv::Dotenv<Setting>,
        exit: u8,
        process: Option<&Variables>,
    ) -> Vec<Assignment> {
        self.spent.made(read.made);
        for problem in &read.problems {
            if problem.key.as_deref().is_none_or(secret::looks_secret) {
                self.mark_rest(problem.span, matches!(problem.kind, ProblemKind::UnterminatedQuote));
            }
            let location = self.sources.location(problem.span);
            let mut raised = match &problem.kind {
                ProblemKind::Template(inner) => match inner {
                    interpolate::ProblemKind::Required { name, message } => Raised::error(
                        Code::RequiredVariable,
                        format!(
                            "line {}: required variable {name} is missing a value: {}",
                            location.line,
                            masked_message(message.expose())
                        ),
                    ),
                    interpolate::ProblemKind::TooLarge => {
                        super::tree::made_too_much(&format!("line {}", location.line))
                    }
                    _ => {
                        Raised::error(Code::BadTemplate, format!("line {}: invalid template", location.line))
                    }
                },
                kind => Raised::error(Code::DotenvSyntax, format!("line {}: {kind}", location.line)),
            };
            raised = raised.at(problem.span).exit(exit);
            self.raise(raised);
        }
        let mut out: Vec<Assignment> = Vec::with_capacity(read.entries.len());
        for entry in &read.entries {
            if secret::looks_secret(&entry.key) {
                self.sources.mark_secret(entry.value_span);
            }
            if let Form::Assigned(assigned) = &entry.form {
                for unset in &assigned.unset {
                    self.unset(&unset.name, assigned.offsets.span(unset.written.clone()));
                }
            }
            let Some(value) = &entry.value else { continue };
            if process.is_some_and(|process| process.find(&entry.key).is_none()) && !entry.is_settable() {
                self.raise(
                    Raised::error(
                        Code::DotenvUnusable,
                        if entry.key.is_empty() {
                            "an empty name: setenv: invalid argument".to_owned()
                        } else {
                            format!("{}: setenv: invalid argument", entry.key)
                        },
                    )
                    .at(if entry.key_span.is_empty() { entry.value_span } else { entry.key_span })
                    .exit(EXIT_FLAGS),
                );
                continue;
            }
            let setting = match &entry.form {
                Form::Inherited(Some(setting)) => *setting,
                _ => Setting::File(entry.value_span),
            };
            out.push((Arc::from(entry.key.as_str()), value.clone(), setting));
        }
        out
    }

    /// Marks what could not be read as a secret, to the end of its line or of the text.
    fn mark_rest(&mut self, from: Span, whole: bool) {
        let text = self.sources.expose_file(from.file);
        let rest = text.get(from.range().start..).unwrap_or_default();
        let length = if whole { rest.len() } else { rest.find('\n').unwrap_or(rest.len()) };
        let start = from.range().start;
        self.sources.mark_secret(Span::from_range(from.file, start..start + length));
    }

    /// The project's name with its provenance: `-p`, `COMPOSE_PROJECT_NAME`, the last `name:`, or the directory's.
    pub(crate) fn project_name(&mut self, project: &Project) -> Node {
        if let Some(name) = &project.given_name {
            let flag = self.inputs.project_name.as_ref() == Some(name);
            let variable = self.environment(project.environment).find("COMPOSE_PROJECT_NAME");
            let setting = variable.map(|variable| variable.setting).filter(|_| !flag);
            if normalised(name) != *name && !flag {
                let at = if let Some(Setting::File(span)) = setting { span } else { nowhere() };
                self.raise(bad_name(name, at));
            }
            let event = match setting {
                Some(setting) => Event::Named {
                    name: Arc::from("COMPOSE_PROJECT_NAME"),
                    setting,
                    environment: project.environment,
                },
                None => Event::Supplied("-p on the command line"),
            };
            return self.named(&normalised(name), nowhere(), event);
        }
        let mut named: Option<(Text, yaml::Node)> = None;
        for path in &project.files {
            let Some((_, parsed)) = self.parse(path, None) else { continue };
            for document in &parsed.documents {
                let Some(node) = document.get("name") else { continue };
                let text = match &node.value {
                    yaml::Value::Str(text) => text.clone(),
                    yaml::Value::Null => continue,
                    // go-yaml reads any scalar as the text it is written as; the schema refuses it later.
                    _ => Text::from(self.sources.expose(node.span)),
                };
                if !text.is_empty() {
                    named = Some((text, node.clone()));
                }
            }
        }
        let directory = normalised(paths::base(&project.working_dir));
        let by_directory = Event::Supplied("the name of the project's directory");
        let Some((text, node)) = named else {
            if directory.is_empty() {
                self.raise(
                    Raised::error(Code::BadProjectName, "project name must not be empty")
                        .because("the directory's name gives none")
                        .help("set `name:` or use -p"),
                );
            }
            return self.named(&directory, nowhere(), by_directory);
        };
        let root = super::path::Path::ROOT;
        let (filled, provenance) = if text.contains("$") {
            let done = self.fill(&text, &node, &root.key("name"), project.environment);
            let Some((filled, pieces)) = done else {
                return self.named(&directory, nowhere(), by_directory);
            };
            let event = Event::Interpolated { span: node.span, pieces, environment: project.environment };
            (filled, self.provenances.add(ProvenanceId::NONE, event))
        } else {
            (text, ProvenanceId::NONE)
        };
        let name = normalised(filled.expose());
        if name.is_empty() {
            self.raise(
                Raised::error(Code::BadProjectName, "project name must not be empty")
                    .at(node.span)
                    .help("use a-z, 0-9, - and _"),
            );
        }
        Node::with_provenance(Value::Text(Text::from(name)), node.span, provenance)
    }

    fn named(&mut self, name: &str, span: Span, event: Event) -> Node {
        let provenance = self.provenances.add(ProvenanceId::NONE, event);
        Node::with_provenance(Value::Text(Text::from(name)), span, provenance)
    }
}

fn bad_name(name: &str, at: Span) -> Raised {
    Raised::error(
        Code::BadProjectName,
        format!(
            "invalid project name {name:?}: must consist only of lowercase alphanumeric characters, hyphens, and underscores as well as start with a letter or number"
        ),
    )
    .at(at)
    .exit(EXIT_PROJECT)
}

fn several(what: &str, files: &[String]) -> Raised {
    let winner = files.first().map(String::as_str).unwrap_or_default();
    Raised::warning(
        Code::SeveralComposeFiles,
        format!("Found multiple {what} files with supported names: {}", files.join(", ")),
    )
    .because(format!("Using {winner}"))
    .help(format!("remove the others, or name one with -f {}", paths::base(winner)))
}

/// Lower case, letters, digits, `_` and `-` only, beginning with a letter or a digit.
pub(crate) fn normalised(name: &str) -> String {
    let lower = name.to_lowercase();
    let kept: String = lower
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .collect();
    kept.trim_start_matches(['_', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        for (name, expected) in [("My.Dir X", "mydirx"), ("_-a_b-", "a_b-"), ("Ünï", "n"), ("...", "")] {
            assert_eq!(normalised(name), expected, "{name}");
        }
    }
}
