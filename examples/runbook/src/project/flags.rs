//! The command line of `docker compose`, as far as it chooses a project: shared by every subcommand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use openclaw_compose::fs::{Disk, inputs_here};
use openclaw_compose::openclaw::Host;
use openclaw_compose::project::{Dialect, Inputs, Node, Resolution};
use openclaw_compose::source::Text;

use super::{Evidence, Unreadable};
use crate::errors::did_you_mean;
use crate::{clean, reading};

/// The flags that `docker compose` takes before its command.
#[derive(Args, Clone, Debug, Default)]
pub struct ProjectFlags {
    /// Compose configuration files; `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub files: Vec<String>,
    /// Project name
    #[arg(short = 'p', long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// Specify an alternate environment file
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<String>,
    /// Specify a profile to enable; `*` enables all
    #[arg(long = "profile", value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Specify an alternate working directory (default: that of the first Compose file)
    #[arg(long, value_name = "DIR")]
    pub project_directory: Option<String>,
    /// Which release of compose-go to read as, such as `2.4`, or what `docker compose version` prints (default: what was
    /// captured of it, else 2.9.1)
    #[arg(long, value_name = "VERSION")]
    pub dialect: Option<Dialect>,
    /// Which host the stack runs on, `linux` or `mac`, where nothing that was recorded of it tells
    #[arg(long, value_name = "HOST")]
    pub host: Option<Host>,
    /// Follow links that lead out of the stack, or out of a directory that it mounts, as Docker does
    #[arg(long)]
    pub follow_links: bool,
    /// Where `docker compose` would be run; the current directory, if left out.
    #[arg(skip)]
    pub ran_in: Option<PathBuf>,
}

/// Whether the engine is asked about the containers; it is where one is found as `docker` finds it, or at the usual sockets.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct EngineFlags {
    /// Ask the engine about the containers, even where captured/ holds what one showed before, or none is found; nothing is
    /// started or changed
    #[arg(long, conflicts_with = "host_files")]
    pub docker: bool,
    /// Ask no engine: the files of this host, and what was captured, are all there is. So does `RUNBOOK_HOST_FILES=1`
    #[arg(long)]
    pub host_files: bool,
}

impl EngineFlags {
    /// The same as the arguments of a process.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let flags = [(self.docker, "--docker"), (self.host_files, "--host-files")];
        flags.into_iter().filter_map(|(is_given, flag)| is_given.then_some(flag)).collect()
    }

    /// What counts by these flags; with `devices` OpenClaw's CLI is asked, too, where the engine is.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "where every program is to read files only, as on a build machine"
    )]
    pub fn evidence(self, devices: bool) -> Evidence {
        let files_only = || std::env::var_os("RUNBOOK_HOST_FILES").is_some_and(|value| value == "1");
        match self {
            Self { docker: true, .. } => Evidence::Asked { devices },
            Self { host_files: true, .. } => Evidence::Captured,
            Self { .. } if files_only() => Evidence::Captured,
            Self { .. } => Evidence::AskedIfHere { devices },
        }
    }
}

impl ProjectFlags {
    /// The same, as though `docker compose` were run in this directory.
    #[must_use]
    pub fn run_in(mut self, directory: &Path) -> Self {
        self.ran_in = Some(directory.to_owned());
        self
    }

    /// The inputs of a resolution: these flags in their directory and this process's environment.
    ///
    /// # Errors
    /// When the directory is not there or its path is not text, or `-f -` is given and standard input cannot be read.
    pub fn inputs(&self) -> Result<Inputs, Unreadable> {
        let mut inputs = inputs_here()?;
        if let Some(directory) = &self.ran_in {
            // Below the path that the user sees, as Compose has it: a linked directory names the project by its link.
            let below = Path::new(&inputs.directory).join(directory);
            let absolute = std::path::absolute(below).ok().filter(|path| path.is_dir());
            let Some(absolute) = absolute else {
                return Err(Unreadable::NoDirectory { path: clean::line(&directory.to_string_lossy()) });
            };
            let path = absolute.to_str().ok_or(Unreadable::NotText)?;
            path.trim_end_matches('/').clone_into(&mut inputs.directory);
        }
        inputs.files.clone_from(&self.files);
        inputs.env_files.clone_from(&self.env_files);
        inputs.profiles.clone_from(&self.profiles);
        inputs.project_name.clone_from(&self.project_name);
        inputs.project_directory.clone_from(&self.project_directory);
        inputs.dialect = self.dialect.unwrap_or_default();
        if self.files.iter().any(|file| file == "-") {
            inputs.stdin = Some(Text::from(reading::stdin()?));
        }
        Ok(inputs)
    }

    /// A command as the crates print it, with the flags that chose this project behind every `docker compose` in it.
    #[must_use]
    pub fn told(&self, command: &str, runs_as: Option<&str>) -> String {
        command.replace("docker compose ", &format!("docker compose {}", self.chosen(runs_as)))
    }

    /// The flags that chose this project, quoted for a shell and each with a blank behind it, and the name under which its
    /// containers run where that is another.
    #[must_use]
    pub fn chosen(&self, runs_as: Option<&str>) -> String {
        // Only a NUL could not be quoted, and no argument of a process holds one.
        let quoted = |word: &str| shlex::try_quote(word).unwrap_or_default().into_owned() + " ";
        self.words(runs_as).into_iter().map(quoted).collect()
    }

    /// The same as the arguments of a process.
    #[must_use]
    pub fn words<'f>(&'f self, runs_as: Option<&'f str>) -> Vec<&'f str> {
        let files = self.files.iter().map(|file| ("-f", file.as_str()));
        let named = self.project_name.as_deref().or(runs_as).map(|name| ("-p", name));
        let env_files = self.env_files.iter().map(|file| ("--env-file", file.as_str()));
        let profiles = self.profiles.iter().map(|profile| ("--profile", profile.as_str()));
        let directory = self.project_directory.iter().map(|path| ("--project-directory", path.as_str()));
        let flags = files.chain(named).chain(env_files).chain(profiles).chain(directory);
        flags.flat_map(|(flag, value)| [flag, value]).collect()
    }

    /// The profiles among these flags that no service has, a sentence each: Compose says nothing of them.
    #[must_use]
    pub fn unknown_profiles(&self, resolution: &Resolution) -> Vec<String> {
        let services: Vec<_> = resolution.services().chain(resolution.disabled_services()).collect();
        let of_services =
            services.iter().flat_map(|service| service.items("profiles")).filter_map(Node::text);
        let known: BTreeSet<&str> = of_services.map(Text::expose).collect();
        let unknown = self.profiles.iter().filter(|name| *name != "*" && !known.contains(name.as_str()));
        let said = |name: &String| {
            format!("profile {name}: no service has it{}", did_you_mean(name, known.iter().copied()))
        };
        unknown.map(said).collect()
    }

    /// How the project's files are read: without the links that lead out of it, unless these flags say so.
    #[must_use]
    pub fn disk(&self) -> Disk {
        disk(self.follow_links)
    }
}

/// How the files of a stack are read: without the links that lead out of it, unless the caller means them.
#[must_use]
pub fn disk(follow_links: bool) -> Disk {
    if follow_links { Disk::following() } else { Disk::confined() }
}
