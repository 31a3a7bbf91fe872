use std::time::Duration;

use super::*;
use crate::http_client::{HttpClient, http_client};

/// A function that speaks the Runtime API by hand.
struct Function {
    client: HttpClient,
    base: String,
}

impl Function {
    fn of(api: &RuntimeApi) -> Self {
        Self {
            client: http_client(),
            base: format!("http://{}/2018-06-01/runtime", api.address()),
        }
    }

    async fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Response<Bytes> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let answer = self
            .client
            .request(request.body(Full::new(body.into())).unwrap())
            .await
            .unwrap();
        let (parts, body) = answer.into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }

    async fn next(&self) -> Response<Bytes> {
        self.call(Method::GET, "/invocation/next", "").await
    }

    async fn post(&self, path: &str, body: impl Into<Bytes>) -> (u16, String) {
        let answer = self.call(Method::POST, path, body).await;
        (
            answer.status().as_u16(),
            String::from_utf8_lossy(answer.body()).into_owned(),
        )
    }
}

fn work(id: &str) -> Invocation {
    Invocation {
        request_id: id.to_owned(),
        payload: Bytes::from_static(br#"{"version":"2.0"}"#),
        deadline_ms: 1_583_348_668_390,
        trace_id: "1-5e6722a7-cc56ca2a46db7ae02d4da47e".to_owned(),
    }
}

/// Gives the function its event, and returns where the outcome will arrive.
async fn given(api: &mut RuntimeApi, function: &Function, id: &str) -> (oneshot::Receiver<Outcome>, Response<Bytes>) {
    let give = async {
        let asking = api.asked().await.unwrap();
        api.give(asking, work(id))
    };
    let (outcome, event) = tokio::join!(give, function.next());
    (outcome.unwrap(), event)
}

#[tokio::test]
async fn an_event_goes_out_and_its_answer_comes_back() {
    let mut api = RuntimeApi::open(FunctionKind::Gateway).await.unwrap();
    let function = Function::of(&api);
    let (outcome, event) = given(&mut api, &function, "r-1").await;
    assert_eq!(event.status(), 200);
    assert_eq!(event.body(), &work("r-1").payload);
    let header = |name: &str| event.headers()[name].to_str().unwrap();
    assert_eq!(header("lambda-runtime-aws-request-id"), "r-1");
    assert_eq!(header("lambda-runtime-deadline-ms"), "1583348668390");
    assert_eq!(
        header("lambda-runtime-invoked-function-arn"),
        "arn:aws:lambda:us-east-1:123456789012:function:gateway"
    );
    assert_eq!(
        header("lambda-runtime-trace-id"),
        "Root=1-5e6722a7-cc56ca2a46db7ae02d4da47e;Sampled=0"
    );

    assert_eq!(
        function.post("/invocation/r-1/response", "{}").await,
        (202, r#"{"status":"OK"}"#.to_owned())
    );
    assert_eq!(outcome.await.unwrap(), Ok(Bytes::from_static(b"{}")));
}

#[tokio::test]
async fn each_function_has_an_arn_of_its_own() {
    let mut api = RuntimeApi::open(FunctionKind::Authorizer).await.unwrap();
    let function = Function::of(&api);
    let (_, event) = given(&mut api, &function, "r-1").await;
    let arn = event.headers()["lambda-runtime-invoked-function-arn"].to_str().unwrap();
    assert!(arn.ends_with(":function:authorizer"), "{arn}");
}

#[tokio::test]
async fn a_function_error_is_an_outcome() {
    let mut api = RuntimeApi::open(FunctionKind::Gateway).await.unwrap();
    let function = Function::of(&api);
    for (body, error_type, error_message) in [
        (
            r#"{"errorType":"NotHttp","errorMessage":"an SQS event"}"#,
            "NotHttp",
            "an SQS event",
        ),
        ("oops", "Unhandled", "oops"),
        (r#"{"errorType":5}"#, "Unhandled", r#"{"errorType":5}"#),
    ] {
        let (outcome, _) = given(&mut api, &function, "r-1").await;
        assert_eq!(function.post("/invocation/r-1/error", body).await.0, 202);
        let error = FunctionError {
            error_type: error_type.into(),
            error_message: error_message.into(),
        };
        assert_eq!(outcome.await.unwrap(), Err(error));
    }
}

#[tokio::test]
async fn another_events_answer_is_refused() {
    let mut api = RuntimeApi::open(FunctionKind::Gateway).await.unwrap();
    let function = Function::of(&api);
    assert_eq!(
        function.post("/invocation/r-1/response", "{}").await.0,
        400,
        "before any event"
    );
    let (outcome, _) = given(&mut api, &function, "r-1").await;
    let (status, body) = function.post("/invocation/r-0/response", "{}").await;
    assert_eq!((status, body.contains("InvalidRequestID")), (400, true), "{body}");
    assert_eq!(function.post("/invocation/r-0/error", "{}").await.0, 400);
    assert_eq!(function.post("/invocation/r-1/response", "right").await.0, 202);
    assert_eq!(function.post("/invocation/r-1/response", "twice").await.0, 400);
    assert_eq!(outcome.await.unwrap(), Ok(Bytes::from_static(b"right")));
}

#[tokio::test]
async fn one_event_at_a_time() {
    let mut api = RuntimeApi::open(FunctionKind::Gateway).await.unwrap();
    let function = Function::of(&api);
    let (_outcome, _) = given(&mut api, &function, "r-1").await;
    assert_eq!(function.next().await.status(), 403);
}

#[tokio::test]
async fn an_answer_over_the_bound_is_an_error_of_the_function() {
    let mut api = RuntimeApi::open(FunctionKind::Gateway).await.unwrap();
    let function = Function::of(&api);
    let (outcome, _) = given(&mut api, &function, "r-1").await;
    let largest = vec![b'1'; LARGEST_RESPONSE];
    assert_eq!(function.post("/invocation/r-1/response", largest).await.0, 202);
    assert_eq!(outcome.await.unwrap().map(|answer| answer.len()), Ok(LARGEST_RESPONSE));

    let (outcome, _) = given(&mut api, &function, "r-2").await;
    let too_large = vec![b'1'; LARGEST_RESPONSE + 1];
    assert_eq!(function.post("/invocation/r-2/response", too_large).await.0, 413);
    assert_eq!(
        outcome.await.unwrap().unwrap_err().error_type,
        "Function.ResponseSizeTooLarge"
    );
}

#[tokio::test]
async fn a_function_that_went_away_gets_no_event() {
    let mut api = RuntimeApi::open(FunctionKind::Gateway).await.unwrap();
    let function = Function::of(&api);
    let mut asking = {
        let next = function.next();
        tokio::pin!(next);
        tokio::select! {
            asking = api.asked() => asking.unwrap(),
            _ = &mut next => unreachable!("nothing was given"),
        }
    };
    drop(function);
    // The server sees the closed connection in its own time.
    asking.given_up().await;
    assert!(api.give(asking, work("r-1")).is_none());
    let anew = Function::of(&api);
    assert_eq!(given(&mut api, &anew, "r-1").await.1.status(), 200);
}

#[tokio::test]
async fn what_is_no_operation() {
    let api = RuntimeApi::open(FunctionKind::Gateway).await.unwrap();
    let function = Function::of(&api);
    assert_eq!(function.post("/init/error", "{}").await.0, 202);
    for (method, path) in [
        (Method::POST, "/invocation/next"),
        (Method::GET, "/invocation/r-1/response"),
        (Method::POST, "/invocation/r-1/answer"),
        (Method::POST, "/invocation/r/1/response"),
        (Method::GET, "/restore/next"),
        (Method::GET, ""),
    ] {
        assert_eq!(function.call(method, path, "").await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn it_closes_when_dropped() {
    let api = RuntimeApi::open(FunctionKind::Gateway).await.unwrap();
    let function = Function::of(&api);
    assert_eq!(function.post("/init/error", "{}").await.0, 202);
    let next = format!("{}/invocation/next", function.base);
    drop(api);
    tokio::task::yield_now().await;
    let request = Request::get(next).body(Full::new(Bytes::new())).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(5), http_client().request(request))
        .await
        .unwrap();
    assert!(answer.is_err());
}
