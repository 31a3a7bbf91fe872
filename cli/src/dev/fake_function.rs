//! A function for tests: this test program started again, which then does what each event says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::dev::environment::FunctionCommand;
use crate::function_kind::FunctionKind;

/// Set for the started program only, so that running ignored tests by hand starts no function.
const SWITCH: &str = "TOLLGATE_TEST_FUNCTION";

/// Starts the fake; `mode` is `serve` or how it fails to initialise.
pub(crate) fn command(mode: &str) -> FunctionCommand {
    let name = format!("{}::fake_function", module_path!().split_once("::").unwrap().1);
    FunctionCommand {
        kind: FunctionKind::Gateway,
        program: std::env::current_exe().unwrap(),
        arguments: ["--exact", &name, "--ignored", "--nocapture"].map(Into::into).to_vec(),
        variables: vec![(SWITCH.to_owned(), mode.to_owned())],
    }
}

#[test]
#[ignore = "is a function, started by other tests"]
fn fake_function() {
    match std::env::var(SWITCH).as_deref() {
        Ok("serve") => serve(),
        Ok("exit") => {
            eprintln!("no config");
            std::process::exit(64)
        }
        Ok("impatient") => {
            // Gives its first question up; `serve` asks anew on another connection.
            let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
            let first = asked(&api, "GET", "invocation/next", "");
            wait();
            drop(first);
            serve()
        }
        _ => {}
    }
}

fn serve() -> ! {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    loop {
        // The Runtime API is closed when whoever started this is gone.
        let Some(answer) = call(&api, "GET", "invocation/next", "") else {
            std::process::exit(0)
        };
        let (head, event) = answer.split_once("\r\n\r\n").unwrap();
        let id = head
            .lines()
            .find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: "))
            .unwrap();
        let post = |operation: &str, body: &str| call(&api, "POST", &format!("invocation/{id}/{operation}"), body);
        // An event of a front door says it by its path, any other by its text.
        let event: Value = serde_json::from_str(event).unwrap();
        let path = event.get("rawPath").or_else(|| event.get("path"));
        let what = path
            .and_then(Value::as_str)
            .map_or_else(|| event.as_str(), |path| path.strip_prefix('/'));
        match what.unwrap_or_default() {
            "crash" => {
                eprintln!("last words");
                std::process::exit(3)
            }
            // Until it is killed.
            "hang" => std::thread::park(),
            "answer and hang" => {
                post("response", "{}");
                std::thread::park();
            }
            "error" => drop(post("error", r#"{"errorType":"Oops","errorMessage":"on purpose"}"#)),
            "environment" => {
                let names = std::env::vars().map(|(name, value)| format!("{name}={value}\n"));
                post("response", &names.collect::<String>());
            }
            "deadline" => {
                let deadline = head
                    .lines()
                    .find_map(|line| line.strip_prefix("lambda-runtime-deadline-ms: "));
                post("response", deadline.unwrap());
            }
            "wait" => {
                wait();
                post("response", &std::process::id().to_string());
            }
            "echo" => {
                post("response", &echo(&event).to_string());
            }
            "malformed" => {
                post("response", r#"{"statusCode":"many"}"#);
            }
            _ => {
                println!(r#"{{"status":200,"event":{event}}}"#);
                post("response", &std::process::id().to_string());
            }
        }
    }
}

/// The event as the body of an answer in the form of its kind, with two cookies where that has room for two.
fn echo(event: &Value) -> Value {
    let body = event.to_string();
    let headers = json!({ "content-type": "application/json", "x-from": "function", "set-cookie": "single" });
    let cookies = json!({ "content-type": ["application/json"], "set-cookie": ["a=1", "b=2"] });
    if event.get("version").is_some() {
        let headers = json!({ "content-type": "application/json", "x-from": "function" });
        json!({ "statusCode": 201, "headers": headers, "cookies": ["a=1", "b=2"], "body": body })
    } else if event["requestContext"].get("elb").is_none() {
        json!({ "statusCode": 201, "multiValueHeaders": cookies, "body": body })
    } else {
        json!({ "statusCode": 201, "statusDescription": "201 Made", "headers": headers, "multiValueHeaders": cookies, "body": body })
    }
}

/// Until the port that the environment names is connected to, and closed by its owner.
fn wait() {
    let gate = std::env::var("GATE").unwrap();
    let _ = TcpStream::connect(gate).unwrap().read(&mut [0]);
}

fn call(api: &str, method: &str, operation: &str, body: &str) -> Option<String> {
    let mut answer = String::new();
    asked(api, method, operation, body)?.read_to_string(&mut answer).ok()?;
    (!answer.is_empty()).then_some(answer)
}

/// Sends a request; the answer is still to be read.
fn asked(api: &str, method: &str, operation: &str, body: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(api).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    write!(
        stream,
        "{method} /2018-06-01/runtime/{operation} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    Some(stream)
}
