//! One test a group of rules; the cases are ours.

use openclaw_compose::finding::Severity;
use openclaw_compose::project::{self, Dialect};
use serde_json::json;

use super::{config, field, inputs, resolve, texts};

fn image(files: &[(&str, &str)], shell: &[(&str, &str)]) -> String {
    config(&resolve(files, shell))["services"]["a"]["image"].as_str().unwrap_or_default().to_owned()
}

const A: &str = "services: {a: {image: from-a}}";
const B: &str = "services: {a: {image: from-b}}";
const C: &str = "services: {a: {image: from-c}}";

#[test]
fn the_first_default_name_wins() {
    assert_eq!(image(&[("compose.yaml", A), ("docker-compose.yml", B)], &[]), "from-a");
    assert_eq!(image(&[("docker-compose.yaml", A), ("docker-compose.yml", B)], &[]), "from-b");
    let two = resolve(&[("compose.yaml", A), ("compose.yml", B)], &[]);
    assert!(two.findings().iter().any(|finding| finding.code.name() == "several-compose-files"));
}

#[test]
fn overrides_stand_beside_a_discovered_base_only() {
    let files = [("docker-compose.yml", A), ("compose.override.yml", B), ("compose.override.yaml", C)];
    assert_eq!(image(&files, &[]), "from-b", "yml comes first, and need not match the base");
    let flags = inputs(&[]).file("docker-compose.yml");
    assert_eq!(config(&project::resolve(&flags, &texts(&files)))["services"]["a"]["image"], "from-a");
    assert_eq!(image(&files, &[("COMPOSE_FILE", "docker-compose.yml")]), "from-a");
}

#[test]
fn the_search_walks_up_and_takes_that_directory() {
    let files = texts(&[
        ("compose.yaml", "services: {a: {image: $V}}"),
        (".env", "V=up\n"),
        ("deep/er/.env", "V=here\n"),
    ]);
    let mut inputs = inputs(&[]);
    inputs.directory = "/p/deep/er".to_owned();
    for (dialect, image) in [(Dialect::ComposeGo24, "up"), (Dialect::ComposeGo29, "here")] {
        let resolution = project::resolve(&inputs.clone().dialect(dialect), &files);
        assert_eq!(
            config(&resolution)["services"]["a"]["image"],
            image,
            "the .env of both directories since 2.4.9"
        );
        assert_eq!((resolution.working_dir(), resolution.project_name()), ("/p", "p"));
    }
}

#[test]
fn flags_beat_the_shell_beats_the_dotenv_for_files() {
    let files = [("a.yml", A), ("b.yml", B), ("c.yml", C), (".env", "COMPOSE_FILE=a.yml\n")];
    assert_eq!(image(&files, &[]), "from-a");
    assert_eq!(image(&files, &[("COMPOSE_FILE", "b.yml")]), "from-b");
    let flags = inputs(&[("COMPOSE_FILE", "b.yml")]).file("c.yml");
    assert_eq!(config(&project::resolve(&flags, &texts(&files)))["services"]["a"]["image"], "from-c");
    assert_eq!(image(&files, &[("COMPOSE_FILE", "a.yml,c.yml"), ("COMPOSE_PATH_SEPARATOR", ",")]), "from-c");
}

#[test]
fn relative_paths_follow_the_first_file_or_the_project_directory() {
    let stack = "services: {a: {image: x, volumes: ['./d:/d']}}";
    let files = texts(&[("sub/one.yml", stack), ("other/two.yml", "services: {a: {user: '1'}}")]);
    let two = project::resolve(&inputs(&[]).file("sub/one.yml").file("other/two.yml"), &files);
    assert_eq!(config(&two)["services"]["a"]["volumes"][0]["source"], "/p/sub/d");
    let moved = project::resolve(&inputs(&[]).file("sub/one.yml").project_directory("q"), &files);
    assert_eq!(config(&moved)["services"]["a"]["volumes"][0]["source"], "/p/q/d");
}

