//! What a few hundred bytes can ask for is bounded, and told once with its place.

use std::fmt::Write as _;

use openclaw_compose::finding::Code;
use openclaw_compose::project::Resolution;

use super::resolve;

/// The findings of this code, of which there must be one.
fn told(resolution: &Resolution, code: Code) -> (String, String) {
    let told: Vec<_> = resolution.findings().iter().filter(|finding| finding.code == code).collect();
    let [finding] = told[..] else { panic!("{code} is told {} times: {told:?}", told.len()) };
    assert!(finding.remedy.is_some(), "{finding}");
    assert!(resolution.compose_would_refuse().is_some(), "{finding}");
    (finding.primary().map(ToString::to_string).unwrap_or_default(), finding.summary.clone())
}

const ONE: (&str, &str) = ("compose.yaml", "services: {a: {image: x, environment: ['B=$A40']}}");

fn lines(first: &str, count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(first.to_owned(), |mut text, number| {
        let _ = writeln!(text, "{}", line(number));
        text
    })
}

#[test]
fn values_that_double_are_stopped() {
    let dotenv = lines("A0=xxxxxxxxxx\n", 60, |n| format!("A{}=${{A{n}}}${{A{n}}}", n + 1));
    let resolution = resolve(&[ONE, (".env", &dotenv)], &[]);
    let (place, summary) = told(&resolution, Code::ExpansionLimit);
    assert_eq!(place, ".env:18:11", "{summary}");
    assert!(summary.contains("1 MiB"), "{summary}");
    // The same in an env file of a service, and with other spellings.
    let service = ("compose.yaml", "services: {a: {image: x, env_file: e.env, label_file: l.env}}");
    let doubled = lines("A0=xxxxxxxxxx\n", 60, |n| format!("A{}=\"$A{n}${{A{n}:-x}}\"", n + 1));
    for file in ["e.env", "l.env"] {
        let other = if file == "e.env" { "l.env" } else { "e.env" };
        let resolution = resolve(&[service, (file, &doubled), (other, "")], &[]);
        assert!(told(&resolution, Code::ExpansionLimit).0.starts_with(&format!("{file}:18:")));
    }
}

#[test]
fn values_that_are_long_together_are_stopped() {
    let long = "x".repeat(1 << 19);
    let stack =
        lines("services:\n  a:\n    image: x\n    labels:\n", 200, |n| format!("      l{n}: ${{LONG}}"));
    let resolution = resolve(&[("compose.yaml", &stack)], &[("LONG", &long)]);
    let (place, _) = told(&resolution, Code::ExpansionLimit);
    assert_eq!(place, "compose.yaml:36:12");
    // The template itself is counted as well: an alias may use it again and again.
    let stack = lines(&format!("x-long: &long \"$$ {long}\"\nx-list:\n"), 100, |_| "  - *long".to_owned())
        + "services: {a: {image: x}}\n";
    told(&resolve(&[("compose.yaml", &stack)], &[]), Code::ExpansionLimit);
}

#[test]
fn pools_that_meet_too_often_are_stopped() {
    let pools = |first: usize, count: usize| {
        let head = "networks:\n  n:\n    ipam:\n      config:\n";
        lines(head, count, |n| format!("      - subnet: 10.{}.{}.0/24", (first + n) / 256, (first + n) % 256))
    };
    let base = pools(0, 33) + "services: {a: {image: x}}\n";
    let resolved = |later: usize| {
        resolve(&[("compose.yaml", &base), ("compose.override.yaml", &pools(900, later))], &[])
    };
    let (place, summary) = told(&resolved(32), Code::ExpansionLimit);
    assert!(place.starts_with("compose.override.yaml:"), "{place}");
    assert!(summary.starts_with("networks.n.ipam.config: more than 1024 pairs"), "{summary}");
    assert!(resolved(31).compose_would_refuse().is_none());
}

#[test]
fn aliases_of_a_long_text_are_stopped() {
    let long = "x".repeat(1 << 20);
    let stack = lines(&format!("x-long: &long \"{long}\"\nx-list:\n"), 100, |_| "  - *long".to_owned())
        + "services: {a: {image: x}}\n";
    told(&resolve(&[("compose.yaml", &stack)], &[]), Code::YamlLimit);
}

#[test]
fn a_tree_of_includes_is_read_once() {
    let mut files = vec![(
        "compose.yaml".to_owned(),
        "include: [f0.yaml, ./f0.yaml]\nservices: {z: {image: x}}".to_owned(),
    )];
    for n in 0..40 {
        files.push((format!("f{n}.yaml"), format!("include: [l{n}.yaml, ./r{n}.yaml]\n")));
        for side in ["l", "r"] {
            files.push((format!("{side}{n}.yaml"), format!("include: [f{0}.yaml, ./f{0}.yaml]\n", n + 1)));
        }
    }
    files.push(("f40.yaml".to_owned(), "services: {a: {image: x}}".to_owned()));
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let resolution = resolve(&files, &[]);
    assert!(resolution.compose_would_refuse().is_none(), "{:?}", resolution.findings());
    let names: Vec<_> = resolution.services().map(|service| service.name().to_owned()).collect();
    assert_eq!(names, ["a", "z"]);
}

