//! The last form of the model: every field of its final type, in Compose's own order, what is empty left out.
//!
//! [`SERVICE`] and the tables below it name every field once, in the order in which `docker compose config` prints
//! them. The same tables drive the writers in [`write`](super::write).

use crate::codes::Code;
use crate::source::Text;

use super::canonical::scalar;
use super::load::Loader;
use super::model::{Entry, Map, Node, Value};
use super::path::Path;
use super::print;
use super::raise::Raised;

/// A record: its fields in Compose's order. Other keys are extensions.
#[derive(Debug)]
pub(crate) struct Record(pub(crate) &'static [Field]);

/// A field of a record.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The name in JSON, where it differs.
    pub(crate) json: Option<&'static str>,
    pub(crate) form: Form,
    /// What JSON shows where the field is absent.
    pub(crate) absent: Absent,
}

/// What JSON shows for an absent field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    Nothing,
    Null,
    /// The record, with what its own fields show.
    Record,
}

/// The final type of a field.
#[derive(Debug)]
pub(crate) enum Form {
    /// Text; an empty one is left out.
    Text,
    /// A boolean; false is left out.
    Flag,
    /// A boolean that is kept once it is given.
    OptionalFlag,
    /// `required`: always kept.
    KeptFlag,
    /// An integer; zero is left out.
    Int,
    /// An integer that is kept once it is given.
    OptionalInt,
    /// An integer from zero up, never text; zero is left out.
    Unsigned,
    /// The same, kept once it is given.
    OptionalUnsigned,
    /// A number; zero is left out.
    Number,
    /// A size in bytes, printed as text; zero is left out.
    Bytes,
    /// A duration, kept once it is given.
    Duration,
    /// A duration; zero is left out.
    PlainDuration,
    /// A list of texts.
    Texts,
    /// A list of texts, of which numbers are printed.
    Printed,
    /// A command line or a list; an empty one is kept.
    Command,
    /// A command line for the shell, or a list.
    HealthTest,
    /// `K=V` or a mapping; null stays.
    Environment,
    /// `K=V` or a mapping; null is empty.
    Pairs,
    /// A mapping of texts; numbers but integers are refused.
    Strict,
    /// `host:ip`, as a sorted list of `host=ip`.
    Hosts,
    /// A number of devices; `all` is -1.
    Count,
    /// Build secrets for SSH, as a list.
    Ssh,
    /// A limit, or a soft and a hard one.
    Ulimits,
    Record(&'static Record),
    Records(&'static Record),
    /// A mapping from names to records; `true` where a null stays null.
    Named(&'static Record, bool),
    /// Listed, but read elsewhere and not shown: env files once they are read.
    Consumed,
    Any,
}

const fn field(name: &'static str, form: Form) -> Field {
    Field { name, json: None, form, absent: Absent::Nothing }
}

const fn spelt(name: &'static str, json: &'static str, form: Form) -> Field {
    Field { name, json: Some(json), form, absent: Absent::Nothing }
}

const fn kept(name: &'static str, form: Form, absent: Absent) -> Field {
    Field { name, json: None, form, absent }
}

const HOOK: Record = Record(&[
    kept("command", Form::Command, Absent::Null),
    field("user", Form::Text),
    field("privileged", Form::Flag),
    field("working_dir", Form::Text),
    field("environment", Form::Environment),
]);

const FILE_MOUNT: Record = Record(&[
    field("source", Form::Text),
    field("target", Form::Text),
    field("uid", Form::Text),
    field("gid", Form::Text),
    field("mode", Form::OptionalUnsigned),
]);

const BUILD: Record = Record(&[
    field("context", Form::Text),
    field("dockerfile", Form::Text),
    field("dockerfile_inline", Form::Text),
    field("entitlements", Form::Texts),
    field("args", Form::Environment),
    field("ssh", Form::Ssh),
    field("labels", Form::Pairs),
    field("cache_from", Form::Texts),
    field("cache_to", Form::Texts),
    field("no_cache", Form::Flag),
    field("additional_contexts", Form::Pairs),
    field("pull", Form::Flag),
    field("extra_hosts", Form::Hosts),
    field("isolation", Form::Text),
    field("network", Form::Text),
    field("target", Form::Text),
    field("secrets", Form::Records(&FILE_MOUNT)),
    field("shm_size", Form::Bytes),
    field("tags", Form::Texts),
    field("ulimits", Form::Ulimits),
    field("platforms", Form::Texts),
    field("privileged", Form::Flag),
]);

const WATCH: Record = Record(&[
    field("path", Form::Text),
    field("action", Form::Text),
    field("target", Form::Text),
    kept("exec", Form::Record(&HOOK), Absent::Record),
    field("ignore", Form::Texts),
]);

const LIMIT: Record = Record(&[spelt("path", "Path", Form::Text), spelt("rate", "Rate", Form::Bytes)]);
const WEIGHT: Record =
    Record(&[spelt("path", "Path", Form::Text), spelt("weight", "Weight", Form::Unsigned)]);

const BLKIO: Record = Record(&[
    field("weight", Form::Unsigned),
    field("weight_device", Form::Records(&WEIGHT)),
    field("device_read_bps", Form::Records(&LIMIT)),
    field("device_read_iops", Form::Records(&LIMIT)),
    field("device_write_bps", Form::Records(&LIMIT)),
    field("device_write_iops", Form::Records(&LIMIT)),
]);

const DEPENDENCY: Record = Record(&[
    field("condition", Form::Text),
    field("restart", Form::Flag),
    field("required", Form::KeptFlag),
]);

const ROLLOUT: Record = Record(&[
    field("parallelism", Form::OptionalUnsigned),
    field("delay", Form::PlainDuration),
    field("failure_action", Form::Text),
    field("monitor", Form::PlainDuration),
    field("max_failure_ratio", Form::Number),
    field("order", Form::Text),
]);

const DEVICE_REQUEST: Record = Record(&[
    field("capabilities", Form::Texts),
    field("driver", Form::Text),
    field("count", Form::Count),
    field("device_ids", Form::Texts),
    field("options", Form::Pairs),
]);

const RESOURCE: Record = Record(&[
    field("cpus", Form::Number),
    field("memory", Form::Bytes),
    field("pids", Form::Int),
    field("devices", Form::Records(&DEVICE_REQUEST)),
    field(
        "generic_resources",
        Form::Records(&Record(&[field(
            "discrete_resource_spec",
            Form::Record(&Record(&[field("kind", Form::Text), field("value", Form::OptionalInt)])),
        )])),
    ),
]);

const DEPLOY: Record = Record(&[
    field("mode", Form::Text),
    field("replicas", Form::OptionalInt),
    field("labels", Form::Pairs),
    field("update_config", Form::Record(&ROLLOUT)),
    field("rollback_config", Form::Record(&ROLLOUT)),
    kept(
        "resources",
        Form::Record(&Record(&[
            field("limits", Form::Record(&RESOURCE)),
            field("reservations", Form::Record(&RESOURCE)),
        ])),
        Absent::Record,
    ),
    field(
        "restart_policy",
        Form::Record(&Record(&[
            field("condition", Form::Text),
            field("delay", Form::Duration),
            field("max_attempts", Form::OptionalUnsigned),
            field("window", Form::Duration),
        ])),
    ),
    kept(
        "placement",
        Form::Record(&Record(&[
            field("constraints", Form::Texts),
            field("preferences", Form::Records(&Record(&[field("spread", Form::Text)]))),
            field("max_replicas_per_node", Form::Unsigned),
        ])),
        Absent::Record,
    ),
    field("endpoint_mode", Form::Text),
]);

const HEALTHCHECK: Record = Record(&[
    field("test", Form::HealthTest),
    field("timeout", Form::Duration),
    field("interval", Form::Duration),
    field("retries", Form::OptionalUnsigned),
    field("start_period", Form::Duration),
    field("start_interval", Form::Duration),
    field("disable", Form::Flag),
]);

const SERVICE_NETWORK: Record = Record(&[
    field("priority", Form::Int),
    field("gw_priority", Form::Int),
    field("aliases", Form::Texts),
    field("ipv4_address", Form::Text),
    field("ipv6_address", Form::Text),
    field("link_local_ips", Form::Texts),
    field("mac_address", Form::Text),
    field("driver_opts", Form::Pairs),
]);

const PORT: Record = Record(&[
    field("name", Form::Text),
    field("mode", Form::Text),
    field("host_ip", Form::Text),
    field("target", Form::Unsigned),
    field("published", Form::Text),
    field("protocol", Form::Text),
    field("app_protocol", Form::Text),
]);

const VOLUME_MOUNT: Record = Record(&[
    field("type", Form::Text),
    field("source", Form::Text),
    field("target", Form::Text),
    field("read_only", Form::Flag),
    field("consistency", Form::Text),
    field(
        "bind",
        Form::Record(&Record(&[
            field("selinux", Form::Text),
            field("propagation", Form::Text),
            field("create_host_path", Form::Flag),
            field("recursive", Form::Text),
        ])),
    ),
    field("volume", Form::Record(&Record(&[field("nocopy", Form::Flag), field("subpath", Form::Text)]))),
    field("tmpfs", Form::Record(&Record(&[field("size", Form::Bytes), field("mode", Form::Unsigned)]))),
]);

/// A service.
pub(crate) const SERVICE: Record = Record(&[
    field("profiles", Form::Texts),
    field("annotations", Form::Pairs),
    field("attach", Form::OptionalFlag),
    field("build", Form::Record(&BUILD)),
    field("develop", Form::Record(&Record(&[field("watch", Form::Records(&WATCH))]))),
    field("blkio_config", Form::Record(&BLKIO)),
    field("cap_add", Form::Texts),
    field("cap_drop", Form::Texts),
    field("cgroup_parent", Form::Text),
    field("cgroup", Form::Text),
    field("cpu_count", Form::Int),
    field("cpu_percent", Form::Number),
    field("cpu_period", Form::Int),
    field("cpu_quota", Form::Int),
    field("cpu_rt_period", Form::Int),
    field("cpu_rt_runtime", Form::Int),
    field("cpus", Form::Number),
    field("cpuset", Form::Text),
    field("cpu_shares", Form::Int),
    kept("command", Form::Command, Absent::Null),
    field("configs", Form::Records(&FILE_MOUNT)),
    field("container_name", Form::Text),
    field(
        "credential_spec",
        Form::Record(&Record(&[
            field("config", Form::Text),
            field("file", Form::Text),
            field("registry", Form::Text),
        ])),
    ),
    field("depends_on", Form::Named(&DEPENDENCY, false)),
    field("deploy", Form::Record(&DEPLOY)),
    field("device_cgroup_rules", Form::Texts),
    field(
        "devices",
        Form::Records(&Record(&[
            field("source", Form::Text),
            field("target", Form::Text),
            field("permissions", Form::Text),
        ])),
    ),
    field("dns", Form::Texts),
    field("dns_opt", Form::Texts),
    field("dns_search", Form::Texts),
    field("dockerfile", Form::Text),
    field("domainname", Form::Text),
    kept("entrypoint", Form::Command, Absent::Null),
    field("environment", Form::Environment),
    field("env_file", Form::Consumed),
    field("expose", Form::Printed),
    field("extends", Form::Record(&Record(&[field("file", Form::Text), field("service", Form::Text)]))),
    field("external_links", Form::Texts),
    field("extra_hosts", Form::Hosts),
    field("group_add", Form::Texts),
    field("gpus", Form::Records(&DEVICE_REQUEST)),
    field("hostname", Form::Text),
    field("healthcheck", Form::Record(&HEALTHCHECK)),
    field("image", Form::Text),
    field("init", Form::OptionalFlag),
    field("ipc", Form::Text),
    field("isolation", Form::Text),
    field("labels", Form::Pairs),
    field("label_file", Form::Consumed),
    field("links", Form::Texts),
    field("logging", Form::Record(&Record(&[field("driver", Form::Text), field("options", Form::Pairs)]))),
    field("mem_limit", Form::Bytes),
    field("mem_reservation", Form::Bytes),
    field("memswap_limit", Form::Bytes),
    field("mem_swappiness", Form::Bytes),
    field("mac_address", Form::Text),
    field("network_mode", Form::Text),
    field("networks", Form::Named(&SERVICE_NETWORK, true)),
    field("oom_kill_disable", Form::Flag),
    field("oom_score_adj", Form::Int),
    field("pid", Form::Text),
    field("pids_limit", Form::Int),
    field("platform", Form::Text),
    field("ports", Form::Records(&PORT)),
    field("privileged", Form::Flag),
    field("pull_policy", Form::Text),
    field("read_only", Form::Flag),
    field("restart", Form::Text),
    field("runtime", Form::Text),
    field("scale", Form::OptionalInt),
    field("secrets", Form::Records(&FILE_MOUNT)),
    field("security_opt", Form::Texts),
    field("shm_size", Form::Bytes),
    field("stdin_open", Form::Flag),
    field("stop_grace_period", Form::Duration),
    field("stop_signal", Form::Text),
    field("storage_opt", Form::Strict),
    field("sysctls", Form::Pairs),
    field("tmpfs", Form::Texts),
    field("tty", Form::Flag),
    field("ulimits", Form::Ulimits),
    field("user", Form::Text),
    field("userns_mode", Form::Text),
    field("uts", Form::Text),
    field("volumes", Form::Records(&VOLUME_MOUNT)),
    field("volumes_from", Form::Texts),
    field("working_dir", Form::Text),
    field("post_start", Form::Records(&HOOK)),
    field("pre_stop", Form::Records(&HOOK)),
]);

/// A network.
pub(crate) const NETWORK: Record = Record(&[
    field("name", Form::Text),
    field("driver", Form::Text),
    field("driver_opts", Form::Pairs),
    kept(
        "ipam",
        Form::Record(&Record(&[
            field("driver", Form::Text),
            field(
                "config",
                Form::Records(&Record(&[
                    field("subnet", Form::Text),
                    field("gateway", Form::Text),
                    field("ip_range", Form::Text),
                    field("aux_addresses", Form::Pairs),
                ])),
            ),
        ])),
        Absent::Record,
    ),
    field("external", Form::Flag),
    field("internal", Form::Flag),
    field("attachable", Form::Flag),
    field("labels", Form::Pairs),
    field("enable_ipv4", Form::OptionalFlag),
    field("enable_ipv6", Form::OptionalFlag),
]);

/// A volume.
pub(crate) const VOLUME: Record = Record(&[
    field("name", Form::Text),
    field("driver", Form::Text),
    field("driver_opts", Form::Pairs),
    field("external", Form::Flag),
    field("labels", Form::Pairs),
]);

/// A secret or a config.
pub(crate) const FILE_OBJECT: Record = Record(&[
    field("name", Form::Text),
    field("file", Form::Text),
    field("environment", Form::Text),
    field("content", Form::Text),
    field("external", Form::Flag),
    field("labels", Form::Pairs),
    field("driver", Form::Text),
    field("driver_opts", Form::Strict),
    field("template_driver", Form::Text),
]);

/// The record of a section's resources.
pub(crate) fn record_of(section: &str) -> Option<&'static Record> {
    match section {
        "services" => Some(&SERVICE),
        "networks" => Some(&NETWORK),
        "volumes" => Some(&VOLUME),
        "secrets" | "configs" => Some(&FILE_OBJECT),
        _ => None,
    }
}

/// Gives a record's fields their types and their order.
pub(crate) fn record(node: Node, record: &Record, path: &Path<'_>, loader: &mut Loader<'_>) -> Node {
    let Value::Map(map) = node.value else { return node };
    let mut slots: Vec<Option<Entry>> = Vec::new();
    slots.resize_with(record.0.len(), || None);
    let mut extensions = Vec::new();
    for mut entry in map.into_entries() {
        let Some((at, field)) = record.0.iter().enumerate().find(|(_, field)| *field.name == *entry.key)
        else {
            if entry.key.starts_with("x-") {
                extensions.push(entry);
            }
            continue;
        };
        let here = path.key(&entry.key);
        if let Some(node) = form(entry.node, &field.form, &here, loader) {
            entry.node = node;
            if let Some(slot) = slots.get_mut(at) {
                *slot = Some(entry);
            }
        }
    }
    extensions.sort_by(|a, b| a.key.cmp(&b.key));
    let mut out = Map::with_capacity(slots.len());
    out.entries_mut().extend(slots.into_iter().flatten());
    out.entries_mut().append(&mut extensions);
    out.entries_mut().shrink_to_fit();
    Node { value: Value::Map(out), span: node.span, story: node.story }
}

/// The typed value of a field; `None` where it is left out.
fn form(node: Node, form: &Form, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    if node.is_unknown() {
        return Some(node);
    }
    match form {
        Form::Any => Some(node),
        Form::Command => command(node, path, loader),
        _ if node.is_null() => None,
        Form::Text => text(node, path, loader),
        Form::Flag => flag(node, path, loader).filter(|node| node.as_bool() != Some(false)),
        Form::OptionalFlag | Form::KeptFlag => flag(node, path, loader),
        Form::Int => int(node, path, loader).filter(|node| node.as_int() != Some(0)),
        Form::OptionalInt => int(node, path, loader),
        Form::Unsigned => unsigned(node, path, loader).filter(|node| node.as_int() != Some(0)),
        Form::OptionalUnsigned => unsigned(node, path, loader),
        Form::Strict => strict(node, path, loader),
        Form::Number => number(node, path, loader).filter(|node| {
            !matches!(node.value, Value::Int(0)) && !matches!(node.value, Value::Float(value) if value == 0.0)
        }),
        Form::Bytes => bytes(node, path, loader),
        Form::Duration => duration(node, path, loader),
        Form::PlainDuration => duration(node, path, loader).filter(|node| node.as_str() != Some("0s")),
        Form::Texts => texts(node, false, path, loader),
        Form::Printed => texts(node, true, path, loader),
        Form::HealthTest => health_test(node, path, loader),
        Form::Environment => {
            let node = checked(node, path, loader);
            Some(pairs(node, true)).filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
        }
        Form::Pairs => {
            Some(pairs(node, false)).filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
        }
        Form::Hosts => hosts(node, path, loader),
        Form::Count => count(node, path, loader),
        Form::Ssh => ssh(node),
        Form::Ulimits => ulimits(node, path, loader),
        Form::Record(record) => Some(self::record(node, record, path, loader)),
        Form::Records(record) => {
            let Value::List(items) = node.value else { return None };
            if items.is_empty() {
                return None;
            }
            let items = items
                .into_iter()
                .enumerate()
                .map(|(number, item)| self::record(item, record, &path.item(number), loader))
                .collect();
            Some(Node { value: Value::List(items), span: node.span, story: node.story })
        }
        Form::Named(record, null) => {
            let Value::Map(map) = node.value else { return None };
            if map.is_empty() {
                return None;
            }
            let mut out = Map::with_capacity(map.len());
            for mut entry in map.into_entries() {
                let here = path.key(&entry.key);
                if !(entry.node.is_null() && *null) {
                    entry.node = self::record(entry.node, record, &here, loader);
                }
                out.entries_mut().push(entry);
            }
            out.sort();
            Some(Node { value: Value::Map(out), span: node.span, story: node.story })
        }
        Form::Consumed => Some(node),
    }
}

fn bad(code: Code, node: &Node, path: &Path<'_>, what: &str, loader: &mut Loader<'_>) -> Option<Node> {
    loader.raise(Raised::error(code, format!("{path}: {what}")).at(node.span));
    Some(node.with(Value::Unknown))
}

fn text(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Text(text) => (!text.is_empty()).then_some(node),
        Value::Int(value) => {
            let text = Text::from(value.to_string());
            Some(node.with(Value::Text(text)))
        }
        other => {
            let what = format!("{} does not fit a text", other.kind_name());
            bad(Code::BadValue, &node, path, &what, loader)
        }
    }
}

fn flag(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Bool(_) => Some(node),
        Value::Text(text) => {
            let text = text.clone();
            match super::tree::boolean(loader, &text, node.span, path) {
                Some(value) => Some(node.with(value)),
                None => bad(Code::BadCast, &node, path, "the text is no boolean", loader),
            }
        }
        _ => bad(Code::BadValue, &node, path, "not a boolean", loader),
    }
}

