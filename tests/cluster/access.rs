//! The way to a cluster: kubeconfigs and credentials.

use super::api::{Api, Trouble};
use crate::common::{Output, Place};

/// Runs a command that reads a cluster, with `kubeconfig` written to a file of that name.
fn with(kubeconfig: &str, args: &[&str]) -> Output {
    let place = Place::new();
    place.file("kubeconfig", kubeconfig);
    run(&place, args)
}

fn run(place: &Place, args: &[&str]) -> Output {
    let mut all = vec!["simulate", "--kubeconfig", "kubeconfig"];
    all.extend(args);
    place.run(&all)
}

/// One error with all of these words, and nothing on stdout.
#[track_caller]
fn refused(out: &Output, words: &[&str]) {
    crate::common::refused(out, words);
    let errors = out.stderr.lines().filter(|l| l.starts_with("error:"));
    assert_eq!(errors.count(), 1, "{}", out.stderr);
}

/// A kubeconfig for an address where nobody listens.
fn nowhere() -> String {
    super::api::kubeconfig("https://127.0.0.1:1", "token: t")
        .replace("    certificate-authority: ca.pem\n", "")
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_one_clear_error() {
    refused(
        &Place::new().run(&["simulate", "--kubeconfig", "gone"]),
        &["cannot read the kubeconfig gone", "check the path"],
    );
    refused(
        &with("- a\n- b", &[]),
        &["kubeconfig is no kubeconfig", "kubectl config view"],
    );
    refused(
        &with("", &[]),
        &["no current context", "is it the right file?"],
    );
    refused(
        &with(&nowhere(), &["--context", "tset"]),
        &["kubeconfig has no context `tset`", "did you mean `test`?"],
    );
    refused(
        &with(&nowhere().replace("current-context: test", ""), &[]),
        &["has no current context", "one of: test"],
    );
    refused(
        &with(
            &nowhere().replace("{cluster: test,", "{cluster: other,"),
            &[],
        ),
        &["has no cluster `other`, which context `test` names"],
    );
}

#[test]
fn a_secret_in_a_broken_kubeconfig_is_not_shown() {
    let out = with(&nowhere().replace("token: t", "token: [s3cr3t"), &[]);
    refused(&out, &["is no kubeconfig", "line"]);
    assert!(!out.stderr.contains("s3cr3t"), "{}", out.stderr);
}

#[test]
fn an_address_where_nobody_listens_is_named() {
    refused(
        &with(&nowhere(), &[]),
        &[
            "nothing listens at https://127.0.0.1:1",
            "is the cluster running",
        ],
    );
    refused(
        &with(
            &nowhere().replace("127.0.0.1:1", "no-such-host.invalid:6443"),
            &[],
        ),
        &["no-such-host.invalid", "DNS or VPN"],
    );
}

#[test]
fn a_server_that_cannot_be_trusted_is_not_talked_to() {
    for (trouble, words) in [
        (Trouble::Expired, "renew it on the cluster"),
        (Trouble::OtherName, "tls-server-name"),
    ] {
        let (api, place) = (Api::with(trouble), Place::new());
        api.kubeconfig(&place, "kubeconfig", "token: admin-token");
        refused(&run(&place, &[]), &["no trust", words]);
        assert_eq!(api.requests(""), Vec::<String>::new());
    }
    let (api, other, place) = (Api::start(), Api::start(), Place::new());
    api.kubeconfig(&place, "kubeconfig", "token: admin-token");
    other.kubeconfig(&place, "other", "token: admin-token");
    refused(
        &run(&place, &[]),
        &["certificate-authority", "get its kubeconfig again"],
    );
}

#[test]
fn credentials_that_are_not_accepted_say_why() {
    let (api, place) = (Api::start(), Place::new());
    let check = |user: &str, words: &[&str]| {
        api.kubeconfig(&place, "kubeconfig", user);
        refused(&run(&place, &[]), words);
    };
    check(
        "token: wrong",
        &[
            "does not accept your credentials",
            "a token",
            "log in again",
        ],
    );
    check(
        "{}",
        &["does not accept your credentials", "has no credentials"],
    );
    // {"exp":1600000000}
    check(
        "token: x.eyJleHAiOjE2MDAwMDAwMDB9.y",
        &["the token expired on 2020-09-13"],
    );
    let plugin = "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, \
                  interactiveMode: Never}";
    check(
        plugin,
        &[
            "cannot be used",
            "the plugin `no-such-plugin`",
            "is it installed?",
        ],
    );
    let expired = api.certificate(&place, "admin", 2021);
    check(&expired, &["certificate", "credentials"]);
}

#[test]
fn a_client_certificate_and_another_user_are_credentials() {
    let (api, place) = (Api::start(), Place::new());
    let good = api.certificate(&place, "admin", 2100);
    api.kubeconfig(&place, "kubeconfig", &good);
    // That a namespace is empty is the last thing that is found out.
    refused(&run(&place, &["-n", "x"]), &["holds nothing to simulate"]);
    refused(
        &run(&place, &["-n", "x", "--as", "dev"]),
        &["holds nothing to simulate"],
    );
}
