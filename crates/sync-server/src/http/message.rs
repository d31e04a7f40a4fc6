//! Messages in and out: MessagePack or JSON by negotiation, refusals as problems.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use serde::{Serialize, de::DeserializeOwned};
use sync_core::{
    protocol::{MEDIA_TYPE, MEDIA_TYPE_JSON, Problem},
    server::Refusal,
    wire,
};

use crate::store::StoreError;

/// The media type of a refusal (RFC 9457).
pub const MEDIA_TYPE_PROBLEM: &str = "application/problem+json";

/// The two ways in which a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    MessagePack,
    Json,
}

impl Form {
    /// The form in which the request's body is written.
    pub(super) fn of_request(headers: &HeaderMap) -> Result<Self, Problem> {
        headers.get(CONTENT_TYPE).and_then(|value| Self::named(value.as_bytes())).ok_or_else(|| {
            problem(
                415,
                "unsupported_media_type",
                "the body is of no known type",
                &format!("send {MEDIA_TYPE} or {MEDIA_TYPE_JSON}, and say so in Content-Type"),
            )
        })
    }

    /// The form in which the caller wants the answer; the request's where they do not say.
    pub(super) fn of_answer(headers: &HeaderMap, request: Self) -> Result<Self, Problem> {
        let Some(accept) = headers.get(ACCEPT) else {
            return Ok(request);
        };
        if accept.as_bytes() == MEDIA_TYPE.as_bytes() {
            return Ok(Self::MessagePack);
        }
        let mut any = false;
        for one in accept.as_bytes().split(|byte| *byte == b',') {
            if let Some(form) = Self::named(one) {
                return Ok(form);
            }
            any |= bare(one).starts_with(b"*/*") || bare(one).starts_with(b"application/*");
        }
        if any {
            return Ok(request);
        }
        Err(problem(
            406,
            "not_acceptable",
            "the answer has no form that is asked for",
            &format!("accept {MEDIA_TYPE} or {MEDIA_TYPE_JSON}"),
        ))
    }

    fn named(value: &[u8]) -> Option<Self> {
        let value = bare(value);
        if value.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes()) {
            Some(Self::MessagePack)
        } else if value.eq_ignore_ascii_case(MEDIA_TYPE_JSON.as_bytes()) {
            Some(Self::Json)
        } else {
            None
        }
    }

    pub(super) fn decode<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, Problem> {
        let decoded = match self {
            Self::MessagePack => wire::decode(body).map_err(|error| error.0),
            Self::Json => serde_json::from_slice(body).map_err(|error| error.to_string()),
        };
        decoded.map_err(|reason| {
            problem(
                400,
                "malformed",
                "the body is not the message that belongs here",
                &format!("send a whole message of this path ({})", shortened(&reason)),
            )
        })
    }

    pub(super) fn encode<T: Serialize>(self, message: &T) -> Result<Response<Full<Bytes>>, Problem> {
        let (encoded, media_type) = match self {
            Self::MessagePack => (wire::encode(message).map_err(|e| e.0), MEDIA_TYPE),
            Self::Json => (serde_json::to_vec(message).map_err(|e| e.to_string()), MEDIA_TYPE_JSON),
        };
        let body = encoded.map_err(|reason| {
            tracing::error!(reason, "an answer could not be written");
            internal()
        })?;
        let mut response = Response::new(Full::new(Bytes::from(body)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        Ok(response)
    }
}

/// A media type without its parameters and the spaces around it.
fn bare(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// A decoder's reason may quote what was sent: not at any length.
fn shortened(reason: &str) -> String {
    reason.chars().take(200).collect()
}

pub(super) fn problem(status: u16, code: &str, title: &str, detail: &str) -> Problem {
    Problem { code: code.into(), title: title.into(), detail: detail.into(), status }
}

pub(super) fn internal() -> Problem {
    problem(
        500,
        "internal",
        "the server failed over the request",
        "see the server's log; nothing acknowledged is lost",
    )
}

/// A store's refusal, as its caller may see it: the log has the rest.
pub(super) fn from_store(error: &StoreError) -> Problem {
    match error {
        StoreError::Busy => {
            problem(503, error.code(), "too much waits to be written", "try again in a moment")
        }
        StoreError::Closed => problem(503, error.code(), "the server is stopping", "try again in a moment"),
        StoreError::Foreign(_) | StoreError::Version { .. } | StoreError::Damaged { .. } => {
            problem(409, error.code(), "the file cannot be used", &error.to_string())
        }
        other => {
            tracing::error!(error = %other, "the store failed");
            problem(
                500,
                other.code(),
                "the store failed; nothing was changed",
                "see the server's log, its disk and its rights to the data folder",
            )
        }
    }
}

pub(super) fn from_refusal(refusal: &Refusal) -> Problem {
    let status = match refusal {
        Refusal::UnknownCode | Refusal::UsedCode | Refusal::ExpiredCode | Refusal::OutsideEnrolment(_) => 403,
        Refusal::AnotherMachines => 403,
        Refusal::UnknownMachine | Refusal::UnknownDistribution => 404,
        Refusal::MachineTaken
        | Refusal::TokenTaken
        | Refusal::Limit(_)
        | Refusal::Reserved(_)
        | Refusal::Ended
        | Refusal::Overtaken(_)
        | Refusal::NoMachine
        | Refusal::TooManyDistributions(_) => 409,
        Refusal::NotDistributable(_) => 422,
    };
    let text = refusal.to_string();
    // Their texts say what was wrong, a colon, and what to do.
    let (title, detail) = text.split_once(": ").unwrap_or((&text, ""));
    problem(status, refusal.code(), title, detail)
}

/// A refusal as a response.
pub(super) fn respond(problem: &Problem) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE_PROBLEM));
    if problem.status == 503 {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// `Allow` of a 405.
pub(super) fn allow(methods: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((ALLOW, HeaderValue::from_str(methods).ok()?))
}
