//! TLS towards upstreams and issuers.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The Mozilla root certificates, compiled in: reading the machine's would cost more than the rest of the start.
pub fn mozilla_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

/// TLS 1.2 and 1.3 towards servers that these roots vouch for. The error is ring's: it has no cipher for these versions.
pub fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
