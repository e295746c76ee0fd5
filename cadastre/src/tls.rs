//! TLS: certificates for our own listener, and clients that trust the system's authorities and those named.

use std::path::Path;
use std::time::Duration;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{Effective, table};
use crate::failure::Failure;

/// Time for a connection between our services, which are near each other.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The listener's TLS, if certificate and key are set.
pub(crate) fn server(settings: &Effective) -> Result<Option<ServerConfig>, Failure> {
    let (cert, key) = match (settings.path(&table::TLS_CERT), settings.path(&table::TLS_KEY)) {
        (None, None) => return Ok(None),
        (Some(cert), Some(key)) => (cert, key),
        (Some(_), None) => {
            return Err(settings.refuse(&table::TLS_CERT, "needs a private key too; set tls-key"));
        }
        (None, Some(_)) => {
            return Err(settings.refuse(&table::TLS_KEY, "needs a certificate too; set tls-cert"));
        }
    };
    let chain = certificates(&cert)?;
    let secret = PrivateKeyDer::from_pem_file(&key).map_err(|error| {
        Failure::new(format!(
            "The private key {} cannot be used: {}.",
            key.display(),
            pem_complaint(&error)
        ))
    })?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| {
            Failure::new(format!(
                "The certificate {} and the private key {} cannot be used together: {error}.",
                cert.display(),
                key.display()
            ))
        })?;
    Ok(Some(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let refuse = |complaint: &str| {
        Failure::new(format!(
            "The certificate file {} cannot be used: {complaint}.",
            path.display()
        ))
    };
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refuse(&pem_complaint(&error)))?;
    if chain.is_empty() {
        return Err(refuse("it holds no PEM certificate"));
    }
    Ok(chain)
}

fn pem_complaint(error: &rustls_pki_types::pem::Error) -> String {
    use rustls_pki_types::pem::Error;
    if let Error::Io(error) = error {
        error.to_string()
    } else if matches!(error, Error::NoItemsFound) {
        "it holds no PEM item of the kind that is wanted".to_owned()
    } else {
        format!("it is not PEM ({error})")
    }
}

/// A client that trusts the authorities of the system and, besides them, those of a file.
pub(crate) fn client(
    builder: reqwest::ClientBuilder,
    authorities: Option<&Path>,
) -> Result<reqwest::Client, Failure> {
    let mut builder = builder.user_agent(concat!("cadastre/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = authorities {
        for certificate in certificates(path)? {
            let certificate = reqwest::Certificate::from_der(&certificate).map_err(|error| {
                Failure::new(format!(
                    "A certificate in {} cannot be used: {error}.",
                    path.display()
                ))
            })?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder
        .build()
        .map_err(|error| Failure::new(format!("The HTTP client cannot be set up: {error}.")))
}

/// A client for the services behind us.
pub(crate) fn upstream_client(settings: &Effective) -> Result<reqwest::Client, Failure> {
    let authorities = settings.path(&table::UPSTREAM_CA);
    client(
        cadastre_gateway::upstream_client(CONNECT_TIMEOUT),
        authorities.as_deref(),
    )
}
