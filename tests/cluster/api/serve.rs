//! The server itself: connections, requests, answers.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::apply::Options;
use super::faults::{self, Fault, What};
use super::rules::{self, Deny, Wanted};
use super::store::{Key, Refusal, Store, refuse};
use super::tls::{Authority, Pair, Trouble};
use super::{kinds, list};
use crate::common::Place;

/// The tokens that the server knows, and whose they are.
const TOKENS: [(&str, &str); 2] = [("admin-token", "admin"), ("dev-token", "dev")];

pub(crate) struct Api {
    address: SocketAddr,
    authority: Authority,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    store: Store,
    faults: Vec<Fault>,
    denied: Vec<Deny>,
    /// Groups that are not installed.
    absent: Vec<String>,
    /// Method and path of every request.
    log: Vec<String>,
}

/// A body that can end too early.
struct Text {
    bytes: Option<Bytes>,
    cut: bool,
}

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
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": meta});
            let key = ("namespaces".into(), String::new(), namespace.into());
            api.state().store.create(key, object, "kubernetes").unwrap();
        }
        api
    }

    /// Misbehaves from now on.
    pub(crate) fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    pub(crate) fn deny(&self, rule: Deny) {
        self.state().denied.push(rule);
    }

    /// Takes the kinds of a group away.
    pub(crate) fn uninstall(&self, group: &str) {
        self.state().absent.push(group.into());
    }

    /// The requests that contain `part`, of those since the start.
    pub(crate) fn requests(&self, part: &str) -> Vec<String> {
        self.state()
            .log
            .iter()
            .filter(|r| r.contains(part))
            .cloned()
            .collect()
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
            let certificate = tls
                .get_ref()
                .1
                .peer_certificates()
                .and_then(|c| common_name(&c[0]));
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
    let name = certificate
        .subject()
        .iter_common_name()
        .next()?
        .as_str()
        .ok()?;
    Some(name.to_owned())
}

async fn answer(
    state: Arc<Mutex<State>>,
    certificate: Option<String>,
    request: Request<Incoming>,
) -> Result<Response<Text>, std::io::Error> {
    let (head, body) = request.into_parts();
    let line = format!("{} {}", head.method, head.uri);
    let body = body
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    let due = {
        let mut state = state.lock().unwrap();
        state.log.push(line.clone());
        faults::take(&mut state.faults, &line)
    };
    let mut cut = false;
    match due {
        Some(What::Status(code, after, why)) => {
            let mut response = refused(&refuse(code, "TheTest", why));
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
    let mut state = state.lock().unwrap();
    let user = user(&head, certificate);
    Ok(match state.respond(&head, user.as_deref(), &body) {
        Ok(value) => written(200, value.to_string(), cut),
        Err(refusal) => refused(&refusal),
    })
}

/// Who asks: by token, by certificate, or as somebody else.
fn user(head: &http::request::Parts, certificate: Option<String>) -> Option<String> {
    let header = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
    let token = header("authorization").and_then(|v| v.strip_prefix("Bearer "));
    let known = |token| {
        TOKENS
            .iter()
            .find(|(t, _)| *t == token)
            .map(|(_, user)| (*user).into())
    };
    let user = token.map_or(certificate, known)?;
    Some(header("impersonate-user").map_or(user, str::to_owned))
}

/// Somebody else changes the object at `path`.
fn touch(state: &mut State, path: &str) {
    let Some(Place3 { key, .. }) = place(path, &state.absent) else {
        return;
    };
    let mut object = state.store.objects[&key].clone();
    object["metadata"]["labels"]["touched"] = json!(state.store.version.to_string());
    state.store.update(&key, object, "somebody", false).unwrap();
}

/// What a path names.
struct Place3 {
    group: String,
    version: String,
    kind: &'static str,
    key: Key,
}

fn place(path: &str, absent: &[String]) -> Option<Place3> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, version, rest) = match &parts[..] {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, plural, name) = match rest {
        ["namespaces", namespace, plural, name] => (*namespace, *plural, *name),
        ["namespaces", namespace, plural] => (*namespace, *plural, ""),
        [plural, name] => ("", *plural, *name),
        [plural] => ("", *plural, ""),
        _ => return None,
    };
    let mut served = kinds::served(absent);
    let kind = served.find(|k| k.0 == group && k.1.contains(&version) && k.3 == plural)?;
    Some(Place3 {
        group: group.into(),
        version: version.into(),
        kind: kind.2,
        key: (plural.into(), namespace.into(), name.into()),
    })
}

