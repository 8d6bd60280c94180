//! Filters of HTTPRoute and GRPCRoute: unions, combinations, and their fields.

use std::collections::BTreeMap;

use engine::filter::headers::may_edit;

use super::check::Check;
use super::parents;
use super::text::{check_header_name, check_header_value, check_host, check_len, shown};
use crate::gateway::{
    CorsFilter, GrpcFilter, GrpcFilterType, HeaderFilter, HttpFilter, HttpFilterType, HttpMatch,
    MirrorFilter, PathMatchType, PathModifier, PathModifierType, RedirectFilter,
};

const FILTERS_MAX: usize = 16;
const HEADERS_MAX: usize = 16;
const CORS_LIST_MAX: usize = 64;
const CORS_METHODS_MAX: usize = 9;
const PATH_LEN_MAX: usize = 1024;
const STATUS_CODES: [i64; 5] = [301, 302, 303, 307, 308];
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// Whether `replacePrefixMatch` knows the prefix it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrefixUse {
    /// The rule has exactly one match, and it is a PathPrefix (written or by default).
    OnePrefix,
    Other,
}

// === impl PrefixUse ===

impl PrefixUse {
    pub(super) fn of(matches: &[HttpMatch]) -> Self {
        let is_prefix = |one: &HttpMatch| {
            one.path
                .as_ref()
                .is_none_or(|path| path.r#type == PathMatchType::PathPrefix)
        };
        match matches {
            // The API server's default: one PathPrefix `/`.
            [] => Self::OnePrefix,
            [one] if is_prefix(one) => Self::OnePrefix,
            _ => Self::Other,
        }
    }
}

/// `filters` of an HTTPRoute's rule or backend.
pub(super) fn http(check: &mut Check, filters: &[HttpFilter], prefix: PrefixUse) {
    check.at_most("filters", filters, FILTERS_MAX);
    check.each("filters", filters, |check, filter| {
        http_filter(check, filter, prefix);
    });
    let repeatable = |kind| {
        matches!(
            kind,
            HttpFilterType::RequestMirror | HttpFilterType::ExtensionRef
        )
    };
    repeated(
        check,
        filters.iter().map(|f| (f.r#type, repeatable(f.r#type))),
    );
    let redirect = filters
        .iter()
        .any(|f| f.r#type == HttpFilterType::RequestRedirect);
    let rewrite = filters
        .iter()
        .position(|f| f.r#type == HttpFilterType::UrlRewrite);
    if let (true, Some(index)) = (redirect, rewrite) {
        check.item("filters", index, |check| {
            check.error(
                "RequestRedirect and URLRewrite are both used",
                "a rule may redirect or rewrite, but not both",
            );
        });
    }
}

/// `filters` of a GRPCRoute's rule or backend.
pub(super) fn grpc(check: &mut Check, filters: &[GrpcFilter]) {
    check.at_most("filters", filters, FILTERS_MAX);
    check.each("filters", filters, grpc_filter);
    let repeatable = |kind| {
        matches!(
            kind,
            GrpcFilterType::RequestMirror | GrpcFilterType::ExtensionRef
        )
    };
    repeated(
        check,
        filters.iter().map(|f| (f.r#type, repeatable(f.r#type))),
    );
}

fn repeated<T: Ord + core::fmt::Debug>(check: &mut Check, kinds: impl Iterator<Item = (T, bool)>) {
    let mut seen = BTreeMap::new();
    for (index, (kind, repeatable)) in kinds.enumerate() {
        if repeatable {
            continue;
        }
        if let Some(first) = seen.get(&kind) {
            check.item("filters", index, |check| {
                check.error(
                    format!("this type of filter is used by filters[{first}] as well"),
                    "it cannot be repeated; put both changes into one filter",
                );
            });
        } else {
            seen.insert(kind, index);
        }
    }
}

fn http_filter(check: &mut Check, filter: &HttpFilter, prefix: PrefixUse) {
    use HttpFilterType as T;
    union(
        check,
        &[
            (
                "requestHeaderModifier",
                T::RequestHeaderModifier,
                filter.request_header_modifier.is_some(),
            ),
            (
                "responseHeaderModifier",
                T::ResponseHeaderModifier,
                filter.response_header_modifier.is_some(),
            ),
            (
                "requestMirror",
                T::RequestMirror,
                filter.request_mirror.is_some(),
            ),
            (
                "requestRedirect",
                T::RequestRedirect,
                filter.request_redirect.is_some(),
            ),
            ("urlRewrite", T::UrlRewrite, filter.url_rewrite.is_some()),
            ("cors", T::Cors, filter.cors.is_some()),
            (
                "externalAuth",
                T::ExternalAuth,
                filter.external_auth.is_some(),
            ),
            (
                "extensionRef",
                T::ExtensionRef,
                filter.extension_ref.is_some(),
            ),
        ],
        filter.r#type,
    );
    if let Some(edit) = &filter.request_header_modifier {
        check.field("requestHeaderModifier", |check| headers(check, edit));
    }
    if let Some(edit) = &filter.response_header_modifier {
        check.field("responseHeaderModifier", |check| headers(check, edit));
    }
    if let Some(m) = &filter.request_mirror {
        check.field("requestMirror", |check| mirror(check, m));
    }
    if let Some(r) = &filter.request_redirect {
        check.field("requestRedirect", |check| redirect(check, r, prefix));
    }
    if let Some(rewrite) = &filter.url_rewrite {
        check.field("urlRewrite", |check| {
            host_and_path(
                check,
                rewrite.hostname.as_deref(),
                rewrite.path.as_ref(),
                prefix,
            );
        });
    }
    if let Some(c) = &filter.cors {
        check.field("cors", |check| cors(check, c));
    }
    check.not_modelled("externalAuth", &filter.external_auth);
    check.not_modelled("extensionRef", &filter.extension_ref);
}

fn grpc_filter(check: &mut Check, filter: &GrpcFilter) {
    use GrpcFilterType as T;
    union(
        check,
        &[
            (
                "requestHeaderModifier",
                T::RequestHeaderModifier,
                filter.request_header_modifier.is_some(),
            ),
            (
                "responseHeaderModifier",
                T::ResponseHeaderModifier,
                filter.response_header_modifier.is_some(),
            ),
            (
                "requestMirror",
                T::RequestMirror,
                filter.request_mirror.is_some(),
            ),
            (
                "extensionRef",
                T::ExtensionRef,
                filter.extension_ref.is_some(),
            ),
        ],
        filter.r#type,
    );
    if let Some(edit) = &filter.request_header_modifier {
        check.field("requestHeaderModifier", |check| headers(check, edit));
    }
    if let Some(edit) = &filter.response_header_modifier {
        check.field("responseHeaderModifier", |check| headers(check, edit));
    }
    if let Some(m) = &filter.request_mirror {
        check.field("requestMirror", |check| mirror(check, m));
    }
    check.not_modelled("extensionRef", &filter.extension_ref);
}

/// Exactly the field that `kind` names is set.
fn union<T: PartialEq>(check: &mut Check, fields: &[(&str, T, bool)], kind: T) {
    for (key, of, present) in fields {
        if *of == kind && !present {
            check.error(
                format!("the filter has no `{key}`"),
                format!("the type asks for the field `{key}`"),
            );
        }
    }
    check.beside(&kind, fields, |check, key, _| {
        check.error(
            format!("`{key}` does not belong to this type of filter"),
            "set only the field that `type` names; use one filter for each change",
        );
    });
}

fn headers(check: &mut Check, edit: &HeaderFilter) {
    check.at_most("set", &edit.set, HEADERS_MAX);
    check.at_most("add", &edit.add, HEADERS_MAX);
    check.at_most("remove", &edit.remove, HEADERS_MAX);
    let mut seen = BTreeMap::new();
    let lists = [("set", &edit.set), ("add", &edit.add)];
    for (key, list) in lists {
        check.each(key, list, |check, header| {
            check.field("value", |check| check_header_value(check, &header.value));
            check.field("name", |check| {
                header_once(check, &mut seen, key, &header.name);
            });
        });
    }
    check.each("remove", &edit.remove, |check, name| {
        header_once(check, &mut seen, "remove", name);
    });
}

fn header_once<'a>(
    check: &mut Check,
    seen: &mut BTreeMap<String, &'a str>,
    action: &'a str,
    name: &str,
) {
    check_header_name(check, name);
    if name.parse().is_ok_and(|name| !may_edit(&name)) {
        check.error(
            format!(
                "the header `{}` frames the message and cannot be changed",
                shown(name)
            ),
            "remove this entry; proxies write these headers themselves for each connection",
        );
    }
    if let Some(first) = seen.insert(name.to_ascii_lowercase(), action) {
        check.error(
            format!(
                "the header `{}` is changed by `{first}` as well",
                shown(name)
            ),
            "only one action for a header is allowed; separate several values with commas",
        );
    }
}

fn mirror(check: &mut Check, mirror: &MirrorFilter) {
    check.field("backendRef", |check| {
        parents::backend(check, mirror.backend_ref.target());
    });
    let Some(fraction) = &mirror.fraction else {
        return;
    };
    check.field("fraction", |check| {
        if mirror.percent.is_some() {
            check.error(
                "percent and fraction are both set",
                "only one of percent or fraction may be specified",
            );
        }
        let denominator = fraction.denominator.map_or(100, |d| d.get());
        if fraction.numerator.get() > denominator {
            check.error(
                format!(
                    "the numerator {} is above the denominator {denominator}",
                    fraction.numerator
                ),
                "numerator must be less than or equal to denominator (default 100)",
            );
        }
    });
}

fn redirect(check: &mut Check, redirect: &RedirectFilter, prefix: PrefixUse) {
    if let Some(scheme) = redirect.scheme.as_deref()
        && !matches!(scheme, "http" | "https")
    {
        check.field("scheme", |check| {
            check.error(
                format!("`{}` is not a scheme to redirect to", shown(scheme)),
                "allowed are http and https",
            );
        });
    }
    if let Some(status) = redirect.status_code
        && !STATUS_CODES.contains(&status.get())
    {
        check.field("statusCode", |check| {
            check.error(
                format!("{status} is not a status of a redirect"),
                "allowed are 301, 302, 303, 307 and 308",
            );
        });
    }
    host_and_path(
        check,
        redirect.hostname.as_deref(),
        redirect.path.as_ref(),
        prefix,
    );
}

fn host_and_path(
    check: &mut Check,
    hostname: Option<&str>,
    path: Option<&PathModifier>,
    prefix: PrefixUse,
) {
    if let Some(host) = hostname {
        check.field("hostname", |check| check_host(check, host, false));
    }
    let Some(path) = path else { return };
    check.field("path", |check| {
        let full = path.replace_full_path.as_deref();
        let replacement = path.replace_prefix_match.as_deref();
        union(
            check,
            &[
                (
                    "replaceFullPath",
                    PathModifierType::ReplaceFullPath,
                    full.is_some(),
                ),
                (
                    "replacePrefixMatch",
                    PathModifierType::ReplacePrefixMatch,
                    replacement.is_some(),
                ),
            ],
            path.r#type,
        );
        for (key, value) in [
            ("replaceFullPath", full),
            ("replacePrefixMatch", replacement),
        ] {
            if let Some(value) = value {
                check.field(key, |check| new_path(check, value));
            }
        }
        if replacement.is_some() && prefix == PrefixUse::Other {
            check.field("replacePrefixMatch", |check| {
                check.error(
                    "it is not clear which prefix is replaced",
                    "with path.replacePrefixMatch, exactly one PathPrefix match must be specified",
                );
            });
        }
    });
}

/// A path that is written into requests or `Location`.
fn new_path(check: &mut Check, value: &str) {
    check_len(check, value, 0, PATH_LEN_MAX);
    let absolute = value.is_empty() || value.starts_with('/');
    if !absolute || value.parse::<http::uri::PathAndQuery>().is_err() && !value.is_empty() {
        check.error(
            format!("`{}` is not a path", shown(value)),
            "a path starts with '/' and has no spaces or control characters",
        );
    }
}

fn cors(check: &mut Check, cors: &CorsFilter) {
    check.at_most("allowOrigins", &cors.allow_origins, CORS_LIST_MAX);
    check.at_most("allowMethods", &cors.allow_methods, CORS_METHODS_MAX);
    check.at_most("allowHeaders", &cors.allow_headers, CORS_LIST_MAX);
    check.at_most("exposeHeaders", &cors.expose_headers, CORS_LIST_MAX);
    let lists = [
        ("allowOrigins", &cors.allow_origins),
        ("allowMethods", &cors.allow_methods),
        ("allowHeaders", &cors.allow_headers),
        ("exposeHeaders", &cors.expose_headers),
    ];
    for (key, list) in lists {
        if list.len() > 1 && list.iter().any(|item| item == "*") {
            check.field(key, |check| {
                check.error(
                    format!("`{key}` has `*` and other entries"),
                    format!("{key} cannot contain '*' alongside others"),
                );
            });
        }
    }
    check.each("allowOrigins", &cors.allow_origins, |check, origin| {
        cors_origin(check, origin);
    });
    check.each("allowMethods", &cors.allow_methods, |check, method| {
        if method != "*" && !METHODS.contains(&method.as_str()) {
            check.error(
                format!("`{}` is not a method", shown(method)),
                format!("allowed are `*` and {}", METHODS.join(", ")),
            );
        }
    });
    for (key, list) in [
        ("allowHeaders", &cors.allow_headers),
        ("exposeHeaders", &cors.expose_headers),
    ] {
        check.each(key, list, |check, name| check_header_name(check, name));
    }
}

/// `*`, or `scheme://host[:port]` with an optional wildcard as first label.
fn cors_origin(check: &mut Check, origin: &str) {
    let valid = || {
        let (scheme, rest) = origin.split_once("://")?;
        let (host, port) = rest.split_once(':').unwrap_or((rest, "1"));
        let host = host.strip_prefix("*.").unwrap_or(host);
        let host_ok = super::text::is_host(&host.to_ascii_lowercase())
            || host.parse::<core::net::Ipv4Addr>().is_ok();
        let ok = matches!(scheme, "http" | "https") && host_ok && port.parse::<u16>().is_ok();
        ok.then_some(())
    };
    if origin != "*" && valid().is_none() {
        check.error(
            format!("`{}` is not an origin", shown(origin)),
            "allowed are `*` and origins such as `https://shop.example.com`, \
             `https://*.example.com` or `http://localhost:8080`",
        );
    }
}
