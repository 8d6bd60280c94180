//! The server itself: connections and answers.

use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use super::faults::{self, Fault, What};
use super::kinds;
use super::request::{self, Reply, State};
use super::rules::Deny;
use super::store::{By, Refusal, refuse};
use super::tls::{Authority, Pair, Trouble};
use super::watch;
use crate::common::Place;

/// The one Service that answers through the API server's proxy.
const PROXIED: &str = "/api/v1/namespaces/shop/services/prometheus:9090/proxy/api/v1/query";

/// The tokens that the server knows, and whose they are.
const TOKENS: [(&str, &str); 2] = [("admin-token", "admin"), ("dev-token", "dev")];

pub(crate) struct Api {
    address: SocketAddr,
    authority: Authority,
    state: Arc<Mutex<State>>,
}

/// A body that comes in parts, and can end too early.
struct Parts(UnboundedReceiver<Result<Bytes, std::io::Error>>);

impl Api {
    pub(crate) fn start() -> Self {
        Self::with(Trouble::Nothing)
    }

    pub(crate) fn with(trouble: Trouble) -> Self {
        let authority = Authority::new();
        let state = Arc::new(Mutex::new(State::default()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(trouble)));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(serve(listener, acceptor, shared));
        });
        let api = Self {
            address,
            authority,
            state,
        };
        for namespace in ["default", "shop"] {
            let meta = json!({"name": namespace});
            api.make(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": meta}));
        }
        api
    }

    /// Makes an object that has no namespace.
    pub(crate) fn make(&self, object: Value) {
        let mut state = self.state();
        let served = kinds::served(&state.store).into_iter();
        let kind = served
            .into_iter()
            .find(|k| object["kind"] == *k.kind)
            .unwrap();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let key = (kind.resource(), String::new(), name);
        let by = By {
            manager: "kubernetes",
            dry: false,
        };
        state.store.create(&kind, key, object, by).unwrap();
    }

    /// Misbehaves from now on.
    pub(crate) fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Puts something behind the Service `shop/prometheus:9090`.
    pub(crate) fn proxy_to(&self, address: SocketAddr) {
        self.state().behind = Some(address);
    }

    pub(crate) fn end_faults(&self) {
        self.state().faults.clear();
    }

    pub(crate) fn deny(&self, rule: Deny) {
        self.state().denied.push(rule);
    }

    /// Takes the kinds of a group away.
    pub(crate) fn uninstall(&self, group: &str) {
        let store = &mut self.state().store;
        let of_group = |crd: &&Value| crd["spec"]["group"] == group;
        let crds = store.objects.iter().filter(|(key, _)| key.0 == kinds::CRDS);
        let gone: Vec<String> = crds
            .filter(|(_, crd)| of_group(crd))
            .map(|(key, _)| key.2.clone())
            .collect();
        for name in gone {
            store.forget(&name);
        }
    }

    /// Forgets old versions, as a real server does after some minutes.
    pub(crate) fn compact(&self) {
        self.state().store.compact();
    }

    /// The requests that contain `part`, of those that were not forgotten.
    pub(crate) fn requests(&self, part: &str) -> Vec<String> {
        let state = self.state();
        let log = state.log.iter();
        log.filter(|r| r.contains(part)).cloned().collect()
    }

    pub(crate) fn forget_requests(&self) {
        self.state().log.clear();
    }

    pub(crate) fn server(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Writes `NAME` and what it names into `place`; the context is called `test`.
    pub(crate) fn kubeconfig(&self, place: &Place, name: &str, user: &str) {
        place.file("ca.pem", self.authority.pem());
        place.file(name, kubeconfig(&self.server(), user));
    }

    /// The fields of a user with a client certificate, in files of `place`.
    pub(crate) fn certificate(&self, place: &Place, user: &str, year: i32) -> String {
        let Pair { certificate, key } = self.authority.client(user, year);
        place
            .file("client.pem", certificate)
            .file("client-key.pem", key);
        "client-certificate: client.pem\n    client-key: client-key.pem".into()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// A kubeconfig for `server`, whose user has the fields `user`.
pub(crate) fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
current-context: test
clusters:
- name: test
  cluster:
    server: {server}
    certificate-authority: ca.pem
users:
- name: tester
  user:
    {user}
contexts:
- name: test
  context: {{cluster: test, user: tester, namespace: shop}}
"
    )
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((tcp, _)) = listener.accept().await {
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let Ok(tls) = acceptor.accept(tcp).await else {
                return;
            };
            let certificates = tls.get_ref().1.peer_certificates();
            let certificate = certificates.and_then(|c| common_name(&c[0]));
            let service =
                service_fn(move |request| answer(Arc::clone(&state), certificate.clone(), request));
            // A connection that is cut on purpose ends with an error.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(tls), service)
                .await;
        });
    }
}

fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let name = certificate.subject().iter_common_name().next()?;
    Some(name.as_str().ok()?.to_owned())
}