fn int(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Int(_) | Value::Uint(_) => Some(node),
        #[expect(clippy::cast_possible_truncation, reason = "as Go converts a float")]
        Value::Float(value) => {
            let value = Value::Int(*value as i64);
            Some(node.with(value))
        }
        Value::Text(text) => match text.parse() {
            Ok(value) => Some(node.with(Value::Int(value))),
            Err(_) => bad(Code::BadCast, &node, path, "the text is no integer", loader),
        },
        _ => bad(Code::BadValue, &node, path, "not an integer", loader),
    }
}

fn unsigned(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Int(value) if *value < 0 => bad(Code::BadValue, &node, path, "must not be negative", loader),
        Value::Text(_) => bad(Code::BadValue, &node, path, "must be a number, not a text", loader),
        _ => int(node, path, loader),
    }
}

fn strict(mut node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let map = node.as_map_mut()?;
    for entry in map.iter() {
        if !matches!(entry.node.value, Value::Text(_) | Value::Int(_) | Value::Null | Value::Unknown) {
            let what = format!("{} does not fit a text", entry.node.value.kind_name());
            loader.raise(
                Raised::error(Code::BadValue, format!("{}: {what}", path.key(&entry.key)))
                    .at(entry.node.span),
            );
        }
    }
    Some(pairs(node, false)).filter(|node| node.as_map().is_some_and(|map| !map.is_empty()))
}

