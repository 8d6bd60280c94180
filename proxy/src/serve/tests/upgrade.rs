use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::testing::*;
use crate::net::{Accept, Rt};

#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_carries_bytes_both_ways_until_both_sides_end() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    let mut listener = api.app.listen(at(API, 8080)).await.unwrap();
    api.app.spawn(async move {
        let (mut io, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(io.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.contains("upgrade: websocket"), "{head}");
        let answer = "HTTP/1.1 101 Switching Protocols\r\n\
                      connection: upgrade\r\nupgrade: websocket\r\n\r\nwelcome ";
        io.write_all(answer.as_bytes()).await.unwrap();
        let mut heard = String::new();
        io.read_to_string(&mut heard).await.unwrap();
        io.write_all(heard.to_uppercase().as_bytes()).await.unwrap();
    });
    let mut io = web.app.connect(SERVICE.parse().unwrap()).await.unwrap();
    let request = "GET /chat HTTP/1.1\r\nhost: api\r\n\
                   connection: upgrade\r\nupgrade: websocket\r\n\r\n";
    io.write_all(request.as_bytes()).await.unwrap();
    let mut heard = String::new();
    while !heard.ends_with("welcome ") {
        heard.push(char::from(io.read_u8().await.unwrap()));
    }
    assert!(heard.starts_with("HTTP/1.1 101 "), "{heard}");
    assert_eq!(say(&mut io, "good bye").await.unwrap(), "GOOD BYE");
    let total = web.proxy.frame().services.total();
    assert_eq!((total.success, total.in_flight), (1, 0));
}
