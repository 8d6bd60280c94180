//! Why a head was refused.

use http::StatusCode;

/// A head that is not HTTP/1.x as RFC 9112 has it, or exceeds a limit. Each is one way in which two
/// implementations could disagree about the same bytes, so none is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// RFC 9112 §2.2 lets a recipient accept it; one that does and one that does not read different
    /// messages.
    #[error("a line ends with LF without CR")]
    BareLineFeed,
    #[error("more than {limit} empty lines before the request line")]
    EmptyLines { limit: usize },
    #[error("the start line is malformed")]
    StartLine,
    #[error("the HTTP version is not 1.0 or 1.1")]
    Version,
    #[error("the request target is malformed")]
    Target,
    #[error("a header line is malformed: bad name, folded line or space before the colon")]
    HeaderName,
    #[error("a header value contains a forbidden byte")]
    HeaderValue,
    #[error("the head exceeds the limit of {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the start line exceeds the limit of {limit} bytes")]
    LineTooLong { limit: usize },
    #[error("more than {limit} header fields")]
    TooManyHeaders { limit: usize },
    #[error("Content-Length is not one decimal number")]
    ContentLength,
    #[error("both Transfer-Encoding and Content-Length are present")]
    LengthConflict,
    #[error("Transfer-Encoding is malformed or not allowed here")]
    TransferEncoding,
    #[error("Transfer-Encoding names a coding other than chunked")]
    UnknownCoding,
    #[error("Host is missing")]
    HostMissing,
    #[error("Host is given more than once")]
    HostRepeated,
    #[error("Host is not a host and optional port")]
    HostInvalid,
    #[error("Host differs from the authority of the request target")]
    HostMismatch,
}

// === impl HeadError ===

impl HeadError {
    /// The status that answers a request with this fault.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge { .. } | Self::TooManyHeaders { .. } => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::LineTooLong { .. } => StatusCode::URI_TOO_LONG,
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<httparse::Error> for HeadError {
    fn from(e: httparse::Error) -> Self {
        match e {
            httparse::Error::HeaderName => Self::HeaderName,
            httparse::Error::HeaderValue => Self::HeaderValue,
            httparse::Error::Version => Self::Version,
            httparse::Error::NewLine | httparse::Error::Status | httparse::Error::Token => {
                Self::StartLine
            }
            httparse::Error::TooManyHeaders => Self::TooManyHeaders { limit: 0 },
        }
    }
}
