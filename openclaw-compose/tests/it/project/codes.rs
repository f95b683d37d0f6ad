//! Every code of this floor is produced, at the right place; what Compose lets pass is no refusal.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use openclaw_compose::finding::Code;
use openclaw_compose::project::{Dialect, Files, Kind, ReadError, Special, Texts};
use openclaw_compose::source::Text;

use super::resolve;

/// Code, files, the place of its primary mark, the exit status where compose-go 2.4 refuses.
type Row = (Code, &'static [(&'static str, &'static str)], &'static str, Option<u8>);

const ROWS: &[Row] = &[
    (
        Code::FileNotFound,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    extends: {file: no.yml, service: s}")],
        "compose.yaml:4",
        Some(14),
    ),
    (
        Code::FileUnreadable,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    env_file: d"), ("d/k", "")],
        "compose.yaml:4",
        Some(14),
    ),
    (Code::YamlSyntax, &[("compose.yaml", "services:\n  a:\n    image: \"x\n")], "compose.yaml:3", Some(15)),
    (
        Code::DuplicateKey,
        &[("compose.yaml", "services:\n  a: {image: x}\n  a: {image: y}")],
        "compose.yaml:3",
        Some(15),
    ),
    (
        Code::KeyNotString,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    environment: {1: one}")],
        "compose.yaml:4",
        Some(15),
    ),
    (Code::UnknownAnchor, &[("compose.yaml", "services:\n  a: *nope")], "compose.yaml:2", Some(15)),
    (
        Code::AliasCycle,
        &[("compose.yaml", "services:\n  a: &a\n    image: x\n    x-self: *a")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::BadMergeKey,
        &[("compose.yaml", "services:\n  a:\n    <<: 5\n    image: x")],
        "compose.yaml:3",
        Some(15),
    ),
    (
        Code::YamlDialect,
        &[("compose.yaml", "services:\n  a:\n    image: \"\\/x\"")],
        "compose.yaml:3",
        Some(15),
    ),
    (Code::NotAMapping, &[("compose.yaml", "- services")], "compose.yaml:1", Some(15)),
    (
        Code::DotenvSyntax,
        &[("compose.yaml", "services: {a: {image: x}}"), (".env", "OK=1\nbad line\n")],
        ".env:2",
        Some(1),
    ),
    (
        Code::DotenvUnusable,
        &[("compose.yaml", "services: {a: {image: x}}"), (".env", "OK=1\n=x\n")],
        ".env:2",
        Some(1),
    ),
    (
        Code::BadTemplate,
        &[("compose.yaml", "services:\n  a:\n    image: ${A B}")],
        "compose.yaml:3",
        Some(15),
    ),
    (
        Code::RequiredVariable,
        &[("compose.yaml", "services:\n  a:\n    image: ${A:?say}")],
        "compose.yaml:3",
        Some(15),
    ),
    (Code::UnsetVariable, &[("compose.yaml", "services:\n  a:\n    image: x$A")], "compose.yaml:3", None),
    (
        Code::BadCast,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    scale: '${N:-many}'")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::OldBoolean,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    tty: 'yes'")],
        "compose.yaml:4",
        None,
    ),
    (Code::NoComposeFile, &[("keep", "")], "", Some(14)),
    (
        Code::SeveralComposeFiles,
        &[("compose.yaml", "services: {a: {image: x}}"), ("compose.yml", "")],
        "",
        None,
    ),
    (
        Code::BadProjectName,
        &[("compose.yaml", "services: {a: {image: x}}"), (".env", "COMPOSE_PROJECT_NAME=A B\n")],
        ".env:1",
        Some(15),
    ),
    (
        Code::MergeConflict,
        &[
            ("compose.yaml", "services: {a: {image: x, ports: ['80']}}"),
            ("compose.override.yml", "services:\n  a:\n    ports: {x: 1}"),
        ],
        "compose.override.yml:3",
        Some(15),
    ),
    (
        Code::ExtendsUnknownService,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    extends: b")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::ExtendsBadFile,
        &[
            ("compose.yaml", "services:\n  a:\n    image: x\n    extends: {file: b.yml, service: s}"),
            ("b.yml", "x-k: 1"),
        ],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::ExtendsCycle,
        &[("compose.yaml", "services:\n  a:\n    extends: b\n  b:\n    extends: a")],
        "compose.yaml:3",
        Some(15),
    ),
    (
        Code::IncludeConflict,
        &[
            ("compose.yaml", "include: [b.yml]\nservices:\n  a: {image: x}"),
            ("b.yml", "services: {a: {image: y}}"),
        ],
        "compose.yaml:3",
        Some(15),
    ),
    (
        Code::IncludeCycle,
        &[
            ("compose.yaml", "include: [b.yml]\nservices: {a: {image: x}}"),
            ("b.yml", "services: {b: {image: y}}\ninclude: [compose.yaml]"),
        ],
        "b.yml:2",
        Some(15),
    ),
    (
        Code::IncludeInvalid,
        &[("compose.yaml", "services: {a: {image: x}}\ninclude: b.yml")],
        "compose.yaml:2",
        Some(15),
    ),
    (
        Code::RemoteResource,
        &[("compose.yaml", "services: {a: {image: x}}\ninclude: ['oci://r/x']")],
        "compose.yaml:2",
        None,
    ),
    (
        Code::UnknownKey,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    enviroment: {}")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::BadResourceName,
        &[("compose.yaml", "services:\n  'a b': {image: x}")],
        "compose.yaml:2",
        Some(15),
    ),
    (
        Code::WrongType,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    restart: false")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::NotOneOf,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    pull_policy: maybe")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::MissingKey,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    volumes:\n      - target: /x")],
        "compose.yaml:5",
        Some(15),
    ),
    (
        Code::RepeatedItem,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    security_opt: [s, s]")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::OutOfRange,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    oom_score_adj: 2000")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::NotFinite,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    environment: {A: .inf}")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::BadPort,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    ports: ['99999:80']")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::BadVolume,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    volumes: ['${D}:/x']")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::BadDuration,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    stop_grace_period: 1y")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::BadValue,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    mem_limit: lots")],
        "compose.yaml:4",
        Some(15),
    ),
    (Code::NoImage, &[("compose.yaml", "services:\n  a: {user: '1'}")], "compose.yaml:2", Some(15)),
    (
        Code::NetworkModeAndNetworks,
        &[(
            "compose.yaml",
            "services:\n  a:\n    image: x\n    network_mode: host\n    networks: [n]\nnetworks: {n: }",
        )],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::UndefinedResource,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    volumes: ['data:/d']")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::UndefinedService,
        &[(
            "compose.yaml",
            "services:\n  a:\n    image: x\n    depends_on: [b]\n  b: {image: y, profiles: [p]}",
        )],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::DependencyCycle,
        &[("compose.yaml", "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: y, depends_on: [a]}")],
        "compose.yaml:3",
        Some(15),
    ),
    (
        Code::BadHealthcheck,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    healthcheck: {test: [curl]}")],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::ConflictingFields,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    scale: 2\n    container_name: c")],
        "compose.yaml:5",
        Some(15),
    ),
    (
        Code::BadSource,
        &[(
            "compose.yaml",
            "services: {a: {image: x, secrets: [s]}}\nsecrets:\n  s: {file: f, environment: E}",
        )],
        "compose.yaml:3",
        Some(15),
    ),
    (
        Code::EnvFileMissing,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    env_file: no.env")],
        "compose.yaml:4",
        Some(14),
    ),
    (
        Code::EnvFileFormat,
        &[
            ("compose.yaml", "services:\n  a:\n    image: x\n    env_file: [{path: e, format: odd}]"),
            ("e", ""),
        ],
        "compose.yaml:4",
        Some(15),
    ),
    (
        Code::ObsoleteVersion,
        &[("compose.yaml", "version: '3'\nservices: {a: {image: x}}")],
        "compose.yaml:1",
        None,
    ),
    (
        Code::DeprecatedExternal,
        &[("compose.yaml", "services: {a: {image: x}}\nvolumes:\n  v: {external: {name: w}}")],
        "compose.yaml:3",
        None,
    ),
    (
        Code::DriveLetterVolume,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    volumes: ['v:/v']")],
        "compose.yaml:4",
        None,
    ),
    (
        Code::RandomHostPort,
        &[("compose.yaml", "services:\n  a:\n    image: x\n    ports: ['${P:-}:80']")],
        "compose.yaml:4",
        None,
    ),
    (
        Code::NullHidesEnvFile,
        &[
            ("compose.yaml", "services:\n  a:\n    image: x\n    env_file: e\n    environment: [K]"),
            ("e", "K=1\n"),
        ],
        "compose.yaml:5",
        None,
    ),
];

