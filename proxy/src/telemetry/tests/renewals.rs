use engine::report::EventKind;
use engine::time::Duration;

use crate::net::Rt as _;
use crate::serve::testing::*;

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_is_an_event() {
    let mesh = Mesh::new();
    let web = mesh.pod(WEB, "web", snapshot("web")).await;
    let pause = async || {
        let app = &web.app;
        app.sleep_until(app.now() + Duration::from_secs(1)).await;
    };
    pause().await;
    web.tls.send_replace(mesh.ca.issue("web"));
    pause().await;
    let events = web.proxy.frame().events;
    let mut renewed = events
        .iter()
        .filter(|e| e.kind == EventKind::CertificateRenewed);
    let event = renewed.next().unwrap();
    assert_eq!(event.subject, "spiffe://cluster.local/ns/shop/sa/web");
    assert!(event.detail.starts_with("valid until 20"), "{event}");
    assert_eq!(renewed.next(), None, "the first certificate is no renewal");
}
