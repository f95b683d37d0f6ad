//! Checks of one resource by itself, before paths are made absolute.

use crate::codes::Code;

use super::dialect::Dialect;
use super::model::Node;
use super::raise::Raised;

/// Raises what is wrong with volumes, secrets, configs, watches and device requests.
pub(crate) fn check(dict: &Node, dialect: Dialect, problems: &mut Vec<Raised>) {
    let section = |name: &str| dict.get(name).and_then(Node::as_map).into_iter().flatten();
    for entry in section("configs") {
        file_object(
            "configs",
            &entry.key,
            entry.key_span,
            &entry.node,
            &["file", "environment", "content"],
            problems,
        );
    }
    for entry in section("secrets") {
        file_object("secrets", &entry.key, entry.key_span, &entry.node, &["file", "environment"], problems);
    }
    for entry in section("volumes") {
        let Some(volume) = entry.node.as_map() else { continue };
        if volume.get("external").and_then(Node::as_bool) != Some(true) {
            continue;
        }
        for other in volume {
            if !matches!(&*other.key, "name" | "external") && !other.key.starts_with("x-") {
                problems.push(
                    Raised::error(
                        Code::ConflictingFields,
                        format!(
                            "volumes.{}: conflicting parameters \"external\" and {:?} specified",
                            entry.key, other.key
                        ),
                    )
                    .at(other.key_span)
                    .help("an external volume has a name and nothing else"),
                );
            }
        }
    }
    for entry in section("services") {
        let Some(service) = entry.node.as_map() else { continue };
        for port in service.get("ports").and_then(Node::as_list).into_iter().flatten() {
            let Some(ip) = port.get("host_ip").filter(|_| dialect.checks_mounts_and_scale()) else {
                continue;
            };
            if ip.expose().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_err()) {
                problems.push(
                    Raised::error(
                        Code::BadPort,
                        format!("service {:?}: the host address of a port is not an IP address", entry.key),
                    )
                    .at(ip.span)
                    .help("write an address such as 127.0.0.1 or ::1, not a name"),
                );
            }
        }
        let watches = service.get("develop").and_then(|develop| develop.get("watch")).and_then(Node::as_list);
        for watch in watches.into_iter().flatten() {
            if let Some(path) = watch.get("path").filter(|path| path.is("")) {
                problems.push(
                    Raised::error(
                        Code::BadValue,
                        format!("service {:?}: the path to watch is blank", entry.key),
                    )
                    .at(path.span),
                );
            }
        }
        let reserved = service
            .get("deploy")
            .and_then(|deploy| deploy.get("resources"))
            .and_then(|resources| resources.get("reservations"))
            .and_then(|reservations| reservations.get("devices"));
        for list in [reserved, service.get("gpus")].into_iter().flatten() {
            for request in list.as_list().into_iter().flatten() {
                if request.get("count").is_some() && request.get("device_ids").is_some() {
                    problems.push(
                        Raised::error(
                            Code::ConflictingFields,
                            format!(
                                "service {:?}: \"count\" and \"device_ids\" attributes are exclusive",
                                entry.key
                            ),
                        )
                        .at(request.span),
                    );
                }
            }
        }
    }
}

fn file_object(
    section: &str,
    name: &str,
    at: crate::source::Span,
    node: &Node,
    sources: &[&str],
    problems: &mut Vec<Raised>,
) {
    let Some(map) = node.as_map() else { return };
    let given: Vec<_> = sources.iter().filter_map(|source| map.entry(source)).collect();
    match given.as_slice() {
        [] => {
            if !map.contains("driver") && !map.contains("external") {
                problems.push(
                    Raised::error(
                        Code::BadSource,
                        format!("{section}.{name}: one of {} must be set", sources.join("|")),
                    )
                    .at(at),
                );
            }
        }
        [_] => {}
        [first, second, ..] => problems.push(
            Raised::error(
                Code::BadSource,
                format!("{section}.{name}: {} attributes are mutually exclusive", sources.join("|")),
            )
            .at(second.key_span)
            .related(first.key_span),
        ),
    }
}
