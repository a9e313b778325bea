//! People of an identity provider: OpenID Connect's authorization code flow with PKCE ("OpenID Connect Core 1.0", section 3.1;
//! RFC 7636; RFC 9700).
//!
//! * [`roles`] — from what the provider says of somebody to what they may do;
//! * [`pending`] — sign-ins that were begun;
//! * `client` — requests to the provider.

mod client;
pub mod pending;
pub mod roles;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenClaims,
    IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::client::Http;
use self::pending::{Begun, Pending};
use self::roles::Roles;
use super::{Method, User};

/// The provider's keys are asked for again when a signature fits none of them, but not more often.
const AGAIN: Duration = Duration::from_secs(60);

/// How to use a provider.
#[derive(Clone)]
pub struct Settings {
    /// Its issuer identifier, such as `https://login.example.com`.
    pub issuer: String,
    /// The name that it has for sv0.
    pub client_id: String,
    /// The secret that it shares with sv0; none for a public client.
    pub client_secret: Option<String>,
    /// Scopes to ask for besides `openid`.
    pub scopes: Vec<String>,
    /// Who may do what.
    pub roles: Roles,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// Why a provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No address, or one that others on the way could read.
    #[error("`{issuer}` is no issuer: {why}")]
    Issuer {
        /// As it was given.
        issuer: String,
        /// What is wrong.
        why: String,
    },
    /// It does not tell of itself.
    #[error(
        "the identity provider `{issuer}` does not describe itself at {issuer}/.well-known/openid-configuration: {why}"
    )]
    Discovery {
        /// As it was given.
        issuer: String,
        /// What is wrong.
        why: String,
    },
    /// Nothing says who may do what.
    #[error("nothing says who may do what, so that nobody could sign in")]
    NoRoles,
    /// This machine cannot make requests.
    #[error("no requests can be made to the identity provider: {0}")]
    Client(String),
}

/// Why somebody is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The provider did not sign them in.
    Refused,
    /// It was never begun, begun in another browser, done already, or took too long.
    Expired,
    /// They are known, but nothing gives them a role.
    NoRole,
    /// The provider did not answer as it should.
    Provider,
}

impl Refusal {
    /// As the page is told.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::NoRole => "no_role",
            Self::Provider => "provider",
        }
    }
}

/// Claims that no standard names, such as groups.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct More(#[serde(default)] Map<String, Value>);

impl AdditionalClaims for More {}

type Fields = IdTokenFields<
    More,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Provider = Client<
    More,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;
type Claims = IdTokenClaims<More, CoreGenderClaim>;

/// A provider.
#[derive(Debug)]
pub struct Oidc {
    settings: Settings,
    issuer: IssuerUrl,
    http: Http,
    metadata: RwLock<Arc<CoreProviderMetadata>>,
    /// When its keys were asked for again.
    asked: Mutex<Option<Instant>>,
    pending: Pending,
}

/// What a browser brings back.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Returned {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    error: Option<String>,
    error_description: Option<String>,
    iss: Option<String>,
}