impl State {
    fn respond(
        &mut self,
        head: &http::request::Parts,
        user: Option<&str>,
        body: &[u8],
    ) -> Result<Value, Refusal> {
        let user = user.ok_or_else(|| refuse(401, "Unauthorized", "Unauthorized"))?;
        let path = head.uri.path();
        let nothing = || {
            refuse(
                404,
                "NotFound",
                "the server could not find the requested resource",
            )
        };
        let json =
            || serde_json::from_slice(body).map_err(|e| refuse(400, "BadRequest", e.to_string()));
        match path {
            "/version" => return Ok(json!({"major": "1", "minor": "33", "gitVersion": "v1.33.1"})),
            "/apis" => return Ok(kinds::groups(&self.absent)),
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => {
                return Ok(rules::review(&self.denied, &json()?));
            }
            _ => {}
        }
        if let ["", "apis", group, version] = path.split('/').collect::<Vec<_>>()[..] {
            return kinds::resources(&self.absent, group, version).ok_or_else(nothing);
        }
        let place = place(path, &self.absent).ok_or_else(nothing)?;
        let verb = match (&head.method, place.key.2.is_empty()) {
            (&Method::GET, true) => "list",
            (&Method::GET, false) => "get",
            (&Method::POST, true) => "create",
            (&Method::PUT, false) => "update",
            (&Method::PATCH, false) => "patch",
            (&Method::DELETE, false) => "delete",
            _ => return Err(refuse(405, "MethodNotAllowed", "the method is not allowed")),
        };
        let (plural, namespace, _) = place.key.clone();
        let wanted = Wanted {
            verb,
            group: &place.group,
            resource: &plural,
            namespace: &namespace,
        };
        if !rules::allowed(&self.denied, &wanted) {
            return Err(refuse(403, "Forbidden", rules::refusal(user, &wanted)));
        }
        let query = queries(head.uri.query().unwrap_or_default());
        let option = |name: &str| query.get(name).map_or("", String::as_str);
        let options = Options {
            manager: match option("fieldManager") {
                "" => "unknown",
                manager => manager,
            },
            force: option("force") == "true",
            dry: option("dryRun") == "All",
        };
        let content = head
            .headers
            .get("content-type")
            .and_then(|c| c.to_str().ok());
        let mut found = match verb {
            "list" => {
                let query = list::Query {
                    limit: option("limit").parse().unwrap_or(0),
                    token: option("continue").into(),
                    selector: option("labelSelector").into(),
                };
                return Ok(list::list(&self.store, &plural, &namespace, &query));
            }
            "get" => self.store.get(&place.key)?.clone(),
            "create" => {
                let object: Value = json()?;
                let name = object["metadata"]["name"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                self.store
                    .create((plural, namespace, name), object, options.manager)?
            }
            "update" => self
                .store
                .update(&place.key, json()?, options.manager, options.dry)?,
            "patch" => {
                let kind = content.unwrap_or_default();
                self.store.patch(&place.key, kind, &json()?, &options)?
            }
            _ => {
                let sent = if body.is_empty() { json!({}) } else { json()? };
                if !options.dry {
                    self.store.delete(&place.key, &sent)?;
                }
                return Ok(json!({"kind": "Status", "status": "Success"}));
            }
        };
        // An object is shown in the version that was asked for.
        let api_version = match &*place.group {
            "" => place.version.clone(),
            group => format!("{group}/{}", place.version),
        };
        found["apiVersion"] = json!(api_version);
        found["kind"] = json!(place.kind);
        Ok(found)
    }
}

fn queries(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), decoded(value)))
        .collect()
}

pub(crate) fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

fn refused(refusal: &Refusal) -> Response<Text> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": refusal.code,
        "reason": refusal.reason, "message": refusal.message, "details": {"causes": refusal.causes},
    });
    written(refusal.code, status.to_string(), false)
}

fn written(code: u16, text: String, cut: bool) -> Response<Text> {
    let length = text.len();
    let mut bytes = Bytes::from(text);
    if cut {
        bytes.truncate(length / 2);
    }
    let body = Text {
        bytes: Some(bytes),
        cut,
    };
    Response::builder()
        .status(StatusCode::from_u16(code).unwrap())
        .header("content-type", "application/json")
        .header("content-length", length)
        .body(body)
        .unwrap()
}

impl Body for Text {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(match self.bytes.take() {
            Some(bytes) => Some(Ok(Frame::data(bytes))),
            None if self.cut => Some(Err(std::io::Error::other("cut"))),
            None => None,
        })
    }
}
