//! The certificates of a cluster, made on the spot, and the kubeconfigs with which its parts find each other.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use serde_json::json;

use crate::network::{HUB, KUBERNETES_SERVICE};

/// A certificate authority that signs what it is asked to.
#[derive(Debug)]
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate and its key, in files.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// PEM.
    pub(crate) certificate: PathBuf,
    /// PEM.
    pub(crate) key: PathBuf,
}

/// What the parts of the control plane authenticate each other with.
#[derive(Debug)]
pub(crate) struct Certificates {
    folder: PathBuf,
    cluster: Authority,
    /// The API server's own.
    pub(crate) api_server: Identity,
    /// The API server's, when it speaks for a user to an aggregated API.
    pub(crate) aggregator: Identity,
    /// The adapter's, which the API server checks.
    pub(crate) adapter: Identity,
    /// Signs the tokens of service accounts.
    pub(crate) token_key: PathBuf,
    /// Checks them.
    pub(crate) token_public_key: PathBuf,
    aggregator_authority: PathBuf,
}

impl Authority {
    fn found(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = subject(name, None);
        let authority = Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?,
            folder: folder.to_owned(),
        };
        write(&folder.join(format!("{name}.crt")), &authority.issuer.pem())?;
        Ok(authority)
    }

    /// Signs a certificate for `user` of `group`, who is reached under `names`; it serves for both ends of a connection.
    fn issue(&self, user: &str, group: Option<&str>, names: &[String]) -> anyhow::Result<Identity> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = subject(user, group);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let file = user.replace([':', '/'], "-");
        let identity = Identity {
            certificate: self.folder.join(format!("{file}.crt")),
            key: self.folder.join(format!("{file}.key")),
        };
        write(&identity.certificate, &certificate.pem())?;
        write(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }
}

impl Certificates {
    /// Makes everything that a control plane needs in `folder`, which must exist.
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        let cluster = Authority::found(folder, "cluster-ca")?;
        let aggregation = Authority::found(folder, "aggregation-ca")?;
        let mut names: Vec<String> = [
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "localhost",
        ]
        .map(ToOwned::to_owned)
        .into();
        names.extend(["127.0.0.1".to_owned(), HUB.to_string(), KUBERNETES_SERVICE.to_string()]);
        let token_key = KeyPair::generate()?;
        let made = Self {
            api_server: cluster.issue("kube-apiserver", None, &names)?,
            adapter: cluster.issue(
                "prometheus-adapter.monitoring.svc",
                None,
                &["prometheus-adapter.monitoring.svc".to_owned()],
            )?,
            aggregator: aggregation.issue("front-proxy-client", None, &[])?,
            token_key: folder.join("service-accounts.key"),
            token_public_key: folder.join("service-accounts.pub"),
            aggregator_authority: folder.join("aggregation-ca.crt"),
            folder: folder.to_owned(),
            cluster,
        };
        write(&made.token_key, &token_key.serialize_pem())?;
        write(&made.token_public_key, &token_key.public_key_pem())?;
        Ok(made)
    }

    /// Who signs the certificates of the cluster: the file.
    pub(crate) fn cluster_authority(&self) -> PathBuf {
        self.folder.join("cluster-ca.crt")
    }

    /// Who signs the certificates of the cluster: PEM.
    pub(crate) fn cluster_authority_pem(&self) -> String {
        self.cluster.issuer.pem()
    }

    /// Who signs the certificate of the aggregator: the file.
    pub(crate) fn aggregation_authority(&self) -> &Path {
        &self.aggregator_authority
    }

    /// Writes a kubeconfig for `user` of `group`, and gives its path.
    pub(crate) fn kubeconfig(&self, user: &str, group: Option<&str>) -> anyhow::Result<PathBuf> {
        let identity = self.cluster.issue(user, group, &[])?;
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "e2e", "cluster": { "server": format!("https://{HUB}"), "certificate-authority": self.cluster_authority() } }],
            "users": [{ "name": user, "user": { "client-certificate": identity.certificate, "client-key": identity.key } }],
            "contexts": [{ "name": "e2e", "context": { "cluster": "e2e", "user": user } }],
            "current-context": "e2e",
        });
        let path = identity.certificate.with_extension("kubeconfig");
        write(&path, &config.to_string())?;
        Ok(path)
    }
}

fn subject(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
