//! TLS with one explicit provider and one set of roots for HTTP and WebSocket alike; no process-global state.

#[cfg(not(feature = "__tls"))]
use crate::codes::Code;
use crate::mask::Mask;
use crate::report::{Fault, RungOutput};
use crate::target::Target;

use super::Socket;
use super::tcp::Stream;

/// What the builder was told.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "__tls"), derive(Default))]
pub(crate) struct TlsOptions {
    #[cfg(feature = "__tls")]
    pub(crate) extra_pem: Vec<u8>,
    #[cfg(feature = "__tls")]
    pub(crate) system_roots: bool,
}

#[cfg(feature = "__tls")]
impl Default for TlsOptions {
    fn default() -> Self {
        Self { extra_pem: Vec::new(), system_roots: true }
    }
}

/// Why a prober cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The added roots are not PEM certificates.
    #[error("the added roots hold no readable certificate: {reason}")]
    Roots {
        /// What is wrong.
        reason: String,
    },
    /// The cryptographic provider cannot speak any TLS version.
    #[error("the TLS provider is unusable: {reason}")]
    Provider {
        /// What is wrong.
        reason: String,
    },
}

#[cfg(not(feature = "__tls"))]
pub(crate) struct TlsSetup;

#[cfg(not(feature = "__tls"))]
impl TlsSetup {
    pub(crate) fn new(_: TlsOptions) -> Result<Self, BuildError> {
        Ok(Self)
    }

    pub(crate) async fn connect(&self, _: &Target, _: Stream, _: &Mask) -> RungOutput<Socket> {
        Err(Fault::new(Code::TlsNotCompiled, "built without tls-ring and tls-aws-lc"))
    }
}

#[cfg(feature = "__tls")]
pub(crate) use with_tls::TlsSetup;

#[cfg(feature = "__tls")]
mod with_tls {
    use std::sync::{Arc, OnceLock};

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

    use super::{BuildError, Fault, Mask, RungOutput, Socket, Stream, Target, TlsOptions};
    use crate::classify;
    use crate::codes::Code;

    /// Roots and provider; read from the system when the first secure target comes, and then kept.
    pub(crate) struct TlsSetup {
        extra: Vec<CertificateDer<'static>>,
        system_roots: bool,
        builder: ConfigBuilder<ClientConfig, WantsVerifier>,
        config: OnceLock<Arc<ClientConfig>>,
    }

    impl TlsSetup {
        pub(crate) fn new(options: TlsOptions) -> Result<Self, BuildError> {
            let unreadable = |reason: String| BuildError::Roots { reason };
            let extra = CertificateDer::pem_slice_iter(&options.extra_pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| unreadable(error.to_string()))?;
            if extra.is_empty() && !options.extra_pem.is_empty() {
                return Err(unreadable("no PEM certificate block".to_owned()));
            }
            let mut store = RootCertStore::empty();
            for root in &extra {
                store.add(root.clone()).map_err(|error| unreadable(error.to_string()))?;
            }
            let builder = ClientConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .map_err(|error| BuildError::Provider { reason: error.to_string() })?;
            Ok(Self { extra, system_roots: options.system_roots, builder, config: OnceLock::new() })
        }

        /// The TLS rung: a handshake over a connected socket.
        pub(crate) async fn connect(
            &self,
            target: &Target,
            stream: Stream,
            mask: &Mask,
        ) -> RungOutput<Socket> {
            let name = match target.address() {
                Some(address) => ServerName::from(address),
                None => ServerName::try_from(target.host().to_owned()).map_err(|_| {
                    Fault::new(
                        Code::CertificateNameMismatch,
                        "the host is not a name that a certificate can carry",
                    )
                })?,
            };
            let connector = tokio_rustls::TlsConnector::from(self.config());
            let stream =
                connector.connect(name, stream).await.map_err(|error| classify::tls(&error, mask))?;
            let (_, session) = stream.get_ref();
            let version = session.protocol_version().and_then(|v| v.as_str().map(str::to_owned));
            Ok((Socket::Tls(Box::new(stream)), version.into_iter().collect()))
        }

        fn config(&self) -> Arc<ClientConfig> {
            Arc::clone(self.config.get_or_init(|| {
                Arc::new(self.builder.clone().with_root_certificates(self.roots()).with_no_client_auth())
            }))
        }

        fn roots(&self) -> RootCertStore {
            let mut store = RootCertStore::empty();
            if self.system_roots {
                // A broken certificate in the system's store must not hide the good ones; what is missing shows as
                // an unknown issuer.
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            store.add_parsable_certificates(self.extra.iter().cloned());
            store
        }
    }

    /// ring where it is compiled in, else aws-lc: with both features on, adding one changes nothing.
    fn provider() -> Arc<rustls::crypto::CryptoProvider> {
        #[cfg(feature = "tls-ring")]
        return Arc::new(rustls::crypto::ring::default_provider());
        #[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
        return Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    }
}