#[test]
fn each_code_comes_from_its_place() {
    for (code, files, place, exit) in ROWS {
        let old = super::inputs(&[]).dialect(Dialect::ComposeGo24);
        let resolution = openclaw_compose::project::resolve(&old, &super::texts(files));
        let finding = resolution.findings().iter().find(|finding| finding.code == *code);
        let Some(finding) = finding else { panic!("{code}: only {:?}", resolution.findings()) };
        let got = finding.primary().map(|place| format!("{}:{}", place.file, place.line)).unwrap_or_default();
        assert_eq!(got, *place, "{finding}");
        assert_eq!(resolution.compose_would_refuse().map(|refusal| refusal.exit), *exit, "{finding}");
        if exit.is_some() {
            assert_eq!(resolution.findings().first().map(|first| first.code), Some(*code), "{finding}");
        }
        // Only older ones mind infinity, and what the operating system thinks of a `.env`; later ones have one exit status.
        if !matches!(code, Code::DotenvUnusable | Code::NotFinite) {
            let resolution = resolve(files, &[]);
            let refusal = resolution.compose_would_refuse();
            assert_eq!(refusal.map(|refusal| refusal.exit), exit.map(|_| 1), "{finding}");
            assert!(resolution.findings().iter().any(|finding| finding.code == *code), "{finding}");
        }
    }
}

