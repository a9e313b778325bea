//! People of an identity provider. To come.

/// A provider.
#[derive(Debug)]
pub struct Oidc {}
