//! Whom the DynamoDB client trusts: the five roots of Amazon Trust Services, and what `AWS_CA_BUNDLE` adds.
//!
//! The machine's own roots are not read: a Lambda function has no say over them, and parsing some 140 certificates
//! costs every cold start. Reading these five takes 0.2 ms in an unoptimised build, at the client's first use. `amazon-roots.pem` is held against Mozilla's list by a test.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::upstream::tls::client_config;

/// Amazon Root CA 1 to 4 and Starfield Services Root Certificate Authority - G2
/// (<https://www.amazontrust.com/repository/>).
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// TLS towards DynamoDB: rustls on ring, no native roots.
pub(super) fn tls(ca_bundle: Option<&Path>) -> Result<ClientConfig, String> {
    let unusable = |error: &dyn std::fmt::Display| format!("the DynamoDB client's trust roots cannot be used: {error}");
    let mut roots = RootCertStore::empty();
    let more = ca_bundle.map(read_ca_bundle).transpose()?.unwrap_or_default();
    for pem in [AMAZON_ROOTS, &more] {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| unusable(&error))?;
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
    }
    client_config(roots).map_err(|error| unusable(&error))
}

/// Reads and checks the file of `AWS_CA_BUNDLE` (PEM). The error
/// names the file, ready to be shown.
pub fn read_ca_bundle(path: &Path) -> Result<Vec<u8>, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("AWS_CA_BUNDLE: {}: {why}", path.display());
    let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() {
        Err(wrong(&"no certificate in it"))
    } else {
        Ok(pem)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn bundle(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn the_amazon_roots_are_the_ones_mozilla_trusts() {
        let ours: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(AMAZON_ROOTS)
            .collect::<Result<_, _>>()
            .unwrap();
        let names: [&[u8]; 5] = [
            b"Amazon Root CA 1",
            b"Amazon Root CA 2",
            b"Amazon Root CA 3",
            b"Amazon Root CA 4",
            b"Starfield Services Root Certificate Authority - G2",
        ];
        assert_eq!(ours.len(), names.len());
        for (certificate, name) in ours.iter().zip(names) {
            assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.contains(certificate));
            assert!(
                certificate.windows(name.len()).any(|window| window == name),
                "{}",
                name.escape_ascii()
            );
        }
    }

    #[test]
    fn a_good_bundle_is_taken_with_several_certificates() {
        let file = bundle(AMAZON_ROOTS);
        assert_eq!(read_ca_bundle(file.path()).unwrap(), AMAZON_ROOTS);
        assert!(tls(Some(file.path())).is_ok());
    }

    #[test]
    fn a_bad_bundle_is_an_error_that_names_the_file_and_never_a_panic() {
        let not_a_certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let not_base64 = b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
        let unfinished = &AMAZON_ROOTS[..AMAZON_ROOTS.len() - 60];
        let other_kind = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let hostile: [&[u8]; 7] = [
            b"",
            b"\0\xff\xfe",
            b"plain text",
            not_a_certificate,
            not_base64,
            unfinished,
            other_kind,
        ];
        for content in hostile {
            let file = bundle(content);
            let error = tls(Some(file.path())).unwrap_err();
            assert!(
                error.starts_with(&format!("AWS_CA_BUNDLE: {}: ", file.path().display())),
                "{error}"
            );
        }
        let error = tls(Some(Path::new("/nowhere/roots.pem"))).unwrap_err();
        assert!(
            error.starts_with("AWS_CA_BUNDLE: /nowhere/roots.pem: No such file"),
            "{error}"
        );
    }
}
