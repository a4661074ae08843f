//! What a certificate says: whom it names, and until when it is valid.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// Names of a certificate that are kept; one with more is that of a web host, not of a client.
const NAMES: usize = 64;
/// Longest name that is kept, in bytes.
const NAME_BYTES: usize = 253;

/// Whom a certificate names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// DNS names, in lower case.
    pub(crate) dns: Vec<String>,
    /// URIs (SPIFFE ids are) and e-mail addresses, then the common name of the subject.
    pub(crate) others: Vec<String>,
}

impl Names {
    /// All of them, the one that a log or a limit goes by first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.dns.iter().chain(&self.others).map(String::as_str)
    }
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whom it names.
    pub(crate) names: Names,
    /// When it ends to be valid, in seconds since 1970.
    pub(crate) valid_until: i64,
}

/// Reads a certificate that has been verified, or is ours.
pub(crate) fn facts(der: &CertificateDer<'_>) -> Result<Facts, X509Error> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| match error {
        x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => error,
        x509_parser::nom::Err::Incomplete(_) => X509Error::InvalidCertificate,
    })?;
    let mut names = Names::default();
    if let Some(alternatives) = certificate.subject_alternative_name()? {
        for name in &alternatives.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.dns.push(name.to_ascii_lowercase()),
                GeneralName::URI(name) | GeneralName::RFC822Name(name) => names.others.push((*name).to_owned()),
                _ => {}
            }
        }
    }
    let common = certificate.subject().iter_common_name().next();
    names
        .others
        .extend(common.and_then(|name| name.as_str().ok()).map(str::to_owned));
    for list in [&mut names.dns, &mut names.others] {
        list.retain(|name| !name.is_empty() && name.len() <= NAME_BYTES);
        list.truncate(NAMES);
    }
    Ok(Facts {
        names,
        valid_until: certificate.validity().not_after.timestamp(),
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};

    use super::*;

    #[test]
    fn names_come_in_order_and_in_bounds() {
        let mut params = CertificateParams::new(["Jaguar-Engine".to_owned(), "other.example".to_owned()])
            .expect("these are DNS names");
        params
            .subject_alt_names
            .push(SanType::URI("spiffe://example/reader".try_into().expect("it is ASCII")));
        params.distinguished_name.push(DnType::CommonName, "alice");
        params.not_after = date_time_ymd(2030, 1, 2);
        let key = KeyPair::generate().expect("the system has randomness");
        let certificate = params.self_signed(&key).expect("the parameters are valid");
        let facts = facts(certificate.der()).expect("it was just made");
        assert_eq!(facts.names.dns, ["jaguar-engine", "other.example"]);
        assert_eq!(facts.names.others[0], "spiffe://example/reader");
        assert!(facts.names.others.contains(&"alice".to_owned()), "{facts:?}");
        assert_eq!(facts.valid_until, 1_893_542_400, "2030-01-02 00:00 UTC, by date(1)");
        assert!(super::facts(&CertificateDer::from(vec![0x30, 0x03, 1, 2, 3])).is_err());
    }
}
