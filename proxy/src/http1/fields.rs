//! Header fields of either kind of head: what concerns this connection is taken out on the way
//! (RFC 9110 §7.6.1), the rest becomes a [`HeaderMap`] whose values share the read buffer.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::error::HeadError;
use super::framing::Framing;
use crate::headers::{self, Options};

/// The fields of one head, sorted by whom they concern.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// End-to-end fields, without `Host` and framing.
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    pub(super) options: Options,
    pub(super) host: Option<Bytes>,
    pub(super) upgrade: Option<Bytes>,
    pub(super) expect_continue: bool,
}

// === impl Fields ===

impl Fields {
    /// Reads tokenised `fields` that lie in `head`.
    pub(super) fn read(head: &Bytes, fields: &[httparse::Header<'_>]) -> Result<Self, HeadError> {
        let mut this = Self {
            headers: HeaderMap::with_capacity(fields.len()),
            ..Self::default()
        };
        for field in fields {
            let name =
                HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| HeadError::HeaderName)?;
            this.take(head, name, field.value)?;
        }
        let Self {
            headers, options, ..
        } = &mut this;
        headers::remove_nominated(headers, options);
        if let Some(length) = this.framing.normalised() {
            this.headers.insert(header::CONTENT_LENGTH, length);
        }
        Ok(this)
    }

    fn take(&mut self, head: &Bytes, name: HeaderName, value: &[u8]) -> Result<(), HeadError> {
        if name == header::CONTENT_LENGTH {
            return self.framing.content_length(value);
        }
        if name == header::TRANSFER_ENCODING {
            return self.framing.transfer_encoding(value);
        }
        if name == header::HOST {
            let host = head.slice_ref(value);
            return match self.host.replace(host) {
                Some(_) => Err(HeadError::HostRepeated),
                None => Ok(()),
            };
        }
        if name == header::CONNECTION {
            self.options.read(value);
        } else if name == header::UPGRADE {
            self.upgrade = Some(head.slice_ref(value));
        } else if name == header::EXPECT && value.eq_ignore_ascii_case(b"100-continue") {
            self.expect_continue = true;
        } else if name == header::TE {
            if headers::wants_trailers(value) {
                self.headers.insert(name, headers::TRAILERS);
            }
        } else if !headers::is_hop_by_hop(&name) {
            let value = HeaderValue::from_maybe_shared(head.slice_ref(value))
                .map_err(|_| HeadError::HeaderValue)?;
            self.headers.append(name, value);
        }
        Ok(())
    }
}
