//! `jaguarctl` as a client of a pod that wants to know who calls.

#[path = "common/pod.rs"]
mod pod;

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use crate::pod::{Pod, json_of};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// {"sub":"alice","role":"read","exp":4102444800}, signed with the secret by PyJWT.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsInJvbGUiOiJyZWFkIiwiZXhwIjo0MTAyNDQ0ODAwfQ.RLYtKIfTMb7WtFRzfRDo2ollc1y7EsrEv_4Yo7pRRc4";

/// A pod with its files in a directory.
fn start(directory: &Path) -> Pod {
    let setting = |key: &str, file: &str| format!("{key}={}", directory.join(file).display());
    Pod::start(&[
        "tls_enabled=true".to_owned(),
        setting("tls_cert_file", "pod.crt"),
        setting("tls_key_file", "pod.key"),
        setting("tls_ca_file", "ca.crt"),
        setting("auth_jwt_hs256_secret_file", "secret"),
        "auth_certificate_roles=bob=write".to_owned(),
    ])
}

/// Files for a pod, and for a client with the certificate of bob.
fn write_files(directory: &Path) {
    let mut ca = CertificateParams::new([]).expect("no names are valid names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = || KeyPair::generate().expect("the system has randomness");
    let ca = CertifiedIssuer::self_signed(ca, key()).expect("the parameters are valid");
    let write = |name: &str, contents: &str| fs::write(directory.join(name), contents).expect("it is ours");
    for (file, names) in [("pod", vec!["jaguar-engine"]), ("bob", vec!["bob"])] {
        let names = names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).expect("these are DNS names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = key();
        let certificate = params.signed_by(&key, &ca).expect("the parameters are valid");
        write(&format!("{file}.crt"), &certificate.pem());
        write(&format!("{file}.key"), &key.serialize_pem());
    }
    write("ca.crt", &ca.pem());
    write("secret", SECRET);
    write("token", &format!("{TOKEN}\n"));
    write("bad", "a.b.c");
}

/// The pod's certificate does not carry its address, so that the name must be given.
#[test]
fn a_token_or_a_certificate_opens_what_its_role_allows() {
    let directory = tempfile::tempdir().expect("a place for temporary files");
    let directory = directory.path();
    write_files(directory);
    let pod = start(directory);
    let tls = "--tls-ca ca.crt --tls-server-name jaguar-engine";

    let status = json_of(&pod.ask(directory, &format!("status {tls} --token-file token")));
    assert_eq!(status["entities"], 0);
    let spawn = "spawn --position 0,1,0";
    let spawned = pod.ask(
        directory,
        &format!("{spawn} {tls} --tls-cert bob.crt --tls-key bob.key"),
    );
    assert_eq!(json_of(&spawned)["count"], 1);

    for (command, said) in [
        // Plaintext: the transport, HTTP/2 or the call is the first to fail, as it happens; the exit code is the claim.
        ("status".to_owned(), "error: "),
        (
            "status --tls-ca ca.crt --token-file token".to_owned(),
            "not valid for name",
        ),
        (format!("status {tls}"), "a token is needed"),
        (format!("status {tls} --token-file bad"), "the token is refused"),
        (format!("status {tls} --token-file nowhere"), "cannot read nowhere"),
        (
            format!("{spawn} {tls} --token-file token"),
            "needs the role write; subject alice has read",
        ),
        ("status --token-file token".to_owned(), "--tls-ca"),
    ] {
        let output = pod.ask(directory, &command);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {stderr}");
        assert!(stderr.contains(said), "{command}: {stderr}");
        assert!(!stderr.contains(TOKEN), "{command}: {stderr}");
    }
}
