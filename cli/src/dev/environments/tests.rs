use std::collections::HashSet;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::dev::fake_function;
use crate::dev::shutdown::Shutdown;

struct Running {
    environments: Environments,
    console: Console,
    shutdown: Shutdown,
}

fn setting(command: FunctionCommand, most: usize, console: &Console, shutdown: &Shutdown) -> Setting {
    Setting {
        command,
        most,
        timeout: Duration::from_secs(60),
        freeze: false,
        console: console.clone(),
        numbers: Arc::new(AtomicUsize::new(0)),
        part: shutdown.part(),
    }
}

async fn start(command: FunctionCommand, most: usize, timeout: Duration) -> Result<Running, StartError> {
    let (console, shutdown) = (Console::kept(), Shutdown::new());
    let setting = Setting {
        timeout,
        ..setting(command, most, &console, &shutdown)
    };
    Ok(Running {
        environments: Environments::start(setting).await?,
        console,
        shutdown,
    })
}

async fn serving(most: usize) -> Running {
    start(fake_function::command("serve"), most, Duration::from_secs(60))
        .await
        .unwrap()
}

async fn invoke(environments: &Environments, payload: &str) -> Result<String, InvokeError> {
    let answer = environments
        .invoke("r-1".into(), "1-0-0".into(), Bytes::from(payload.to_owned()))
        .await?;
    Ok(String::from_utf8(answer.to_vec()).unwrap())
}

/// Whoever holds environments holds the program open, so they go first.
async fn stop(environments: Environments, shutdown: Shutdown) {
    drop(environments);
    shutdown.finish().await;
}

fn many(environments: &Environments, payload: &'static str, number: usize) -> JoinSet<Result<String, InvokeError>> {
    let mut calls = JoinSet::new();
    for _ in 0..number {
        let environments = environments.clone();
        calls.spawn(async move { invoke(&environments, payload).await });
    }
    calls
}

#[tokio::test]
async fn one_request_after_the_other_needs_one_environment() {
    let Running {
        environments, shutdown, ..
    } = serving(4).await;
    let mut processes = HashSet::new();
    for _ in 0..5 {
        processes.insert(invoke(&environments, "1").await.unwrap());
    }
    assert_eq!(processes.len(), 1);
    stop(environments, shutdown).await;
}

#[tokio::test]
async fn load_starts_more_up_to_the_bound_then_queues() {
    // Every function connects here and answers when its connection is closed.
    let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut command = fake_function::command("serve");
    command
        .variables
        .push(("GATE".to_owned(), gate.local_addr().unwrap().to_string()));
    let Running {
        environments, shutdown, ..
    } = start(command, 3, Duration::from_secs(60)).await.unwrap();
    let calls = many(&environments, r#""wait""#, 5);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(gate.accept().await.unwrap());
    }
    {
        let state = environments.0.lock();
        assert_eq!((state.alive, state.free, state.waiting.len()), (3, 0, 2));
    }
    drop(held);
    for _ in 0..2 {
        drop(gate.accept().await.unwrap());
    }
    let processes: HashSet<String> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
    assert!(processes.len() <= 3, "{processes:?}");
    stop(environments, shutdown).await;
}

