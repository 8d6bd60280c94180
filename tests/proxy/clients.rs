//! Clients and servers that others wrote.

use std::net::SocketAddr;
use std::process::{Child, Command, Output};

use super::harness::{Proxy, app, connect, free_port, service};
use crate::common::Place;

/// A server of somebody else; killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(command: &str, args: &[&str]) -> Output {
    Command::new(command).args(args).output().unwrap()
}

/// The interpreter that has the packages of the tests.
fn python() -> String {
    std::env::var("MESHCTL_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn curl(args: &[&str]) -> String {
    let output = run("curl", &[&["-sS", "-m", "20"][..], args].concat());
    let err = String::from_utf8_lossy(&output.stderr);
    format!("{}{err}", String::from_utf8_lossy(&output.stdout))
}

/// Waits until somebody listens.
fn listens(at: SocketAddr) {
    for _ in 0..400 {
        if std::net::TcpStream::connect(at).is_ok() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("nobody listens on {at}");
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// nginx with a file of a mebibyte, an upload that is echoed by its length, and a redirect.
fn nginx(place: &Place) -> (Server, SocketAddr) {
    let port = free_port();
    let dir = place.path("");
    let dir = dir.display();
    place.file("www/index.html", "from nginx\n");
    place.file("www/large", vec![b'x'; 1 << 20]);
    place.file(
        "nginx.conf",
        format!(
            "daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/error.log; worker_processes 1;\n\
             events {{}}\n\
             http {{\n  access_log off; client_body_temp_path {dir}/body;\n  \
             proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u;\n  \
             scgi_temp_path {dir}/s; client_max_body_size 8m; keepalive_timeout 5;\n  \
             server {{\n    listen 127.0.0.1:{port}; root {dir}/www;\n    \
             location /length {{ client_body_in_single_buffer on; client_body_buffer_size 4m;\n      \
             proxy_pass http://127.0.0.1:{port}/told; proxy_set_header x-told $content_length; }}\n    \
             location /told {{ return 200 \"$http_x_told\\n\"; }}\n    \
             absolute_redirect off; location /old {{ return 301 /index.html; }}\n  }}\n}}\n"
        ),
    );
    let config = place.path("nginx.conf").display().to_string();
    let child = Command::new("nginx")
        .args(["-c", &config, "-e", "stderr"])
        .spawn();
    let server = Server(child.unwrap());
    listens(local(port));
    (server, local(port))
}

#[test]
#[ignore = "needs curl and nginx"]
fn curl_reaches_nginx_in_every_way_it_knows() {
    let place = Place::new();
    let (_nginx, at) = nginx(&place);
    place.file("mesh/api.yaml", service("api", &[at]));
    place.file("upload", vec![b'y'; 300_000]);
    let proxy = Proxy::start(&place, &[]);
    let here = format!("http://{}", proxy.outbound);
    let upload = place.path("upload").display().to_string();
    let is = |args: &[&str], expected: &str| {
        let got = curl(args);
        assert!(got.starts_with(expected), "{args:?}: {got:.300}");
    };
    let page = "from nginx";
    is(&["-x", &here, "http://api.shop/"], page);
    is(&["-p", "-x", &here, "http://api.shop/"], page);
    is(&["-H", "Host: api", &here], page);
    is(&["-0", "-H", "Host: api", &here], page);
    is(&["--http2-prior-knowledge", "-H", "Host: api", &here], page);
    is(&["-L", "-x", &here, "http://api.shop/old"], page);
    is(&["-r", "0-3", "-x", &here, "http://api.shop/"], "from");
    let code = "%{http_code} %{size_download} %{num_connects}\n";
    let quiet = |more: &[&str]| curl(&[&["-o", "/dev/null", "-w", code][..], more].concat());
    let twice = [
        &*format!("{here}/large"),
        "-o",
        "/dev/null",
        &format!("{here}/large"),
    ];
    let twice = quiet(&[&["-H", "Host: api"][..], &twice].concat());
    assert_eq!(twice, "200 1048576 1\n200 1048576 0\n");
    assert_eq!(quiet(&["-I", "-H", "Host: api", &here]), "200 0 1\n");
    let h2 = [
        "--http2-prior-knowledge",
        "-H",
        "Host: api",
        &*format!("{here}/large"),
    ];
    assert_eq!(quiet(&h2), "200 1048576 1\n");
    // A length, chunks, and a wait for `100 Continue`; over HTTP/1.1 and HTTP/2.
    let to = format!("{here}/length");
    let chunked = "Transfer-Encoding: chunked";
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let put = ["-T", upload.as_str(), "-H", "Host: api", version];
        is(&[&put[..], &[&to]].concat(), "300000");
        is(
            &[&put[..], &["-H", "Expect: 100-continue", &to]].concat(),
            "300000",
        );
    }
    is(&["-T", &upload, "-H", "Host: api", "-H", chunked, &to], "");
}

#[test]
#[ignore = "needs h2load"]
fn h2load_loses_no_request() {
    let place = Place::new();
    place.file("mesh/api.yaml", service("api", &[app("a"), app("b")]));
    let proxy = Proxy::start(&place, &["--workers", "2"]);
    let to = proxy.outbound.to_string();
    for protocol in [&["--h1"][..], &["-m", "10"]] {
        let load = ["-n", "2000", "-c", "8", "--connect-to", &to, "http://api/"];
        let output = run("h2load", &[protocol, &load].concat());
        let told = String::from_utf8_lossy(&output.stdout);
        let expected = "2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout";
        assert!(told.contains(expected), "{protocol:?}: {told}");
    }
}

/// The four kinds of calls, statuses, trailers and a deadline, with a server and a client of grpcio.
const GRPC: &str = r#"
import sys, time, grpc
from concurrent import futures
raw = dict(request_deserializer=None, response_serializer=None)
def unary(r, c):
    if r == b'fail':
        c.set_trailing_metadata((('why', 'because'),))
        c.abort(grpc.StatusCode.FAILED_PRECONDITION, 'not today')
    if r == b'sleep': time.sleep(5)
    return b'got ' + r
def down(r, c):
    for i in range(int(r)): yield b'%d' % i
def up(it, c): return b'%d' % sum(len(r) for r in it)
def both(it, c):
    for r in it: yield r.upper()
server = grpc.server(futures.ThreadPoolExecutor(4))
kinds = {'U': grpc.unary_unary_rpc_method_handler(unary, **raw),
         'D': grpc.unary_stream_rpc_method_handler(down, **raw),
         'C': grpc.stream_unary_rpc_method_handler(up, **raw),
         'B': grpc.stream_stream_rpc_method_handler(both, **raw)}
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler('shop.Api', kinds),))
assert server.add_insecure_port('127.0.0.1:' + sys.argv[1])
server.start()
options = [('grpc.default_authority', 'api.shop')]
channel = grpc.insecure_channel(sys.argv[2], options=options)
grpc.channel_ready_future(channel).result(timeout=15)
def call(kind, name): return getattr(channel, kind)('/shop.Api/' + name)
assert call('unary_unary', 'U')(b'x', timeout=10) == b'got x'
assert call('unary_unary', 'U')(b'z' * 1000000, timeout=10) == b'got ' + b'z' * 1000000
assert [*call('unary_stream', 'D')(b'100', timeout=10)] == [b'%d' % i for i in range(100)]
assert call('stream_unary', 'C')(iter([b'ab'] * 50), timeout=10) == b'100'
assert [*call('stream_stream', 'B')(iter([b'a', b'b']), timeout=10)] == [b'A', b'B']
def fails(request, timeout, code, method='U'):
    try: call('unary_unary', method)(request, timeout=timeout)
    except grpc.RpcError as e:
        assert e.code() == code, e
        return e
    raise SystemExit('no error')
