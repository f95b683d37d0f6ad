//! Every field once, with its final type, in the order in which `docker compose config` prints them.
//!
//! The tables drive [`typed`](super::typed) and the writers in [`write`](super::write).

use super::dialect::Dialect;

/// A record: its fields in Compose's order. Other keys are extensions.
#[derive(Debug)]
pub(crate) struct Record(&'static [Field]);

impl Record {
    /// The fields of a dialect.
    pub(crate) fn fields(&self, dialect: Dialect) -> impl Iterator<Item = &'static Field> + use<> {
        self.0.iter().filter(move |field| field.is_in(dialect))
    }
}

/// A field of a record.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The name in JSON, where it differs.
    pub(crate) json: Option<&'static str>,
    pub(crate) form: Form,
    /// What JSON shows where the field is absent.
    pub(crate) absent: Absent,
    /// The first dialect that has the field here, and the first that has it no longer.
    since: Dialect,
    until: Option<Dialect>,
}

impl Field {
    /// True where the field is one of a dialect's.
    fn is_in(&self, dialect: Dialect) -> bool {
        self.since <= dialect && self.until.is_none_or(|until| dialect < until)
    }

    const fn since(self, since: Dialect) -> Self {
        Self { since, ..self }
    }

    const fn until(self, until: Dialect) -> Self {
        Self { until: Some(until), ..self }
    }
}

/// What JSON shows for an absent field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    Nothing,
    Null,
    /// The record, with what its own fields show.
    Record,
    /// The field's zero, which YAML shows as well.
    Zero,
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
    /// A file's mode: an integer, or octal text; printed as octal text.
    OctalMode,
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
    /// A text or a boolean, printed.
    Printed1,
    /// A mapping to lists of texts, of which numbers are printed.
    Repeated,
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
    kept(name, form, Absent::Nothing)
}

/// A field with another name in JSON, which is shown whatever it is.
const fn spelt(name: &'static str, json: &'static str, form: Form) -> Field {
    Field { json: Some(json), ..kept(name, form, Absent::Zero) }
}

const fn kept(name: &'static str, form: Form, absent: Absent) -> Field {
    Field { name, json: None, form, absent, since: Dialect::ComposeGo24, until: None }
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
    field("mode", Form::OptionalUnsigned).until(Dialect::ComposeGo249),
    field("mode", Form::OctalMode).since(Dialect::ComposeGo249),
]);

const BUILD: Record = Record(&[
    field("context", Form::Text),
    field("dockerfile", Form::Text),
    field("dockerfile_inline", Form::Text),
    field("entitlements", Form::Texts),
    field("args", Form::Environment),
    field("provenance", Form::Printed1).since(Dialect::ComposeGo28),
    field("sbom", Form::Printed1).since(Dialect::ComposeGo28),
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
    field("include", Form::Texts).since(Dialect::ComposeGo249),
    field("ignore", Form::Texts),
    field("initial_sync", Form::Flag).since(Dialect::ComposeGo29),
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

// compose-go 2.4 admits `gw_priority` and drops it.
const SERVICE_NETWORK: Record = Record(&[
    field("priority", Form::Int).until(Dialect::ComposeGo26),
    field("aliases", Form::Texts),
    field("driver_opts", Form::Pairs).since(Dialect::ComposeGo26),
    field("gw_priority", Form::Int).since(Dialect::ComposeGo249),
    field("interface_name", Form::Text).since(Dialect::ComposeGo28),
    field("ipv4_address", Form::Text),
    field("ipv6_address", Form::Text),
    field("link_local_ips", Form::Texts),
    field("mac_address", Form::Text),
    field("driver_opts", Form::Pairs).until(Dialect::ComposeGo26),
    field("priority", Form::Int).since(Dialect::ComposeGo26),
]);

const SERVICE_MODEL: Record = Record(&[field("endpoint_var", Form::Text), field("model_var", Form::Text)]);

const PROVIDER: Record = Record(&[field("type", Form::Text), field("options", Form::Repeated)]);

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
    field(
        "volume",
        Form::Record(&Record(&[
            field("labels", Form::Pairs).since(Dialect::ComposeGo26),
            field("nocopy", Form::Flag),
            field("subpath", Form::Text),
        ])),
    ),
    field("tmpfs", Form::Record(&Record(&[field("size", Form::Bytes), field("mode", Form::Unsigned)]))),
    field("image", Form::Record(&Record(&[field("subpath", Form::Text)]))).since(Dialect::ComposeGo26),
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
    field("provider", Form::Record(&PROVIDER)).since(Dialect::ComposeGo25),
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
    field("models", Form::Named(&SERVICE_MODEL, true)).since(Dialect::ComposeGo28),
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
    field("use_api_socket", Form::Flag).since(Dialect::ComposeGo28),
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

/// A model.
pub(crate) const MODEL: Record = Record(&[
    field("name", Form::Text),
    field("model", Form::Text),
    field("context_size", Form::Int),
    field("runtime_flags", Form::Texts),
]);

/// The record of a section's resources.
pub(crate) fn record_of(section: &str) -> Option<&'static Record> {
    match section {
        "services" => Some(&SERVICE),
        "networks" => Some(&NETWORK),
        "volumes" => Some(&VOLUME),
        "secrets" | "configs" => Some(&FILE_OBJECT),
        "models" => Some(&MODEL),
        _ => None,
    }
}
