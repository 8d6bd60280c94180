//! Header modifiers: remove, then set, then add (Envoy's order: "remove-before-add").
//!
//! Headers that frame a message or belong to one connection (RFC 9110 §7.6.1) are not editable: a
//! `Transfer-Encoding` out of a manifest would let two proxies disagree where a request ends.
//! `Host` is the request's authority here and can be set, not removed.

use http::HeaderMap;
use http::header::{self, HeaderName};
use http::uri::Authority;

use super::CannotApply;
use crate::head::RequestHead;
use crate::snapshot::route::HeaderEdit;

/// Whether a filter may edit a header. The lowering refuses those that it may not.
pub fn may_edit(name: &HeaderName) -> bool {
    const FRAMING: [HeaderName; 8] = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    !FRAMING.contains(name)
}

/// Edits the headers of a request; `Host` replaces the authority.
///
/// # Errors
/// When the value for `Host` is not an authority; the request is unchanged then.
pub fn edit_request(edit: &HeaderEdit, head: &mut RequestHead) -> Result<(), CannotApply> {
    let mut values = edit.set.iter().chain(&edit.add);
    if let Some((_, value)) = values.find(|(name, _)| *name == header::HOST) {
        let authority = Authority::try_from(value.as_bytes());
        head.authority = Some(authority.map_err(|_| CannotApply::Host)?);
    }
    self::edit(edit, &mut head.headers);
    Ok(())
}

/// Edits headers.
pub fn edit(edit: &HeaderEdit, headers: &mut HeaderMap) {
    let editable = |name: &HeaderName| may_edit(name) && *name != header::HOST;
    for name in edit.remove.iter().filter(|name| editable(name)) {
        headers.remove(name);
    }
    for (name, value) in edit.set.iter().filter(|(name, _)| editable(name)) {
        headers.insert(name, value.clone());
    }
    for (name, value) in edit.add.iter().filter(|(name, _)| editable(name)) {
        headers.append(name, value.clone());
    }
}

/// The names, for the trail.
pub(super) fn describe(edit: &HeaderEdit) -> String {
    let removed = edit.remove.iter().map(|name| format!("-{name}"));
    let set = edit.set.iter().map(|(name, _)| format!("={name}"));
    let added = edit.add.iter().map(|(name, _)| format!("+{name}"));
    removed
        .chain(set)
        .chain(added)
        .collect::<Vec<_>>()
        .join(" ")
}
