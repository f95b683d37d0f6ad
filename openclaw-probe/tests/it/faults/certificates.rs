//! Certificates that are trusted, and those that are not.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;

/// The one root of these tests, made once.
pub(crate) fn root() -> &'static CertifiedIssuer<'static, KeyPair> {
    static ROOT: std::sync::OnceLock<CertifiedIssuer<'static, KeyPair>> = std::sync::OnceLock::new();
    ROOT.get_or_init(|| {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(rcgen::DnType::CommonName, "root of the fault server");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root")
    })
}

/// A server's side of TLS with a certificate for `names` as `change` makes it, signed by the root or by itself.
pub(crate) fn server(
    names: &[&str],
    trusted: bool,
    change: impl FnOnce(&mut CertificateParams),
) -> Arc<rustls::ServerConfig> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    let certificate = if trusted { params.signed_by(&key, root()) } else { params.self_signed(&key) }
        .expect("a certificate");
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("a pair");
    Arc::new(config)
}
