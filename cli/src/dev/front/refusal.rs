//! What front doors say themselves, each in its own words and form.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, SERVER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::dev::door::Door;
use crate::dev::server::{Answer, message};

/// An answer of a front door itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `{"message": "..."}`: API Gateway and Function URLs.
    Message(&'static str),
    /// Plain text: what stands before a REST API.
    Text(&'static str),
    /// A page with the status and its reason: load balancers.
    Page(&'static str),
}

/// What every front door has words for.
#[derive(Debug)]
pub(crate) struct Refusals {
    pub(crate) bad_request: Refusal,
    pub(crate) head_too_large: Refusal,
    /// A body larger than the front door takes.
    pub(crate) body_too_large: Refusal,
    /// An event larger than Lambda takes.
    pub(crate) event_too_large: Refusal,
    /// The function failed, or returned nothing that can be sent.
    pub(crate) bad_answer: Refusal,
    /// The function took longer than its own time-out.
    pub(crate) function_timed_out: Refusal,
    /// The function took longer than the front door waits.
    pub(crate) waited_too_long: Refusal,
}

/// HTTP APIs and Function URLs.
static PAYLOAD_V2: Refusals = Refusals {
    bad_request: Refusal::message(400, "Bad Request"),
    head_too_large: Refusal::message(431, "Request Header Fields Too Large"),
    body_too_large: Refusal::message(413, "Request Entity Too Large"),
    event_too_large: Refusal::message(413, "Request Entity Too Large"),
    bad_answer: Refusal::message(502, "Internal Server Error"),
    function_timed_out: Refusal::message(504, "Endpoint request timed out"),
    waited_too_long: Refusal::message(504, "Endpoint request timed out"),
};

/// REST APIs, as users report them. To them, a function that timed out is one that failed.
static REST: Refusals = Refusals {
    bad_request: Refusal::message(400, "Bad Request"),
    head_too_large: Refusal::message(431, "Request Header Fields Too Large"),
    body_too_large: Refusal::text(413, "HTTP content length exceeded 10485760 bytes."),
    event_too_large: Refusal::message(413, "Request Too Long"),
    bad_answer: Refusal::message(502, "Internal server error"),
    function_timed_out: Refusal::message(502, "Internal server error"),
    waited_too_long: Refusal::message(504, "Endpoint request timed out"),
};

/// Load balancers: "Troubleshoot your Application Load Balancers". They wait as long as the function may run.
static ALB: Refusals = Refusals {
    bad_request: Refusal::page(400, "Bad Request"),
    head_too_large: Refusal::page(400, "Bad Request"),
    body_too_large: Refusal::page(413, "Request Entity Too Large"),
    event_too_large: Refusal::page(413, "Request Entity Too Large"),
    bad_answer: Refusal::page(502, "Bad Gateway"),
    function_timed_out: Refusal::page(502, "Bad Gateway"),
    waited_too_long: Refusal::page(504, "Gateway Time-out"),
};

impl Door {
    /// The words of this front door.
    pub(crate) fn refusals(self) -> &'static Refusals {
        match self {
            Self::Http | Self::Url => &PAYLOAD_V2,
            Self::Rest => &REST,
            Self::Alb { .. } => &ALB,
        }
    }
}

impl Refusal {
    pub(crate) const fn message(status: u16, text: &'static str) -> Self {
        let form = Form::Message(text);
        Self { status, form }
    }

    pub(crate) const fn text(status: u16, text: &'static str) -> Self {
        let form = Form::Text(text);
        Self { status, form }
    }

    pub(crate) const fn page(status: u16, reason: &'static str) -> Self {
        let form = Form::Page(reason);
        Self { status, form }
    }

    /// What the client gets.
    pub(crate) fn answer(self) -> Answer {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        match self.form {
            Form::Message(text) => message(status, text),
            Form::Text(text) => plain(status, "text/plain", text.to_owned()),
            Form::Page(reason) => {
                let title = format!("{} {reason}", self.status);
                let lines = [
                    "<html>",
                    &format!("<head><title>{title}</title></head>"),
                    "<body>",
                    &format!("<center><h1>{title}</h1></center>"),
                    "</body>",
                    "</html>",
                    "",
                ];
                let mut answer = plain(status, "text/html", lines.join("\r\n"));
                answer
                    .headers_mut()
                    .insert(SERVER, HeaderValue::from_static("awselb/2.0"));
                answer
            }
        }
    }
}

fn plain(status: StatusCode, media_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn shown(refusal: Refusal) -> (u16, String, String) {
        let (parts, body) = refusal.answer().into_parts();
        let media_type = parts.headers["content-type"].to_str().unwrap().to_owned();
        let body = body.collect().await.unwrap().to_bytes();
        (
            parts.status.as_u16(),
            media_type,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn each_has_its_form() {
        let http = shown(Door::Http.refusals().bad_answer).await;
        assert_eq!(
            http,
            (
                502,
                "application/json".into(),
                r#"{"message":"Internal Server Error"}"#.into()
            )
        );
        let rest = shown(Door::Rest.refusals().bad_answer).await;
        assert_eq!(
            rest,
            (
                502,
                "application/json".into(),
                r#"{"message":"Internal server error"}"#.into()
            )
        );
        let large = shown(Door::Rest.refusals().body_too_large).await;
        assert_eq!(
            large,
            (
                413,
                "text/plain".into(),
                "HTTP content length exceeded 10485760 bytes.".into()
            )
        );
        let (status, media_type, page) = shown(Door::Alb { multi_value: true }.refusals().bad_answer).await;
        assert_eq!((status, media_type.as_str()), (502, "text/html"));
        assert_eq!(
            page,
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
             <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
        );
    }
}