fn number(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Int(_) | Value::Uint(_) => Some(node),
        // Compose keeps these fields in 32 bits.
        #[expect(clippy::cast_possible_truncation, reason = "that is the point")]
        Value::Float(value) => {
            let value = Value::Float(super::tree::widen(*value as f32));
            Some(node.with(value))
        }
        Value::Text(text) => match text.parse::<f32>() {
            Ok(value) => Some(node.with(Value::Float(super::tree::widen(value)))),
            Err(_) => bad(Code::BadCast, &node, path, "the text is no number", loader),
        },
        _ => bad(Code::BadValue, &node, path, "not a number", loader),
    }
}

fn bytes(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let size = match &node.value {
        Value::Int(value) => Some(*value),
        Value::Text(text) => scalar::bytes(text),
        // Compose drops what is neither.
        _ => return None,
    };
    match size {
        Some(0) => None,
        Some(size) => {
            let text = Text::from(size.to_string());
            Some(node.with(Value::Text(text)))
        }
        None => bad(Code::BadValue, &node, path, "invalid size; write 512m, 1g or a number of bytes", loader),
    }
}

fn duration(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let written = print::go(&node.value);
    match scalar::duration(&written) {
        Some(text) => Some(node.with(Value::Text(Text::from(text)))),
        None => bad(Code::BadDuration, &node, path, "invalid duration; write 30s, 1m30s or 500ms", loader),
    }
}

