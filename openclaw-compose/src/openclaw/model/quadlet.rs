//! Containers that systemd runs through Podman's generator, as a `.container` file of theirs says: the container stands in the
//! place of a program of the host.

use crate::source::{FileId, Span, Text};
use crate::syntax::unit::{Setting, Word};

/// The container of a job.
#[derive(Default)]
pub(crate) struct Quadlet {
    pub(crate) image: Option<(Text, Span)>,
    /// `ContainerName=`, or the one that Podman's generator gives it.
    pub(crate) name: String,
    pub(crate) user: Option<(Text, Span)>,
    pub(crate) userns: Option<Text>,
    pub(crate) entrypoint: Vec<(Text, Span)>,
    /// `host`, `none` or a container's.
    pub(crate) network_mode: Option<(Text, Span)>,
    pub(crate) networks: Vec<Text>,
    pub(crate) ports: Vec<Published>,
    pub(crate) volumes: Vec<Volume>,
}

/// `PublishPort=`.
pub(crate) struct Published {
    pub(crate) host_ip: Option<Text>,
    pub(crate) published: Option<u16>,
    pub(crate) target: u16,
    pub(crate) udp: bool,
    pub(crate) span: Span,
}

/// `Volume=`.
pub(crate) struct Volume {
    /// The directory in the container.
    pub(crate) target: String,
    pub(crate) read_only: bool,
    /// `z` or `Z`, where it asks SELinux for a label.
    pub(crate) label: Option<char>,
    pub(crate) span: Span,
}

/// The section of a `.container` file that says what runs.
pub(crate) const SECTION: &str = "Container";

impl Quadlet {
    /// What the `[Container]` section says; nothing where there is none. `stem` is the file's name without its ending.
    pub(crate) fn read(settings: &[Setting<'_>], stem: &str, file: FileId) -> Option<Self> {
        let own: Vec<_> = settings.iter().filter(|setting| setting.section == SECTION).collect();
        let mut out = Self { name: format!("systemd-{stem}"), ..Self::default() };
        let at = |(word, range): Word| (Text::from(word), Span::from_range(file, range));
        for setting in &own {
            let mut words = setting.words();
            let whole = || (Text::from(setting.value()), Span::from_range(file, setting.range()));
            match setting.name {
                "Image" => out.image = Some(whole()),
                "ContainerName" => out.name = setting.value(),
                "User" => out.user = Some(whole()),
                "UserNS" => out.userns = Some(Text::from(setting.value())),
                "Entrypoint" => out.entrypoint = words.into_iter().map(at).collect(),
                "PublishPort" => out.ports.extend(words.pop().and_then(|word| published(word, file))),
                "Volume" => out.volumes.extend(words.pop().and_then(|word| volume(word, file))),
                "Network" => match words.pop().map(at) {
                    Some((mode, span)) if is_mode(mode.expose()) => out.network_mode = Some((mode, span)),
                    Some((network, _)) => out.networks.push(network),
                    None => out.networks.clear(),
                },
                _ => {}
            }
        }
        (!own.is_empty()).then_some(out)
    }

    /// The home of whoever runs in it, as far as where its state is mounted shows it.
    pub(crate) fn home(&self) -> String {
        let homes = self.volumes.iter().filter_map(|volume| volume.target.strip_suffix("/.openclaw"));
        homes.into_iter().next().unwrap_or("/home/node").to_owned()
    }
}

/// Whether a `Network=` names no network, but whose namespace it is.
fn is_mode(network: &str) -> bool {
    matches!(network, "host" | "none") || network.starts_with("container:")
}

/// `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`.
fn published((word, range): Word, file: FileId) -> Option<Published> {
    let (ports, protocol) = word.split_once('/').unwrap_or((&word, "tcp"));
    let (outer, target) = ports.rsplit_once(':').unwrap_or(("", ports));
    let (ip, published) = outer.rsplit_once(':').unwrap_or(("", outer));
    let ip = ip.trim_matches(['[', ']']);
    Some(Published {
        host_ip: (!ip.is_empty()).then(|| Text::from(ip)),
        published: published.parse().ok(),
        target: target.parse().ok()?,
        udp: protocol == "udp",
        span: Span::from_range(file, range),
    })
}

/// `[SOURCE:]TARGET[:OPTIONS]`.
fn volume((word, range): Word, file: FileId) -> Option<Volume> {
    let mut parts = word.split(':');
    let first = parts.next()?;
    let (target, options) = match (parts.next(), parts.next()) {
        (Some(target), options) if target.starts_with('/') => (target, options),
        (options, _) => (first, options),
    };
    let has = |option: &str| options.is_some_and(|options| options.split(',').any(|other| other == option));
    let label = ['Z', 'z'].into_iter().find(|label| has(&label.to_string()));
    let target = target.trim_end_matches('/').to_owned();
    Some(Volume { target, read_only: has("ro"), label, span: Span::from_range(file, range) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::unit;

    #[test]
    fn a_container_file_is_read_as_the_generator_does() {
        let text = "[Container]\nImage=ghcr.io/openclaw/openclaw:2026.9.6\nPublishPort=127.0.0.1:3200:18789\nPublishPort=[::1]:80:80/udp\n\
            PublishPort=9000\nVolume=%h/.openclaw:/home/node/.openclaw:Z,ro\nVolume=cache.volume:/cache\nVolume=/scratch\n\
            Network=host\nNetwork=web.network\nUser=1000\nUserNS=keep-id\n[Service]\nRestart=always\n";
        let file = FileId::new(0);
        let read = Quadlet::read(&unit::settings(text), "claw", file).unwrap();
        assert_eq!(read.name, "systemd-claw");
        let ports: Vec<_> = read
            .ports
            .iter()
            .map(|port| (port.host_ip.is_some(), port.published, port.target, port.udp))
            .collect();
        assert_eq!(
            ports,
            [(true, Some(3200), 18789, false), (true, Some(80), 80, true), (false, None, 9000, false)]
        );
        let volumes: Vec<_> =
            read.volumes.iter().map(|volume| (volume.target.as_str(), volume.read_only)).collect();
        assert_eq!(volumes, [("/home/node/.openclaw", true), ("/cache", false), ("/scratch", false)]);
        assert_eq!((read.volumes[0].label, read.volumes[1].label), (Some('Z'), None));
        assert_eq!(read.network_mode.as_ref().map(|(mode, _)| mode.expose()), Some("host"));
        assert_eq!((read.networks.len(), read.home().as_str()), (1, "/home/node"));
        assert!(Quadlet::read(&unit::settings("[Service]\nExecStart=/x\n"), "x", file).is_none());
    }
}
