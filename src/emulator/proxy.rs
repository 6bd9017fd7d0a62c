//! The HTTPS proxy: answers `CONNECT` for the service's real host names, with certificates of an authority of its own.
//!
//! A client that is told to use it, and to trust `ca.pem`, reaches the same accounts by the real names, with nothing changed in it.
//! Any other host is refused with 403, so that nothing ever leaves the machine. The authority's key stays in memory.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::call::Bases;
use super::outgoing::Outgoing;
use super::route;
use super::server::{Shared, lock};
use super::travel::answer;

/// The certificate authority, and the certificates made so far.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority.
    pub(super) fn new() -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::default();
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "icloud-sync emulator");
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        let pem = certificate.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
            made: Mutex::default(),
        })
    }

    /// The certificate that clients have to trust.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificate of a host, made at its first use; none for a host that is not of the service.
    fn leaf(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        route::by_name(host)?;
        if let Some(known) = lock(&self.made).get(host) {
            return Some(Arc::clone(known));
        }
        let key = KeyPair::generate().ok()?;
        let mut params = CertificateParams::new(vec![host.to_owned()]).ok()?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, host);
        params.distinguished_name = name;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).ok()?;
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing = ring::sign::any_supported_type(&private).ok()?;
        let made = Arc::new(CertifiedKey::new(chain, signing));
        lock(&self.made).insert(host.to_owned(), Arc::clone(&made));
        Some(made)
    }

    fn acceptor(self: &Arc<Self>) -> io::Result<TlsAcceptor> {
        let resolver = Arc::new(ByName(Arc::clone(self)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

#[derive(Debug)]
struct ByName(Arc<Authority>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.leaf(hello.server_name()?)
    }
}

/// Serves a connection to the proxy.
pub(super) async fn serve(
    shared: Arc<Shared>,
    authority: Arc<Authority>,
    stream: tokio::net::TcpStream,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, authority) = (Arc::clone(&shared), Arc::clone(&authority));
        async move { Ok::<_, io::Error>(connect(shared, &authority, request)) }
    });
    // Ends with an error when the client goes away.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
            .await,
    );
}

/// Answers `CONNECT`, and speaks TLS on the connection from then on.
fn connect(
    shared: Arc<Shared>,
    authority: &Arc<Authority>,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let target = request
        .uri()
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    let known = route::by_name(&target).is_some() && target.ends_with(":443");
    let acceptor = authority.acceptor();
    let (true, true, Ok(acceptor)) = (request.method() == Method::CONNECT, known, acceptor) else {
        let text = "Only CONNECT to port 443 of the service's hosts is served.\n";
        let mut refusal = Response::new(Outgoing::from_bytes(Bytes::from_static(text.as_bytes())));
        *refusal.status_mut() = hyper::StatusCode::FORBIDDEN;
        return refusal;
    };
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else {
            return;
        };
        let Ok(stream) = acceptor.accept(TokioIo::new(upgraded)).await else {
            return;
        };
        let service =
            service_fn(move |request: Request<Incoming>| inside(Arc::clone(&shared), request));
        drop(
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await,
        );
    });
    Response::new(Outgoing::from_bytes(Bytes::new()))
}

/// Answers a request that came inside of TLS, by its `Host`.
async fn inside(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Outgoing>> {
    let name = request
        .headers()
        .get("host")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let Some((host, cn)) = route::by_name(name) else {
        let mut refusal = Response::new(Outgoing::from_bytes(Bytes::new()));
        *refusal.status_mut() = hyper::StatusCode::MISDIRECTED_REQUEST;
        return Ok(refusal);
    };
    let path = route::below(host, request.uri().path()).to_owned();
    answer(shared, request, host, path, Bases::Proxied(cn)).await
}
