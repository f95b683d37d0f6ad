//! The shapes of a Compose file, field by field, as compose-go 2.4.8 and 2.9.1 have them.
//!
//! A field that came later is [`Shape::Since`], one that changed [`Shape::Changed`].
//!
//! Field names and types are facts of the [Compose specification](https://github.com/compose-spec/compose-spec);
//! they are laid down here as one const table so that a reader can look a field up, and so that an unknown key can be
//! answered with the nearest known one.

use super::super::dialect::Dialect;
use super::super::model::Value;

/// The types a scalar may have, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    const STRING: u8 = 1;
    const BOOL: u8 = 2;
    const INTEGER: u8 = 4;
    const NUMBER: u8 = 8;
    const NULL: u8 = 16;

    pub(super) fn admits(self, value: &Value) -> bool {
        let bits = match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOL,
            Value::Int(_) | Value::Uint(_) => Self::INTEGER | Self::NUMBER,
            // JSON knows no difference between 1.0 and 1.
            Value::Float(f) if f.fract() == 0.0 => Self::INTEGER | Self::NUMBER,
            Value::Float(_) => Self::NUMBER,
            Value::Text(_) | Value::Time(_) => Self::STRING,
            Value::Unknown => return true,
            Value::List(_) | Value::Map(_) => return false,
        };
        self.0 & bits != 0
    }

    pub(super) fn names(self) -> String {
        const NAMES: [(u8, &str); 5] = [
            (Types::STRING, "a string"),
            (Types::BOOL, "a boolean"),
            (Types::INTEGER, "an integer"),
            (Types::NUMBER, "a number"),
            (Types::NULL, "null"),
        ];
        join(NAMES.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, name)| *name))
    }
}

pub(super) fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for name in names {
        if !out.is_empty() {
            out.push_str(" or ");
        }
        out.push_str(name);
    }
    out
}

/// The shape of a value.
#[derive(Debug)]
pub(super) enum Shape {
    /// A scalar of one of these types.
    Scalar(Types),
    /// A string out of a closed list.
    Word(&'static [&'static str]),
    /// An integer within a range; as text it is not checked, for a variable may still have to be cast.
    Ranged(i64, i64),
    /// A list; `true` where its items must differ.
    List(&'static Self, bool),
    /// A mapping.
    Object(&'static Object),
    /// A mapping or null.
    Nullable(&'static Object),
    /// Exactly one of several shapes, told apart by the kind of value.
    Either(&'static [Self]),
    /// Text in which one of these words stands somewhere, or `every_` with a time.
    Holds(&'static [&'static str]),
    /// Text with two characters of a container's name in a row.
    ContainerName,
    /// Of a field alone: it came with a release, of which some dialects are too old, or all.
    Since(&'static Release, &'static Self),
    /// Of a field alone: until a dialect, and from it on.
    Changed { before: &'static Self, from: Dialect, since: &'static Self },
}

/// The first release of Compose that knows a field.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) compose: &'static str,
    /// The first dialect with it; no dialect yet, where there is none.
    dialect: Option<Dialect>,
}

const COMPOSE_2_34: Release = Release { compose: "2.34.0", dialect: Some(Dialect::ComposeGo249) };
const COMPOSE_2_35: Release = Release { compose: "2.35.0", dialect: Some(Dialect::ComposeGo25) };
const COMPOSE_2_36: Release = Release { compose: "2.36.0", dialect: Some(Dialect::ComposeGo28) };
const COMPOSE_2_37: Release = Release { compose: "2.37.2", dialect: Some(Dialect::ComposeGo28) };
const COMPOSE_2_38: Release = Release { compose: "2.38.0", dialect: Some(Dialect::ComposeGo28) };
const COMPOSE_2_39: Release = Release { compose: "2.39.0", dialect: Some(Dialect::ComposeGo28) };
const COMPOSE_2_39_4: Release = Release { compose: "2.39.4", dialect: Some(Dialect::ComposeGo29) };
const COMPOSE_5_0: Release = Release { compose: "5.0.0", dialect: Some(Dialect::ComposeGo210) };
const COMPOSE_5_3: Release = Release { compose: "5.3.0", dialect: None };

/// The shape of a mapping.
#[derive(Debug)]
pub(super) struct Object {
    /// Known fields, sorted by name.
    pub(super) fields: &'static [(&'static str, Shape)],
    /// Keys that must be present.
    pub(super) required: &'static [&'static str],
    /// What other keys may be.
    pub(super) other: Other,
}

