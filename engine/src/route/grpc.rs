//! gRPC methods: the path of a call is `/package.Service/Method`.

use crate::snapshot::route::{GrpcMatch, ValueMatch};

/// Service and method of a call; none when the path does not have its form.
pub fn call(path: &str) -> Option<(&str, &str)> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    let well_formed = !service.is_empty() && !method.is_empty() && !method.contains('/');
    well_formed.then_some((service, method))
}

/// Whether service and method are the wanted ones; what is not named matches every one. A match
/// that names neither holds for every path.
pub fn matches(wanted: &GrpcMatch, path: &str) -> bool {
    if wanted.service.is_none() && wanted.method.is_none() {
        return true;
    }
    let Some((service, method)) = call(path) else {
        return false;
    };
    let holds = |wanted: &Option<ValueMatch>, value: &str| match wanted {
        None => true,
        Some(ValueMatch::Exact(exact)) => **exact == *value,
        Some(ValueMatch::Regex(pattern)) => pattern.matches(value),
    };
    holds(&wanted.service, service) && holds(&wanted.method, method)
}