fn texts(node: Node, print_numbers: bool, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let items = match node.value {
        Value::Text(_) => vec![node.clone()],
        Value::List(items) => items,
        _ => return None,
    };
    if items.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(items.len());
    for (number, item) in items.into_iter().enumerate() {
        match &item.value {
            Value::Text(_) | Value::Unknown => out.push(item),
            value if print_numbers || matches!(value, Value::Int(_)) => {
                let text = Text::from(print::go(value));
                out.push(item.with(Value::Text(text)));
            }
            value => {
                let what = format!("{} does not fit a list of texts", value.kind_name());
                out.extend(bad(Code::BadValue, &item, &path.item(number), &what, loader));
            }
        }
    }
    Some(Node { value: Value::List(out), span: node.span, story: node.story })
}

fn command(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Null => None,
        Value::Text(line) => match scalar::words(line) {
            Some(words) => {
                let items = words
                    .into_iter()
                    .map(|word| Node::with_story(Value::Text(Text::from(word)), node.span, node.story))
                    .collect();
                Some(node.with(Value::List(items)))
            }
            None => bad(
                Code::BadValue,
                &node,
                path,
                "invalid command line string: a quote or a parenthesis stays open",
                loader,
            ),
        },
        Value::List(items) if items.is_empty() => Some(node),
        _ => texts(node, false, path, loader),
    }
}

