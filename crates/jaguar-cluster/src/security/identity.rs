//! Who calls: by token, by certificate, or nobody in particular.

use jaguar_config::{CertificateRoles, Role};
use tonic::Status;
use tonic::codegen::http::HeaderMap;
use tonic::codegen::http::header::AUTHORIZATION;

use super::accept::Connection;
use super::limit::ClientName;
use super::token::{Bearer, TokenKeys, TokenRules};

/// A caller that is known as well as it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// What limits go by.
    pub(super) name: ClientName,
    /// What it may do; nothing when it is known and has no role.
    pub(super) role: Option<Role>,
}

/// The ways in which a client can say who it is.
pub(super) struct Ways<'a> {
    /// Tokens, with the time in seconds since 1970.
    pub(super) tokens: Option<(&'a TokenKeys, &'a TokenRules, f64)>,
    /// Certificates of the CA.
    pub(super) certificates: &'a CertificateRoles,
}

impl Ways<'_> {
    fn are_none(&self) -> bool {
        self.tokens.is_none() && self.certificates.is_empty()
    }
}

/// Finds out who calls. A token that is shown counts, valid or not; then a certificate.
///
/// # Errors
/// `UNAUTHENTICATED` when the caller must say who it is and does not, or not credibly.
pub(super) fn caller(headers: &HeaderMap, connection: &Connection, ways: &Ways<'_>) -> Result<Caller, Status> {
    let address = ClientName::Address(connection.address);
    let certificate_name = connection.certificate.as_ref().and_then(|names| names.all().next());
    let named = |name: &str| ClientName::Certificate(name.to_owned());
    if ways.are_none() {
        return Ok(Caller {
            name: certificate_name.map_or(address, named),
            role: Some(Role::Admin),
        });
    }
    if let Some((keys, rules, now_s)) = ways.tokens
        && let Some(token) = bearer_token(headers)?
    {
        let Bearer { subject, role } = keys.verify(token, rules, now_s).map_err(|error| {
            // The caller may be anyone: no more than that, and nothing of the token.
            Status::unauthenticated(format!("the token is refused: {error}"))
        })?;
        return Ok(Caller {
            name: subject.map_or(address, ClientName::Token),
            role,
        });
    }
    if let Some(names) = &connection.certificate {
        // Who can join the world can do everything to it anyway.
        let role = if connection.is_peer {
            Some(Role::Admin)
        } else {
            ways.certificates.of(names.all())
        };
        if role.is_some() || ways.tokens.is_none() {
            return Ok(Caller {
                name: certificate_name.map_or(address, named),
                role,
            });
        }
    }
    Err(Status::unauthenticated(
        match (&ways.tokens, ways.certificates.is_empty()) {
            (Some(_), true) => "a token is needed: send it as 'authorization: Bearer ...'",
            (None, _) => "a client certificate is needed",
            (Some(_), false) => {
                "a token is needed, sent as 'authorization: Bearer ...', or a client certificate with a role"
            }
        },
    ))
}

