//! The requests: events as API Gateway's HTTP APIs send them, payload format 2.0.

use tollgate::event::Event;
use tollgate::request::Request;

/// Up to the headers that every request has, and on from there.
const BEFORE: &str = concat!(
    r#"{"version":"2.0","routeKey":"$default","rawPath":"/api/users/42","#,
    r#""rawQueryString":"fields=name&fields=email&page=2","headers":{"accept":"application/json","#,
    r#""accept-encoding":"gzip, deflate, br","#
);

const AFTER: &str = concat!(
    r#""content-length":"0","host":"api.example.com","#,
    r#""user-agent":"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0","#,
    r#""x-amzn-trace-id":"Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2","x-forwarded-for":"203.0.113.7","#,
    r#""x-forwarded-port":"443","x-forwarded-proto":"https"},"#,
    r#""queryStringParameters":{"fields":"name,email","page":"2"},"#,
    r#""requestContext":{"accountId":"111122223333","apiId":"a1b2c3d4e5","domainName":"api.example.com","#,
    r#""domainPrefix":"api","http":{"method":"GET","path":"/api/users/42","protocol":"HTTP/1.1","#,
    r#""sourceIp":"203.0.113.7","#,
    r#""userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"},"#,
    r#""requestId":"JKJaXmPLvHcESHA=","routeKey":"$default","stage":"$default","#,
    r#""time":"12/Mar/2026:19:03:58 +0000","timeEpoch":1773342238390},"isBase64Encoded":false}"#
);

/// A `GET` with a query, about 1.1 kB; with a token some 0.8 kB more.
pub(crate) fn get_user(token: Option<&str>) -> String {
    let authorization = token.map(|token| format!(r#""authorization":"Bearer {token}","#));
    format!("{BEFORE}{}{AFTER}", authorization.unwrap_or_default())
}

/// The same as the gateway reads it.
pub(crate) fn request(token: Option<&str>) -> Result<Request, String> {
    let event = Event::read(&get_user(token), None).map_err(|error| error.to_string())?;
    event.request(&[]).map_err(|error| format!("{error:?}"))
}