#[test]
fn names_have_an_order() {
    let name = |files: &[(&str, &str)], shell: &[(&str, &str)], flag: Option<&str>| {
        let mut inputs = inputs(shell);
        inputs.project_name = flag.map(str::to_owned);
        project::resolve(&inputs, &texts(files)).project_name().to_owned()
    };
    let named = format!("name: 'My Name_1'\n{A}");
    let files = [("compose.yaml", named.as_str())];
    assert_eq!(name(&files, &[], None), "myname_1");
    assert_eq!(name(&files, &[("COMPOSE_PROJECT_NAME", "shell")], None), "shell");
    assert_eq!(name(&files, &[("COMPOSE_PROJECT_NAME", "shell")], Some("flag")), "flag");
    assert_eq!(name(&[("compose.yaml", A)], &[], None), "p");
    assert_eq!(name(&[("compose.yaml", "name: n-${X:-y}\nservices: {a: {image: x}}")], &[], None), "n-y");
}

#[test]
fn variables_have_an_order() {
    let stack = ("compose.yaml", "services: {a: {image: \"x${V-unset}\"}}");
    assert_eq!(image(&[stack, (".env", "V=dotenv\n")], &[("V", "shell")]), "xshell");
    assert_eq!(image(&[stack, (".env", "V=dotenv\n")], &[("V", "")]), "x", "an empty shell variable wins");
    assert_eq!(image(&[stack, (".env", "V=dotenv\n")], &[("COMPOSE_DISABLE_ENV_FILE", "1")]), "xunset");
    let files = [stack, (".env", "V=dotenv\n"), ("1.env", "V=one\nW=one\n"), ("2.env", "V=$W-two\n")];
    let flags = inputs(&[]).env_file("1.env").env_file("2.env");
    assert_eq!(config(&project::resolve(&flags, &texts(&files)))["services"]["a"]["image"], "xone-two");
    assert_eq!(image(&files, &[("COMPOSE_ENV_FILES", "2.env,1.env")]), "xone");
}

#[test]
fn everything_is_interpolated_before_anything_is_dropped() {
    for stack in [
        "services: {a: {image: x}, b: {image: '${V:?need}', profiles: [off]}}",
        "services: {a: {image: x}}\nx-note: '${V:?need}'",
    ] {
        let resolution = resolve(&[("compose.yaml", stack)], &[]);
        let refusal = resolution.compose_would_refuse().expect("refused");
        assert_eq!(refusal.finding.code.name(), "required-variable");
    }
    let unset = resolve(
        &[(
            "compose.yaml",
            "services: {a: {image: x}}\nx-note: $V # ${W:?comment}\nvolumes: {v: {name: $U}}",
        )],
        &[],
    );
    let names: Vec<_> = unset.unset_variables().iter().map(|unset| unset.name.as_str()).collect();
    assert_eq!(names, ["V", "U"]);
    assert_eq!(
        field("services: {a: {image: x, environment: {'${K}': v}}}", "environment"),
        json!({"$${K}": "v"}),
        "keys stay"
    );
}

#[test]
fn a_container_gets_its_environment_in_this_order() {
    let stack = "services:\n  a:\n    image: x\n    env_file: [one.env, two.env]\n    environment:\n      OWN: own\n      BARE:\n      SHELL:\n";
    let files = [
        ("compose.yaml", stack),
        ("one.env", "OWN=one\nBARE=one\nFILE=one\nSAME=one\n"),
        ("two.env", "FILE=two\nREF=${SAME}-${OUT}\nSAME=two\n"),
        (".env", "DOTENV=1\nOUT=dotenv\n"),
    ];
    let resolution = resolve(&files, &[("SHELL", "shell")]);
    let got = config(&resolution)["services"]["a"]["environment"].clone();
    assert_eq!(
        got,
        json!({"BARE": null, "FILE": "two", "OWN": "own", "REF": "one-dotenv", "SAME": "two", "SHELL": "shell"})
    );
    assert!(resolution.findings().iter().any(|finding| finding.code.name() == "null-hides-env-file"));
}