/// The token of the `authorization` header, if there is one.
fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, Status> {
    let refused = || Status::unauthenticated("the authorization header is not one 'Bearer' and a token");
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| refused())?;
    match text.split_once(' ') {
        // The scheme's case does not count (RFC 9110, 11.1).
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && values.next().is_none() => {
            Ok(Some(token.trim()))
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::PathBuf;

    use jaguar_config::{Config, Sources, load};
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;
    use tonic::Code;

    use super::super::certificate::Names;
    use super::super::token::KeySource;
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn connection(names: Option<&[&str]>, is_peer: bool) -> Connection {
        let certificate = names.map(|names| Names {
            dns: names.iter().map(|&name| name.to_owned()).collect(),
            others: Vec::new(),
        });
        Connection::new(ADDRESS, certificate, is_peer)
    }

    fn certificate_roles(text: &str) -> CertificateRoles {
        let overrides = [
            "tls_enabled=true",
            "tls_cert_file=/c",
            "tls_key_file=/k",
            "tls_ca_file=/a",
            &format!("auth_certificate_roles={text}"),
        ];
        let sources = Sources {
            overrides: overrides.map(str::to_owned).to_vec(),
            host_name: "host".to_owned(),
            ..Sources::default()
        };
        load(&sources).expect("these keys exist").config.auth_certificate_roles
    }

    fn headers(authorization: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().expect("it is text"));
        }
        headers
    }

    fn token(role: &str) -> String {
        let claims = json!({"sub": "alice", "exp": 2000, "role": role});
        encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).expect("claims are JSON")
    }

    /// What a caller with this header and connection is, when tokens are accepted and these certificates have roles.
    fn ask(authorization: &[&str], connection: &Connection, roles: &str, with_tokens: bool) -> Result<Caller, Status> {
        let keys = KeySource::Secret(PathBuf::new())
            .keys(SECRET)
            .expect("it is long enough");
        let rules = TokenRules::from(&Config::default());
        let ways = Ways {
            tokens: with_tokens.then_some((&keys, &rules, 1000.0)),
            certificates: &certificate_roles(roles),
        };
        caller(&headers(authorization), connection, &ways)
    }

    #[test]
    fn without_any_way_everybody_may_do_everything() {
        let anybody = ask(&[], &connection(None, false), "", false).expect("nobody asks");
        assert_eq!(
            (anybody.name, anybody.role),
            (ClientName::Address(ADDRESS), Some(Role::Admin))
        );
        let named = ask(&[], &connection(Some(&["alice"]), false), "", false).expect("nobody asks");
        assert_eq!(
            named.name,
            ClientName::Certificate("alice".to_owned()),
            "limits go by the name all the same"
        );
    }

    #[test]
    fn a_token_that_is_shown_counts() {
        let write = format!("Bearer {}", token("write"));
        let alice = ask(&[&write], &connection(Some(&["bob"]), false), "*=admin", true).expect("it is valid");
        assert_eq!(
            (alice.name, alice.role),
            (ClientName::Token("alice".to_owned()), Some(Role::Write))
        );
        let lower = format!("bearer {}", token("read"));
        assert_eq!(
            ask(&[&lower], &connection(None, false), "", true)
                .expect("case does not count")
                .role,
            Some(Role::Read)
        );

        let nobody = connection(None, false);
        let with_certificate = connection(Some(&["bob"]), false);
        for (authorization, said) in [
            (vec![], "a token is needed"),
            (vec!["Bearer x.y.z"], "not a signed JSON Web Token"),
            (vec!["Basic YTpi"], "not one 'Bearer'"),
            (vec![write.as_str(), write.as_str()], "not one 'Bearer'"),
        ] {
            let error = ask(&authorization, &nobody, "", true).expect_err(said);
            assert_eq!(error.code(), Code::Unauthenticated);
            assert!(error.message().contains(said), "{error}");
        }
        let error = ask(&["Bearer x.y.z"], &with_certificate, "*=admin", true);
        assert!(error.is_err(), "a bad token is not made good by a certificate");
    }

    #[test]
    fn a_certificate_has_the_role_of_its_name() {
        let bob = connection(Some(&["bob"]), false);
        assert_eq!(
            ask(&[], &bob, "bob=write", false).expect("it is named").role,
            Some(Role::Write)
        );
        assert_eq!(ask(&[], &bob, "alice=write", false).expect("it is known").role, None);
        assert_eq!(
            ask(&[], &bob, "bob=write", true).expect("no token is needed").role,
            Some(Role::Write)
        );
        let code = |result: Result<Caller, Status>| result.expect_err("it says nothing").code();
        assert_eq!(
            code(ask(&[], &bob, "alice=write", true)),
            Code::Unauthenticated,
            "a token would help"
        );
        assert_eq!(
            code(ask(&[], &connection(None, false), "bob=write", false)),
            Code::Unauthenticated
        );
        let peer = connection(Some(&["jaguar-engine"]), true);
        assert_eq!(
            ask(&[], &peer, "alice=read", true).expect("it is a pod").role,
            Some(Role::Admin)
        );
    }
}