fn health_test(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    if let Value::Text(_) = node.value {
        let shell = Node::text("CMD-SHELL", node.span);
        let items = vec![shell, node.clone()];
        return Some(node.with(Value::List(items)));
    }
    texts(node, false, path, loader)
}

/// From compose-go 2.4.9 on a blank before `=` is refused.
fn checked(mut node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Node {
    if !loader.inputs.dialect.refuses_blank_before_equals() {
        return node;
    }
    for (number, item) in node.as_list_mut().into_iter().flatten().enumerate() {
        let name = item.as_str().map(|text| text.split('=').next().unwrap_or_default());
        if name.is_some_and(|name| name.ends_with(char::is_whitespace)) {
            let what = "a name with a blank before `=`";
            if let Some(unknown) = bad(Code::BadValue, item, &path.item(number), what, loader) {
                *item = unknown;
            }
        }
    }
    node
}

/// A mapping or `K=V` texts as a sorted mapping of texts; null stays, or is empty.
pub(crate) fn pairs(node: Node, keep_null: bool) -> Node {
    let mut out = Map::new();
    let value_of = |node: &Node| match &node.value {
        Value::Null if keep_null => Value::Null,
        Value::Null => Value::Text(Text::from("")),
        Value::Text(text) => Value::Text(text.clone()),
        Value::Unknown => Value::Unknown,
        other => Value::Text(Text::from(print::go(other))),
    };
    match node.value {
        Value::Map(map) => {
            let mut extensions = Vec::new();
            out.entries_mut().reserve(map.len());
            for mut entry in map.into_entries() {
                if entry.key.starts_with("x-") {
                    extensions.push(entry);
                    continue;
                }
                let value = value_of(&entry.node);
                entry.node.value = value;
                out.entries_mut().push(entry);
            }
            // Compose takes `x-` keys for extensions here as well, and prints the lot under this name.
            if let Some(first) = extensions.first().map(|entry| entry.key_span) {
                let mut map = Map::new();
                *map.entries_mut() = extensions;
                let text = Text::from(print::go(&Value::Map(map)));
                out.push("#extensions", first, Node::text(text, first));
            }
        }
        Value::List(items) => {
            for item in items {
                let text = match &item.value {
                    Value::Unknown => continue,
                    value => print::go(value),
                };
                let (key, value) = match text.split_once('=') {
                    Some((key, value)) => (key, Value::Text(Text::from(value))),
                    None if keep_null => (text.as_str(), Value::Null),
                    None => (text.as_str(), Value::Text(Text::from(""))),
                };
                out.push(key, item.span, Node { value, span: item.span, story: item.story });
            }
            // Of two with one key the later one counts.
            out.entries_mut().reverse();
            out.sort();
            out.entries_mut().dedup_by(|later, first| later.key == first.key);
        }
        _ => {}
    }
    out.sort();
    Node { value: Value::Map(out), span: node.span, story: node.story }
}

fn hosts(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let mut out: Vec<(String, Node)> = Vec::new();
    let strip = |ip: &str| match ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')) {
        Some(inner) if !inner.is_empty() => inner.to_owned(),
        _ => ip.to_owned(),
    };
    let mut add = |host: &str, ip: &str, from: &Node| -> bool {
        if host.is_empty() || host.contains([':', '=']) {
            return false;
        }
        let text = format!("{host}={}", strip(ip));
        out.push((text.clone(), from.with(Value::Text(Text::from(text)))));
        true
    };
    let mut problems = Vec::new();
    match &node.value {
        Value::Map(map) => {
            for entry in map {
                let ips: Vec<&Node> = match &entry.node.value {
                    Value::List(items) => items.iter().collect(),
                    _ => vec![&entry.node],
                };
                for ip in ips {
                    let text = if ip.is_null() { String::new() } else { print::go(&ip.value) };
                    if !add(&entry.key, &text, ip) {
                        problems.push((entry.key_span, "bad host name"));
                    }
                }
            }
        }
        Value::List(items) => {
            for item in items {
                let text = print::go(&item.value);
                match text.split_once('=').or_else(|| text.split_once(':')) {
                    Some((host, ips)) => {
                        for ip in ips.split(',') {
                            if !add(host, ip, item) {
                                problems.push((item.span, "bad host name"));
                            }
                        }
                    }
                    None => problems.push((item.span, "invalid additional host, missing IP")),
                }
            }
        }
        _ => return None,
    }
    for (span, what) in problems {
        loader.raise(Raised::error(Code::BadValue, format!("{path}: {what}")).at(span).help("write HOST=IP"));
    }
    if out.is_empty() {
        return None;
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    Some(Node {
        value: Value::List(out.into_iter().map(|(_, node)| node).collect()),
        span: node.span,
        story: node.story,
    })
}

fn count(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    match &node.value {
        Value::Text(text) if text.eq_ignore_ascii_case("all") => Some(node.with(Value::Int(-1))),
        Value::Text(text) if text.parse::<i64>().is_err() => {
            bad(Code::BadValue, &node, path, "the only value allowed is 'all' or a number", loader)
        }
        _ => int(node, path, loader).filter(|node| node.as_int() != Some(0)),
    }
}

fn ssh(node: Node) -> Option<Node> {
    let Value::Map(map) = &node.value else { return None };
    let mut items: Vec<Node> = map
        .iter()
        .map(|entry| {
            let text = match entry.node.as_str() {
                Some(path) if !path.is_empty() => format!("{}={path}", entry.key),
                _ => entry.key.to_string(),
            };
            Node::text(text, entry.key_span.to(entry.node.span))
        })
        .collect();
    items.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    (!items.is_empty()).then(|| node.with(Value::List(items)))
}

fn ulimits(node: Node, path: &Path<'_>, loader: &mut Loader<'_>) -> Option<Node> {
    let Value::Map(map) = node.value else { return None };
    if map.is_empty() {
        return None;
    }
    let mut out = Map::with_capacity(map.len());
    for mut entry in map.into_entries() {
        let here = path.key(&entry.key);
        if let Value::Map(limits) = &entry.node.value {
            let mut both = Map::with_capacity(2);
            for key in ["soft", "hard"] {
                if let Some(limit) = limits.get(key) {
                    if matches!(limit.value, Value::Int(_)) {
                        both.push(key, limit.span, limit.clone());
                    } else if !limit.is_unknown() {
                        loader.raise(
                            Raised::error(
                                Code::BadValue,
                                format!("{here}.{key}: a limit must be an integer"),
                            )
                            .at(limit.span),
                        );
                    }
                }
            }
            entry.node.value = Value::Map(both);
        }
        out.entries_mut().push(entry);
    }
    out.sort();
    Some(Node { value: Value::Map(out), span: node.span, story: node.story })
}