#[test]
fn environment_scalars_print_as_go_prints_them() {
    let stack =
        "services: {a: {image: x, environment: {A: 1.10, B: 0777, C: 1e6, D: yes, E: True, G: 1_000}}}";
    let expected = json!({
        "A": "1.1", "B": "511", "C": "1e+06", "D": "yes", "E": "true", "G": "1000"
    });
    assert_eq!(field(stack, "environment"), expected);
    let list = "services: {a: {image: x, environment: ['A=1.10', 'B=\"q\"', ' C= d ']}}";
    assert_eq!(field(list, "environment"), json!({" C": " d ", "A": "1.10", "B": "\"q\""}));
}

/// `earlier` and `later` of service `a`, merged.
fn merged(earlier: &str, later: &str) -> serde_json::Value {
    let (one, two) = (
        format!("services: {{a: {{image: x, {earlier}}}, b: {{image: y}}}}"),
        format!("services: {{a: {{{later}}}}}"),
    );
    let files = texts(&[("1.yml", &one), ("2.yml", &two)]);
    config(&project::resolve(&inputs(&[]).file("1.yml").file("2.yml"), &files))["services"]["a"].clone()
}

#[test]
fn fields_merge_by_their_rules() {
    let env = merged("environment: {A: 1.10, B: 1}", "environment: [A, B=2, C=3]");
    assert_eq!(env["environment"], json!({"A": null, "B": "2", "C": "3"}));
    assert_eq!(merged("labels: [a=1]", "labels: {a: 2, b: }")["labels"], json!({"a": "2", "b": ""}));
    assert_eq!(merged("dns: 1.1.1.1", "dns: [8.8.8.8, 1.1.1.1]")["dns"], json!(["1.1.1.1", "8.8.8.8"]));
    assert_eq!(merged("command: a b", "command: [c]")["command"], json!(["c"]));
    assert_eq!(merged("command: a b", "user: '1'")["command"], json!(["a", "b"]));
    assert_eq!(merged("user: '1'", "user: ")["user"], "1", "null keeps the base");
    let check =
        merged("healthcheck: {test: [CMD, a], interval: 90s}", "healthcheck: {test: b, retries: '3'}");
    assert_eq!(check["healthcheck"], json!({"test": ["CMD-SHELL", "b"], "interval": "1m30s", "retries": 3}));
    let off = merged("healthcheck: {test: a}", "healthcheck: {disable: true}");
    assert_eq!(off["healthcheck"], json!({"test": ["CMD-SHELL", "a"], "disable": true}));
    assert_eq!(merged("cap_add: [A, B]", "cap_add: [B, C]")["cap_add"], json!(["A", "B", "C"]));
    assert_eq!(
        merged("extra_hosts: ['h:1.1.1.1']", "extra_hosts: {h: 2.2.2.2}")["extra_hosts"],
        json!(["h=1.1.1.1", "h=2.2.2.2"])
    );
    assert_eq!(merged("security_opt: [a]", "security_opt: [b]")["security_opt"], json!(["a", "b"]));
    assert_eq!(
        merged("logging: {driver: d, options: {a: 1}}", "logging: {options: {b: 2}}")["logging"]["options"],
        json!({"a": "1", "b": "2"})
    );
    assert_eq!(
        merged("logging: {driver: d, options: {a: 1}}", "logging: {driver: e}")["logging"],
        json!({"driver": "e"})
    );
    assert_eq!(
        merged("ulimits: {nofile: 1, nproc: 2}", "ulimits: {nofile: {soft: 3, hard: 4}}")["ulimits"],
        json!({"nofile": {"soft": 3, "hard": 4}, "nproc": 2})
    );
    assert_eq!(merged("tmpfs: /a", "tmpfs: [/b, /a]")["tmpfs"], json!(["/a", "/b"]));
    assert_eq!(merged("build: ./c", "build: {target: t}")["build"]["context"], "/p/c");
    let depends = merged("depends_on: [b]", "depends_on: {b: {condition: service_healthy}}");
    assert_eq!(depends["depends_on"]["b"], json!({"condition": "service_healthy", "required": true}));
}