#[tokio::test]
async fn a_crashed_one_is_replaced_and_only_its_request_lost() {
    let Running {
        environments,
        console,
        shutdown,
    } = serving(1).await;
    let before = invoke(&environments, "1").await.unwrap();
    let crash = invoke(&environments, r#""crash""#).await;
    assert_eq!(crash, Err(InvokeError::Crashed("exit status: 3".to_owned())));
    assert_ne!(invoke(&environments, "2").await.unwrap(), before);
    let lines = console.lines();
    let told = "function environment 1 ended while it worked on an event (exit status: 3)";
    assert!(lines.iter().any(|line| line == told), "{lines:?}");
    stop(environments, shutdown).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_that_ended_while_idle_loses_no_request() {
    let Running {
        environments, shutdown, ..
    } = serving(1).await;
    let before = invoke(&environments, "1").await.unwrap();
    while environments.0.lock().free == 0 {
        tokio::task::yield_now().await;
    }
    let process = rustix::process::Pid::from_raw(before.parse().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    // Blocks the only thread of the runtime on purpose: it must not hear of the end before the request.
    let threads = || std::fs::read_dir(format!("/proc/{before}/task")).unwrap().count();
    let is_zombie = || {
        std::fs::read_to_string(format!("/proc/{before}/stat"))
            .unwrap()
            .contains(") Z ")
    };
    while !(is_zombie() && threads() == 1) {}
    assert_ne!(invoke(&environments, "2").await.unwrap(), before);
    stop(environments, shutdown).await;
}

#[tokio::test]
async fn requests_behind_a_crash_are_served() {
    let Running {
        environments, shutdown, ..
    } = serving(1).await;
    let crash = many(&environments, r#""crash""#, 3);
    let fine = many(&environments, "1", 3);
    assert!(crash.join_all().await.iter().all(Result::is_err));
    assert!(fine.join_all().await.iter().all(Result::is_ok));
    stop(environments, shutdown).await;
}

#[tokio::test]
async fn one_that_takes_too_long_is_killed_and_replaced() {
    let timeout = Duration::from_secs(2);
    let Running {
        environments, shutdown, ..
    } = start(fake_function::command("serve"), 1, timeout).await.unwrap();
    assert_eq!(
        invoke(&environments, r#""hang""#).await,
        Err(InvokeError::TimedOut(timeout))
    );
    assert!(invoke(&environments, "1").await.is_ok());
    stop(environments, shutdown).await;
}

#[tokio::test]
async fn the_deadline_is_a_true_epoch_time() {
    let Running {
        environments, shutdown, ..
    } = serving(1).await;
    let before = SystemClock.now().micros() / 1000;
    let deadline: u64 = invoke(&environments, r#""deadline""#).await.unwrap().parse().unwrap();
    let after = SystemClock.now().micros() / 1000;
    assert!((before + 60_000..=after + 60_000).contains(&deadline), "{deadline}");
    stop(environments, shutdown).await;
}

#[tokio::test]
async fn a_function_that_never_starts_is_not_started_for_ever() {
    let failed = start(fake_function::command("exit"), 2, Duration::from_secs(60)).await;
    assert!(matches!(failed, Err(StartError::Ended(_))));

    // Nor for ever by the requests that wait: each is answered after one try.
    let (console, shutdown) = (Console::kept(), Shutdown::new());
    let broken = Environments::none_yet(setting(fake_function::command("exit"), 2, &console, &shutdown));
    let results = many(&broken, "1", 5).join_all().await;
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(InvokeError::Crashed(_)))),
        "{results:?}"
    );
    let tries = console
        .lines()
        .iter()
        .filter(|line| line.contains("ended before it was ready"))
        .count();
    assert_eq!(tries, 5);
    stop(broken, shutdown).await;
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_is_not_served() {
    let Running {
        environments,
        console,
        shutdown,
    } = serving(1).await;
    let hanging = many(&environments, r#""hang""#, 1);
    while environments.0.lock().free > 0 {
        tokio::task::yield_now().await;
    }
    drop(many(&environments, r#""abandoned""#, 3));
    drop(hanging);
    stop(environments, shutdown).await;
    assert!(!console.lines().iter().any(|line| line.contains("abandoned")));
}

#[tokio::test]
async fn retired_ones_finish_what_they_have_and_go() {
    let Running {
        environments, shutdown, ..
    } = serving(2).await;
    let calls = many(&environments, "1", 6);
    while environments.0.lock().waiting.is_empty() && environments.0.lock().free > 0 {
        tokio::task::yield_now().await;
    }
    environments.retire();
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    while environments.0.lock().alive > 0 {
        tokio::task::yield_now().await;
    }
    stop(environments, shutdown).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn stopping_leaves_no_process() {
    let Running {
        environments, shutdown, ..
    } = serving(3).await;
    let idle = invoke(&environments, "1").await.unwrap();
    let hanging = many(&environments, r#""hang""#, 3);
    while environments.0.lock().free > 0 || !environments.0.lock().waiting.is_empty() {
        tokio::task::yield_now().await;
    }
    drop(hanging);
    stop(environments, shutdown).await;
    assert!(!std::path::Path::new(&format!("/proc/{idle}")).exists());
}
