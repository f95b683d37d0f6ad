//! Services that pass requests on, and the configuration that is mounted into them.

use crate::openclaw::rules::version;
use crate::source::{FileId, Text};

use super::files::{Found, Reader};
use super::services::{MountKind, Service, Services};

/// Programs that pass requests on, by image or service name.
const PROXIES: [&str; 8] = ["nginx", "traefik", "caddy", "haproxy", "envoy", "swag", "npm", "cloudflared"];

/// Where proxies look for their configuration when a directory is mounted.
const USUAL_FILES: [&str; 5] = [
    "/etc/caddy/Caddyfile",
    "/etc/nginx/nginx.conf",
    "/etc/nginx/conf.d/default.conf",
    "/etc/nginx/templates/default.conf.template",
    "/usr/local/etc/haproxy/haproxy.cfg",
];

/// The configuration that is mounted into a proxy; nothing for other services.
pub(crate) fn configuration(
    service: &Service<'_>,
    services: &Services<'_>,
    files: &mut Reader<'_>,
) -> Vec<(FileId, Text)> {
    if !is_proxy(service) {
        return Vec::new();
    }
    let binds = service.mounts.iter().filter(|mount| mount.kind == MountKind::Bind);
    let mut out: Vec<(FileId, Text)> = Vec::new();
    for path in binds.map(|mount| mount.target).chain(USUAL_FILES) {
        if let Found::Text(file, text) = files.inside(service, services, path)
            && !out.iter().any(|(known, _)| *known == file)
        {
            out.push((file, text));
        }
    }
    out
}

/// Whether it is one of the programs that pass requests on.
pub(crate) fn is_proxy(service: &Service<'_>) -> bool {
    let image = service.image.as_ref().map_or("", |image| version::repository(image.value));
    let word = image.rsplit('/').next().unwrap_or(image);
    PROXIES.iter().any(|proxy| word.starts_with(proxy) || service.name == *proxy)
}
