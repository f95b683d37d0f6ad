//! What `docker compose config` really answers, kept as cases: `measured.jsonl.gz`, whose first line names the programs.
//!
//! Every case is played once for each program that was asked, in its dialect. `measure` asks a program, `pack` makes the
//! file. A case fails with its id and the dialect, what was expected and what was found.

#![allow(clippy::panic, reason = "a failing test says so")]

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use openclaw_compose::project::{self, Dialect, Format, Inputs, Resolution, Reveal, Texts};
use serde_json::{Map, Value, json};

/// Fields of a service and of a project that a verdict about a stack can rest on.
const SERVICE_FIELDS: &[&str] = &[
    "image",
    "user",
    "environment",
    "network_mode",
    "networks",
    "ports",
    "volumes",
    "healthcheck",
    "restart",
    "secrets",
    "configs",
    "depends_on",
    "profiles",
    "command",
    "entrypoint",
    "hostname",
    "container_name",
];
const PROJECT_FIELDS: &[&str] = &["networks", "volumes", "secrets", "configs", "name"];

#[test]
fn templates() {
    judge("template", 181, template);
}

#[test]
fn env_files() {
    judge("dotenv", 148, |case| env_file(case).and_then(|()| project_env_file(case)));
}

#[test]
fn yaml() {
    judge("yaml", 133, document);
}

#[test]
fn projects() {
    judge("projects", 81, project);
}

#[test]
fn errors() {
    judge("errors", 46, error);
}

/// Plays every case of a part; `count` says that none was lost.
fn judge(part: &str, count: usize, play: impl Fn(&Value) -> Result<(), String>) {
    let mut text = String::new();
    GzDecoder::new(&include_bytes!("../corpus/measured.jsonl.gz")[..])
        .read_to_string(&mut text)
        .expect("packed text");
    let cases: Vec<Value> = text
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|case: &Value| case["part"] == part)
        .collect();
    assert_eq!(cases.len(), count, "cases of {part}");
    let measured = Dialect::ALL.iter().filter(|dialect| dialect.measured().is_some());
    let failed: Vec<String> = measured
        .flat_map(|dialect| cases.iter().map(|case| answered_by(case, *dialect)))
        .filter_map(|case| {
            Some(format!("{} {}: {}", case["id"].as_str()?, case["dialect"], play(&case).err()?))
        })
        .collect();
    assert!(failed.is_empty(), "{part}: {} of {count} differ\n{}", failed.len(), failed.join("\n"));
}

/// The case with the answers of one dialect's program.
fn answered_by(case: &Value, dialect: Dialect) -> Value {
    let mut case = case.clone();
    let newer = case[dialect.version()].take();
    for (key, answer) in newer.as_object().into_iter().flatten() {
        case[key.as_str()] = answer.clone();
    }
    case["dialect"] = dialect.version().into();
    case
}

/// One interpolation, as a variable of a service.
fn template(case: &Value) -> Result<(), String> {
    let stack = format!("name: t\nservices: {{s: {{image: x, environment: {{T: {}}}}}}}\n", case["template"]);
    let resolution = resolve(&inputs("/t", case), &Texts::new().file("/t/compose.yaml", stack));
    let Some(error) = case["error"].as_str() else {
        let found = config(&resolution)?["services"]["s"]["environment"]["T"].clone();
        same("the value", &found, &case["expect"])?;
        return same_unset(&resolution, case);
    };
    let said = refusal(&resolution)?;
    // An author's own message after `:?` is said, and the name.
    let required = error.trim().split_once("required variable ").filter(|_| case["kind"] == "required");
    let Some((name, rest)) = required.and_then(|(_, rest)| rest.split_once(" is missing a value")) else {
        return Ok(());
    };
    [name, rest.trim_start_matches(": ").trim()].iter().try_for_each(|words| {
        if said.contains(words) { Ok(()) } else { Err(format!("{words:?} is not said in {said:?}")) }
    })
}

/// A file as the only `env_file` of a service.
fn env_file(case: &Value) -> Result<(), String> {
    let texts = Texts::new()
        .file("/f/compose.yaml", "name: t\nservices: {s: {image: x, env_file: in.env}}\n")
        .file("/f/in.env", text(&case["input"]));
    let resolution = resolve(&inputs("/f", case), &texts);
    let Some(error) = case["error"].as_str() else {
        let found = config(&resolution)?["services"]["s"]["environment"].clone();
        return same("the environment", &found, &case["expect"]);
    };
    refusal(&resolution)?;
    // Where a quote is not closed, the line that opens it is more use than the last.
    let Some(line) = number_after(error, "line ").filter(|_| !error.contains("unterminated")) else {
        return Ok(());
    };
    let found = resolution.compose_would_refuse().and_then(|refusal| refusal.finding.primary());
    same("the line", &json!(found.map(|place| place.line)), &json!(line))
}

