use std::sync::atomic::AtomicUsize;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::dev::console::Console;
use crate::dev::environments::Setting;
use crate::dev::fake_function;
use crate::dev::front::limits::LARGEST_API_BODY;
use crate::dev::functions::Settings;
use crate::dev::guard::Access;
use crate::dev::server;
use crate::dev::shutdown::Shutdown;

/// A front door on a free port, with a fake function behind it.
struct Served {
    address: SocketAddr,
    server: JoinHandle<()>,
    shutdown: Shutdown,
}

impl Served {
    async fn start(door: Door, timeout: Duration) -> Self {
        let shutdown = Shutdown::new();
        let setting = || Setting {
            command: fake_function::command("serve"),
            most: 2,
            timeout,
            freeze: false,
            console: Console::kept(),
            numbers: Arc::new(AtomicUsize::new(0)),
            part: shutdown.part(),
        };
        let functions = Functions::start(Settings::all(setting)).await.unwrap();
        let (_, functions) = watch::channel(functions);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let front = Arc::new(Front {
            door,
            port: address.port(),
            caller: Caller::default(),
            function: FunctionKind::Gateway,
            functions,
        });
        let handler = move |request, client| Arc::clone(&front).answer(request, client);
        Self {
            address,
            server: tokio::spawn(server::serve(listener, Access::Public, handler)),
            shutdown,
        }
    }

    async fn http() -> Self {
        Self::start(Door::Http, Duration::from_secs(60)).await
    }

    /// Sends a request with `Host` and `Connection: close`, and gives status, head and body of the answer.
    async fn send(&self, line: &str, headers: &str, body: &[u8]) -> (u16, String, String) {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n",
            self.address
        );
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    async fn raw(&self, request: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A refused request may not be read to its end.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
        (head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
    }

    async fn stop(self) {
        self.server.abort();
        let _ = self.server.await;
        self.shutdown.finish().await;
    }
}

fn says(text: &str) -> String {
    json!({ "message": text }).to_string()
}

#[tokio::test]
async fn a_request_goes_through_a_real_process_and_back() {
    let served = Served::http().await;
    let (status, head, body) = served
        .send(
            "POST /echo?a=b%20c&a=2",
            "Content-Type: text/plain\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n",
            b"hello",
        )
        .await;
    assert_eq!(status, 201);
    assert!(
        head.contains("x-from: function") && head.contains("set-cookie: a=1\r\nset-cookie: b=2"),
        "{head}"
    );
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["rawQueryString"], "a=b%20c&a=2");
    assert_eq!(event["body"], "hello");
    assert_eq!(event["headers"]["x-a"], "1, 2");
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-port"], served.address.port().to_string());
    served.stop().await;
}

#[tokio::test]
async fn a_function_url_leaves_paths_encoded() {
    let served = Served::start(Door::Url, Duration::from_secs(60)).await;
    let (_, _, body) = served.send("GET /echo", "", b"").await;
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["requestContext"]["accountId"], "anonymous");
    served.stop().await;
}

#[tokio::test]
async fn what_goes_wrong_behind_it() {
    let served = Served::start(Door::Http, Duration::from_secs(2)).await;
    for (path, status, text) in [
        ("/crash", 502, "Internal Server Error"),
        ("/error", 502, "Internal Server Error"),
        ("/malformed", 502, "Internal Server Error"),
        ("/hang", 504, "Endpoint request timed out"),
    ] {
        let (answered, _, body) = served.send(&format!("GET {path}"), "", b"").await;
        assert_eq!((answered, body), (status, says(text)), "{path}");
    }
    let (status, _, _) = served.send("GET /echo", "", b"").await;
    assert_eq!(status, 201, "the next request is served");
    served.stop().await;
}

#[tokio::test]
async fn a_head_request_has_no_body() {
    let served = Served::http().await;
    let (status, _, body) = served.send("HEAD /echo", "", b"").await;
    assert_eq!((status, body.as_str()), (201, ""));
    served.stop().await;
}