e = fails(b'fail', 10, grpc.StatusCode.FAILED_PRECONDITION)
assert e.details() == 'not today' and ('why', 'because') in e.trailing_metadata(), e
fails(b'sleep', 0.3, grpc.StatusCode.DEADLINE_EXCEEDED)
fails(b'', 10, grpc.StatusCode.UNIMPLEMENTED, 'Nothing')
options = [('grpc.default_authority', 'nobody.shop')]
channel = grpc.insecure_channel(sys.argv[2], options=options)
fails(b'', 10, grpc.StatusCode.UNIMPLEMENTED)
print('done')
"#;

#[test]
#[ignore = "needs grpcio"]
fn grpcio_calls_grpcio_in_all_four_ways() {
    let place = Place::new();
    let port = free_port();
    let text = service("api", &[local(port)]).replace("name: http", "name: grpc");
    place.file("mesh/api.yaml", text);
    let proxy = Proxy::start(&place, &[]);
    let (port, to) = (port.to_string(), proxy.outbound.to_string());
    let output = run(&python(), &["-c", GRPC, &port, &to]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{err}");
}

#[test]
#[ignore = "needs openssl"]
fn openssl_gets_no_further_than_its_certificate() {
    let pair = super::mtls::pair("");
    let to = pair.api.inbound.unwrap().to_string();
    let client = |more: &[&str]| {
        let args = [
            &["s_client", "-connect", &to, "-alpn", "meshctl-tcp"][..],
            more,
        ]
        .concat();
        let output = run("openssl", &args);
        let all = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&all).into_owned()
    };
    let dir = pair.place.path("certs/web");
    let file = |name: &str| dir.join(name).display().to_string();
    let (cert, key, roots) = (file("tls.crt"), file("tls.key"), file("ca.crt"));
    let own = ["-cert", &cert, "-cert_chain", &cert, "-key", &key];
    let good = client(&[&own[..], &["-CAfile", &roots, "-tls1_3"]].concat());
    assert!(good.contains("Verification: OK"), "{good}");
    assert!(
        good.contains("TLSv1.3") && good.contains("ALPN protocol: meshctl-tcp"),
        "{good}"
    );
    let nobody = client(&["-tls1_3", "-ign_eof"]);
    assert!(nobody.contains("certificate required"), "{nobody}");
    let old = client(&[&own[..], &["-tls1_2"]].concat());
    assert!(
        old.contains("alert") || old.contains("Cipher is (NONE)"),
        "{old}"
    );
    drop(connect(pair.api.inbound.unwrap()));
    assert_eq!(pair.web.get("api", "/after").status, 200);
}