#[test]
fn every_code_of_this_floor_has_a_row() {
    let tested: BTreeSet<_> = ROWS
        .iter()
        .map(|(code, ..)| *code)
        .chain([
            // Bytes and settings, which the rows cannot hold: below.
            Code::NotUtf8,
            Code::BadSetting,
            // What only a disk holds.
            Code::NotAFile,
            Code::LinkLeadsOut,
            // What a directory lists: spelling.rs.
            Code::NameDiffersByCase,
            // What asks for too much: limits.rs.
            Code::ReadLimit,
            Code::ExpansionLimit,
            Code::ExtendsLimit,
            Code::IncludeLimit,
            // What takes a second release to see: incidents.rs.
            Code::ComposeReleasesDiffer,
            // What another program makes of it: podman_compose.rs.
            Code::PodmanComposeDiffers,
            // A bomb and a deep nest: the reader's own tests.
            Code::YamlLimit,
        ])
        .collect();
    for code in Code::ALL.iter().filter(|code| code.id() < "OC-C200") {
        assert!(tested.contains(code), "{code} is produced by no test");
    }
}

#[test]
fn bytes_that_are_no_text_are_found() {
    let files = Texts::new().file("/p/compose.yaml", b"services:\n  a:\n    image: \"x\xff\"\n");
    let resolution = openclaw_compose::project::resolve(&super::inputs(&[]), &files);
    let refusal = resolution.compose_would_refuse().expect("refused");
    assert_eq!(refusal.finding.code, Code::NotUtf8);
    assert_eq!(refusal.finding.primary().map(|place| place.line), Some(3));
}

#[test]
fn a_setting_that_cannot_be_read_is_found() {
    let resolution =
        resolve(&[("compose.yaml", "services: {a: {image: x}}")], &[("COMPOSE_DISABLE_ENV_FILE", "perhaps")]);
    assert_eq!(
        resolution.compose_would_refuse().map(|refusal| (refusal.finding.code, refusal.exit)),
        Some((Code::BadSetting, 1))
    );
}

#[test]
fn one_error_does_not_hide_the_others() {
    let stack = "services:\n  a:\n    image: x\n    prots: []\n    ports: ['99999:80']\n    restart: false\n    user: '7'\n";
    let resolution = resolve(&[("compose.yaml", stack)], &[]);
    let codes: BTreeSet<_> = resolution.findings().iter().map(|finding| finding.code).collect();
    assert!(
        codes.is_superset(&BTreeSet::from([Code::UnknownKey, Code::BadPort, Code::WrongType])),
        "{codes:?}"
    );
    let user = resolution.service("a").and_then(|service| service.text("user"));
    assert_eq!(user.map(Text::expose), Some("7"), "the rest is there");
    let help = resolution
        .findings()
        .iter()
        .find_map(|finding| finding.remedy.as_ref())
        .map(|remedy| remedy.text.clone());
    assert_eq!(help.as_deref(), Some("did you mean `ports`?"));
}

