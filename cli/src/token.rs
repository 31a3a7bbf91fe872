//! `tollgate token`: asks the demo identity provider of a running `tollgate dev`.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::Value;

use crate::args::TokenOptions;
use crate::exit::{Failure, print};
use crate::http_client::http_client;

pub(crate) async fn run(options: TokenOptions) -> Result<(), Failure> {
    let url = format!("{}/token", options.issuer.trim_end_matches('/'));
    let request = Request::builder()
        .method(Method::POST)
        .uri(&url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form(&options))))
        .map_err(|_| Failure::usage(format!("--issuer: {:?} is no http URL", options.issuer)))?;
    let answer = http_client().request(request).await.map_err(|_| {
        Failure::unavailable(format!(
            "no identity provider answers at {url}; is `tollgate dev` running?"
        ))
    })?;
    let status = answer.status();
    let body = answer.into_body().collect().await;
    let body = body
        .map_err(|_| Failure::unavailable(format!("{url} broke off its answer")))?
        .to_bytes();
    let token = read_token(&body);
    let token = token.ok_or_else(|| Failure::unavailable(format!("{url} answered {status} without a token")))?;
    print(&format!("{token}\n"))
}

fn form(options: &TokenOptions) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("sub", &options.sub);
    form.append_pair("audience", &options.audience);
    form.append_pair("expires", &format!("{}s", options.expires.as_secs()));
    if !options.scope.is_empty() {
        form.append_pair("scope", &options.scope.join(" "));
    }
    for (name, value) in &options.claim {
        form.append_pair(&format!("claim.{name}"), value);
    }
    form.finish()
}

fn read_token(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    Some(answer.get("access_token")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::args::{Arguments, Command};

    #[test]
    fn options_become_the_form_of_the_provider() {
        let line = [
            "tollgate",
            "token",
            "--sub",
            "ann",
            "--scope",
            "a",
            "--scope",
            "b",
            "--claim",
            "role=x&y",
            "--expires",
            "1h",
        ];
        let Command::Token(options) = Arguments::try_parse_from(line).unwrap().into_command() else {
            panic!("not `token`")
        };
        assert_eq!(
            form(&options),
            "sub=ann&audience=store&expires=3600s&scope=a+b&claim.role=x%26y"
        );
    }

    #[test]
    fn only_a_json_answer_with_a_token_is_one() {
        assert_eq!(read_token(br#"{"access_token":"a.b.c"}"#).as_deref(), Some("a.b.c"));
        for wrong in ["", "a.b.c", "{}", r#"{"access_token":1}"#] {
            assert_eq!(read_token(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
