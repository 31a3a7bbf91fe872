//! `tollgate token`: asks the demo identity provider of a running `tollgate dev`.

use http::header::CONTENT_TYPE;
use serde_json::Value;
use tollgate::upstream::tls;

use crate::args::TokenOptions;
use crate::exit::{Failure, print};

pub(crate) async fn run(options: TokenOptions) -> Result<(), Failure> {
    let url = format!("{}/token", options.issuer.trim_end_matches('/'));
    let request = client()?
        .post(&url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form(&options));
    let answer = request.send().await.map_err(|error| match error.is_builder() {
        true => Failure::usage(format!("--issuer: {:?} is no http URL", options.issuer)),
        false => Failure::unavailable(format!(
            "no identity provider answers at {url}; is `tollgate dev` running?"
        )),
    })?;
    let status = answer.status();
    let body = answer.bytes().await;
    let body = body.map_err(|_| Failure::unavailable(format!("{url} broke off its answer")))?;
    let token = read_token(&body);
    let token = token.ok_or_else(|| Failure::unavailable(format!("{url} answered {status} without a token")))?;
    print(&format!("{token}\n"))
}

/// Asks whoever is named and nobody else: no proxy, no redirect.
fn client() -> Result<reqwest::Client, Failure> {
    let tls = tls::client_config(tls::mozilla_roots()).map_err(|error| Failure::internal(error.to_string()))?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    client.build().map_err(|error| Failure::internal(error.to_string()))
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