#[test]
fn a_byte_order_mark_of_utf16_is_believed_where_it_is_true() {
    let text = "services:\n  gateway: {image: \"a\u{1f600}b\"}\n";
    let encode = |order: fn(u16) -> [u8; 2]| {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(order).collect::<Vec<u8>>()
    };
    let resolved = |bytes: Vec<u8>| {
        let files = Texts::new().file("/p/compose.yaml", bytes);
        openclaw_compose::project::resolve(&super::inputs(&[]), &files)
    };
    for bytes in [encode(u16::to_le_bytes), encode(u16::to_be_bytes)] {
        let cut = bytes[..bytes.len() - 1].to_vec();
        let resolution = resolved(bytes);
        assert!(resolution.compose_would_refuse().is_none(), "{:?}", resolution.findings());
        assert!(
            resolution
                .config(openclaw_compose::project::Format::Json, openclaw_compose::project::Reveal::Secrets)
                .contains("a\u{1f600}b")
        );
        let resolution = resolved(cut);
        assert_eq!(resolution.compose_would_refuse().unwrap().finding.code, Code::NotUtf8);
    }
}

/// Texts, of which one is read as a disk might answer.
struct Odd {
    texts: Texts,
    path: &'static str,
    answer: ReadError,
    /// The bounds that it was asked for with.
    bounds: RefCell<Vec<String>>,
}

impl Files for Odd {
    fn kind(&self, path: &str) -> Option<Kind> {
        if path == self.path { Some(Kind::File) } else { self.texts.kind(path) }
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        if path == self.path { Err(self.answer.clone()) } else { self.texts.read(path) }
    }

    fn read_within(&self, bounds: &[&str], path: &str) -> Result<Arc<[u8]>, ReadError> {
        if path == self.path {
            *self.bounds.borrow_mut() = bounds.iter().map(ToString::to_string).collect();
        }
        self.read(path)
    }
}

#[test]
fn what_is_there_and_cannot_be_read_is_told_and_listed() {
    let stack = "\
include: [../shared/more.yaml]
services:
  a:
    image: x
    env_file: [../shared/a.env, b.env]
    label_file: labels
";
    let answers = [
        (ReadError::NotRegular(Special::Fifo), Code::NotAFile),
        (ReadError::LeadsOut { link: "/p/x".into(), target: "/etc/x".into() }, Code::LinkLeadsOut),
        (ReadError::TooLarge { limit: 1 << 24 }, Code::FileUnreadable),
    ];
    let places = [
        ("/p/.env", ".env", ""),
        ("/p/compose.yaml", "compose.yaml", ""),
        ("/shared/more.yaml", "/shared/more.yaml", "compose.yaml:1:11"),
        ("/shared/.env", "/shared/.env", ""),
        ("/shared/a.env", "/shared/a.env", "compose.yaml:5:16"),
        ("/p/b.env", "b.env", "compose.yaml:5:33"),
        ("/p/labels", "labels", "compose.yaml:6:17"),
    ];
    for (answer, code) in answers {
        for (path, name, place) in places {
            let texts = Texts::new()
                .file("/p/compose.yaml", stack)
                .file("/p/b.env", "B=1")
                .file("/p/labels", "l=1")
                .file("/shared/more.yaml", "services: {b: {image: y}}")
                .file("/shared/a.env", "A=1");
            let files = Odd { texts, path, answer: answer.clone(), bounds: RefCell::default() };
            let resolution = openclaw_compose::project::resolve(&super::inputs(&[]), &files);
            let told: Vec<_> = resolution.findings().iter().filter(|finding| finding.code == code).collect();
            let [finding] = told[..] else { panic!("{path}: {:?}", resolution.findings()) };
            assert!(finding.summary.starts_with(name), "{finding}");
            assert!(finding.remedy.is_some(), "{finding}");
            assert_eq!(finding.primary().map(ToString::to_string).unwrap_or_default(), place, "{finding}");
            let unread: Vec<_> = resolution.unread().iter().map(|unread| unread.file.as_str()).collect();
            assert_eq!(unread, [name]);
            assert_eq!(files.bounds.borrow().first().map(String::as_str), Some("/p"));
            assert!(files.bounds.borrow().contains(&"/shared".to_owned()) || !path.starts_with("/shared"));
        }
    }
}

#[test]
fn a_dotenv_that_is_a_directory_is_passed_over_and_told() {
    let files = [("compose.yaml", "services: {a: {image: x}}"), (".env/keep", "")];
    let resolution = resolve(&files, &[]);
    assert!(resolution.compose_would_refuse().is_none());
    let told = resolution.findings().iter().find(|finding| finding.code == Code::FileUnreadable);
    assert!(told.is_some_and(|finding| finding.summary.starts_with(".env: is a directory")), "{told:?}");
    assert_eq!(resolution.unread().len(), 1);
}
