//! The closed schema of a Compose file, as compose-go 2.4.8 has it, and the check of a tree against it.
//!
//! Field names and types are facts of the [Compose specification](https://github.com/compose-spec/compose-spec);
//! they are laid down here as one const table so that a reader can look a field up, and so that an unknown key can be
//! answered with the nearest known one.

use std::sync::Arc;

use crate::codes::Code;
use crate::source::Span;

use super::merge;
use super::model::{Node, Value};
use super::path::Path;
use super::raise::Raised;

/// What the check found in one place.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) kind: Kind,
    /// Path of the offending value, dotted.
    pub(crate) path: String,
    /// How many keys the path has.
    depth: usize,
    /// Where the primary mark belongs.
    pub(crate) span: Span,
    /// A second place worth showing (the twin of a repeated item).
    pub(crate) related: Option<Span>,
}

impl Violation {
    /// True for a null where something else belongs, as lines leave behind that cannot be read.
    pub(crate) fn is_gap(&self) -> bool {
        matches!(self.kind, Kind::WrongType { got: "null", .. })
    }
}

/// The kinds of violation.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A key the schema does not know, with the nearest known one.
    UnknownKey { key: String, nearest: Option<&'static str> },
    /// A name that the naming pattern refuses.
    BadName { name: String },
    /// A value of the wrong type.
    WrongType { expected: String, got: &'static str },
    /// A word outside a closed list.
    NotOneOf { expected: &'static [&'static str] },
    /// A required key is absent.
    Missing { key: &'static str },
    /// Two equal items in a list of unique items.
    Repeated { first: usize, second: usize },
    /// A number outside its range.
    OutOfRange { low: i64, high: i64 },
    /// A number JSON cannot express.
    NotFinite,
    /// An empty list that an earlier document left behind.
    LostList,
}

/// The types a scalar may have, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Types(u8);

impl Types {
    const STRING: u8 = 1;
    const BOOL: u8 = 2;
    const INTEGER: u8 = 4;
    const NUMBER: u8 = 8;
    const NULL: u8 = 16;

    fn admits(self, value: &Value) -> bool {
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

    fn names(self) -> String {
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

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
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
pub(crate) enum Shape {
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
}

/// The shape of a mapping.
#[derive(Debug)]
pub(crate) struct Object {
    /// Known fields, sorted by name.
    fields: &'static [(&'static str, Shape)],
    /// Keys that must be present.
    required: &'static [&'static str],
    /// What other keys may be.
    other: Other,
}

/// What a mapping admits beside its known fields.
#[derive(Debug)]
enum Other {
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
    /// Any key (but an empty one) with this shape.
    Each(&'static Shape),
    /// Any key, unchecked.
    Anything,
}

const STR: Shape = Shape::Scalar(Types(Types::STRING));
const BOOL: Shape = Shape::Scalar(Types(Types::BOOL));
const BOOL_STR: Shape = Shape::Scalar(Types(Types::BOOL | Types::STRING));
const INT_STR: Shape = Shape::Scalar(Types(Types::INTEGER | Types::STRING));
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

const HOOK: Shape = Shape::Object(&object! {
    "command": COMMAND,
    "environment": LIST_OR_DICT,
    "privileged": BOOL_STR,
    "user": STR,
    "working_dir": STR,
});

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
        "platforms": STRINGS,
        "privileged": BOOL_STR,
        "pull": BOOL_STR,
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
            "ipv4_address": STR,
            "ipv6_address": STR,
            "link_local_ips": UNIQUE_STRINGS,
            "mac_address": STR,
            "priority": NUM,
        })),
    }),
]);

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
            "read_only": BOOL_STR,
            "source": STR,
            "target": STR,
            "tmpfs": Shape::Object(&object! { "mode": NUM_STR, "size": Shape::Ranged(0, i64::MAX) }),
            "type": STR,
            "volume": Shape::Object(&object! { "nocopy": BOOL_STR, "subpath": STR }),
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
        "ignore": STRINGS,
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
    "container_name": STR,
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
    "network_mode": STR,
    "networks": SERVICE_NETWORKS,
    "oom_kill_disable": BOOL_STR,
    "oom_score_adj": Shape::Ranged(-1000, 1000),
    "pid": STR_NULL,
    "pids_limit": NUM_STR,
    "platform": STR,
    "ports": PORTS,
    "post_start": Shape::List(&HOOK, false),
    "pre_stop": Shape::List(&HOOK, false),
    "privileged": BOOL_STR,
    "profiles": UNIQUE_STRINGS,
    "pull_policy": Shape::Word(&["always", "never", "if_not_present", "build", "missing"]),
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
const PROJECT: Object = object! {
    "configs": Shape::Object(&named(&CONFIG)),
    "include": Shape::List(&Shape::Either(&[
        STR,
        Shape::Object(&object! { closed
            "env_file": STR_OR_STRINGS,
            "path": STR_OR_STRINGS,
            "project_directory": STR,
        }),
    ]), false),
    "name": STR,
    "networks": Shape::Object(&Object { fields: &[], required: &[], other: Other::NamedOrAny(&NETWORK) }),
    "secrets": Shape::Object(&named(&SECRET)),
    "services": Shape::Object(&named(&Shape::Object(&SERVICE))),
    "version": STR,
    "volumes": Shape::Object(&named(&VOLUME)),
};

