use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::dev::console::Console;
use crate::dev::environments::Setting;
use crate::dev::fake_function;
use crate::dev::functions::Settings;
use crate::dev::guard::Access;
use crate::dev::runtime_api::FunctionError;
use crate::dev::server;
use crate::dev::shutdown::Shutdown;

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:gateway";

/// An Invoke API on a free port, with one environment of a fake function behind it.
struct Served {
    address: SocketAddr,
    console: Console,
    server: JoinHandle<()>,
    shutdown: Shutdown,
}

/// An answer: status, head in lower case, body.
struct Got(u16, String, String);

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.1.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.2).unwrap_or_else(|_| panic!("{}", self.2))
    }

    /// Status, error type and message of a refusal.
    fn refusal(&self) -> (u16, String, String) {
        let body = self.json();
        let message = body.get("message").or_else(|| body.get("Message"));
        assert_eq!(body["Type"], "User", "{body}");
        (
            self.0,
            self.header("x-amzn-errortype").unwrap_or_default().to_owned(),
            message.and_then(Value::as_str).unwrap_or_default().to_owned(),
        )
    }
}

impl Served {
    async fn start() -> Self {
        let (console, shutdown) = (Console::kept(), Shutdown::new());
        let setting = || Setting {
            command: fake_function::command("serve"),
            most: 1,
            timeout: Duration::from_secs(60),
            freeze: false,
            console: console.clone(),
            numbers: Arc::new(AtomicUsize::new(0)),
            part: shutdown.part(),
        };
        let (_, functions) = watch::channel(Functions::none_yet(Settings::all(setting)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let api = Arc::new(InvokeApi::new(functions));
        let handler = move |request, _| Arc::clone(&api).answer(request);
        Self {
            address,
            console,
            server: tokio::spawn(server::serve(listener, Access::guarded(address), handler)),
            shutdown,
        }
    }

    async fn raw(&self, request: &[u8]) -> Got {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        Got(head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
    }

    /// Sends a request to `/2015-03-31/functions/{function}/invocations{query}`.
    async fn send(&self, function: &str, headers: &str, payload: impl AsRef<[u8]>) -> Got {
        let (name, query) = function.split_once('?').unwrap_or((function, ""));
        let payload = payload.as_ref();
        let head = format!(
            "POST /2015-03-31/functions/{name}/invocations?{query} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            self.address,
            payload.len()
        );
        self.raw(&[head.as_bytes(), payload].concat()).await
    }

    /// Waits until the function has printed this line: it comes by another way than its answer.
    async fn prints(&self, line: &str) {
        let printed = async {
            while !self.console.lines().iter().any(|said| said == line) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), printed).await;
        assert!(waited.is_ok(), "no {line} in {:?}", self.console.lines());
    }

    async fn stop(self) {
        self.server.abort();
        let _ = self.server.await;
        self.shutdown.finish().await;
    }
}

#[tokio::test]
async fn an_answer_comes_as_the_function_wrote_it() {
    let served = Served::start().await;
    let got = served.send("gateway", "", r#"{"rawPath":"/malformed"}"#).await;
    assert_eq!((got.0, got.2.as_str()), (200, r#"{"statusCode":"many"}"#));
    assert_eq!(got.header("x-amz-executed-version"), Some("$latest"));
    assert_eq!(got.header("content-type"), Some("application/json"));
    assert_eq!(got.header("x-amz-function-error"), None);
    assert!(
        got.header("x-amzn-requestid").is_some_and(|id| id.len() == 36),
        "{}",
        got.1
    );
    served.stop().await;
}

#[tokio::test]
async fn a_failed_function_is_an_answer_of_its_own_kind() {
    let served = Served::start().await;
    let got = served.send("gateway", "", r#""error""#).await;
    assert_eq!((got.0, got.header("x-amz-function-error")), (200, Some("unhandled")));
    assert_eq!(got.json(), json!({"errorType": "Oops", "errorMessage": "on purpose"}));
    let got = served.send("gateway", "", r#""crash""#).await;
    assert_eq!((got.0, got.header("x-amz-function-error")), (200, Some("unhandled")));
    assert_eq!(got.json()["errorType"], "Runtime.ExitError");
    let id = got.header("x-amzn-requestid").unwrap();
    let message = format!("RequestId: {id} Error: Runtime exited with error: exit status: 3");
    assert_eq!(got.json()["errorMessage"], message);
    served.stop().await;
}

#[tokio::test]
async fn every_name_of_the_function_leads_to_it() {
    let served = Served::start().await;
    let encoded = ARN.replace(':', "%3A");
    for name in [
        "gateway",
        ARN,
        &encoded,
        "123456789012:function:gateway",
        "function:gateway:$LATEST",
        "gateway?Qualifier=$LATEST",
        "gateway:%24LATEST?Qualifier=%24LATEST",
        "authorizer",
        "arn:aws:lambda:us-east-1:123456789012:function:authorizer:$LATEST",
    ] {
        let got = served.send(name, "X-Amz-Invocation-Type: DryRun\r\n", "{}").await;
        assert_eq!((got.0, got.2.as_str()), (204, ""), "{name}");
    }
    served.stop().await;
}

#[tokio::test]
async fn other_functions_are_not_found() {
    let served = Served::start().await;
    for (name, arn) in [
        ("orders", "arn:aws:lambda:us-east-1:123456789012:function:orders"),
        ("Gateway", "arn:aws:lambda:us-east-1:123456789012:function:Gateway"),
        (
            "Authorizer",
            "arn:aws:lambda:us-east-1:123456789012:function:Authorizer",
        ),
        ("gateway:prod", &format!("{ARN}:prod")),
        ("gateway?Qualifier=7", &format!("{ARN}:7")),
        (
            "999999999999:gateway",
            "arn:aws:lambda:us-east-1:999999999999:function:gateway",
        ),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:gateway",
            "arn:aws:lambda:eu-west-1:123456789012:function:gateway",
        ),
    ] {
        let refusal = served.send(name, "", "{}").await.refusal();
        let message = format!("Function not found: {arn}");
        assert_eq!(refusal, (404, "resourcenotfoundexception".into(), message), "{name}");
    }
    served.stop().await;
}

#[tokio::test]
async fn hostile_requests_are_refused_and_the_next_is_served() {
    let served = Served::start().await;
    let long = "x".repeat(300);
    for (name, headers, status, error_type) in [
        ("gate%00way", "", 400, "validationexception"),
        ("%ff%fe", "", 400, "validationexception"),
        ("..%2f..%2fgateway", "", 400, "validationexception"),
        ("", "", 400, "validationexception"),
        (&long, "", 400, "validationexception"),
        ("gateway?Qualifier=%22%0a", "", 400, "validationexception"),
        (
            "gateway?Qualifier=a&Qualifier=b",
            "",
            400,
            "invalidparametervalueexception",
        ),
        ("gateway:a?Qualifier=b", "", 400, "invalidparametervalueexception"),
        ("a/b", "", 400, "validationexception"),
        (
            "gateway",
            "X-Amz-Invocation-Type: event\r\n",
            400,
            "validationexception",
        ),
        ("gateway", "X-Amz-Invocation-Type: \r\n", 400, "validationexception"),
        (
            "gateway",
            "X-Amz-Invocation-Type: \u{fc}\r\n",
            400,
            "validationexception",
        ),
        (
            "gateway",
            "X-Amz-Invocation-Type: Event\r\nX-Amz-Invocation-Type: Event\r\n",
            400,
            "validationexception",
        ),
    ] {
        let got = served.send(name, headers, "{}").await;
        let (got_status, got_type, message) = got.refusal();
        assert_eq!(
            (got_status, got_type.as_str()),
            (status, error_type),
            "{name:?} {headers:?}"
        );
        assert!(message.len() < 600, "{message}");
    }
    assert_eq!(served.send("gateway", "", "1").await.0, 200);
    served.stop().await;
}

#[tokio::test]
async fn a_payload_is_json_or_nothing() {
    let served = Served::start().await;
    for payload in [&b"{"[..], b"{} {}", b"'a'", b"\xff", b"\"\xff\"", b" ", b"NaN"] {
        let (status, error_type, message) = served.send("gateway", "", payload).await.refusal();
        assert_eq!(
            (status, error_type.as_str()),
            (400, "invalidrequestcontentexception"),
            "{payload:?}"
        );
        assert!(
            message.starts_with("Could not parse request body into json: "),
            "{message}"
        );
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let got = served.send("gateway", "X-Amz-Invocation-Type: DryRun\r\n", deep).await;
    assert_eq!(got.0, 204, "depth is the function's business");
    assert_eq!(served.send("gateway", "", "").await.0, 200);
    served.prints(r#"{"status":200,"event":{}}"#).await;
    served.stop().await;
}

#[tokio::test]
async fn a_payload_has_a_largest_size() {
    let served = Served::start().await;
    let (dry, event) = ("X-Amz-Invocation-Type: DryRun\r\n", "X-Amz-Invocation-Type: Event\r\n");
    let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    assert_eq!(served.send("gateway", dry, text(6_291_456)).await.0, 204);
    for (headers, payload, largest) in [
        (dry, text(6_291_457), 6_291_456),
        ("", text(20_000_000), 6_291_456),
        (event, text(1_048_577), 1_048_576),
    ] {
        let message = format!("Request must be smaller than {largest} bytes for the InvokeFunction operation");
        assert_eq!(
            served.send("gateway", headers, payload).await.refusal(),
            (413, "requesttoolargeexception".into(), message)
        );
    }
    served.stop().await;
}

#[tokio::test]
async fn only_one_operation_is_there() {
    let served = Served::start().await;
    for line in [
        "GET /2015-03-31/functions/gateway/invocations",
        "POST /2015-03-31/functions/gateway",
        "POST /2015-03-31/functions/invocations",
        "POST /2014-11-13/functions/gateway/invoke-async",
        "POST /2021-11-15/functions/gateway/response-streaming-invocations",
        "POST /",
        "OPTIONS *",
    ] {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            served.address
        );
        let (status, error_type, _) = served.raw(request.as_bytes()).await.refusal();
        assert_eq!(
            (status, error_type.as_str()),
            (404, "unknownoperationexception"),
            "{line}"
        );
    }
    served.stop().await;
}

#[tokio::test]
async fn an_event_is_taken_and_run_while_nobody_waits() {
    let served = Served::start().await;
    let event = "X-Amz-Invocation-Type: Event\r\n";
    let got = served.send("gateway", event, r#""noted""#).await;
    assert_eq!((got.0, got.2.as_str()), (202, ""));
    assert_eq!(got.header("x-amz-function-error"), None);
    // One environment takes one event after the other, so that the first is through when the second is answered.
    served.send("gateway", "", "2").await;
    let said = served.console.lines();
    assert!(
        said.contains(&r#"{"status":200,"event":"noted"}"#.to_owned()),
        "{said:?}"
    );
    served.stop().await;
}

#[tokio::test]
async fn events_that_wait_hold_up_no_end() {
    let served = Served::start().await;
    for _ in 0..3 {
        let got = served
            .send("gateway", "X-Amz-Invocation-Type: Event\r\n", r#""hang""#)
            .await;
        assert_eq!(got.0, 202);
    }
    served.stop().await;
}

#[tokio::test]
async fn no_page_can_use_it() {
    let served = Served::start().await;
    let got = served.send("gateway", "Origin: https://evil.example\r\n", "{}").await;
    assert_eq!(got.0, 403);
    assert!(!got.1.contains("access-control-"), "{}", got.1);
    served.stop().await;
}

#[test]
fn errors_look_as_lambda_shows_them() {
    let error = FunctionError {
        error_type: "NotHttp".into(),
        error_message: "this is an SQS event".into(),
    };
    for (error, error_type, error_message) in [
        (InvokeError::Function(error), "NotHttp", "this is an SQS event"),
        (
            InvokeError::Crashed("exit status: 1".into()),
            "Runtime.ExitError",
            "RequestId: r-1 Error: Runtime exited with error: exit status: 1",
        ),
        (
            InvokeError::TimedOut(Duration::from_millis(1500)),
            "Sandbox.Timedout",
            "RequestId: r-1 Error: Task timed out after 1.50 seconds",
        ),
    ] {
        assert_eq!(
            error_value("r-1", error),
            json!({"errorType": error_type, "errorMessage": error_message})
        );
    }
}