/// The same file as the project's `.env`; only variables that a template can name can be looked at.
fn project_env_file(case: &Value) -> Result<(), String> {
    let refused = case["error_as_project_dotenv"].is_string();
    let expected = match case.get("expect_as_project_dotenv").and_then(Value::as_object) {
        Some(variables) => variables.iter().filter(|(name, _)| can_be_named(name)).collect(),
        None if refused => Vec::new(),
        None => return Ok(()),
    };
    let mut stack = String::from("name: t\nservices: {s: {image: x, environment: {ZZ: z");
    if refused {
        stack += ", A: \"${A-<unset>}\"";
    }
    for (name, _) in &expected {
        stack += &format!(", {name}: \"${{{name}-<unset>}}\"");
    }
    stack += "}}}\n";
    let texts = Texts::new().file("/p/compose.yaml", stack).file("/p/.env", text(&case["input"]));
    let resolution = resolve(&inputs("/p", case), &texts);
    if refused {
        return refusal(&resolution).map(drop);
    }
    let found = config(&resolution)?["services"]["s"]["environment"].clone();
    expected.iter().try_for_each(|(name, value)| same(name, &found[name.as_str()], value))
}

/// A whole YAML document, judged by its `x-` values.
fn document(case: &Value) -> Result<(), String> {
    let yaml = text(&case["yaml"]);
    let mut inputs = Inputs::new("/y").project_name("t").file("c.yml");
    let mut texts = Texts::new().file("/y/c.yml", yaml);
    if !yaml.contains("services") {
        inputs = inputs.file("z.yml");
        texts = texts.file("/y/z.yml", "services: {s: {image: x}}\n");
    }
    let resolution = resolve(&inputs.variable("HOME", "/home/u"), &texts);
    if case["error"].is_string() {
        return refusal(&resolution).map(drop);
    }
    let found = config(&resolution)?;
    let found: Map<String, Value> =
        found.as_object().into_iter().flatten().filter(|(key, _)| key.starts_with("x-")).map(owned).collect();
    let expected = case["expect"].as_object().cloned().unwrap_or_default();
    let keys: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let at = |map: &Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or_default();
    keys.iter().try_for_each(|key| same(key, &at(&found, key), &at(&expected, key)))
}