/// Checks a tree, and puts [`Value::Unknown`] in place of what is wrong. The violation that Compose reports comes first.
/// `document` is the place of the document that was merged last.
pub(crate) fn check(root: &mut Node, document: Span) -> Vec<Violation> {
    let mut checker = Checker { document, found: Vec::new() };
    if checker.not_finite(root, &Path::ROOT) {
        return checker.found;
    }
    checker.object(root, &PROJECT, &Path::ROOT);
    let mut found = checker.found;
    // Compose names the deepest violation, a wrong type before others of the same depth.
    found.sort_by_key(|violation| {
        let depth = violation.depth;
        (std::cmp::Reverse(depth), !matches!(violation.kind, Kind::WrongType { .. }))
    });
    found
}

struct Checker {
    document: Span,
    found: Vec<Violation>,
}

impl Checker {
    fn report(&mut self, kind: Kind, path: &Path<'_>, span: Span) {
        self.found.push(Violation { kind, path: path.to_string(), depth: path.depth(), span, related: None });
    }

    /// JSON has no word for infinity, so that Compose cannot even check such a tree.
    fn not_finite(&mut self, node: &mut Node, path: &Path<'_>) -> bool {
        match &mut node.value {
            Value::Float(value) if !value.is_finite() => {
                node.value = Value::Unknown;
                self.report(Kind::NotFinite, path, node.span);
                true
            }
            Value::List(items) => {
                let mut any = false;
                for (number, item) in items.iter_mut().enumerate() {
                    any |= self.not_finite(item, &path.item(number));
                }
                any
            }
            Value::Map(map) => {
                let mut any = false;
                for entry in map.iter_mut() {
                    any |= self.not_finite(&mut entry.node, &path.key(&entry.key));
                }
                any
            }
            _ => false,
        }
    }

    fn node(&mut self, node: &mut Node, shape: &Shape, path: &Path<'_>) {
        if node.is_unknown() || self.is_lost(node, path) {
            if node.as_list().is_some() && !shape.takes(&Value::Null) {
                self.report(Kind::LostList, path, node.span);
                node.value = Value::Unknown;
            }
            return;
        }
        match shape {
            Shape::Scalar(types) => {
                if !types.admits(&node.value) {
                    self.wrong(node, types.names(), path);
                }
            }
            Shape::Word(words) => match &node.value {
                Value::Text(text) if words.contains(&text.as_str()) => {}
                Value::Text(_) => {
                    self.report(Kind::NotOneOf { expected: words }, path, node.span);
                    node.value = Value::Unknown;
                }
                _ => self.wrong(node, "a string".to_owned(), path),
            },
            Shape::Ranged(low, high) => self.ranged(node, *low, *high, path),
            Shape::List(item, unique) => self.list(node, item, *unique, path),
            Shape::Object(object) => self.object(node, object, path),
            Shape::Nullable(object) => {
                if !node.is_null() {
                    self.object(node, object, path);
                }
            }
            Shape::Either(shapes) => match shapes.iter().find(|shape| shape.takes(&node.value)) {
                Some(shape) => self.node(node, shape, path),
                None => {
                    let expected =
                        join(shapes.iter().map(Shape::name).collect::<Vec<_>>().iter().map(String::as_str));
                    self.wrong(node, expected, path);
                }
            },
        }
    }

    /// Making short forms long, Compose turns an empty list into null, which the next document's check then meets. Lists that
    /// hold a thing once are made anew behind that, and stay lists.
    fn is_lost(&self, node: &Node, path: &Path<'_>) -> bool {
        node.as_list().is_some_and(<[_]>::is_empty)
            && !self.document.contains(node.span)
            && !merge::holds_once(path)
    }