/// What a mapping admits beside its known fields.
#[derive(Debug)]
pub(super) enum Other {
    /// Nothing.
    Closed,
    /// `x-` extensions only.
    Extensions,
    /// Names of `a-zA-Z0-9._-`, each with this shape.
    Named(&'static Shape),
    /// Names of `a-zA-Z0-9._-` with this shape; anything else goes unchecked.
    NamedOrAny(&'static Shape),
    /// Lower-case names with this shape; anything else goes unchecked.
    LowerOrAny(&'static Shape),
    /// Any key with this shape, but for an empty one, which goes unchecked.
    NotEmptyOrAny(&'static Shape),
    /// Any key (but an empty one) with this shape.
    Each(&'static Shape),
    /// Any key, unchecked.
    Anything,
}

const STR: Shape = Shape::Scalar(Types(Types::STRING));
const BOOL: Shape = Shape::Scalar(Types(Types::BOOL));
const BOOL_STR: Shape = Shape::Scalar(Types(Types::BOOL | Types::STRING));
const INT_STR: Shape = Shape::Scalar(Types(Types::INTEGER | Types::STRING));
const INT: Shape = Shape::Scalar(Types(Types::INTEGER));
const STR_NUM_BOOL: Shape = Shape::Scalar(Types(Types::STRING | Types::NUMBER | Types::BOOL));
const NUM: Shape = Shape::Scalar(Types(Types::NUMBER));
const NUM_STR: Shape = Shape::Scalar(Types(Types::NUMBER | Types::STRING));
const STR_NULL: Shape = Shape::Scalar(Types(Types::STRING | Types::NULL));
const STR_NUM_NULL: Shape = Shape::Scalar(Types(Types::STRING | Types::NUMBER | Types::NULL));
const ENV_VALUE: Shape = Shape::Scalar(Types(Types::STRING | Types::NUMBER | Types::BOOL | Types::NULL));
const STRINGS: Shape = Shape::List(&STR, false);
const UNIQUE_STRINGS: Shape = Shape::List(&STR, true);
const STR_OR_STRINGS: Shape = Shape::Either(&[STR, UNIQUE_STRINGS]);
const STR_OR_LIST: Shape = Shape::Either(&[STR, STRINGS]);
const STR_NUM_LIST: Shape = Shape::List(&NUM_STR, true);
const LIST_OR_DICT: Shape = Shape::Either(&[
    Shape::Object(&Object { fields: &[], required: &[], other: Other::Each(&ENV_VALUE) }),
    UNIQUE_STRINGS,
]);
const COMMAND: Shape = Shape::Either(&[STR_NULL, STRINGS]);
const OPTIONS: Shape = Shape::Object(&Object { fields: &[], required: &[], other: Other::Each(&NUM_STR) });
const EXTRA_HOSTS: Shape = Shape::Either(&[
    Shape::Object(&Object { fields: &[], required: &[], other: Other::Each(&STR_OR_LIST) }),
    UNIQUE_STRINGS,
]);

/// Declares an [`Object`] whose other keys may only be extensions.
macro_rules! object {
    ($($name:literal : $shape:expr),* $(,)?) => { object!(@ Extensions, [] $($name : $shape),*) };
    (closed $($name:literal : $shape:expr),* $(,)?) => { object!(@ Closed, [] $($name : $shape),*) };
    (requires [$($req:literal),*] $($name:literal : $shape:expr),* $(,)?) => { object!(@ Extensions, [$($req),*] $($name : $shape),*) };
    (closed requires [$($req:literal),*] $($name:literal : $shape:expr),* $(,)?) => { object!(@ Closed, [$($req),*] $($name : $shape),*) };
    (@ $other:ident, [$($req:literal),*] $($name:literal : $shape:expr),*) => {
        Object { fields: &[$(($name, $shape)),*], required: &[$($req),*], other: Other::$other }
    };
}

const HOOK_FIELDS: &[(&str, Shape)] = &[
    ("command", COMMAND),
    ("environment", LIST_OR_DICT),
    ("privileged", BOOL_STR),
    ("user", STR),
    ("working_dir", STR),
];
const OLD_HOOK: Shape =
    Shape::Object(&Object { fields: HOOK_FIELDS, required: &[], other: Other::Extensions });
const NEW_HOOK: Shape =
    Shape::Object(&Object { fields: HOOK_FIELDS, required: &["command"], other: Other::Extensions });
const HOOK: Shape = Shape::Changed { before: &OLD_HOOK, from: Dialect::ComposeGo249, since: &NEW_HOOK };
const HOOKS: Shape = Shape::Changed {
    before: &Shape::List(&OLD_HOOK, false),
    from: Dialect::ComposeGo249,
    since: &Shape::List(&NEW_HOOK, false),
};

const FILE_MOUNTS: Shape = Shape::List(
    &Shape::Either(&[
        STR,
        Shape::Object(&object! {
            "gid": STR,
            "mode": NUM_STR,
            "source": STR,
            "target": STR,
            "uid": STR,
        }),
    ]),
    false,
);

const ULIMITS: Shape = Shape::Object(&Object {
    fields: &[],
    required: &[],
    other: Other::LowerOrAny(&Shape::Either(&[
        INT_STR,
        Shape::Object(&object! { requires ["soft", "hard"] "hard": INT_STR, "soft": INT_STR }),
    ])),
});

const BUILD: Shape = Shape::Either(&[
    STR,
    Shape::Object(&object! {
        "additional_contexts": LIST_OR_DICT,
        "args": LIST_OR_DICT,
        "cache_from": STRINGS,
        "cache_to": STRINGS,
        "context": STR,
        "dockerfile": STR,
        "dockerfile_inline": STR,
        "entitlements": STRINGS,
        "extra_hosts": EXTRA_HOSTS,
        "isolation": STR,
        "labels": LIST_OR_DICT,
        "network": STR,
        "no_cache": BOOL_STR,
        "no_cache_filter": Shape::Since(&COMPOSE_5_0, &STR_OR_STRINGS),
        "platforms": STRINGS,
        "privileged": BOOL_STR,
        "provenance": Shape::Since(&COMPOSE_2_39, &BOOL_STR),
        "pull": BOOL_STR,
        "sbom": Shape::Since(&COMPOSE_2_39, &BOOL_STR),
        "secrets": FILE_MOUNTS,
        "shm_size": INT_STR,
        "ssh": LIST_OR_DICT,
        "tags": STRINGS,
        "target": STR,
        "ulimits": ULIMITS,
    }),
]);

const BLKIO_LIMITS: Shape =
    Shape::List(&Shape::Object(&object! { closed "path": STR, "rate": INT_STR }), false);
const BLKIO_WEIGHTS: Shape =
    Shape::List(&Shape::Object(&object! { closed "path": STR, "weight": INT_STR }), false);
const BLKIO: Shape = Shape::Object(&object! { closed
    "device_read_bps": BLKIO_LIMITS,
    "device_read_iops": BLKIO_LIMITS,
    "device_write_bps": BLKIO_LIMITS,
    "device_write_iops": BLKIO_LIMITS,
    "weight": INT_STR,
    "weight_device": BLKIO_WEIGHTS,
});

const DEPENDS_ON: Shape = Shape::Either(&[
    UNIQUE_STRINGS,
    Shape::Object(&Object {
        fields: &[],
        required: &[],
        other: Other::Named(&Shape::Object(&object! { requires ["condition"]
            "condition": Shape::Word(&["service_started", "service_healthy", "service_completed_successfully"]),
            "required": BOOL,
            "restart": BOOL_STR,
        })),
    }),
]);

const DEVICES: Shape = Shape::List(
    &Shape::Either(&[
        STR,
        Shape::Object(&object! { requires ["source"] "permissions": STR, "source": STR, "target": STR }),
    ]),
    false,
);

const ENV_FILE: Shape = Shape::Either(&[
    STR,
    Shape::List(
        &Shape::Either(&[
            STR,
            Shape::Object(
                &object! { closed requires ["path"] "format": STR, "path": STR, "required": BOOL_STR },
            ),
        ]),
        false,
    ),
]);

const EXTENDS: Shape = Shape::Either(&[
    STR,
    Shape::Object(&object! { closed requires ["service"] "file": STR, "service": STR }),
]);

const DEVICE_REQUESTS: Shape = Shape::List(
    &Shape::Object(&object! { requires ["capabilities"]
        "capabilities": UNIQUE_STRINGS,
        "count": INT_STR,
        "device_ids": UNIQUE_STRINGS,
        "driver": STR,
        "options": LIST_OR_DICT,
    }),
    false,
);

const GPUS: Shape = Shape::Either(&[
    Shape::Word(&["all"]),
    Shape::List(
        // The specification leaves the items of this list open.
        &Shape::Object(&Object {
            fields: &[
                ("capabilities", UNIQUE_STRINGS),
                ("count", INT_STR),
                ("device_ids", UNIQUE_STRINGS),
                ("driver", STR),
                ("options", LIST_OR_DICT),
            ],
            required: &[],
            other: Other::Anything,
        }),
        false,
    ),
]);

const HEALTHCHECK: Shape = Shape::Object(&object! {
    "disable": BOOL_STR,
    "interval": STR,
    "retries": NUM_STR,
    "start_interval": STR,
    "start_period": STR,
    "test": STR_OR_LIST,
    "timeout": STR,
});

const LOGGING: Shape = Shape::Object(&object! {
    "driver": STR,
    "options": Shape::Object(&Object { fields: &[], required: &[], other: Other::Each(&STR_NUM_NULL) }),
});

const SERVICE_NETWORKS: Shape = Shape::Either(&[
    UNIQUE_STRINGS,
    Shape::Object(&Object {
        fields: &[],
        required: &[],
        other: Other::Named(&Shape::Nullable(&object! {
            "aliases": UNIQUE_STRINGS,
            "driver_opts": OPTIONS,
            "gw_priority": NUM,
            "interface_name": Shape::Since(&COMPOSE_2_36, &STR),
            "ipv4_address": STR,
            "ipv6_address": STR,
            "link_local_ips": UNIQUE_STRINGS,
            "mac_address": STR,
            "priority": NUM,
        })),
    }),
]);

const SERVICE_MODELS: Shape = Shape::Either(&[
    UNIQUE_STRINGS,
    Shape::Object(&Object {
        fields: &[],
        required: &[],
        other: Other::NamedOrAny(&Shape::Nullable(&object! { "endpoint_var": STR, "model_var": STR })),
    }),
]);

const PROVIDER: Shape = Shape::Object(&object! { requires ["type"]
    "options": Shape::Object(&Object {
        fields: &[],
        required: &[],
        other: Other::NotEmptyOrAny(&Shape::Either(&[STR_NUM_BOOL, Shape::List(&STR_NUM_BOOL, false)])),
    }),
    "type": STR,
});

const PORTS: Shape = Shape::List(
    &Shape::Either(&[
        NUM_STR,
        Shape::Object(&object! {
            "app_protocol": STR,
            "host_ip": STR,
            "mode": STR,
            "name": STR,
            "protocol": STR,
            "published": INT_STR,
            "target": INT_STR,
        }),
    ]),
    true,
);

const VOLUME_MOUNTS: Shape = Shape::List(
    &Shape::Either(&[
        STR,
        Shape::Object(&object! { requires ["type"]
            "bind": Shape::Object(&object! {
                "create_host_path": BOOL_STR,
                "propagation": STR,
                "recursive": Shape::Word(&["enabled", "disabled", "writable", "readonly"]),
                "selinux": Shape::Word(&["z", "Z"]),
            }),
            "consistency": STR,
            "image": Shape::Since(&COMPOSE_2_35, &Shape::Object(&object! { "subpath": STR })),
            "read_only": BOOL_STR,
            "source": STR,
            "target": STR,
            "tmpfs": Shape::Object(&object! { "mode": NUM_STR, "size": Shape::Ranged(0, i64::MAX) }),
            "type": Shape::Changed {
                before: &STR,
                from: Dialect::ComposeGo28,
                since: &Shape::Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]),
            },
            "volume": Shape::Object(&object! {
                "labels": Shape::Since(&COMPOSE_2_35, &LIST_OR_DICT),
                "nocopy": BOOL_STR,
                "subpath": STR,
            }),
        }),
    ]),
    true,
);

const ROLLOUT: Shape = Shape::Object(&object! {
    "delay": STR,
    "failure_action": STR,
    "max_failure_ratio": NUM_STR,
    "monitor": STR,
    "order": Shape::Word(&["start-first", "stop-first"]),
    "parallelism": INT_STR,
});

const DEPLOY: Shape = Shape::Nullable(&object! {
    "endpoint_mode": STR,
    "labels": LIST_OR_DICT,
    "mode": STR,
    "placement": Shape::Object(&object! {
        "constraints": STRINGS,
        "max_replicas_per_node": INT_STR,
        "preferences": Shape::List(&Shape::Object(&object! { "spread": STR }), false),
    }),
    "replicas": INT_STR,
    "resources": Shape::Object(&object! {
        "limits": Shape::Object(&object! { "cpus": NUM_STR, "memory": STR, "pids": INT_STR }),
        "reservations": Shape::Object(&object! {
            "cpus": NUM_STR,
            "devices": DEVICE_REQUESTS,
            "generic_resources": Shape::List(&Shape::Object(&object! {
                "discrete_resource_spec": Shape::Object(&object! { "kind": STR, "value": NUM_STR }),
            }), false),
            "memory": STR,
        }),
    }),
    "restart_policy": Shape::Object(&object! {
        "condition": STR,
        "delay": STR,
        "max_attempts": INT_STR,
        "window": STR,
    }),
    "rollback_config": ROLLOUT,
    "update_config": ROLLOUT,
});

const DEVELOP: Shape = Shape::Nullable(&object! {
    "watch": Shape::List(&Shape::Object(&object! { requires ["path", "action"]
        "action": Shape::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]),
        "exec": HOOK,
        "ignore": Shape::Changed { before: &STRINGS, from: Dialect::ComposeGo26, since: &STR_OR_STRINGS },
        "include": Shape::Since(&COMPOSE_2_34, &STR_OR_STRINGS),
        "initial_sync": Shape::Since(&COMPOSE_2_39_4, &BOOL),
        "path": STR,
        "target": STR,
    }), false),
});

const SERVICE: Object = object! {
    "annotations": LIST_OR_DICT,
    "attach": BOOL_STR,
    "blkio_config": BLKIO,
    "build": BUILD,
    "cap_add": UNIQUE_STRINGS,
    "cap_drop": UNIQUE_STRINGS,
    "cgroup": Shape::Word(&["host", "private"]),
    "cgroup_parent": STR,
    "command": COMMAND,
    "configs": FILE_MOUNTS,
    "container_name": Shape::Changed {
        before: &STR,
        from: Dialect::ComposeGo26,
        since: &Shape::ContainerName,
    },
    "cpu_count": Shape::Ranged(0, i64::MAX),
    "cpu_percent": Shape::Ranged(0, 100),
    "cpu_period": NUM_STR,
    "cpu_quota": NUM_STR,
    "cpu_rt_period": NUM_STR,
    "cpu_rt_runtime": NUM_STR,
    "cpu_shares": NUM_STR,
    "cpus": NUM_STR,
    "cpuset": STR,
    "credential_spec": Shape::Object(&object! { "config": STR, "file": STR, "registry": STR }),
    "depends_on": DEPENDS_ON,
    "deploy": DEPLOY,
    "develop": DEVELOP,
    "device_cgroup_rules": UNIQUE_STRINGS,
    "devices": DEVICES,
    "dns": STR_OR_STRINGS,
    "dns_opt": UNIQUE_STRINGS,
    "dns_search": STR_OR_STRINGS,
    "domainname": STR,
    "entrypoint": COMMAND,
    "env_file": ENV_FILE,
    "environment": LIST_OR_DICT,
    "expose": STR_NUM_LIST,
    "extends": EXTENDS,
    "external_links": UNIQUE_STRINGS,
    "extra_hosts": EXTRA_HOSTS,
    "gpus": GPUS,
    "group_add": STR_NUM_LIST,
    "healthcheck": HEALTHCHECK,
    "hostname": STR,
    "image": STR,
    "init": BOOL_STR,
    "ipc": STR,
    "isolation": STR,
    "label_file": STR_OR_LIST,
    "labels": LIST_OR_DICT,
    "links": UNIQUE_STRINGS,
    "logging": LOGGING,
    "mac_address": STR,
    "mem_limit": NUM_STR,
    "mem_reservation": INT_STR,
    "mem_swappiness": INT_STR,
    "memswap_limit": NUM_STR,
    "models": Shape::Since(&COMPOSE_2_38, &SERVICE_MODELS),
    "network_mode": STR,
    "networks": SERVICE_NETWORKS,
    "oom_kill_disable": BOOL_STR,
    "oom_score_adj": Shape::Ranged(-1000, 1000),
    "pid": STR_NULL,
    "pids_limit": NUM_STR,
    "platform": STR,
    "ports": PORTS,
    "post_start": HOOKS,
    "pre_start": Shape::Since(&COMPOSE_5_3, &HOOKS),
    "pre_stop": HOOKS,
    "privileged": BOOL_STR,
    "profiles": UNIQUE_STRINGS,
    "provider": Shape::Since(&COMPOSE_2_35, &PROVIDER),
    "pull_policy": Shape::Changed {
        before: &Shape::Word(&["always", "never", "if_not_present", "build", "missing"]),
        from: Dialect::ComposeGo249,
        since: &Shape::Holds(&[
            "always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly",
        ]),
    },
    "pull_refresh_after": Shape::Since(&COMPOSE_2_34, &STR),
    "read_only": BOOL_STR,
    "restart": STR,
    "runtime": STR,
    "scale": INT_STR,
    "secrets": FILE_MOUNTS,
    "security_opt": UNIQUE_STRINGS,
    "shm_size": NUM_STR,
    "stdin_open": BOOL_STR,
    "stop_grace_period": STR,
    "stop_signal": STR,
    "storage_opt": Shape::Object(&Object { fields: &[], required: &[], other: Other::Anything }),
    "sysctls": LIST_OR_DICT,
    "tmpfs": STR_OR_STRINGS,
    "tty": BOOL_STR,
    "ulimits": ULIMITS,
    "use_api_socket": Shape::Since(&COMPOSE_2_37, &BOOL),
    "user": STR,
    "userns_mode": STR,
    "uts": STR,
    "volumes": VOLUME_MOUNTS,
    "volumes_from": UNIQUE_STRINGS,
    "working_dir": STR,
};

const EXTERNAL: Shape = Shape::Either(&[BOOL_STR, Shape::Object(&object! { "name": STR })]);
/// Secrets and configs leave the inside of `external` open.
const EXTERNAL_OPEN: Shape = Shape::Either(&[
    BOOL_STR,
    Shape::Object(&Object { fields: &[("name", STR)], required: &[], other: Other::Anything }),
]);

const NETWORK: Shape = Shape::Nullable(&object! {
    "attachable": BOOL_STR,
    "driver": STR,
    "driver_opts": OPTIONS,
    "enable_ipv4": BOOL_STR,
    "enable_ipv6": BOOL_STR,
    "external": EXTERNAL,
    "internal": BOOL_STR,
    "ipam": Shape::Object(&object! {
        "config": Shape::List(&Shape::Object(&object! {
            "aux_addresses": Shape::Object(&Object { fields: &[], required: &[], other: Other::Each(&STR) }),
            "gateway": STR,
            "ip_range": STR,
            "subnet": STR,
        }), false),
        "driver": STR,
        "options": Shape::Object(&Object { fields: &[], required: &[], other: Other::Each(&STR) }),
    }),
    "labels": LIST_OR_DICT,
    "name": STR,
});

const VOLUME: Shape = Shape::Nullable(&object! {
    "driver": STR,
    "driver_opts": OPTIONS,
    "external": EXTERNAL,
    "labels": LIST_OR_DICT,
    "name": STR,
});

const SECRET: Shape = Shape::Object(&object! {
    "driver": STR,
    "driver_opts": OPTIONS,
    "environment": STR,
    "external": EXTERNAL_OPEN,
    "file": STR,
    "labels": LIST_OR_DICT,
    "name": STR,
    "template_driver": STR,
});

const CONFIG: Shape = Shape::Object(&object! {
    "content": STR,
    "environment": STR,
    "external": EXTERNAL_OPEN,
    "file": STR,
    "labels": LIST_OR_DICT,
    "name": STR,
    "template_driver": STR,
});

const fn named(shape: &'static Shape) -> Object {
    Object { fields: &[], required: &[], other: Other::Named(shape) }
}

/// The whole file.
pub(super) const PROJECT: Object = object! {
    "configs": Shape::Object(&named(&CONFIG)),
    "include": Shape::List(&Shape::Either(&[
        STR,
        Shape::Object(&object! { closed
            "env_file": STR_OR_STRINGS,
            "path": STR_OR_STRINGS,
            "project_directory": STR,
        }),
    ]), false),
    "models": Shape::Since(&COMPOSE_2_38, &Shape::Object(&Object {
        fields: &[],
        required: &[],
        other: Other::NamedOrAny(&Shape::Object(&object! { requires ["model"]
            "context_size": INT,
            "model": STR,
            "name": STR,
            "runtime_flags": STRINGS,
        })),
    })),
    "name": STR,
    "networks": Shape::Object(&Object { fields: &[], required: &[], other: Other::NamedOrAny(&NETWORK) }),
    "secrets": Shape::Object(&named(&SECRET)),
    "services": Shape::Object(&named(&Shape::Object(&SERVICE))),
    "version": STR,
    "volumes": Shape::Object(&named(&VOLUME)),
};

impl Shape {
    /// What a field is in a dialect; the first release that knows it, where this one does not.
    pub(super) fn of(&self, dialect: Dialect) -> Result<&Self, &'static Release> {
        match self {
            Self::Since(release, shape) => match release.dialect {
                Some(since) if since <= dialect => shape.of(dialect),
                _ => Err(release),
            },
            Self::Changed { before, from, since } => Ok(if *from <= dialect { since } else { before }),
            shape => Ok(shape),
        }
    }

