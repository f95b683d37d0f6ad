//! The bundled stack: part of the binary, copied to a directory of its own, with two fresh tokens in it.
#![expect(clippy::disallowed_methods, reason = "the copy is the rehearsal's own")]

use std::io;
use std::path::Path;

use openclaw_token::{MintError, mint};
use secrecy::ExposeSecret;

/// Path in the copy, and text. The tokens stand as names; no token is part of the binary.
const FILES: &[(&str, &str)] = &[
    ("compose.yaml", include_str!("stack/compose.yaml")),
    (".env", include_str!("stack/dotenv")),
    ("state/openclaw.json", include_str!("stack/state/openclaw.json")),
    // Git and a copy keep no owners: the containers' user owns all of it.
    ("captured/ownership.txt", "1000:1000 755 .\n1000:1000 700 state\n1000:1000 600 state/openclaw.json\n"),
];
const TOKENS: [&str; 2] = ["@TOKEN_OF_THE_SETUP_SCRIPT@", "@TOKEN_OF_THE_WIZARD@"];

/// A copy that is removed when dropped.
pub(super) struct Copy(tempfile::TempDir);

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("no temporary directory")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Mint(#[from] MintError),
}

impl Copy {
    pub(super) fn make() -> Result<Self, CopyError> {
        let dir = tempfile::Builder::new().prefix("runbook-rehearsal-").tempdir()?;
        let tokens = [mint()?, mint()?];
        for (path, text) in FILES {
            let mut text = (*text).to_owned();
            for (name, token) in TOKENS.iter().zip(&tokens) {
                text = text.replace(name, token.expose_secret());
            }
            let path = dir.path().join(path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, text)?;
        }
        Ok(Self(dir))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}
