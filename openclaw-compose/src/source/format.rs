//! What a text is written in.

/// The format of a text, which decides how its lines are lexed for a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Compose files and their like.
    Yaml,
    /// `.env`, `env_file`, `label_file`.
    Dotenv,
    /// JSON and JSON5: `openclaw.json`, `docker inspect`.
    Json,
    /// Property lists of launchd.
    Xml,
    /// Units of systemd.
    Unit,
    /// What a program says, line by line.
    Log,
    /// Owners and modes of files, maps of user ids.
    Listing,
    /// Anything else.
    Other,
}

impl Format {
    /// The format that a file of this name has; [`Format::Other`] where the name does not say.
    ///
    /// ```
    /// use openclaw_compose::source::Format;
    ///
    /// assert_eq!(Format::of_name("deploy/compose.override.yml"), Format::Yaml);
    /// assert_eq!(Format::of_name(".env.production"), Format::Dotenv);
    /// assert_eq!(Format::of_name("container:gateway:/data/openclaw.json"), Format::Json);
    /// assert_eq!(Format::of_name("Caddyfile"), Format::Other);
    /// ```
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let file = name.rsplit(['/', '\\', ':']).next().unwrap_or(name).to_ascii_lowercase();
        let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "yaml" | "yml" => Self::Yaml,
            "env" => Self::Dotenv,
            "json" | "json5" | "jsonc" => Self::Json,
            "plist" | "xml" => Self::Xml,
            "service" | "socket" | "timer" | "target" | "mount" | "container" | "pod" => Self::Unit,
            "log" => Self::Log,
            _ if matches!(&*file, "ownership.txt" | "idmap.txt") => Self::Listing,
            _ if file.starts_with(".env.") || file == "env" => Self::Dotenv,
            // OpenClaw keeps copies beside it: `openclaw.json.last-good`, `openclaw.json.bak`.
            _ if file.contains(".json.") => Self::Json,
            _ => Self::Other,
        }
    }
}