#[test]
fn ports_add_and_mounts_replace() {
    let ports = merged("ports: ['8080:80', '127.0.0.1:81:81']", "ports: ['9090:80', '8080:80/tcp']");
    let published: Vec<_> = ports["ports"]
        .as_array()
        .expect("list")
        .iter()
        .map(|port| port["published"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(published, ["8080", "81", "9090"]);
    let volumes = merged("volumes: ['./a:/d', './b:/e']", "volumes: ['./c:/d']");
    let sources: Vec<_> = volumes["volumes"]
        .as_array()
        .expect("list")
        .iter()
        .map(|mount| mount["source"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(sources, ["/p/c", "/p/b"], "in place");
    assert_eq!(
        merged("devices: ['/x:/d']", "devices: ['/y:/d:r']")["devices"],
        json!([{"source": "/y", "target": "/d", "permissions": "r"}])
    );
}

#[test]
fn networks_merge_deeply_and_their_aliases_once() {
    let files = texts(&[
        ("1.yml", "services: {a: {image: x, networks: {n: {aliases: [p, q]}}}}\nnetworks: {n: }"),
        ("2.yml", "services: {a: {networks: {n: {aliases: [q, r], priority: 3}}}}"),
    ]);
    let resolution = project::resolve(&inputs(&[]).file("1.yml").file("2.yml"), &files);
    assert_eq!(
        config(&resolution)["services"]["a"]["networks"],
        json!({"n": {"aliases": ["p", "q", "r"], "priority": 3}})
    );
}

#[test]
fn reset_removes_and_override_replaces() {
    let base = "services:\n  a: {image: x, ports: ['80'], environment: {A: 1, B: 2}, dns: [1.1.1.1]}\n  b: {image: y}\n";
    let over = "services:\n  a:\n    ports: !reset\n    environment: {A: !reset }\n    dns: !override [9.9.9.9]\n  b: !reset\n";
    let resolution = resolve(&[("compose.yaml", base), ("compose.override.yml", over)], &[]);
    let services = config(&resolution)["services"].clone();
    assert_eq!(services["b"], serde_json::Value::Null);
    assert_eq!(services["a"]["ports"], serde_json::Value::Null);
    assert_eq!(
        (&services["a"]["environment"], &services["a"]["dns"]),
        (&json!({"B": "2"}), &json!(["9.9.9.9"]))
    );
}

/// The first finding that has Compose refuse, as `name place`.
fn refusal(files: &[(&str, &str)]) -> Option<String> {
    let resolution = resolve(files, &[]);
    let finding = resolution.compose_would_refuse()?.finding.clone();
    let place = finding.places.first().map(|place| format!("{}:{}", place.file, place.line));
    Some(format!("{} {}", finding.code.name(), place.unwrap_or_default()))
}

#[test]
fn an_empty_list_does_not_outlive_its_document() {
    let base = |fields: &str| format!("services:\n  a:\n    image: x\n    {fields}\n");
    let later = "services: {a: {hostname: h}}";
    let newer = |files: &[(&str, &str)]| refusal(files);
    let refusal = |files: &[(&str, &str)]| {
        let resolution = project::resolve(&inputs(&[]).dialect(Dialect::ComposeGo24), &texts(files));
        resolution.compose_would_refuse().map(|refusal| {
            let place = refusal.finding.primary().expect("a place");
            format!("{} {}:{}", refusal.finding.code.name(), place.file, place.line)
        })
    };
    let two = |fields: &str| refusal(&[("compose.yaml", &base(fields)), ("compose.override.yml", later)]);
    for fields in [
        "security_opt: []",
        "group_add: []",
        "healthcheck: {test: []}",
        "deploy: {placement: {constraints: []}}",
    ] {
        assert_eq!(two(fields).as_deref(), Some("wrong-type compose.yaml:4"), "{fields}");
        assert_eq!(
            newer(&[("compose.yaml", &base(fields)), ("compose.override.yml", later)]),
            None,
            "{fields}"
        );
        assert_eq!(refusal(&[("compose.yaml", &base(fields))]), None, "{fields}: alone it is fine");
        let documents = format!("{}---\n{later}\n", base(fields));
        assert!(refusal(&[("compose.yaml", &documents)]).is_some(), "{fields}: as a document");
    }
    // Lists that hold a thing once are made anew, and null may stand for a command.
    for fields in ["ports: []", "cap_add: []", "dns: []", "command: []", "x-k: []"] {
        assert_eq!(two(fields), None, "{fields}");
    }
    let filled = [
        ("compose.yaml", &*base("group_add: []")),
        ("compose.override.yml", "services: {a: {group_add: [g]}}"),
    ];
    assert_eq!(refusal(&filled), None, "an override that fills the list mends it");
}

/// As the two programs were seen to do, in this order of the items and in no other.
#[test]
fn a_number_repeats_a_text_that_spells_it() {
    let refused = |items: &str, dialect| {
        let files = [("compose.yaml", &*format!("services: {{a: {{image: x, group_add: [{items}]}}}}"))];
        let resolution = project::resolve(&inputs(&[]).dialect(dialect), &texts(&files));
        resolution.compose_would_refuse().map(|refusal| refusal.finding.code.name()) == Some("repeated-item")
    };
    for items in ["'1', 1", "'01', 1", "'1.0', 2, 1", "g, '1e0', 1"] {
        assert!(refused(items, Dialect::ComposeGo29) && !refused(items, Dialect::ComposeGo24), "{items}");
    }
    for items in ["1, '1'", "' 1', 1", "'2', 1"] {
        assert!(!refused(items, Dialect::ComposeGo29), "{items}");
    }
    let many: String = (0..19).map(|number| format!("g{number}, ")).collect();
    assert!(
        !refused(&format!("{many}'1', 1"), Dialect::ComposeGo29),
        "past twenty they are told by their kind"
    );
    let published = [("compose.yaml", "services: {a: {image: x, expose: ['80', 80], ports: ['80', 80]}}")];
    assert_eq!(refusal(&published), None, "what is made one is not there twice");
}

#[test]
fn what_the_shell_has_may_be_unusable_in_a_dotenv() {
    let files = texts(&[("compose.yaml", "services: {a: {image: x}}"), (".env", "V=a\0b\n")]);
    let refused = |shell, dialect| {
        let resolution = project::resolve(&inputs(shell).dialect(dialect), &files);
        resolution.compose_would_refuse().map(|refusal| refusal.finding.code.name())
    };
    assert_eq!(refused(&[], Dialect::ComposeGo24), Some("dotenv-unusable"));
    assert_eq!(refused(&[("V", "set")], Dialect::ComposeGo24), None);
    assert_eq!(refused(&[], Dialect::ComposeGo29), None, "its variables do not enter the process");
    let included = [
        ("compose.yaml", "include: [sub/b.yml]"),
        ("sub/b.yml", "services: {a: {image: 'x:$T'}}"),
        ("sub/.env", "T=1\n=x\n"),
    ];
    assert_eq!(refusal(&included), None, "an included project's variables are not the process's");
}

/// The names of all findings that have Compose refuse, in order.
fn errors(files: &[(&str, &str)]) -> Vec<&'static str> {
    let resolution = resolve(files, &[]);
    let errors = resolution.findings().iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.code.name()).collect()
}

#[test]
fn one_mistake_is_one_finding() {
    let merged = [
        ("compose.yaml", "services: {a: {image: x, cap_add: [A]}}"),
        ("compose.override.yml", "services: {a: {cap_add: {A: 1}}}"),
    ];
    assert_eq!(errors(&merged), ["merge-conflict"]);
    for stack in [
        "services:\n  a:\n    image: [x\n",
        "services:\n  a:\n    image: x: y\n",
        "services:\n\ta:\n\t\timage: x\n",
        "services:\n  a: {image: x\n  b: {image: y}\n",
    ] {
        let errors = errors(&[("compose.yaml", stack)]);
        assert!(errors.iter().all(|error| *error == "yaml-syntax"), "{stack:?}: {errors:?}");
    }
    assert_eq!(errors(&[("compose.yaml", "services: [a]")]), ["not-a-mapping"]);
    let secret = "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {}}";
    assert_eq!(errors(&[("compose.yaml", secret)]), ["bad-source"]);
    // Where nothing else is wrong, null is.
    assert_eq!(errors(&[("compose.yaml", "services: {a: }")]), ["wrong-type"]);
}

#[test]
fn documents_of_a_file_merge_like_files() {
    let stack = "services: {a: {image: x, ports: ['80']}}\n---\nservices: {a: {image: y, ports: ['81']}}\n";
    let service = config(&resolve(&[("compose.yaml", stack)], &[]))["services"]["a"].clone();
    assert_eq!((service["image"].as_str(), service["ports"].as_array().map(Vec::len)), (Some("y"), Some(2)));
}

#[test]
fn extends_takes_the_base_of_its_own_file() {
    let base = "services: {a: {extends: base}, base: {image: x, user: '1'}}";
    let files = [("compose.yaml", base), ("compose.override.yml", "services: {base: {user: '2'}}")];
    assert_eq!(config(&resolve(&files, &[]))["services"]["a"]["user"], "1");
}

#[test]
fn extends_sees_paths_from_the_other_file_and_imports_no_volumes() {
    let files = [
        ("compose.yaml", "services: {a: {extends: {file: sub/base.yml, service: s}}}"),
        (
            "sub/base.yml",
            "services: {s: {extends: t, volumes: ['./d:/d']}, t: {image: x, restart: always, env_file: e.env}}",
        ),
        ("sub/e.env", "E=1\n"),
    ];
    let service = config(&resolve(&files, &[]))["services"]["a"].clone();
    assert_eq!(service["volumes"][0]["source"], "/p/sub/d");
    assert_eq!(
        (service["restart"].as_str(), service["environment"]["E"].as_str()),
        (Some("always"), Some("1"))
    );
}

#[test]
fn an_included_project_has_its_own_directory_and_dotenv() {
    let files = [
        ("compose.yaml", "include: [sub/inner.yml]\nservices: {a: {image: x}}"),
        ("sub/inner.yml", "services: {b: {image: '$ONE-$TWO', volumes: ['./d:/d']}}"),
        ("sub/.env", "ONE=inner\nTWO=inner\n"),
        (".env", "ONE=outer\n"),
    ];
    let service = config(&resolve(&files, &[]))["services"]["b"].clone();
    assert_eq!(
        (service["image"].as_str(), service["volumes"][0]["source"].as_str()),
        (Some("outer-inner"), Some("/p/sub/d"))
    );
    let changed = [files.as_slice(), &[("compose.override.yml", "services: {b: {user: '7'}}")]].concat();
    assert_eq!(config(&resolve(&changed, &[]))["services"]["b"]["user"], "7", "an override file may");
}

#[test]
fn profiles_choose_services() {
    let stack = (
        "compose.yaml",
        "services: {a: {image: x}, b: {image: y, profiles: [one]}, c: {image: z, profiles: [two]}}",
    );
    let on = |profiles: &[&str], shell: &[(&str, &str)]| {
        let inputs = profiles.iter().fold(inputs(shell), |inputs, profile| inputs.profile(*profile));
        let resolution = project::resolve(&inputs, &texts(&[stack]));
        resolution.services().map(|service| service.name().to_owned()).collect::<Vec<_>>().join("")
    };
    assert_eq!(on(&[], &[]), "a");
    assert_eq!(on(&[], &[("COMPOSE_PROFILES", "one,two")]), "abc");
    assert_eq!(on(&["two"], &[("COMPOSE_PROFILES", "one")]), "ac", "the flag replaces the variable");
    assert_eq!(on(&["*"], &[]), "abc");
}

#[test]
fn short_forms_become_long() {
    let mount = |spec: &str| {
        let stack = format!("services: {{a: {{image: x, volumes: ['{spec}']}}}}\nvolumes: {{data: , v: }}");
        field(&stack, "volumes")[0].clone()
    };
    assert_eq!(
        mount("./d/../e:/x/:ro"),
        json!({"type": "bind", "source": "/p/e", "target": "/x", "read_only": true, "bind": {"create_host_path": true}})
    );
    assert_eq!(mount("~/d:/x")["source"], "/home/u/d");
    assert_eq!(
        mount("data:/x:nocopy"),
        json!({"type": "volume", "source": "data", "target": "/x", "volume": {"nocopy": true}})
    );
    assert_eq!(mount("v:/v"), json!({"type": "volume", "target": "v:/v", "volume": {}}), "a drive letter");
    assert_eq!(mount("${NOPE}/a:/x")["source"], "/a", "an unset variable mounts from the root");
    let port = field("services: {a: {image: x, ports: ['${NOPE}:80']}}", "ports")[0].clone();
    assert_eq!(port, json!({"mode": "ingress", "target": 80, "protocol": "tcp"}), "a random host port");
}

#[test]
fn what_compose_adds() {
    let stack = "services: {a: {image: x, network_mode: 'service:b'}, b: {image: y, networks: {}}, c: {image: z, networks: [n]}}\n\
                 networks: {n: {external: true, name: real}, unused: }";
    let whole = config(&resolve(&[("compose.yaml", stack)], &[]));
    assert_eq!(
        whole["services"]["a"]["depends_on"]["b"],
        json!({"condition": "service_started", "restart": true, "required": true})
    );
    assert_eq!(whole["services"]["b"]["networks"], json!({"default": null}));
    assert_eq!(
        whole["networks"],
        json!({"default": {"name": "p_default", "ipam": {}}, "n": {"name": "real", "ipam": {}, "external": true}})
    );
}

#[test]
fn types_are_cast_after_interpolation() {
    let stack = "services: {a: {image: x, privileged: '${B:-yes}', scale: '${N:-3}', cpus: '0.50', mem_limit: 1.5g, stop_grace_period: 90s}}";
    let resolution = resolve(&[("compose.yaml", stack)], &[]);
    let service = config(&resolution)["services"]["a"].clone();
    assert_eq!(
        (&service["privileged"], &service["scale"], &service["cpus"]),
        (&json!(true), &json!(3), &json!(0.5))
    );
    assert_eq!(
        (&service["mem_limit"], &service["stop_grace_period"]),
        (&json!("1610612736"), &json!("1m30s"))
    );
    assert!(resolution.findings().iter().any(|finding| finding.code.name() == "old-boolean"));
}

#[test]
fn dialects_have_names() {
    for dialect in Dialect::ALL {
        assert_eq!(dialect.name().parse(), Ok(*dialect));
        assert_eq!(dialect.version().parse(), Ok(*dialect));
    }
    for (printed, dialect) in [
        ("Docker Compose version v2.32.4", Dialect::ComposeGo24),
        ("Docker Compose version 2.40.3-3", Dialect::ComposeGo29),
        ("Docker Compose version v5.1.0", Dialect::ComposeGo2101),
    ] {
        assert_eq!(printed.parse(), Ok(dialect), "{printed}");
    }
    let unknown = "2.99".parse::<Dialect>().map_err(|error| error.to_string());
    assert!(unknown.is_err_and(|text| text.contains("2.4, 2.4.9, 2.5")));
}

#[test]
fn dialects_differ_where_compose_changed() {
    let env = |dialect: Dialect| {
        let files = texts(&[
            ("compose.yaml", "services: {a: {image: '${SET:-${NOPE:?inner}}', env_file: [1.env, 2.env]}}"),
            ("1.env", "V=file\n"),
            ("2.env", "REF=$V\n"),
        ]);
        let resolution =
            project::resolve(&inputs(&[("SET", "set"), ("V", "shell")]).dialect(dialect), &files);
        let value = resolution.service("a").and_then(|service| {
            service
                .environment()
                .iter()
                .find(|entry| &*entry.key == "REF")
                .and_then(|entry| entry.node.expose().map(str::to_owned))
        });
        (resolution.compose_would_refuse().is_some(), value.unwrap_or_default())
    };
    assert_eq!(env(Dialect::ComposeGo24), (true, "file".to_owned()));
    assert_eq!(env(Dialect::ComposeGo25), (true, "shell".to_owned()));
    assert_eq!(env(Dialect::ComposeGo210), (true, "shell".to_owned()));
    assert_eq!(env(Dialect::ComposeGo2101), (false, "shell".to_owned()), "unused arguments are left alone");
    let blank = texts(&[("compose.yaml", "services: {a: {image: x, environment: ['A = 1']}}")]);
    let refused =
        |dialect| project::resolve(&inputs(&[]).dialect(dialect), &blank).compose_would_refuse().is_some();
    assert!(!refused(Dialect::ComposeGo24) && refused(Dialect::ComposeGo249));
    let twice = texts(&[("1.yml", "x-k: {a: 1}\nservices: {a: {image: x}}"), ("2.yml", "x-k: {b: 2}")]);
    let merged = |dialect| {
        config(&project::resolve(&inputs(&[]).dialect(dialect).file("1.yml").file("2.yml"), &twice))["x-k"]
            .clone()
    };
    assert_eq!(merged(Dialect::ComposeGo25), json!({"b": 2}));
    assert_eq!(merged(Dialect::ComposeGo26), json!({"a": 1, "b": 2}));
    let include = texts(&[
        ("compose.yaml", "include: [b.yml]\nservices: {b: {user: '1'}}"),
        ("b.yml", "services: {b: {image: x}}"),
    ]);
    let refused =
        |dialect| project::resolve(&inputs(&[]).dialect(dialect), &include).compose_would_refuse().is_some();
    assert!(refused(Dialect::ComposeGo29) && !refused(Dialect::ComposeGo210));
}

#[test]
fn a_later_env_file_sees_its_own_lines_first_from_2_8_on() {
    let files = texts(&[
        ("compose.yaml", "services: {a: {image: $REF}}"),
        ("1.env", "V=first\n"),
        ("2.env", "V=second\nREF=$V\n"),
    ]);
    let image = |dialect| {
        let inputs = inputs(&[]).dialect(dialect).env_file("1.env").env_file("2.env");
        config(&project::resolve(&inputs, &files))["services"]["a"]["image"].clone()
    };
    assert_eq!(image(Dialect::ComposeGo24), "first");
    assert_eq!(image(Dialect::ComposeGo26), "first");
    assert_eq!(image(Dialect::ComposeGo28), "second");
    assert_eq!(image(Dialect::ComposeGo2102), "second");
}

#[test]
fn an_override_inside_the_extended_file_counts_from_2_9_1_on() {
    let files = texts(&[
        ("compose.yaml", "services: {a: {extends: {file: base.yml, service: a}}}"),
        ("base.yml", "services: {a: {image: x, dns: !override [1.1.1.1]}}"),
    ]);
    let dns = |dialect| {
        config(&project::resolve(&inputs(&[]).dialect(dialect), &files))["services"]["a"]["dns"].clone()
    };
    assert_eq!(dns(Dialect::ComposeGo24), json!(null), "the path is dropped from what is extended");
    assert_eq!(dns(Dialect::ComposeGo28), json!(null));
    assert_eq!(dns(Dialect::ComposeGo29), json!(["1.1.1.1"]));
    assert_eq!(dns(Dialect::ComposeGo2102), json!(["1.1.1.1"]));
}

#[test]
fn what_is_included_can_be_extended_from_2_10_2_on() {
    let files = texts(&[
        ("compose.yaml", "include: [b.yml]\nservices: {a: {extends: b}}"),
        ("b.yml", "services: {b: {image: x}}"),
    ]);
    let image = |dialect| {
        let resolution = project::resolve(&inputs(&[]).dialect(dialect), &files);
        match resolution.compose_would_refuse() {
            Some(refusal) => refusal.finding.code.name().to_owned(),
            None => config(&resolution)["services"]["a"]["image"].as_str().unwrap_or_default().to_owned(),
        }
    };
    assert_eq!(image(Dialect::ComposeGo24), "extends-unknown-service");
    assert_eq!(image(Dialect::ComposeGo2101), "extends-unknown-service");
    assert_eq!(image(Dialect::ComposeGo2102), "x");
}