/// A server and a client of the `websockets` package, through the proxy: text, large binary
/// messages, a ping, and the closing handshake with its code.
const WEBSOCKET: &str = r#"
import asyncio, sys, websockets
async def echo(ws):
    async for message in ws:
        if message == 'bye': return await ws.close(4001, 'as asked')
        await ws.send(message)
async def main():
    async with websockets.serve(echo, '127.0.0.1', int(sys.argv[1]), max_size=None):
        host, port = sys.argv[2].split(':')
        ws = await websockets.connect('ws://api.shop/chat', host=host, port=int(port), max_size=None)
        await ws.send('hello')
        assert await ws.recv() == 'hello'
        large = bytes(1 << 20)
        await ws.send(large)
        assert await ws.recv() == large
        await asyncio.wait_for(await ws.ping(), 10)
        await ws.send('bye')
        await ws.wait_closed()
        assert ws.close_code == 4001, ws.close_code
    print('done')
asyncio.run(main())
"#;

#[test]
#[ignore = "needs websockets"]
fn websockets_pass_in_both_directions_until_they_are_closed() {
    let place = Place::new();
    let port = free_port();
    place.file("mesh/api.yaml", service("api", &[local(port)]));
    let proxy = Proxy::start(&place, &[]);
    let (port, to) = (port.to_string(), proxy.outbound.to_string());
    let output = run(&python(), &["-c", WEBSOCKET, &port, &to]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{err}");
}

/// Requests under load while endpoints, routes and certificates change all the time.
#[test]
#[ignore = "needs h2load"]
fn changes_under_load_cost_no_request() {
    let pair = super::mtls::pair("");
    let url = format!("http://{}/", pair.web.outbound);
    let load = std::thread::spawn(move || {
        let args = [
            "-D",
            "8",
            "-c",
            "4",
            "-m",
            "4",
            "-H",
            ":authority: api",
            &url,
        ];
        run("h2load", &args)
    });
    let other = app("other");
    for i in 0..10 {
        // A second backend comes and goes, and with it the route.
        let extra = match i % 2 {
            0 => service("other", &[other]),
            _ => service("other", &[]),
        };
        pair.place.file("mesh/other.yaml", extra);
        super::mtls::issue(&pair.place, if i % 2 == 0 { "web" } else { "api" });
        std::thread::sleep(std::time::Duration::from_millis(600));
    }
    let output = load.join().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains(" 0 failed, 0 errored, 0 timeout"), "{told}");
    pair.web.wait_for_times("is renewed", 3);
    pair.web.wait_for_times("the configuration is now", 5);
}
