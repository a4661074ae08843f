//! A CA that lives as long as a local cluster, and the one certificate that its pods share.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jaguar_client::Credentials;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

/// The name by which the pods recognise each other: the default of `tls_peer_name`.
const PEER_NAME: &str = "jaguar-engine";

/// The certificate, its key and the CA, as files for the daemons.
#[derive(Debug)]
pub(crate) struct LocalAuthority {
    directory: PathBuf,
    ca_pem: String,
}

impl LocalAuthority {
    /// Makes a CA and a certificate for pods on this machine, and writes what the daemons need into the directory. The CA's own key is forgotten at once.
    pub(crate) fn create(directory: &Path) -> anyhow::Result<Self> {
        let mut ca = CertificateParams::new([])?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
        let mut pod = CertificateParams::new([PEER_NAME, "localhost", "127.0.0.1"].map(str::to_owned))?;
        pod.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = pod.signed_by(&key, &ca)?;
        let authority = Self {
            directory: directory.to_owned(),
            ca_pem: ca.pem(),
        };
        authority.write("tls.crt", &certificate.pem())?;
        authority.write("tls.key", &key.serialize_pem())?;
        authority.write("ca.crt", &authority.ca_pem)?;
        Ok(authority)
    }

    /// What turns TLS on in a daemon.
    pub(crate) fn daemon_arguments(&self) -> Vec<OsString> {
        let files = [
            ("tls_cert_file", "tls.crt"),
            ("tls_key_file", "tls.key"),
            ("tls_ca_file", "ca.crt"),
        ];
        let mut settings = vec![OsString::from("tls_enabled=true")];
        settings.extend(files.map(|(key, file)| {
            let mut setting = OsString::from(key);
            setting.push("=");
            setting.push(self.directory.join(file));
            setting
        }));
        settings
            .into_iter()
            .flat_map(|setting| ["--set".into(), setting])
            .collect()
    }

    /// What a client of these daemons connects with.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::tls(&self.ca_pem)
    }

    /// Writes a file that only this user can read.
    fn write(&self, name: &str, contents: &str) -> anyhow::Result<()> {
        let path = self.directory.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let written = options
            .open(&path)
            .and_then(|mut file| file.write_all(contents.as_bytes()));
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}
