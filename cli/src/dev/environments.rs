//! All environments of one config: as many as the load asks for, up to a bound; then requests queue.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tollgate::clock::{Clock, SystemClock};

use crate::dev::console::Console;
use crate::dev::environment::{Environment, FunctionCommand, InvokeError, StartError};
use crate::dev::runtime_api::Invocation;
use crate::dev::shutdown::Part;

/// What environments need to run.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) command: FunctionCommand,
    /// The most at once.
    pub(crate) most: usize,
    /// The longest an event may take.
    pub(crate) timeout: Duration,
    /// Whether environments are stopped while they have no event.
    pub(crate) freeze: bool,
    pub(crate) console: Console,
    /// Numbers environments over all configs.
    pub(crate) numbers: Arc<AtomicUsize>,
    /// Held by every environment, so that the program ends after the last.
    pub(crate) part: Part,
}

/// The environments of one config.
#[derive(Clone, Debug)]
pub(crate) struct Environments(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    setting: Setting,
    state: Mutex<State>,
    /// Told of every job and of the end.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Started or starting, and not ended.
    alive: usize,
    /// Of these, without a job: idle or still starting.
    free: usize,
    /// Of these, not ready yet.
    starting: usize,
    /// No more jobs will come.
    retired: bool,
}

#[derive(Debug)]
struct Job {
    request_id: String,
    trace_id: String,
    payload: Bytes,
    answer: oneshot::Sender<Result<Bytes, InvokeError>>,
}

impl Environments {
    /// Starts the first environment and returns when it is ready.
    pub(crate) async fn start(setting: Setting) -> Result<Self, StartError> {
        let environments = Self::none_yet(setting);
        let shared = &environments.0;
        let first = shared.start_one().await?;
        {
            let mut state = shared.lock();
            state.alive = 1;
            state.free = 1;
        }
        tokio::spawn(Arc::clone(shared).serve(first));
        Ok(environments)
    }

    /// Starts none before the first event comes.
    pub(crate) fn none_yet(setting: Setting) -> Self {
        Self(Arc::new(Shared {
            setting,
            state: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// One event through the next free environment.
    pub(crate) async fn invoke(
        &self,
        request_id: String,
        trace_id: String,
        payload: Bytes,
    ) -> Result<Bytes, InvokeError> {
        let (sender, answer) = oneshot::channel();
        self.0.lock().waiting.push_back(Job {
            request_id,
            trace_id,
            payload,
            answer: sender,
        });
        self.0.changed.notify_one();
        self.0.grow();
        // The sender goes away unused only when the program is stopping.
        answer
            .await
            .unwrap_or_else(|_| Err(InvokeError::Crashed("the local runtime is stopping".to_owned())))
    }

    /// Lets requests finish, and environments end when there are none.
    pub(crate) fn retire(&self) {
        self.0.lock().retired = true;
        self.0.changed.notify_waiters();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts environments for the jobs that no free one will take. Not more at once than there are processors:
    /// those that are ready already would starve, and run into time-outs that no Lambda function meets.
    fn grow(self: &Arc<Self>) {
        let at_once = available_parallelism().map_or(1, NonZero::get);
        let mut state = self.lock();
        while state.free < state.waiting.len() && state.alive < self.setting.most && state.starting < at_once {
            state.alive += 1;
            state.free += 1;
            state.starting += 1;
            tokio::spawn(Arc::clone(self).start_and_serve());
        }
    }

    async fn start_one(&self) -> Result<Environment, StartError> {
        let number = self.setting.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let mut part = self.setting.part.clone();
        tokio::select! {
            started = Environment::start(&self.setting.command, number, &self.setting.console) => started,
            () = part.stopped() => Err(StartError::Spawn(std::io::ErrorKind::Interrupted.into())),
        }
    }

    async fn start_and_serve(self: Arc<Self>) {
        let started = self.start_one().await;
        self.lock().starting -= 1;
        match started {
            Ok(environment) => {
                self.grow();
                self.serve(environment).await;
            }
            Err(error) => {
                let reason = format!("a function environment {error}");
                self.setting.console.warn(&reason);
                // Each failed start answers one request, so that a function which never starts ends its queue
                // instead of being started for ever.
                let unlucky = {
                    let mut state = self.lock();
                    state.alive -= 1;
                    state.free -= 1;
                    state.waiting.pop_front()
                };
                if let Some(job) = unlucky {
                    let _ = job.answer.send(Err(InvokeError::Crashed(reason)));
                }
                self.grow();
            }
        }
    }

    async fn serve(self: Arc<Self>, mut environment: Environment) {
        let mut part = self.setting.part.clone();
        let free = tokio::select! {
            free = self.serve_jobs(&mut environment) => free,
            // The counts do not matter any more.
            () = part.stopped() => return environment.stop().await,
        };
        environment.stop().await;
        let mut state = self.lock();
        state.alive -= 1;
        if free {
            state.free -= 1;
        }
        drop(state);
        self.grow();
    }

    /// Serves until the environment ends or nothing will come; says whether it counted as free at that time.
    async fn serve_jobs(&self, environment: &mut Environment) -> bool {
        loop {
            if self.setting.freeze {
                environment.freeze();
            }
            let job = tokio::select! {
                job = self.next_job() => job,
                () = environment.ended() => return true,
            };
            let Some(job) = job else { return true };
            if environment.is_gone() {
                // It ended before it heard of the job, which is another's then.
                let mut state = self.lock();
                state.waiting.push_front(job);
                state.free += 1;
                return true;
            }
            let result = environment.invoke(self.invocation(&job), self.setting.timeout).await;
            if let Err(error) = &result {
                self.setting
                    .console
                    .warn(&format!("function environment {} {error}", environment.number()));
            }
            let ends = result.as_ref().is_err_and(InvokeError::is_end);
            if !ends {
                // Before the client hears of it, so that its next request starts no second environment while
                // this one is about to ask for work.
                self.lock().free += 1;
            }
            // Nobody waits any more when the client went away.
            let _ = job.answer.send(result);
            if ends || !environment.asks_again(self.setting.timeout).await {
                return !ends;
            }
        }
    }

    /// The next job that somebody still waits for; `None` when none will come.
    async fn next_job(&self) -> Option<Job> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on a change is seen, also one that comes before the wait.
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                while let Some(job) = state.waiting.pop_front() {
                    if !job.answer.is_closed() {
                        state.free -= 1;
                        return Some(job);
                    }
                }
                if state.retired {
                    return None;
                }
            }
            changed.await;
        }
    }

    fn invocation(&self, job: &Job) -> Invocation {
        let deadline = SystemClock.now().plus(self.setting.timeout);
        Invocation {
            request_id: job.request_id.clone(),
            payload: job.payload.clone(),
            deadline_ms: deadline.micros() / 1000,
            trace_id: job.trace_id.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