#[tokio::test]
async fn what_no_function_hears_of() {
    let served = Served::http().await;
    let two_hosts = served.send("GET /echo", "Host: elsewhere\r\n", b"").await;
    assert_eq!((two_hosts.0, two_hosts.2), (400, says("Bad Request")));
    let no_host = served.raw(b"GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(no_host.0, 400);
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(served.send("POST /echo", both, b"0\r\n\r\n").await.0, 400);
    let long = format!("X-Long: {}\r\n", "x".repeat(10_240));
    assert_eq!(served.send("GET /echo", &long, b"").await.0, 431);
    let announced = served.send("POST /echo", "Content-Length: 10485761\r\n", b"").await;
    assert_eq!((announced.0, announced.2), (413, says("Request Entity Too Large")));
    served.stop().await;
}

#[tokio::test]
async fn bodies_are_bounded_however_they_come() {
    let served = Served::http().await;
    // Fits the front door, but as an event it is too large for Lambda.
    let large = vec![b'x'; LARGEST_EVENT];
    let length = format!("Content-Type: text/plain\r\nContent-Length: {}\r\n", large.len());
    assert_eq!(served.send("POST /echo", &length, &large).await.0, 413);
    let chunk = [
        format!("{:x}\r\n", LARGEST_API_BODY + 1).as_bytes(),
        &vec![b'x'; LARGEST_API_BODY + 1],
    ]
    .concat();
    assert_eq!(
        served
            .send("POST /echo", "Transfer-Encoding: chunked\r\n", &chunk)
            .await
            .0,
        413
    );
    served.stop().await;
}

/// An answer of a load balancer itself.
fn page(title: &str) -> String {
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
         <center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
}

#[tokio::test]
async fn a_rest_api_has_its_own_shapes() {
    let served = Served::start(Door::Rest, Duration::from_secs(2)).await;
    let (status, head, body) = served.send("POST /echo?a=b%20c", "Content-Length: 2\r\n", b"{}").await;
    assert_eq!(status, 201);
    assert!(head.contains("set-cookie: a=1\r\nset-cookie: b=2"), "{head}");
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["multiValueQueryStringParameters"], json!({"a": ["b c"]}));
    assert_eq!(event["requestContext"]["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["body"], "e30=");
    for (path, status, text) in [
        ("/crash", 502, "Internal server error"),
        ("/error", 502, "Internal server error"),
        ("/malformed", 502, "Internal server error"),
        // To the API, Lambda's own time-out is an answer like any other failure's.
        ("/hang", 502, "Internal server error"),
    ] {
        let (answered, _, body) = served.send(&format!("GET {path}"), "", b"").await;
        assert_eq!((answered, body), (status, says(text)), "{path}");
    }
    let announced = served.send("POST /echo", "Content-Length: 10485761\r\n", b"").await;
    let text = "HTTP content length exceeded 10485760 bytes.".to_owned();
    assert_eq!((announced.0, announced.2), (413, text));
    // As base64 it is larger than Lambda takes.
    let large = vec![b'x'; LARGEST_EVENT / 4 * 3];
    let length = format!("Content-Length: {}\r\n", large.len());
    let (status, _, body) = served.send("POST /echo", &length, &large).await;
    assert_eq!((status, body), (413, says("Request Too Long")));
    served.stop().await;
}

#[tokio::test]
async fn a_load_balancer_has_its_own_shapes() {
    let served = Served::start(Door::Alb { multi_value: true }, Duration::from_secs(2)).await;
    let (status, head, body) = served.send("GET /echo?a=b%20c&a=2", "X-A: 1\r\nx-a: 2\r\n", b"").await;
    assert_eq!(status, 201);
    assert!(head.starts_with("http/1.1 201 made\r\n"), "{head}");
    assert!(head.contains("set-cookie: a=1\r\nset-cookie: b=2"), "{head}");
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["multiValueQueryStringParameters"], json!({"a": ["b%20c", "2"]}));
    assert_eq!(event["multiValueHeaders"]["x-a"], json!(["1", "2"]));
    for path in ["/crash", "/error", "/malformed", "/hang"] {
        let (status, head, body) = served.send(&format!("GET {path}"), "", b"").await;
        assert_eq!((status, body), (502, page("502 Bad Gateway")), "{path}");
        assert!(head.contains("server: awselb/2.0"), "{head}");
    }
    let fits = vec![b'x'; 1024 * 1024];
    let length = format!("Content-Type: text/plain\r\nContent-Length: {}\r\n", fits.len());
    // The echo is larger than a load balancer takes back.
    assert_eq!(served.send("POST /echo", &length, &fits).await.0, 502);
    let announced = served.send("POST /echo", "Content-Length: 1048577\r\n", b"").await;
    assert_eq!((announced.0, announced.2), (413, page("413 Request Entity Too Large")));
    served.stop().await;
}

#[tokio::test]
async fn a_load_balancer_without_multi_value_headers_keeps_the_last() {
    let served = Served::start(Door::Alb { multi_value: false }, Duration::from_secs(60)).await;
    let (_, head, body) = served.send("GET /echo?a=1&a=2", "X-A: 1\r\nx-a: 2\r\n", b"").await;
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(event["queryStringParameters"], json!({"a": "2"}));
    assert_eq!(event["headers"]["x-a"], "2");
    assert!(
        head.contains("set-cookie: single") && !head.contains("set-cookie: a=1"),
        "{head}"
    );
    served.stop().await;
}