    fn wrong(&mut self, node: &mut Node, expected: String, path: &Path<'_>) {
        let got = node.value.kind_name();
        self.report(Kind::WrongType { expected, got }, path, node.span);
        node.value = Value::Unknown;
    }

    fn ranged(&mut self, node: &mut Node, low: i64, high: i64, path: &Path<'_>) {
        let inside = match &node.value {
            Value::Text(_) => true,
            Value::Int(value) => (low..=high).contains(value),
            Value::Uint(_) => high == i64::MAX,
            #[expect(clippy::cast_precision_loss, reason = "the bounds are small or the largest there is")]
            Value::Float(value) if value.fract() == 0.0 => *value >= low as f64 && *value <= high as f64,
            _ => return self.wrong(node, "an integer or a string".to_owned(), path),
        };
        if !inside {
            self.report(Kind::OutOfRange { low, high }, path, node.span);
            node.value = Value::Unknown;
        }
    }

    fn list(&mut self, node: &mut Node, shape: &Shape, unique: bool, path: &Path<'_>) {
        let Value::List(items) = &mut node.value else {
            return self.wrong(node, "a list".to_owned(), path);
        };
        for (number, item) in items.iter_mut().enumerate() {
            self.node(item, shape, &path.item(number));
        }
        if unique && let Some((first, second)) = repeated(items) {
            let (at, twin) =
                (items.get(second).map(|item| item.span), items.get(first).map(|item| item.span));
            self.found.push(Violation {
                kind: Kind::Repeated { first, second },
                path: path.to_string(),
                depth: path.depth(),
                span: at.unwrap_or(node.span),
                related: twin,
            });
            items.remove(second);
        }
        items.retain(|item| !item.is_unknown());
    }

    fn object(&mut self, node: &mut Node, object: &Object, path: &Path<'_>) {
        let span = node.span;
        let Value::Map(map) = &mut node.value else {
            return self.wrong(node, "a mapping".to_owned(), path);
        };
        for key in object.required {
            if !map.contains(key) {
                self.report(Kind::Missing { key }, path, span);
            }
        }
        let mut refused: Vec<Arc<str>> = Vec::new();
        for entry in map.iter_mut() {
            let (key, key_span) = (&entry.key, entry.key_span);
            if let Ok(at) = object.fields.binary_search_by(|(name, _)| (*name).cmp(key)) {
                if let Some((_, shape)) = object.fields.get(at) {
                    self.node(&mut entry.node, shape, &path.key(key));
                }
                continue;
            }
            let shape = match &object.other {
                Other::Anything => None,
                Other::Extensions if key.starts_with("x-") => None,
                Other::Closed | Other::Extensions => {
                    let nearest = nearest(key, object.fields.iter().map(|(name, _)| *name));
                    self.report(Kind::UnknownKey { key: key.to_string(), nearest }, path, key_span);
                    refused.push(key.clone());
                    continue;
                }
                Other::Named(shape) if is_name(key) => Some(shape),
                Other::Named(_) => {
                    self.report(Kind::BadName { name: key.to_string() }, path, key_span);
                    refused.push(key.clone());
                    continue;
                }
                Other::NamedOrAny(shape) => is_name(key).then_some(shape),
                Other::LowerOrAny(shape) => {
                    (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(shape)
                }
                Other::Each(_) if key.is_empty() => {
                    self.report(Kind::BadName { name: String::new() }, path, key_span);
                    refused.push(key.clone());
                    continue;
                }
                Other::Each(shape) => Some(shape),
            };
            if let Some(shape) = shape {
                self.node(&mut entry.node, shape, &path.key(key));
            }
        }
        for key in refused {
            map.remove(&key);
        }
    }
}

impl Shape {
    /// True where a value is of this shape's kind, right or wrong in its details.
    fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Scalar(types) => types.admits(value),
            Self::Word(_) | Self::Ranged(..) => matches!(value, Value::Text(_)),
            Self::List(..) => matches!(value, Value::List(_)),
            Self::Object(_) => matches!(value, Value::Map(_)),
            Self::Nullable(_) => matches!(value, Value::Map(_) | Value::Null),
            Self::Either(shapes) => shapes.iter().any(|shape| shape.takes(value)),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Scalar(types) => types.names(),
            Self::Word(_) => "a string".to_owned(),
            Self::Ranged(..) => "an integer".to_owned(),
            Self::List(..) => "a list".to_owned(),
            Self::Object(_) | Self::Nullable(_) => "a mapping".to_owned(),
            Self::Either(shapes) => {
                join(shapes.iter().map(Self::name).collect::<Vec<_>>().iter().map(String::as_str))
            }
        }
    }
}