impl Oidc {
    /// Asks the provider for its addresses and keys.
    ///
    /// # Errors
    ///
    /// Where it does not tell them.
    pub async fn discover(settings: Settings) -> Result<Self, ProviderError> {
        if settings.roles.is_empty() {
            return Err(ProviderError::NoRoles);
        }
        let wrong = |why: String| ProviderError::Issuer {
            issuer: settings.issuer.clone(),
            why,
        };
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|error| wrong(error.to_string()))?;
        let url = issuer.url();
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            return Err(wrong(
                "it must begin with https:// (http:// is for this machine alone)".to_owned(),
            ));
        }
        let http = Http::new().map_err(ProviderError::Client)?;
        let metadata = discover(&issuer, &http)
            .await
            .map_err(|why| ProviderError::Discovery {
                issuer: settings.issuer.trim_end_matches('/').to_owned(),
                why,
            })?;
        Ok(Self {
            settings,
            issuer,
            http,
            metadata: RwLock::new(Arc::new(metadata)),
            asked: Mutex::new(None),
            pending: Pending::default(),
        })
    }

    fn client(&self, redirect: &str) -> Result<Provider, Refusal> {
        let metadata = self.metadata.read().unwrap_or_else(PoisonError::into_inner);
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|error| {
            tracing::error!(%error, redirect, "no address to come back to: see `--public-url`");
            Refusal::Provider
        })?;
        Ok(Provider::from_provider_metadata(
            CoreProviderMetadata::clone(&metadata),
            ClientId::new(self.settings.client_id.clone()),
            self.settings.client_secret.clone().map(ClientSecret::new),
        )
        .set_redirect_uri(redirect))
    }

    /// Begins: where to send the browser, and the secret for its cookie. `next` is where it wants to be afterwards.
    pub(crate) fn begin(&self, redirect: &str, next: &str) -> Result<(String, String), Refusal> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(redirect)?;
        let mut asked = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge);
        for scope in &self.settings.scopes {
            asked = asked.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = asked.url();
        let browser = self
            .pending
            .begin(
                state.secret(),
                Begun {
                    verifier,
                    nonce,
                    next: here(next).to_owned(),
                },
            )
            .map_err(|error| {
                tracing::error!(%error, "the system has no random numbers");
                Refusal::Provider
            })?;
        Ok((url.to_string(), browser))
    }

    /// Ends what [`Self::begin`] began: who it is, and where they wanted to be. `browser` is the secret of the cookie.
    pub(crate) async fn finish(
        &self,
        redirect: &str,
        browser: &str,
        returned: &Returned,
    ) -> Result<(User, String), Refusal> {
        let begun = self
            .pending
            .finish(&returned.state, browser)
            .ok_or(Refusal::Expired)?;
        // RFC 9207: an answer that another provider was tricked into giving.
        if returned
            .iss
            .as_deref()
            .is_some_and(|iss| iss != self.issuer.as_str())
        {
            tracing::warn!(iss = returned.iss, "another provider answered");
            return Err(Refusal::Provider);
        }
        if let Some(error) = &returned.error {
            let why = returned.error_description.as_deref();
            tracing::warn!(error, why, "the identity provider did not sign somebody in");
            return Err(Refusal::Refused);
        }
        let Begun {
            verifier,
            nonce,
            next,
        } = begun;
        let client = self.client(redirect)?;
        let tokens: Tokens = client
            .exchange_code(AuthorizationCode::new(returned.code.clone()))
            .map_err(|error| failed("has no token endpoint", &error))?
            .set_pkce_verifier(verifier)
            .request_async(&self.http)
            .await
            .map_err(|error| failed("did not take the code", &error))?;
        let claims = self.verified(redirect, &tokens, &nonce).await?;
        let mut more = claims.additional_claims().0.clone();
        let mut name = Named::of(&claims);
        // Many providers put groups, and names, at the userinfo endpoint alone.
        if !self.settings.roles.is_told(&more) || name.is_nameless() {
            self.ask_more(&client, tokens.access_token(), &claims, &mut more, &mut name)
                .await?;
        }
        let subject = claims.subject().as_str();
        let name = name.best(subject);
        let Some(role) = self.settings.roles.of(&more) else {
            tracing::warn!(user = name, subject, "no role is given to this person");
            return Err(Refusal::NoRole);
        };
        tracing::info!(target: "sv0::audit", user = name, subject, %role, "signed in by the identity provider");
        let user = User {
            name,
            role,
            method: Method::Oidc,
            csrf: None,
        };
        Ok((user, next))
    }

    /// The claims of the ID token, if it is what it must be: signed by the provider, for sv0, for this sign-in, now.
    async fn verified(&self, redirect: &str, tokens: &Tokens, nonce: &Nonce) -> Result<Claims, Refusal> {
        let Some(token) = tokens.id_token() else {
            tracing::warn!("the identity provider gave no ID token");
            return Err(Refusal::Provider);
        };
        let client = self.client(redirect)?;
        let claims = match token.claims(&client.id_token_verifier(), nonce) {
            Ok(claims) => claims.clone(),
            // Its keys may be others by now.
            Err(openidconnect::ClaimsVerificationError::SignatureVerification(error)) => {
                if !self.again().await {
                    return Err(failed("gave an ID token that is not signed by it", &error));
                }
                let client = self.client(redirect)?;
                let verifier = client.id_token_verifier();
                let claims = token.claims(&verifier, nonce);
                claims
                    .map_err(|error| failed("gave an ID token that does not hold", &error))?
                    .clone()
            }
            Err(error) => return Err(failed("gave an ID token that does not hold", &error)),
        };
        let client = self.client(redirect)?;
        let verifier = client.id_token_verifier();
        if let (Some(told), Ok(algorithm), Ok(key)) = (
            claims.access_token_hash(),
            token.signing_alg(),
            token.signing_key(&verifier),
        ) {
            let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
            if hash.is_ok_and(|hash| hash != *told) {
                tracing::warn!("the identity provider's access token is not of this ID token");
                return Err(Refusal::Provider);
            }
        }
        Ok(claims)
    }

    /// Asks for the provider's keys again, unless that was done just now.
    async fn again(&self) -> bool {
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.is_some_and(|asked| asked.elapsed() < AGAIN) {
                return false;
            }
            *asked = Some(Instant::now());
        }
        match discover(&self.issuer, &self.http).await {
            Ok(metadata) => {
                *self.metadata.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(metadata);
                true
            }
            Err(error) => {
                tracing::warn!(error, "the identity provider does not tell its keys");
                false
            }
        }
    }

    async fn ask_more(
        &self,
        client: &Provider,
        token: &AccessToken,
        claims: &Claims,
        more: &mut Map<String, Value>,
        name: &mut Named,
    ) -> Result<(), Refusal> {
        let Ok(asked) = client.user_info(token.clone(), Some(claims.subject().clone())) else {
            return Ok(());
        };
        let told: UserInfoClaims<More, CoreGenderClaim> = asked
            .request_async(&self.http)
            .await
            .map_err(|error| failed("did not say who this is", &error))?;
        for (key, value) in &told.additional_claims().0 {
            more.entry(key.clone()).or_insert_with(|| value.clone());
        }
        name.email = name.email.take().or_else(|| {
            let verified = told.email_verified() != Some(false);
            told.email()
                .filter(|_| verified)
                .map(|email| email.as_str().to_owned())
        });
        name.preferred = name
            .preferred
            .take()
            .or_else(|| told.preferred_username().map(|name| name.as_str().to_owned()));
        Ok(())
    }
}

