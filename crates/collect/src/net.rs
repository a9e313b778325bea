//! The HTTP client that all SDK clients share.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::time::Duration;

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// One connection pool for the whole run, with rustls.
pub(crate) fn client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .pool_idle_timeout(Duration::from_secs(30))
        .build_with_resolver(Resolver)
}

/// A connection for what has no SDK client here.
pub(crate) fn connector() -> Connector {
    Connector::builder()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .pool_idle_timeout(Duration::from_secs(30))
        .build_with_resolver(Resolver)
}

/// The system's resolver, but for names below `localhost`, which are this machine by RFC 6761 whatever the system
/// thinks: S3 Control puts the account before the host of an endpoint, so that `http://localhost:5000` is asked as
/// `333333333333.localhost`.
#[derive(Debug, Clone)]
struct Resolver;

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        if name.ends_with(".localhost") {
            return DnsFuture::ready(Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
        }
        let name = name.to_owned();
        DnsFuture::new(async move {
            let found = tokio::task::spawn_blocking(move || {
                (name.as_str(), 0)
                    .to_socket_addrs()
                    .map(|found| found.map(|address| address.ip()).collect::<Vec<_>>())
            });
            match found.await {
                Ok(found) => found.map_err(|error| ResolveDnsError::new(format!("dns error: {error}"))),
                Err(error) => Err(ResolveDnsError::new(error)),
            }
        })
    }
}
