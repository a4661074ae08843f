//! Clients' tokens: JSON Web Tokens (RFC 7519), signed, with an end.

use std::path::{Path, PathBuf};

use jaguar_config::{Config, Role};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

/// Clocks of an issuer and of this pod may differ by so much, s.
const LEEWAY_S: f64 = 30.0;

/// Shortest secret of HS256, in bytes: as long as its hash (RFC 7518, 3.2).
const SECRET_BYTES: usize = 32;

/// Longest subject, in bytes.
const SUBJECT_BYTES: usize = 256;

type Claims = Map<String, Value>;

/// The file with keys, and what kind it is.
#[derive(Clone, Debug)]
pub(super) enum KeySource {
    /// A secret for HS256.
    Secret(PathBuf),
    /// An RSA public key in PEM for RS256.
    PublicKey(PathBuf),
    /// A JSON Web Key Set (RFC 7517).
    Jwks(PathBuf),
}

impl KeySource {
    /// The one that is configured; that there are not two is a rule of the configuration.
    pub(super) fn of(config: &Config) -> Option<Self> {
        let secret = config.auth_jwt_hs256_secret_file.clone().map(Self::Secret);
        let public_key = config.auth_jwt_rs256_public_key_file.clone().map(Self::PublicKey);
        let jwks = config.auth_jwks_file.clone().map(Self::Jwks);
        secret.or(public_key).or(jwks)
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Secret(path) | Self::PublicKey(path) | Self::Jwks(path) => path,
        }
    }

    /// Makes keys of the file's contents.
    pub(super) fn keys(&self, contents: &[u8]) -> Result<TokenKeys, KeyError> {
        let keys = match self {
            Self::Secret(_) => vec![secret(contents)?],
            Self::PublicKey(_) => vec![TokenKey {
                id: None,
                algorithm: Algorithm::RS256,
                key: DecodingKey::from_rsa_pem(contents).map_err(|_| KeyError::PublicKey)?,
            }],
            Self::Jwks(_) => key_set(contents)?,
        };
        Ok(TokenKeys(keys))
    }
}

/// The keys of tokens cannot be used; the operator must exchange the file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A secret that could be guessed.
    #[error("the secret has {0} bytes; at least {SECRET_BYTES} are needed, as from `openssl rand -hex 32`")]
    ShortSecret(usize),
    /// Not PEM with an RSA public key.
    #[error("this is not PEM with an RSA public key, which begins with -----BEGIN PUBLIC KEY-----")]
    PublicKey,
    /// Not JSON with a list of keys.
    #[error("this is not a JSON Web Key Set: {0}")]
    NotJwks(String),
    /// A set without a key for signatures that is known here.
    #[error("the JSON Web Key Set has no public key for RS256, ES256 or EdDSA")]
    NoKey,
}

fn secret(contents: &[u8]) -> Result<TokenKey, KeyError> {
    // Editors end a file with a line end.
    let secret = contents.trim_ascii_end();
    if secret.len() < SECRET_BYTES {
        return Err(KeyError::ShortSecret(secret.len()));
    }
    Ok(TokenKey {
        id: None,
        algorithm: Algorithm::HS256,
        key: DecodingKey::from_secret(secret),
    })
}

fn key_set(contents: &[u8]) -> Result<Vec<TokenKey>, KeyError> {
    let set: Value = serde_json::from_slice(contents).map_err(|error| KeyError::NotJwks(error.to_string()))?;
    let listed = set.get("keys").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| KeyError::NotJwks("it has no list \"keys\"".to_owned()))?;
    // A set may hold keys for other purposes and of kinds that came after this program (RFC 7517, 5).
    let keys = listed
        .iter()
        .filter_map(|key| signature_key(serde_json::from_value(key.clone()).ok()?));
    let keys: Vec<TokenKey> = keys.collect();
    if keys.is_empty() {
        return Err(KeyError::NoKey);
    }
    Ok(keys)
}

/// The key with the one algorithm that it may be used with; none for other purposes and kinds. A shared secret does not belong into a set of public keys.
fn signature_key(jwk: Jwk) -> Option<TokenKey> {
    if jwk
        .common
        .public_key_use
        .as_ref()
        .is_some_and(|purpose| *purpose != PublicKeyUse::Signature)
    {
        return None;
    }
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    if jwk.common.key_algorithm.is_some_and(|given| given != named) {
        return None;
    }
    Some(TokenKey {
        key: DecodingKey::from_jwk(&jwk).ok()?,
        id: jwk.common.key_id,
        algorithm,
    })
}

/// The keys that tokens are verified with, each with its one algorithm.
pub(super) struct TokenKeys(Vec<TokenKey>);