#[test]
fn long_rows_of_includes_and_extends_are_stopped() {
    let mut files =
        vec![("compose.yaml".to_owned(), "include: [f0.yaml]\nservices: {z: {image: x}}".to_owned())];
    files.extend((0..300).map(|n| {
        (format!("f{n}.yaml"), format!("include: [f{}.yaml]\nservices: {{s{n}: {{image: x}}}}", n + 1))
    }));
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let resolution = resolve(&files, &[]);
    assert_eq!(told(&resolution, Code::IncludeLimit).0, "f99.yaml:1:11");
    assert!(resolution.service("s99").is_some(), "what was reached is there");

    let stack = lines("services:\n", 3000, |n| format!("  s{n}: {{image: x, extends: s{}}}", n + 1))
        + "  s3000: {image: y}\n";
    let resolution = resolve(&[("compose.yaml", &stack)], &[]);
    assert_eq!(told(&resolution, Code::ExtendsLimit).0, "compose.yaml:102:29");
    // A row that is as long as it may be.
    let stack =
        lines("services:\n", 100, |n| format!("  s{n}: {{extends: s{}}}", n + 1)) + "  s100: {image: y}\n";
    let resolution = resolve(&[("compose.yaml", &stack)], &[]);
    assert!(resolution.compose_would_refuse().is_none(), "{:?}", resolution.findings());
    assert!(
        resolution
            .service("s0")
            .and_then(|service| service.field("image")?.text().map(|text| text.is("y")))
            .unwrap_or(false)
    );
}

#[test]
fn many_copies_of_much_are_stopped() {
    let large = lines("services:\n  b:\n    image: x\n    labels:\n", 1000, |n| format!("      k{n}: v"));
    let stack = lines(&large, 1000, |n| format!("  s{n}: {{extends: b}}"));
    told(&resolve(&[("compose.yaml", &stack)], &[]), Code::ExpansionLimit);
    let dotenv = lines("", 1000, |n| format!("V{n}=x"));
    let stack = lines("services:\n", 1000, |n| format!("  s{n}: {{image: x, env_file: e.env}}"));
    told(&resolve(&[("compose.yaml", &stack), ("e.env", &dotenv)], &[]), Code::ExpansionLimit);
    let mut files = vec![("large.yaml".to_owned(), large)];
    let all: Vec<String> = (0..900).map(|n| format!("f{n}.yaml")).collect();
    files.push((
        "compose.yaml".to_owned(),
        format!("include: [{}]\nservices: {{z: {{image: x}}}}", all.join(",")),
    ));
    files.extend(all.iter().map(|name| (name.clone(), "include: [large.yaml]\n".to_owned())));
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    told(&resolve(&files, &[]), Code::ExpansionLimit);
}

#[test]
fn many_files_are_stopped() {
    let all: Vec<String> = (0..2000).map(|n| format!("f{n}.yaml")).collect();
    let mut files = vec![("compose.yaml".to_owned(), format!("include: [{}]\n", all.join(",")))];
    files.extend(all.iter().map(|name| (name.clone(), "services: {a: {image: x}}".to_owned())));
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let resolution = resolve(&files, &[]);
    assert!(told(&resolution, Code::ReadLimit).0.starts_with("compose.yaml:1:"));
    assert_eq!(resolution.unread().len(), 2001 - 1000);
}

#[test]
fn a_value_that_was_replaced_again_and_again_is_read_and_told() {
    let stack = lines("services:\n  a:\n    image: x\n    environment:\n", 20_000, |n| {
        format!("      - T_TOKEN=v{n}")
    });
    let resolution = resolve(&[("compose.yaml", &stack)], &[]);
    assert!(resolution.compose_would_refuse().is_none(), "{:?}", resolution.findings());
    let token = resolution.env("a", "T_TOKEN").expect("it is there");
    assert_eq!(token.shadowed.len(), 19_999);
    assert!(token.shadowed[0].text.starts_with("compose.yaml:20003:"), "{}", token.shadowed[0].text);
    assert!(!resolution.secrets().mask("v7654321 of v19999").contains("v19999"));
}

#[test]
fn many_ports_of_a_few_bytes_are_stopped() {
    let all = "x-p: &p ['1-65535:1-65535']\nservices:\n";
    let resolution =
        resolve(&[("compose.yaml", &lines(all, 1, |n| format!("  s{n}: {{image: x, ports: *p}}")))], &[]);
    assert!(resolution.compose_would_refuse().is_none(), "every port once may be asked for");
    let stack = lines(all, 300, |n| format!("  s{n}: {{image: x, ports: *p}}"));
    let resolution = resolve(&[("compose.yaml", &stack)], &[]);
    let (place, summary) = told(&resolution, Code::ExpansionLimit);
    assert_eq!(
        (place.as_str(), summary.contains("ranges of ports")),
        ("compose.yaml:1:10", true),
        "{summary}"
    );
    let ports = |name: &str| {
        resolution.service(name).and_then(|service| service.field("ports")?.as_list()).map_or(0, <[_]>::len)
    };
    assert_eq!((0..300).map(|n| ports(&format!("s{n}"))).sum::<usize>(), 65_535);
}
