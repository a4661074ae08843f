//! A CA for the tests of this crate.

use std::sync::Arc;

use jaguar_config::CertificateRoles;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tokio::sync::watch;

use super::Security;
use super::limit::ClientLimits;
use super::tls::Tls;

const PEER_NAME: &str = "jaguar-engine";

/// A CA.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A new key.
pub(crate) fn key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

impl Authority {
    /// With a name, so that verifiers can tell two apart.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names are valid names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key()).expect("the parameters are valid"))
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// What cert-manager makes for a pod, changed by `change`: certificate and key.
    pub(crate) fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let names = [PEER_NAME.to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).expect("these are DNS names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = key();
        let signed = params.signed_by(&key, &self.0).expect("the parameters are valid");
        (signed.pem(), key.serialize_pem())
    }

    /// What is in force in a pod with a certificate of this CA that asks no client who it is.
    pub(crate) fn security(&self) -> Security {
        let (cert, key) = self.issue(|_| {});
        let tls =
            Tls::new(cert.as_bytes(), key.as_bytes(), self.pem().as_bytes(), PEER_NAME).expect("it was just made");
        // A value stays when its sender is gone.
        Security {
            tls: Some(watch::channel(Arc::new(tls)).1),
            tokens: None,
            certificate_roles: Arc::new(CertificateRoles::default()),
            limits: watch::channel(ClientLimits::default()).1,
        }
    }
}