/// A stack that resolves.
fn project(case: &Value) -> Result<(), String> {
    let (resolution, directory) = lay(case);
    let (found, expected) =
        (config(&resolution)?, placed(&without_doubled_dollars(&case["expect"]), &directory));
    let names = |project: &Value| -> BTreeSet<String> {
        project["services"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    same("the services", &json!(names(&found)), &json!(names(&expected)))?;
    for name in names(&expected) {
        for field in SERVICE_FIELDS {
            let of = |project: &Value| project["services"][&name][field].clone();
            same(&format!("{name}.{field}"), &of(&found), &of(&expected))?;
        }
    }
    for field in PROJECT_FIELDS {
        same(field, &found[field], &expected[field])?;
    }
    same_unset(&resolution, case)
}

/// A stack that Compose refuses, and the line where a person has to act. One program may accept what another refuses.
fn error(case: &Value) -> Result<(), String> {
    if case["rc"] == 0 {
        return project(case);
    }
    let (resolution, _) = lay(case);
    refusal(&resolution)?;
    let Some(line) = case["location"]["line"].as_u64() else { return Ok(()) };
    let place = resolution.compose_would_refuse().and_then(|refusal| refusal.finding.primary());
    let found = place.map(|place| (place.file.rsplit('/').next().unwrap_or_default(), u64::from(place.line)));
    let file = case["location"]["file"].as_str().and_then(|file| file.rsplit('/').next()).unwrap_or_default();
    same("the place", &json!(found), &json!(Some((file, line))))
}

/// Puts the case's files where it expects them, below a directory of its name, and resolves them with its command line.
fn lay(case: &Value) -> (Resolution, String) {
    let directory = format!("/cases/{}", case["id"].as_str().expect("an id"));
    let mut texts = Texts::new();
    for (path, content) in case["files"].as_object().into_iter().flatten() {
        let bytes = match content.as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => unpacked(content["base64"].as_str().expect("base64")),
        };
        texts.insert(format!("{directory}/{path}"), bytes);
    }
    let working = match case["cwd"].as_str() {
        None | Some(".") => directory.clone(),
        Some(below) => format!("{directory}/{below}"),
    };
    let case = placed(case, &directory);
    let mut inputs = inputs(&working, &case);
    let home = case["HOME"].as_str().unwrap_or("/home/u");
    inputs = inputs.variable("HOME", home);
    let mut words = case["command"].as_array().into_iter().flatten().filter_map(Value::as_str).skip(2);
    while let Some(word) = words.next() {
        inputs = match word {
            "config" => inputs,
            "--format" => {
                words.next();
                inputs
            }
            "-f" => inputs.file(words.next().expect("a file")),
            "-p" => inputs.project_name(words.next().expect("a name")),
            "--profile" => inputs.profile(words.next().expect("a profile")),
            "--env-file" => inputs.env_file(words.next().expect("a file")),
            "--project-directory" => inputs.project_directory(words.next().expect("a directory")),
            other => panic!("{}: the flag {other} is not known here", case["id"]),
        };
    }
    (resolve(&inputs, &texts), directory)
}

fn inputs(directory: &str, case: &Value) -> Inputs {
    let dialect = case["dialect"].as_str().and_then(|name| name.parse().ok()).expect("a dialect");
    let inputs = Inputs::new(directory).variable("HOME", "/home/u").dialect(dialect);
    case["env"]
        .as_object()
        .into_iter()
        .flatten()
        .fold(inputs, |inputs, (name, value)| inputs.variable(name, text(value)))
}

fn resolve(inputs: &Inputs, texts: &Texts) -> Resolution {
    project::resolve(inputs, texts)
}

/// The project as Compose would print it, with every `$` single.
fn config(resolution: &Resolution) -> Result<Value, String> {
    if let Some(refusal) = resolution.compose_would_refuse() {
        return Err(format!("refused: {}", refusal.finding));
    }
    let printed = resolution.config(Format::Json, Reveal::Secrets);
    let value = serde_json::from_str(&printed).map_err(|error| error.to_string())?;
    Ok(without_doubled_dollars(&value))
}

/// All that is said of a project that is refused.
fn refusal(resolution: &Resolution) -> Result<String, String> {
    if resolution.compose_would_refuse().is_none() {
        return Err("accepted".to_owned());
    }
    let said = resolution.findings().iter().map(|finding| format!("{finding} {:?}", finding.evidence));
    Ok(said.collect::<Vec<_>>().join("\n"))
}

fn same_unset(resolution: &Resolution, case: &Value) -> Result<(), String> {
    let found: BTreeSet<&str> =
        resolution.unset_variables().iter().map(|unset| unset.name.as_str()).collect();
    let expected: BTreeSet<&str> =
        case["warn_unset"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    same("the unset variables", &json!(found), &json!(expected))
}

/// Numbers count by value; nothing, null and an empty collection are one thing.
fn same(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if normal(found) == normal(expected) {
        return Ok(());
    }
    Err(format!("{what} is {found}, expected {expected}"))
}

fn normal(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Object(map) if map.is_empty() => Value::Null,
        Value::Array(items) => Value::Array(items.iter().map(inner).collect()),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), inner(value))).collect(),
        other => inner(other),
    }
}

fn inner(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => Value::Array(items.iter().map(inner).collect()),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), inner(value))).collect(),
        other => other.clone(),
    }
}

fn without_doubled_dollars(value: &Value) -> Value {
    changed(value, &|text| text.replace("$$", "$"))
}

/// The names of the directory and of its parent, where the case leaves a place for them.
fn placed(value: &Value, directory: &str) -> Value {
    changed(value, &|text| text.replace("{{DIR}}", directory).replace("{{TMP}}/projects", "/cases"))
}

fn changed(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => change(text).into(),
        Value::Array(items) => items.iter().map(|item| changed(item, change)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (change(key), changed(value, change))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn owned((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn can_be_named(name: &str) -> bool {
    name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

fn number_after(text: &str, words: &str) -> Option<u64> {
    let (_, rest) = text.split_once(words)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

fn unpacked(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}
