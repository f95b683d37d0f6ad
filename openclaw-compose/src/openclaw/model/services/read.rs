//! A service and its parts, read from the canonical tree.

use std::collections::BTreeMap;

use crate::project::{Map, Node, Value};
use crate::source::{Sources, Span, Text};

use super::super::roots::Roots;
use super::{
    At, Attachment, Dependency, Healthcheck, Mount, MountKind, Port, Relabel, SecretMount, Service, Variable,
};

pub(super) fn read_service<'a>(
    name: &'a str,
    key_span: Span,
    node: &'a Node,
    sources: &Sources,
) -> Service<'a> {
    let text = |key: &str| node.get(key).and_then(exposed_at);
    Service {
        name,
        key_span,
        on_demand: false,
        node: Some(node),
        job: None,
        image: text("image"),
        built: node.get("build").is_some_and(|build| !build.is_null()),
        container_name: node.get("container_name").and_then(Node::expose),
        command: words(node.get("command")),
        entrypoint: words(node.get("entrypoint")),
        environment: environment(node.get("environment"), sources),
        user: text("user"),
        userns_mode: node.get("userns_mode").and_then(Node::expose),
        unconfined: flag(node, "privileged")
            || items(node.get("security_opt")).filter_map(Node::expose).any(|option| {
                matches!(option, "label=disable" | "label:disable") || option.ends_with("type:spc_t")
            }),
        network_mode: text("network_mode"),
        networks: attachments(node.get("networks")),
        ports: items(node.get("ports")).filter_map(port).collect(),
        mounts: items(node.get("volumes")).filter_map(mount).collect(),
        mounted: Roots::default(),
        secrets: items(node.get("secrets")).filter_map(secret_mount).collect(),
        extra_hosts: pairs(node.get("extra_hosts"), &['=', ':']),
        links: pairs(node.get("links"), &[':']),
        depends_on: children(node.get("depends_on"))
            .map(|(service, span, node)| Dependency {
                service,
                condition: node.get("condition").and_then(Node::expose).unwrap_or("service_started"),
                span,
            })
            .collect(),
        restart: text("restart"),
        healthcheck: node.get("healthcheck").map(healthcheck),
        memory: memory(node),
        stop_grace: node
            .get("stop_grace_period")
            .and_then(exposed_at)
            .and_then(|at| Some(At { value: seconds(at.value)?, span: at.span })),
        labels: children(node.get("labels"))
            .filter_map(|(key, _, node)| Some((key, text_at(node)?)))
            .collect(),
        interactive: flag(node, "tty") || flag(node, "stdin_open"),
    }
}

pub(super) fn children(node: Option<&Node>) -> impl Iterator<Item = (&str, Span, &Node)> {
    node.and_then(Node::as_map)
        .map_or(&[][..], Map::entries)
        .iter()
        .map(|entry| (&*entry.key, entry.key_span, &entry.node))
}

pub(super) fn items(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    node.and_then(Node::as_list).unwrap_or_default().iter()
}

pub(super) fn text_at(node: &Node) -> Option<At<&Text>> {
    Some(At { value: node.text()?, span: node.span })
}

/// A text that has to be read: a name, an image, a user.
pub(super) fn exposed_at(node: &Node) -> Option<At<&str>> {
    Some(At { value: node.expose()?, span: node.span })
}

pub(super) fn flag(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::as_bool) == Some(true)
}

/// A command in list form, or a string that the canonical form left whole.
pub(super) fn words(node: Option<&Node>) -> Option<Vec<At<&Text>>> {
    let node = node.filter(|node| !node.is_null())?;
    match &node.value {
        Value::List(list) => Some(list.iter().filter_map(text_at).collect()),
        _ => text_at(node).map(|at| vec![at]),
    }
}

pub(super) fn environment<'a>(node: Option<&'a Node>, sources: &Sources) -> BTreeMap<&'a str, Variable<'a>> {
    children(node)
        .map(|(name, key_span, node)| {
            let value = match &node.value {
                Value::Text(text) => Some(text),
                _ => None,
            };
            match item(name, node.span, sources) {
                Some((key, span)) => (name, Variable { value, span, key_span: Some(key) }),
                None => {
                    let key_span = (key_span.file == node.span.file).then_some(key_span);
                    (name, Variable { value, span: node.span, key_span })
                }
            }
        })
        .collect()
}

/// Name and value of an item `NAME=value`, where it is written as it is.
pub(super) fn item(name: &str, span: Span, sources: &Sources) -> Option<(Span, Span)> {
    let written = sources.expose(span);
    let quote = usize::from(written.starts_with(['"', '\'']));
    let value = written.get(quote..)?.strip_prefix(name)?.strip_prefix('=')?;
    let from = quote + name.len() + 1;
    Some((span.part(quote..quote + name.len()), span.part(from..from + value.len() - quote.min(value.len()))))
}

pub(super) fn attachments(node: Option<&Node>) -> Vec<Attachment<'_>> {
    children(node)
        .map(|(network, _, node)| Attachment {
            network,
            aliases: items(node.get("aliases")).filter_map(Node::expose).collect(),
            addresses: ["ipv4_address", "ipv6_address"]
                .into_iter()
                .filter_map(|key| node.get(key).and_then(Node::expose))
                .collect(),
        })
        .collect()
}

