use http::StatusCode;

/// Why a request does not come in, and how that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) text: &'static str,
}

impl Refused {
    pub(crate) const MALFORMED: Self = Self::new(StatusCode::BAD_REQUEST, "The request is malformed.\n");
    pub(crate) const METHOD: Self =
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "This method is not allowed.\n");
    pub(crate) const LATE: Self =
        Self::new(StatusCode::REQUEST_TIMEOUT, "The rest of the request did not come.\n");
    pub(crate) const TARGET: Self = Self::new(StatusCode::URI_TOO_LONG, "The address is too long.\n");
    pub(crate) const EXPECTATION: Self =
        Self::new(StatusCode::EXPECTATION_FAILED, "This expectation cannot be met.\n");
    pub(crate) const HOST: Self =
        Self::new(StatusCode::MISDIRECTED_REQUEST, "No site of this name is served here.\n");
    pub(crate) const FIELDS: Self = Self::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The request has too many fields, or too large ones.\n",
    );
    pub(crate) const UNKNOWN_METHOD: Self =
        Self::new(StatusCode::NOT_IMPLEMENTED, "This method is not known here.\n");
    pub(crate) const BUSY: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "The site is too busy at the moment. Please try again later.\n",
    );
    pub(crate) const CODING: Self =
        Self::new(StatusCode::NOT_IMPLEMENTED, "This transfer coding is not known here.\n");
    pub(crate) const VERSION: Self =
        Self::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "This version of HTTP is not spoken here.\n");

    const fn new(status: StatusCode, text: &'static str) -> Self {
        Self { status, text }
    }
}
