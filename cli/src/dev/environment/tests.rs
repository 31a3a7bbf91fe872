use bytes::Bytes;

use super::*;
use crate::dev::fake_function;

const LONG: Duration = Duration::from_secs(60);

async fn started(console: &Console) -> Environment {
    Environment::start(&fake_function::command("serve"), 7, console)
        .await
        .unwrap()
}

fn event(payload: &str) -> Invocation {
    Invocation {
        request_id: "r-1".to_owned(),
        payload: Bytes::from(payload.to_owned()),
        deadline_ms: 123_456,
        trace_id: "1-0-0".to_owned(),
    }
}

async fn answer(environment: &mut Environment, payload: &str) -> String {
    assert_eq!(environment.ready().await, None);
    let answer = environment.invoke(event(payload), LONG).await.unwrap();
    String::from_utf8(answer.to_vec()).unwrap()
}

#[tokio::test]
async fn one_process_serves_one_event_after_the_other() {
    let console = Console::kept();
    let mut environment = started(&console).await;
    let first = answer(&mut environment, "1").await;
    assert_eq!(answer(&mut environment, "2").await, first);
    assert_eq!(answer(&mut environment, r#""deadline""#).await, "123456");
    environment.stop().await;
    let lines = console.lines();
    assert!(lines.contains(&r#"{"status":200,"event":2}"#.to_owned()), "{lines:?}");
}

/// Waits until the process is stopped, or is not (proc(5), `/proc/<pid>/stat`).
#[cfg(target_os = "linux")]
async fn stands_still(environment: &Environment, expected: bool) {
    let path = format!("/proc/{}/stat", environment.process.child.id().unwrap());
    let stopped = || std::fs::read_to_string(&path).unwrap().contains(") T ");
    let reached = async {
        while stopped() != expected {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, reached).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_frozen_one_stands_still_until_the_next_event() {
    let mut environment = started(&Console::kept()).await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        environment.freeze();
        stands_still(&environment, true).await;
        processes.push(environment.invoke(event("1"), LONG).await.unwrap());
        stands_still(&environment, false).await;
        assert_eq!(environment.ready().await, None);
    }
    processes.dedup();
    assert_eq!(processes.len(), 1);
    environment.freeze();
    stands_still(&environment, true).await;
    // Returns only once the process is gone.
    environment.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn one_that_does_not_ask_for_work_is_not_frozen() {
    let mut environment = started(&Console::kept()).await;
    environment.invoke(event(r#""answer and hang""#), LONG).await.unwrap();
    environment.freeze();
    assert!(!environment.frozen);
}

#[cfg(unix)]
#[tokio::test]
async fn a_frozen_one_that_is_killed_is_noticed() {
    let mut environment = started(&Console::kept()).await;
    environment.freeze();
    environment.process.child.start_kill().unwrap();
    timeout(LONG, environment.ended()).await.unwrap();
    let error = environment.invoke(event("1"), LONG).await.unwrap_err();
    assert!(error.is_end(), "{error}");
    environment.stop().await;
}

#[tokio::test]
async fn an_error_leaves_it_alive() {
    let mut environment = started(&Console::kept()).await;
    let error = environment.invoke(event(r#""error""#), LONG).await.unwrap_err();
    assert!(!error.is_end());
    assert_eq!(error.to_string(), "returned an error: Oops: on purpose");
    answer(&mut environment, "1").await;
}

#[tokio::test]
async fn a_crash_is_told_with_its_last_words() {
    let console = Console::kept();
    let mut environment = started(&console).await;
    let error = environment.invoke(event(r#""crash""#), LONG).await.unwrap_err();
    assert!(error.is_end());
    assert_eq!(error, InvokeError::Crashed("exit status: 3".to_owned()));
    environment.stop().await;
    assert!(
        console.lines().contains(&"[7] last words".to_owned()),
        "{:?}",
        console.lines()
    );
}

#[tokio::test]
async fn a_hanging_one_is_given_up_and_killed() {
    let mut environment = started(&Console::kept()).await;
    let limit = Duration::from_millis(50);
    let error = environment.invoke(event(r#""hang""#), limit).await.unwrap_err();
    assert_eq!(error, InvokeError::TimedOut(limit));
    // Returns only once the process is gone.
    environment.stop().await;
}

#[tokio::test]
async fn a_question_that_was_given_up_is_asked_anew() {
    let gate = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = fake_function::command("impatient");
    let address = gate.local_addr().unwrap().to_string();
    command.variables.push(("GATE".to_owned(), address));
    let mut environment = Environment::start(&command, 7, &Console::kept()).await.unwrap();
    drop(gate.accept().await.unwrap());
    environment.asking.as_mut().unwrap().given_up().await;
    answer(&mut environment, "1").await;
    answer(&mut environment, "2").await;
}

#[tokio::test]
async fn an_answer_is_no_sign_that_it_asks_again() {
    let mut environment = started(&Console::kept()).await;
    assert_eq!(answer(&mut environment, r#""answer and hang""#).await, "{}");
    assert!(!environment.asks_again(Duration::from_millis(50)).await);
}

#[tokio::test]
async fn an_init_failure_says_how_it_ended() {
    let console = Console::kept();
    let error = Environment::start(&fake_function::command("exit"), 1, &console)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "ended before it was ready (exit status: 64); what it printed stands above"
    );
    assert!(
        console.lines().contains(&"[1] no config".to_owned()),
        "{:?}",
        console.lines()
    );
}

#[tokio::test]
async fn a_program_that_is_not_there() {
    let command = FunctionCommand {
        kind: FunctionKind::Gateway,
        program: "/no/such/program".into(),
        arguments: Vec::new(),
        variables: Vec::new(),
    };
    let error = Environment::start(&command, 1, &Console::kept()).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot be started: "), "{error}");
}

#[tokio::test]
async fn an_idle_one_that_ends_is_noticed() {
    let mut environment = started(&Console::kept()).await;
    environment.process.child.start_kill().unwrap();
    tokio::time::timeout(LONG, environment.ended()).await.unwrap();
}

#[tokio::test]
async fn the_environment_of_a_function() {
    let mut command = fake_function::command("serve");
    command
        .variables
        .push(("AWS_REGION".to_owned(), "us-east-1".to_owned()));
    let mut environment = Environment::start(&command, 1, &Console::kept()).await.unwrap();
    let variables = answer(&mut environment, r#""environment""#).await;
    let names: Vec<&str> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    // What the user has passes through, for placeholders.
    assert!(names.contains(&"PATH"), "{names:?}");
    let mut aws: Vec<&str> = names.into_iter().filter(|name| belongs_to_lambda(name)).collect();
    aws.sort_unstable();
    assert_eq!(aws, ["AWS_LAMBDA_RUNTIME_API", "AWS_REGION"]);
}

#[test]
fn names_that_do_not_pass() {
    for name in [
        "AWS_PROFILE",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ENDPOINT_URL",
        "LAMBDA_TASK_ROOT",
        "_X_AMZN_TRACE_ID",
    ] {
        assert!(belongs_to_lambda(name), "{name}");
    }
    for name in ["PATH", "USERS_URL", "MY_AWS_KEY", "RUST_LOG"] {
        assert!(!belongs_to_lambda(name), "{name}");
    }
}