struct TokenKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// What a token must say besides being signed.
#[derive(Clone, Debug)]
pub(super) struct TokenRules {
    issuer: String,
    audience: String,
    role_claims: Vec<String>,
}

impl From<&Config> for TokenRules {
    fn from(config: &Config) -> Self {
        let claims = config
            .auth_jwt_role_claim
            .split(',')
            .map(|claim| claim.trim().to_owned());
        Self {
            issuer: config.auth_jwt_issuer.clone(),
            audience: config.auth_jwt_audience.clone(),
            role_claims: claims.filter(|claim| !claim.is_empty()).collect(),
        }
    }
}

/// Whom a valid token names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bearer {
    /// The subject, if it has one.
    pub(super) subject: Option<String>,
    /// The highest of its roles, if it has one.
    pub(super) role: Option<Role>,
}

/// A token is not valid; its bearer must get another one. Says nothing that the bearer does not know, nor what would have been right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    #[error("it is not a signed JSON Web Token of a known algorithm")]
    Malformed,
    #[error("its algorithm (alg) is not that of the key")]
    Algorithm,
    #[error("its key (kid) is not known here")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("it has no time at which it expires (exp)")]
    Endless,
    #[error("it has expired (exp)")]
    Expired,
    #[error("it is not valid yet (nbf)")]
    NotYet,
    #[error("it is of another issuer (iss)")]
    Issuer,
    #[error("it is for another audience (aud)")]
    Audience,
    #[error("its subject (sub) is longer than {SUBJECT_BYTES} bytes or not printable")]
    Subject,
}

impl TokenKeys {
    /// Verifies a token at `now_s`, in seconds since 1970.
    pub(super) fn verify(&self, token: &str, rules: &TokenRules, now_s: f64) -> Result<Bearer, TokenError> {
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        let key = self.key(header.kid.as_deref()).ok_or(TokenError::UnknownKey)?;
        // The key decides: a token that could choose would choose 'none', or HS256 with a public key as the secret.
        if header.alg != key.algorithm {
            return Err(TokenError::Algorithm);
        }
        let mut signature_only = Validation::new(key.algorithm);
        signature_only.required_spec_claims.clear();
        signature_only.validate_exp = false;
        signature_only.validate_aud = false;
        let claims = decode::<Claims>(token, &key.key, &signature_only)
            .map_err(|_| TokenError::Signature)?
            .claims;
        rules.check(&claims, now_s)
    }

    /// The key of this id; a key without an id, and any key when the token names none, only if there is no other.
    fn key(&self, id: Option<&str>) -> Option<&TokenKey> {
        match (self.0.as_slice(), id) {
            ([only], None) => Some(only),
            ([only], Some(_)) if only.id.is_none() => Some(only),
            (keys, Some(id)) => keys.iter().find(|key| key.id.as_deref() == Some(id)),
            (_, None) => None,
        }
    }
}

impl TokenRules {
    fn check(&self, claims: &Claims, now_s: f64) -> Result<Bearer, TokenError> {
        let time = |name: &str| claims.get(name).map(Value::as_f64);
        let expires = time("exp").flatten().ok_or(TokenError::Endless)?;
        if now_s >= expires + LEEWAY_S {
            return Err(TokenError::Expired);
        }
        match time("nbf") {
            // What is there and no number is never reached.
            Some(begins) if begins.is_none_or(|begins| now_s < begins - LEEWAY_S) => return Err(TokenError::NotYet),
            _ => {}
        }
        if !self.issuer.is_empty() && claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(TokenError::Issuer);
        }
        if !self.audience.is_empty() && !texts(claims.get("aud")).any(|audience| audience == self.audience) {
            return Err(TokenError::Audience);
        }
        let subject = claims
            .get("sub")
            .and_then(Value::as_str)
            .filter(|subject| !subject.is_empty());
        if subject.is_some_and(|subject| subject.len() > SUBJECT_BYTES || subject.chars().any(char::is_control)) {
            return Err(TokenError::Subject);
        }
        let roles = self.role_claims.iter().find_map(|name| claim(claims, name));
        Ok(Bearer {
            subject: subject.map(str::to_owned),
            role: texts(roles)
                .flat_map(str::split_whitespace)
                .filter_map(Role::named)
                .max(),
        })
    }
}

/// The claim of this name; else, for `a.b`, that of `b` inside `a`.
fn claim<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let (outer, inner) = name.split_once('.')?;
    claim(claims.get(outer)?.as_object()?, inner)
}

