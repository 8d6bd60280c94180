use proptest::prelude::*;

use super::*;

#[test]
fn a_workload_is_named_with_or_without_its_kind() {
    let exact: WorkloadRef = "shop/Deployment/web".parse().unwrap();
    assert_eq!(exact, WorkloadRef::new("shop", "Deployment", "web"));
    assert!(exact.names("shop", "Deployment", "web"));
    assert!(!exact.names("shop", "StatefulSet", "web"));
    let any: WorkloadRef = "shop/web".parse().unwrap();
    assert!(any.names("shop", "StatefulSet", "web"));
    assert_eq!(
        "shop/deployment/web".parse(),
        Ok(exact),
        "kubectl's spelling of kinds"
    );
    for bad in [
        "web",
        "",
        "shop/Job/web",
        "shop//web",
        "a/Deployment/b/c",
        "Shop/web",
    ] {
        assert!(bad.parse::<WorkloadRef>().is_err(), "{bad:?} was accepted");
    }
}

#[test]
fn a_url_has_the_port_of_its_scheme_unless_it_names_one() {
    let url: Url = "http://web.shop/cart?x=1".parse().unwrap();
    assert_eq!((url.port, url.path.as_str()), (80, "/cart?x=1"));
    assert_eq!(url.authority(), "web.shop");
    let url: Url = "http://WEB.shop:8080".parse().unwrap();
    assert_eq!(
        (url.authority().as_str(), url.path.as_str()),
        ("web.shop:8080", "/")
    );
    let url: Url = "grpc://cart:7070/shop.Cart/Get".parse().unwrap();
    assert_eq!(
        (url.scheme, url.path.as_str()),
        (UrlScheme::Grpc, "/shop.Cart/Get")
    );
}

#[test]
fn a_url_that_cannot_be_sent_is_refused() {
    for bad in [
        "web.shop",
        "http://",
        "http:///x",
        "http://web:0/",
        "http://web:99999/",
        "http://we b/",
        "http://web/a b",
        "http://user@web/",
        "ftp://web/",
        "https://web/",
        "http://web/#x",
    ] {
        assert!(bad.parse::<Url>().is_err(), "{bad:?} was accepted");
    }
}

#[track_caller]
fn service(host: &str, expected: Option<(&str, &str)>) {
    let url: Url = format!("http://{host}/").parse().unwrap();
    let expected = expected.map(|(ns, name)| (ns.to_owned(), name.to_owned()));
    assert_eq!(url.service("home"), expected, "{host}");
}

#[test]
fn a_host_names_a_service_by_the_search_path_of_kubernetes() {
    service("web", Some(("home", "web")));
    service("web.shop", Some(("shop", "web")));
    service("web.shop.svc", Some(("shop", "web")));
    service("web.shop.svc.cluster.local", Some(("shop", "web")));
    service("web.shop.svc.cluster.local.", Some(("shop", "web")));
    service("www.example.com", None);
}

#[test]
fn objects_and_places_are_named_as_they_print() {
    for text in ["HTTPRoute/shop/web", "Namespace/shop"] {
        assert_eq!(text.parse::<ObjectRef>().unwrap().to_string(), text);
    }
    for text in ["*", "outside", "zone/eu-1a", "shop/Deployment/web"] {
        assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
    }
    for bad in ["httproute/shop/web", "HTTPRoute", "HTTPRoute/a/b/c"] {
        assert!(bad.parse::<ObjectRef>().is_err(), "{bad:?} was accepted");
    }
    for bad in ["zone/", "somewhere", "zone/A B"] {
        assert!(bad.parse::<Place>().is_err(), "{bad:?} was accepted");
    }
}

proptest! {
    #[test]
    fn what_reads_prints_the_same_url_again(
        text in "(http|grpc)://[a-z.]{1,9}(:[1-9]{1,4})?(/[a-z?=/]{0,9})?",
    ) {
        if let Ok(url) = text.parse::<Url>() {
            prop_assert_eq!(url.to_string().parse(), Ok(url));
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in ".{0,40}") {
        let _ = text.parse::<Url>();
        let _ = text.parse::<Place>();
        let _ = text.parse::<ObjectRef>();
    }
}