async fn discover(issuer: &IssuerUrl, http: &Http) -> Result<CoreProviderMetadata, String> {
    CoreProviderMetadata::discover_async(issuer.clone(), http)
        .await
        .map_err(|error| whole(&error))
}

/// An error and what caused it.
fn whole(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        out = format!("{out}: {error}");
        next = error.source();
    }
    out
}

/// Tells the log, and nobody else, what the provider did wrong.
fn failed(what: &str, error: &dyn std::error::Error) -> Refusal {
    tracing::warn!(error = whole(error), "the identity provider {what}");
    Refusal::Provider
}

/// A place on this server, whatever was asked for: nobody is sent to other sites.
fn here(next: &str) -> &str {
    let path = next.starts_with('/') && !next.starts_with("//");
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if path && plain && next.len() <= 2_000 {
        next
    } else {
        "/"
    }
}

/// What somebody may be called.
#[derive(Debug, Default)]
struct Named {
    email: Option<String>,
    preferred: Option<String>,
}

impl Named {
    fn of(claims: &Claims) -> Self {
        // An address that nobody checked may be anybody's.
        let verified = claims.email_verified() != Some(false);
        Self {
            email: claims
                .email()
                .filter(|_| verified)
                .map(|email| email.as_str().to_owned()),
            preferred: claims.preferred_username().map(|name| name.as_str().to_owned()),
        }
    }

    const fn is_nameless(&self) -> bool {
        self.email.is_none() && self.preferred.is_none()
    }

    /// An address as it is; anything else so that it is nobody else's name here, such as a token's.
    fn best(self, subject: &str) -> String {
        if let Some(email) = self.email.filter(|email| email.contains('@')) {
            return email;
        }
        format!("oidc:{}", self.preferred.as_deref().unwrap_or(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::here;

    #[test]
    fn nobody_is_sent_to_other_sites() {
        for (asked, to) in [
            ("/", "/"),
            ("/findings?severity=high", "/findings?severity=high"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nset-cookie: a=b", "/"),
            ("javascript:alert(1)", "/"),
            ("", "/"),
        ] {
            assert_eq!(here(asked), to, "{asked}");
        }
    }
}