fn is_name(key: &str) -> bool {
    !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// The numbers of the first two equal items.
fn repeated(items: &[Node]) -> Option<(usize, usize)> {
    if items.len() <= 16 {
        for (second, item) in items.iter().enumerate() {
            if let Some(first) = items.iter().take(second).position(|other| same_json(other, item)) {
                return Some((first, second));
            }
        }
        return None;
    }
    let mut seen = std::collections::HashMap::with_capacity(items.len());
    for (second, item) in items.iter().enumerate() {
        let text = if item.is_unknown() {
            format!("\u{0}{second}")
        } else {
            format!("{}{}", item.value.kind_name(), super::print::go(&item.value))
        };
        if let Some(first) = seen.insert(text, second) {
            return Some((first, second));
        }
    }
    None
}

fn same_json(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Unknown, _) | (_, Value::Unknown) => false,
        #[expect(clippy::cast_precision_loss, reason = "JSON numbers are compared by value")]
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|entry| b.get(&entry.key).is_some_and(|other| same_json(&entry.node, other)))
        }
        (a, b) => a == b,
    }
}

/// The candidate that is near enough to be what was meant.
pub(crate) fn nearest<'a>(key: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (key.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (distance(key, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits from one word to the other, a swap of neighbours being one; bounded to short words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(40).collect(), b.chars().take(40).collect());
    if a.len().abs_diff(b.len()) > 3 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

/// The finding for a violation.
pub(crate) fn report(violation: Violation) -> Raised {
    let Violation { kind, path, span, related, .. } = violation;
    let under = if path.is_empty() { "the top level".to_owned() } else { path.clone() };
    let mut raised = match kind {
        Kind::UnknownKey { key, nearest } => {
            let raised = Raised::error(
                Code::UnknownKey,
                format!("{under}: additional property {key:?} is not allowed"),
            );
            match nearest {
                Some(near) => raised.help(format!("did you mean `{near}`?")),
                None => raised.help("remove it, or begin its name with `x-`"),
            }
        }
        Kind::BadName { name } => Raised::error(
            Code::BadResourceName,
            format!("{under}: additional property {name:?} is not allowed"),
        )
        .help("names are made of a-z, A-Z, 0-9, `.`, `_` and `-`"),
        Kind::WrongType { expected, got } => {
            Raised::error(Code::WrongType, format!("{under} must be {expected}, not {got}"))
        }
        Kind::NotOneOf { expected } => {
            Raised::error(Code::NotOneOf, format!("{under} must be one of {}", expected.join(", ")))
        }
        Kind::Missing { key } => Raised::error(Code::MissingKey, format!("{under}: {key} is required")),
        Kind::Repeated { first, second } => {
            Raised::error(Code::RepeatedItem, format!("{under}: items {first} and {second} must be unique"))
                .help("remove one of them; a merge appends lists of this kind")
        }
        Kind::OutOfRange { low, high } => {
            let bound =
                if high == i64::MAX { format!("at least {low}") } else { format!("from {low} to {high}") };
            Raised::error(Code::OutOfRange, format!("{under} must be {bound}"))
        }
        Kind::LostList => Raised::error(
            Code::WrongType,
            format!("{under}: once a later document is merged, Compose takes this empty list for null, which cannot stand here"),
        )
        .help("leave the empty list out"),
        Kind::NotFinite => Raised::error(
            Code::NotFinite,
            format!("{under}: Compose cannot pass on infinity or not-a-number"),
        ),
    };
    raised = raised.at(span);
    if let Some(related) = related {
        raised = raised.related(related);
    }
    raised
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
            | Other::Each(shape) => walk(shape, name),
            _ => {}
        }
    }

    fn walk(shape: &Shape, name: &str) {
        match shape {
            Shape::Object(object) | Shape::Nullable(object) => sorted(object, name),
            Shape::List(item, _) => walk(item, name),
            Shape::Either(shapes) => shapes.iter().for_each(|shape| walk(shape, name)),
            _ => {}
        }
    }

    #[test]
    fn fields_are_sorted_for_the_binary_search() {
        sorted(&PROJECT, "project");
    }

    #[test]
    fn near_words_are_found() {
        let near = |key| nearest(key, SERVICE.fields.iter().map(|(name, _)| *name));
        assert_eq!(near("enviroment"), Some("environment"));
        assert_eq!(near("prots"), Some("ports"));
        assert_eq!(near("Image"), Some("image"));
        assert_eq!(near("kubernetes"), None);
    }
}