pub(super) fn port(node: &Node) -> Option<Port<'_>> {
    Some(Port {
        host_ip: node.get("host_ip").and_then(Node::expose),
        published: node
            .get("published")
            .and_then(|published| match &published.value {
                Value::Text(text) => text.expose().split('-').next().unwrap_or_default().parse().ok(),
                _ => published.as_int().and_then(|port| u16::try_from(port).ok()),
            })
            .filter(|&port| port != 0),
        target: node.get("target").and_then(Node::as_int).and_then(|port| u16::try_from(port).ok())?,
        udp: node.get("protocol").is_some_and(|protocol| protocol.is("udp")),
        span: node.span,
    })
}

pub(super) fn mount(node: &Node) -> Option<Mount<'_>> {
    let kind = match node.get("type").and_then(Node::expose)? {
        "bind" => MountKind::Bind,
        "volume" => MountKind::Volume,
        "tmpfs" => MountKind::Tmpfs,
        _ => MountKind::Other,
    };
    Some(Mount {
        kind,
        source: node.get("source").and_then(Node::expose).filter(|source| !source.is_empty()),
        target: node.get("target").and_then(Node::expose)?,
        read_only: flag(node, "read_only"),
        relabel: match node.get("bind").and_then(|bind| bind.get("selinux")?.expose()) {
            Some("Z") => Relabel::Private,
            Some(_) => Relabel::Shared,
            None => Relabel::No,
        },
        span: node.span,
    })
}

/// A config of the project, which is a file of its own in the container. What a config of another kind holds is not read.
pub(super) fn config_mount<'a>(
    node: &'a Node,
    configs: &BTreeMap<&str, Option<&'a str>>,
) -> Option<Mount<'a>> {
    let name = node.get("source").and_then(Node::expose)?;
    let source = configs.get(name).copied().flatten();
    let kind = if source.is_some() { MountKind::Bind } else { MountKind::Other };
    let target = node.get("target").and_then(Node::expose)?;
    Some(Mount { kind, source, target, read_only: true, relabel: Relabel::No, span: node.span })
}

pub(super) fn secret_mount(node: &Node) -> Option<SecretMount<'_>> {
    let source = node.get("source").and_then(Node::expose)?;
    let target = node.get("target").and_then(Node::expose).unwrap_or(source);
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/run/secrets/{target}") };
    Some(SecretMount { source, target, span: node.span })
}

/// `extra_hosts` and `links` in list form, or a mapping.
pub(super) fn pairs<'a>(node: Option<&'a Node>, separators: &[char]) -> Vec<(&'a str, &'a str)> {
    let listed =
        items(node).filter_map(Node::expose).map(|item| item.split_once(separators).unwrap_or((item, item)));
    let mapped = children(node).flat_map(|(name, _, node)| {
        let one = node.expose().map(|value| (name, value));
        one.into_iter().chain(items(Some(node)).filter_map(move |item| Some((name, item.expose()?))))
    });
    listed.chain(mapped).collect()
}

pub(super) fn healthcheck(node: &Node) -> Healthcheck<'_> {
    let test: Vec<&Text> = match node.get("test") {
        Some(test) => match test.text() {
            Some(line) => vec![line],
            None => items(Some(test)).filter_map(Node::text).collect(),
        },
        None => Vec::new(),
    };
    let disabled = flag(node, "disable") || test.first().is_some_and(|first| first.is("NONE"));
    // What is not given is as Docker has it: 30 s apart, three in a row.
    let given = |key: &str| node.get(key).and_then(Node::expose).and_then(seconds);
    let retries = node.get("retries").and_then(Node::as_int).and_then(|retries| u32::try_from(retries).ok());
    let patience = given("start_period").unwrap_or(0.0)
        + given("interval").unwrap_or(30.0) * f64::from(retries.filter(|retries| *retries > 0).unwrap_or(3));
    let span = node.get("test").map_or(node.span, |test| test.span);
    Healthcheck { test, disabled, patience, span }
}

/// `mem_limit`, or `deploy.resources.limits.memory`.
pub(super) fn memory(node: &Node) -> Option<At<u64>> {
    let limit = node.get("mem_limit").or_else(|| {
        ["deploy", "resources", "limits", "memory"].iter().try_fold(node, |node, key| node.get(key))
    })?;
    let bytes = match limit.as_int() {
        Some(bytes) => u64::try_from(bytes).ok()?,
        None => byte_count(limit.expose()?)?,
    };
    (bytes > 0).then_some(At { value: bytes, span: limit.span })
}

/// Docker's size syntax: `512m`, `1.5g`, `1073741824`, units of 1024.
pub(super) fn byte_count(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let factor: f64 = match unit.trim().trim_end_matches('b').trim_end_matches('i') {
        "" => 1.0,
        "k" => 1024.0,
        "m" => 1024.0 * 1024.0,
        "g" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    Some(bytes as u64)
}

/// A Go duration such as `1m30s`, in seconds.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = next;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_as_docker_reads_them() {
        for (text, bytes) in
            [("512m", 512 << 20), ("1g", 1 << 30), ("1.5GB", 3 << 29), ("64MiB", 64 << 20), ("77", 77)]
        {
            assert_eq!(byte_count(text), Some(bytes), "{text}");
        }
        for (text, wanted) in [("10s", 10.0), ("5m30s", 330.0), ("1h", 3600.0), ("1500ms", 1.5)] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
        assert_eq!(seconds("10"), None);
        assert_eq!(byte_count("10x"), None);
    }
}