async fn answer(
    state: Arc<Mutex<State>>,
    certificate: Option<String>,
    request: Request<Incoming>,
) -> Result<Response<Parts>, std::io::Error> {
    let (head, body) = request.into_parts();
    let line = format!("{} {}", head.method, head.uri);
    let body = body.collect().await.map_err(std::io::Error::other)?;
    let body = body.to_bytes();
    let due = {
        let mut state = state.lock().unwrap();
        state.log.push(line.clone());
        faults::take(&mut state.faults, &line)
    };
    let mut cut = false;
    match due {
        Some(What::Status(code, after, why)) => {
            let reason = match code {
                410 => "Expired",
                429 => "TooManyRequests",
                500 => "InternalError",
                503 => "ServiceUnavailable",
                504 => "Timeout",
                _ => "Unknown",
            };
            let mut response = refused(&refuse(code, reason, why));
            if let Some(after) = after {
                response.headers_mut().insert("retry-after", after.into());
            }
            return Ok(response);
        }
        Some(What::Slow(by)) => tokio::time::sleep(by).await,
        Some(What::Cut) => return Err(std::io::Error::other("cut")),
        Some(What::CutBody) => cut = true,
        Some(What::Nonsense) => return Ok(written(200, "<html>welcome</html>".into(), false)),
        Some(What::Race) => touch(&mut state.lock().unwrap(), head.uri.path()),
        None => {}
    }
    let user = user(&head, certificate);
    if let (Some(_), Some(query)) = (&user, head.uri.to_string().split_once(PROXIED)) {
        return behind(&state, query.1).await;
    }
    let reply = state.lock().unwrap().respond(&head, user.as_deref(), &body);
    Ok(match reply {
        Ok(Reply::Object(code, value)) => written(code, value.to_string(), cut),
        Ok(Reply::Watch(watch)) => {
            let (sender, body) = unbounded_channel();
            tokio::spawn(watch::run(state, watch, sender));
            head_of(200).body(Parts(body)).unwrap()
        }
        Err(refusal) => refused(&refusal),
    })
}

/// What the Service behind the API server's proxy answers.
async fn behind(state: &Mutex<State>, query: &str) -> Result<Response<Parts>, std::io::Error> {
    let Some(address) = state.lock().unwrap().behind else {
        let message = "no endpoints available for service";
        return Ok(refused(&refuse(503, "ServiceUnavailable", message)));
    };
    let tcp = tokio::net::TcpStream::connect(address).await?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await;
    let (mut sender, connection) = handshake.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    let request = Request::get(format!("/api/v1/query{query}")).header("host", "prometheus");
    let request = request.body(http_body_util::Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await;
    let (head, body) = response.map_err(std::io::Error::other)?.into_parts();
    let body = body
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    Ok(written(head.status.as_u16(), text, false))
}

/// Who asks: by token, by certificate, or as somebody else.
fn user(head: &http::request::Parts, certificate: Option<String>) -> Option<String> {
    let header = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
    let token = header("authorization").and_then(|v| v.strip_prefix("Bearer "));
    let known = |token| {
        let user = TOKENS.iter().find(|(t, _)| *t == token);
        user.map(|(_, user)| (*user).into())
    };
    let user = token.map_or(certificate, known)?;
    Some(header("impersonate-user").map_or(user, str::to_owned))
}

/// Somebody else changes the object at `path`.
fn touch(state: &mut State, path: &str) {
    let Some(named) = request::named(&state.store, path) else {
        return;
    };
    let mut object = state.store.objects[&named.key].clone();
    object["metadata"]["labels"]["touched"] = json!(state.store.version.to_string());
    let by = By {
        manager: "somebody",
        dry: false,
    };
    let done = state.store.update(&named.kind, &named.key, object, by);
    done.unwrap();
}

fn refused(refusal: &Refusal) -> Response<Parts> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": refusal.code, "reason": refusal.reason, "message": refusal.message,
        "details": {"causes": refusal.causes},
    });
    written(refusal.code, status.to_string(), false)
}

fn head_of(code: u16) -> http::response::Builder {
    Response::builder()
        .status(StatusCode::from_u16(code).unwrap())
        .header("content-type", "application/json")
}

fn written(code: u16, text: String, cut: bool) -> Response<Parts> {
    let length = text.len();
    let mut bytes = Bytes::from(text);
    let (sender, body) = unbounded_channel();
    if cut {
        bytes.truncate(length / 2);
    }
    sender.send(Ok(bytes)).unwrap();
    if cut {
        sender.send(Err(std::io::Error::other("cut"))).unwrap();
    }
    let head = head_of(code).header("content-length", length);
    head.body(Parts(body)).unwrap()
}

impl Body for Parts {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let next = self.0.poll_recv(context);
        next.map(|part| part.map(|bytes| bytes.map(Frame::data)))
    }
}
