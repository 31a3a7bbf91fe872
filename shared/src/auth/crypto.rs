//! The one crypto library behind JSON Web Signatures: `ring`, which TLS uses too, as a `jsonwebtoken` provider.
//!
//! Verifies and signs RS*, PS* (RFC 7518 sections 3.3 and 3.5), ES256, ES384 (section 3.4) and EdDSA with Ed25519
//! (RFC 8037). HMAC is left out on purpose: a gateway that can only verify with public keys cannot be talked into
//! taking a public key for a shared secret.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::digest;
use ring::error::Unspecified;
use ring::rand::SystemRandom;
use ring::signature::{self as ring_signature, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};

/// Makes `ring` what `jsonwebtoken` uses in this process. Call it before the first signature; calling it again, or
/// after somebody else's choice, changes nothing.
pub fn install() {
    // `Err` says that a provider is installed already, which is what was asked for.
    let _ = RING.install_default();
}

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        same_family(*algorithm, key.family())?;
        Ok(Box::new(RingSigner {
            algorithm: *algorithm,
            key: key.clone(),
        }))
    },
    verifier_factory: |algorithm, key| {
        same_family(*algorithm, key.family())?;
        Ok(Box::new(RingVerifier {
            algorithm: *algorithm,
            key: key.clone(),
        }))
    },
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: rsa_components,
        // `ring` reads such a key only to verify with it.
        rsa_pub_components_from_public_key: |_| Err(ErrorKind::InvalidKeyFormat.into()),
        ec_pub_components_from_private_key: ec_components,
        ed_pub_components_from_private_key: ed_component,
        compute_digest: |data, hash| Ok(digest::digest(digest_of(hash)?, data).as_ref().to_vec()),
    },
};

fn same_family(algorithm: Algorithm, key: AlgorithmFamily) -> Result<()> {
    match algorithm.family() {
        AlgorithmFamily::Hmac => Err(ErrorKind::UnsupportedAlgorithm.into()),
        family if family != key => Err(ErrorKind::InvalidAlgorithm.into()),
        _ => Ok(()),
    }
}

struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), SignatureError> {
        match self.key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => match rsa_parameters(self.algorithm) {
                Some(parameters) => {
                    ring_signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
                }
                None => Err(Unspecified),
            },
            DecodingKeyKind::SecretOrDer(bytes) => match verification(self.algorithm) {
                Some(scheme) => ring_signature::UnparsedPublicKey::new(scheme, bytes).verify(message, signature),
                None => Err(Unspecified),
            },
        }
        .map_err(|Unspecified| SignatureError::new())
    }
}

fn verification(algorithm: Algorithm) -> Option<&'static dyn ring_signature::VerificationAlgorithm> {
    match algorithm {
        Algorithm::ES256 => Some(&ring_signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Some(&ring_signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Some(&ring_signature::ED25519),
        _ => rsa_parameters(algorithm).map(|parameters| parameters as _),
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static ring_signature::RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Some(&ring_signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&ring_signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&ring_signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Some(&ring_signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Some(&ring_signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&ring_signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// Signs demo tokens and those of tests; the gateway itself signs nothing.
struct RingSigner {
    algorithm: Algorithm,
    key: EncodingKey,
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, SignatureError> {
        let random = SystemRandom::new();
        match self.algorithm.family() {
            AlgorithmFamily::Ec => {
                let pair = ec_pair(self.key.as_bytes(), self.algorithm).map_err(SignatureError::from_source)?;
                pair.sign(&random, message).map(|signature| signature.as_ref().to_vec())
            }
            AlgorithmFamily::Ed => {
                let pair = ed_pair(self.key.as_bytes()).map_err(SignatureError::from_source)?;
                Ok(pair.sign(message).as_ref().to_vec())
            }
            AlgorithmFamily::Rsa => {
                let pair = rsa_pair(self.key.as_bytes()).map_err(SignatureError::from_source)?;
                let mut signature = vec![0; pair.public().modulus_len()];
                let encoding = rsa_encoding(self.algorithm).ok_or_else(SignatureError::new)?;
                pair.sign(encoding, &random, message, &mut signature)
                    .map(|()| signature)
            }
            AlgorithmFamily::Hmac => Err(Unspecified),
        }
        .map_err(|Unspecified| SignatureError::new())
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn ring_signature::RsaEncoding> {
    match algorithm {
        Algorithm::RS256 => Some(&ring_signature::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Some(&ring_signature::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Some(&ring_signature::RSA_PKCS1_SHA512),
        Algorithm::PS256 => Some(&ring_signature::RSA_PSS_SHA256),
        Algorithm::PS384 => Some(&ring_signature::RSA_PSS_SHA384),
        Algorithm::PS512 => Some(&ring_signature::RSA_PSS_SHA512),
        _ => None,
    }
}

/// From PKCS#1 DER: what `EncodingKey::from_rsa_pem` holds, also for a PKCS#8 file.
fn rsa_pair(der: &[u8]) -> Result<RsaKeyPair> {
    RsaKeyPair::from_der(der).map_err(|rejected| ErrorKind::InvalidRsaKey(rejected.to_string()).into())
}

fn ec_pair(pkcs8: &[u8], algorithm: Algorithm) -> Result<EcdsaKeyPair> {
    let scheme = match algorithm {
        Algorithm::ES256 => &ring_signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Algorithm::ES384 => &ring_signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => return Err(ErrorKind::InvalidEcdsaKey.into()),
    };
    EcdsaKeyPair::from_pkcs8(scheme, pkcs8, &SystemRandom::new()).map_err(|_| ErrorKind::InvalidEcdsaKey.into())
}

/// "Maybe unchecked", because OpenSSL writes PKCS#8 version 1, which has no public key in it to check against.
fn ed_pair(pkcs8: &[u8]) -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| ErrorKind::InvalidEddsaKey.into())
}

fn rsa_components(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let pair = rsa_pair(der)?;
    let public = ring_signature::RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
    Ok((public.n, public.e))
}

fn ec_components(pkcs8: &[u8], algorithm: Algorithm) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>)> {
    let curve = if algorithm == Algorithm::ES384 {
        EllipticCurve::P384
    } else {
        EllipticCurve::P256
    };
    let pair = ec_pair(pkcs8, algorithm)?;
    // An uncompressed point: 0x04, x, y (SEC 1 section 2.3.3).
    let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
    let (x, y) = point.split_at(point.len() / 2);
    Ok((curve, x.to_vec(), y.to_vec()))
}

fn ed_component(pkcs8: &[u8], curve: &EllipticCurve) -> Result<Vec<u8>> {
    match curve {
        EllipticCurve::Ed25519 => Ok(ed_pair(pkcs8)?.public_key().as_ref().to_vec()),
        _ => Err(ErrorKind::InvalidEddsaKey.into()),
    }
}

fn digest_of(hash: ThumbprintHash) -> Result<&'static digest::Algorithm> {
    match hash {
        ThumbprintHash::SHA256 => Ok(&digest::SHA256),
        ThumbprintHash::SHA384 => Ok(&digest::SHA384),
        ThumbprintHash::SHA512 => Ok(&digest::SHA512),
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}

#[cfg(test)]
mod tests;