    /// True where a value is of this shape's kind, right or wrong in its details.
    pub(super) fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Scalar(types) => types.admits(value),
            Self::Word(_) | Self::Ranged(..) | Self::Holds(_) | Self::ContainerName => {
                matches!(value, Value::Text(_))
            }
            Self::List(..) => matches!(value, Value::List(_)),
            Self::Object(_) => matches!(value, Value::Map(_)),
            Self::Nullable(_) => matches!(value, Value::Map(_) | Value::Null),
            Self::Either(shapes) => shapes.iter().any(|shape| shape.takes(value)),
            Self::Since(_, shape) | Self::Changed { since: shape, .. } => shape.takes(value),
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Scalar(types) => types.names(),
            Self::Word(_) | Self::Holds(_) | Self::ContainerName => "a string".to_owned(),
            Self::Ranged(..) => "an integer".to_owned(),
            Self::List(..) => "a list".to_owned(),
            Self::Object(_) | Self::Nullable(_) => "a mapping".to_owned(),
            Self::Either(shapes) => {
                join(shapes.iter().map(Self::name).collect::<Vec<_>>().iter().map(String::as_str))
            }
            Self::Since(_, shape) | Self::Changed { since: shape, .. } => shape.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(object: &Object, name: &str) {
        for pair in object.fields.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{name}: {} before {}", pair[0].0, pair[1].0);
        }
        for (field, shape) in object.fields {
            walk(shape, field);
        }
        match &object.other {
            Other::Named(shape)
            | Other::NamedOrAny(shape)
            | Other::LowerOrAny(shape)
            | Other::NotEmptyOrAny(shape)
            | Other::Each(shape) => walk(shape, name),
            _ => {}
        }
    }

    fn walk(shape: &Shape, name: &str) {
        match shape {
            Shape::Object(object) | Shape::Nullable(object) => sorted(object, name),
            Shape::List(item, _) => walk(item, name),
            Shape::Either(shapes) => shapes.iter().for_each(|shape| walk(shape, name)),
            Shape::Since(_, shape) | Shape::Changed { since: shape, .. } => walk(shape, name),
            _ => {}
        }
    }

    #[test]
    fn fields_are_sorted_for_the_binary_search() {
        sorted(&PROJECT, "project");
    }
}
