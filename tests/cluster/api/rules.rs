//! Who is asking, and what they may.

use serde_json::{Value, json};

/// Something that is not allowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deny {
    /// `*` = all.
    pub(crate) verb: &'static str,
    /// The plural; `*` = all.
    pub(crate) resource: &'static str,
    /// Only outside of this namespace.
    pub(crate) but_in: Option<&'static str>,
}

/// What a request wants.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
}

impl Deny {
    fn denies(&self, wanted: &Wanted<'_>) -> bool {
        let is = |rule: &str, value: &str| rule == "*" || rule == value;
        is(self.verb, wanted.verb)
            && is(self.resource, wanted.resource)
            && self
                .but_in
                .is_none_or(|namespace| namespace != wanted.namespace)
    }
}

pub(crate) fn allowed(rules: &[Deny], wanted: &Wanted<'_>) -> bool {
    !rules.iter().any(|rule| rule.denies(wanted))
}

/// The words of Kubernetes' own RBAC.
pub(crate) fn refusal(user: &str, wanted: &Wanted<'_>) -> String {
    let Wanted {
        verb,
        group,
        resource,
        namespace,
    } = wanted;
    let full = match *group {
        "" => (*resource).to_owned(),
        group => format!("{resource}.{group}"),
    };
    let place = match *namespace {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace \"{namespace}\""),
    };
    format!(
        "{full} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \
         \"{group}\" {place}"
    )
}

/// Answers a SelfSubjectAccessReview.
pub(crate) fn review(rules: &[Deny], body: &Value) -> Value {
    let of = &body["spec"]["resourceAttributes"];
    let text = |key: &str| of[key].as_str().unwrap_or_default();
    let wanted = Wanted {
        verb: text("verb"),
        group: text("group"),
        resource: text("resource"),
        namespace: text("namespace"),
    };
    let mut answer = body.clone();
    answer["status"] = json!({"allowed": allowed(rules, &wanted)});
    answer
}