/// A text, or a list of them.
fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let (one, many) = match value {
        Some(Value::Array(items)) => (None, items.as_slice()),
        other => (other.and_then(Value::as_str), [].as_slice()),
    };
    one.into_iter().chain(many.iter().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
    use serde_json::json;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: f64 = 1_800_000_000.0;

    fn rules() -> TokenRules {
        TokenRules {
            issuer: "https://issuer.example".to_owned(),
            audience: "jaguar".to_owned(),
            role_claims: vec!["role".to_owned(), "realm_access.roles".to_owned()],
        }
    }

    fn keys() -> TokenKeys {
        KeySource::Secret(PathBuf::new())
            .keys(SECRET)
            .expect("it is long enough")
    }

    fn good() -> Value {
        json!({"sub": "alice", "iss": "https://issuer.example", "aud": ["other", "jaguar"], "exp": NOW + 60.0, "role": "write"})
    }

    /// `good` with these claims instead; null removes one.
    fn with(changes: Value) -> Value {
        let mut claims = good();
        let (Some(claims_map), Value::Object(changes)) = (claims.as_object_mut(), changes) else {
            panic!("claims are objects");
        };
        for (name, value) in changes {
            if value.is_null() {
                claims_map.remove(&name);
            } else {
                claims_map.insert(name, value);
            }
        }
        claims
    }

    fn signed(claims: &Value) -> String {
        encode(
            &Header::new(Algorithm::HS256),
            claims,
            &EncodingKey::from_secret(SECRET),
        )
        .expect("claims are JSON")
    }

    fn verify(claims: Value) -> Result<Bearer, TokenError> {
        keys().verify(&signed(&claims), &rules(), NOW)
    }

    #[test]
    fn a_good_token_names_its_bearer() {
        let bearer = verify(good()).expect("all is as it should be");
        assert_eq!(
            (bearer.subject.as_deref(), bearer.role),
            (Some("alice"), Some(Role::Write))
        );
        let nobody = verify(with(json!({"sub": null}))).expect("a subject is not needed");
        assert_eq!(nobody.subject, None);
    }

    #[test]
    fn each_claim_is_checked_with_a_little_leeway_for_clocks() {
        let cases = [
            (json!({"exp": null}), Err(TokenError::Endless)),
            (json!({"exp": "tomorrow"}), Err(TokenError::Endless)),
            (json!({"exp": NOW - LEEWAY_S}), Err(TokenError::Expired)),
            (json!({"exp": NOW - LEEWAY_S + 1.0}), Ok(())),
            (json!({"nbf": NOW + LEEWAY_S + 1.0}), Err(TokenError::NotYet)),
            (json!({"nbf": "tomorrow"}), Err(TokenError::NotYet)),
            (json!({"nbf": NOW + LEEWAY_S}), Ok(())),
            (json!({"iss": null}), Err(TokenError::Issuer)),
            (json!({"iss": "https://other.example"}), Err(TokenError::Issuer)),
            (json!({"aud": null}), Err(TokenError::Audience)),
            (json!({"aud": "other"}), Err(TokenError::Audience)),
            (json!({"aud": "jaguar"}), Ok(())),
            (json!({"sub": "x".repeat(SUBJECT_BYTES + 1)}), Err(TokenError::Subject)),
            (json!({"sub": "a\nb"}), Err(TokenError::Subject)),
        ];
        for (changes, expected) in cases {
            assert_eq!(verify(with(changes.clone())).map(drop), expected, "{changes}");
        }
    }

    #[test]
    fn the_highest_role_counts_wherever_it_stands() {
        let cases = [
            (json!({"role": "admin"}), Some(Role::Admin)),
            (json!({"role": ["read", "admin", "baker"]}), Some(Role::Admin)),
            (json!({"role": "openid read write"}), Some(Role::Write)),
            (
                json!({"role": null, "realm_access": {"roles": ["read"]}}),
                Some(Role::Read),
            ),
            (json!({"role": [], "realm_access": {"roles": ["read"]}}), None),
            (json!({"role": null}), None),
            (json!({"role": "Admin"}), None),
            (json!({"role": true}), None),
        ];
        for (changes, expected) in cases {
            assert_eq!(
                verify(with(changes.clone())).expect("it is valid").role,
                expected,
                "{changes}"
            );
        }
    }

    #[test]
    fn what_is_not_signed_with_the_key_and_its_algorithm_is_refused() {
        let verify = |token: &str| keys().verify(token, &rules(), NOW).map(drop);
        let other = EncodingKey::from_secret(b"another secret of 32 bytes ......");
        let forged = encode(&Header::new(Algorithm::HS256), &good(), &other).expect("claims are JSON");
        assert_eq!(verify(&forged), Err(TokenError::Signature));
        let stronger = EncodingKey::from_secret(SECRET);
        let stronger = encode(&Header::new(Algorithm::HS512), &good(), &stronger).expect("claims are JSON");
        assert_eq!(verify(&stronger), Err(TokenError::Algorithm));

        let token = signed(&good());
        let (rest, signature) = token.rsplit_once('.').expect("three parts");
        assert_eq!(verify(&format!("{rest}.")), Err(TokenError::Signature));
        let (_, claims) = rest.split_once('.').expect("three parts");
        // {"alg":"none"} and {"alg":"HS256"} in base64.
        assert_eq!(
            verify(&format!("eyJhbGciOiJub25lIn0.{claims}.")),
            Err(TokenError::Malformed)
        );
        assert_eq!(
            verify(&format!("eyJhbGciOiJub25lIn0.{claims}.{signature}")),
            Err(TokenError::Malformed)
        );
        assert_eq!(
            verify(&format!("eyJhbGciOiJIUzI1NiJ9.{claims}.{signature}")),
            Err(TokenError::Signature)
        );
        for nonsense in ["", ".", "..", "a.b.c", "\u{1f600}", &"x".repeat(100_000)] {
            assert_eq!(verify(nonsense), Err(TokenError::Malformed), "{nonsense:.20}");
        }
    }

    /// An EC key pair, its public key as a JSON Web Key, and a token that it signed.
    fn ec(id: &str) -> (Value, String) {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the system has randomness");
        // An uncompressed point: 4, x, y.
        let point = pair.der_bytes();
        let [x, y] = [&point[1..33], &point[33..]].map(base64url);
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": x, "y": y});
        let header = Header {
            kid: Some(id.to_owned()),
            ..Header::new(Algorithm::ES256)
        };
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        (jwk, encode(&header, &good(), &key).expect("claims are JSON"))
    }

    /// RFC 4648, 5, without padding.
    fn base64url(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bit = |index: usize| bytes.get(index / 8).map_or(0, |byte| (byte >> (7 - index % 8)) & 1);
        let digit = |first: usize| (0..6).fold(0, |value, offset| value * 2 + usize::from(bit(first + offset)));
        (0..bytes.len() * 8)
            .step_by(6)
            .map(|first| char::from(ALPHABET[digit(first)]))
            .collect()
    }

    #[test]
    fn a_token_names_its_key_in_a_set_and_what_is_not_known_there_is_skipped() {
        let (first, first_token) = ec("first");
        let (second, second_token) = ec("second");
        let (_, stranger) = ec("third");
        let set = |keys: Value| KeySource::Jwks(PathBuf::new()).keys(json!({ "keys": keys }).to_string().as_bytes());
        let secret = json!({"kty": "oct", "kid": "shared", "k": base64url(SECRET)});
        let keys = set(json!([{"kty": "new"}, secret, first, second])).expect("two are known");
        assert_eq!(keys.0.len(), 2);
        for token in [&first_token, &second_token] {
            assert!(keys.verify(token, &rules(), NOW).is_ok());
        }
        assert_eq!(keys.verify(&stranger, &rules(), NOW), Err(TokenError::UnknownKey));
        assert_eq!(
            keys.verify(&signed(&good()), &rules(), NOW),
            Err(TokenError::UnknownKey),
            "no kid, two keys"
        );

        // A public key is no secret: a token signed with it as one must not pass.
        let header = Header {
            kid: Some("first".to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        let x = first["x"].as_str().expect("it is text").as_bytes();
        let confused = encode(&header, &good(), &EncodingKey::from_secret(x)).expect("claims are JSON");
        assert_eq!(keys.verify(&confused, &rules(), NOW), Err(TokenError::Algorithm));

        let one = set(json!([{"kty": "EC", "crv": "P-256", "x": first["x"], "y": first["y"]}])).expect("it is known");
        assert!(
            one.verify(&first_token, &rules(), NOW).is_ok(),
            "the only key needs no name"
        );
        assert!(matches!(set(json!([secret])), Err(KeyError::NoKey)));
        assert!(matches!(
            KeySource::Jwks(PathBuf::new()).keys(b"{}"),
            Err(KeyError::NotJwks(_))
        ));
    }

    #[test]
    fn keys_that_are_none_are_refused_in_words() {
        let short = KeySource::Secret(PathBuf::new()).keys(b"too short\n").map(drop);
        assert!(
            short
                .expect_err("9 bytes")
                .to_string()
                .starts_with("the secret has 9 bytes")
        );
        assert!(KeySource::PublicKey(PathBuf::new()).keys(b"no PEM").is_err());
        let with_line_end = [SECRET, b"\n"].concat();
        let keys = KeySource::Secret(PathBuf::new())
            .keys(&with_line_end)
            .expect("the line end does not count");
        assert!(keys.verify(&signed(&good()), &rules(), NOW).is_ok());
    }
}
