//! `tollgate dev`: the local runtime. Real HTTP in front, real function processes behind, and between them what
//! API Gateway, Lambda and DynamoDB do.

mod answer;
pub(crate) mod calendar;
mod caller;
pub(crate) mod console;
mod database_file;
mod decode;
mod door;
pub(crate) mod dynamodb;
pub(crate) mod environment;
pub(crate) mod environments;
pub(crate) mod event;
#[cfg(test)]
mod fake_function;
mod freeze;
mod front;
mod function_name;
pub(crate) mod function_program;
mod functions;
mod guard;
pub(crate) mod identity_provider;
pub(crate) mod invoke_api;
mod listen;
mod places;
pub(crate) mod random;
mod reload;
pub(crate) mod runtime;
pub(crate) mod runtime_api;
mod server;
pub(crate) mod services;
mod short_line;
pub(crate) mod shutdown;
pub(crate) mod tables;
mod welcome;
mod wire;
mod writer;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tollgate::clock::{Clock, SystemClock};

use crate::args::DevOptions;
use crate::dev::caller::Caller;
use crate::dev::console::Console;
use crate::dev::door::Door;
use crate::dev::dynamodb::Database;
use crate::dev::front::Front;
use crate::dev::function_program::FunctionProgram;
use crate::dev::functions::{Functions, Settings};
use crate::dev::guard::Access;
use crate::dev::identity_provider::{IdentityProvider, TokenRequest};
use crate::dev::invoke_api::InvokeApi;
use crate::dev::listen::{Opened, Place};
use crate::dev::places::Places;
use crate::dev::reload::Reload;
use crate::dev::runtime::Runtime;
use crate::dev::services::Services;
use crate::dev::shutdown::{Shutdown, asked_to_stop};
use crate::dev::welcome::Tour;
use crate::document::{ISSUER_VARIABLE, Source, Variables};
use crate::exit::Failure;
use crate::function_kind::FunctionKind;

/// How long the token of the printed lines holds.
const TOUR_LIFETIME: Duration = Duration::from_secs(8 * 3600);

/// Serves until the user asks for an end.
pub(crate) async fn run(options: DevOptions) -> Result<(), Failure> {
    let shutdown = Shutdown::new();
    let console = Console::records(options.log);
    let ended = tokio::select! {
        served = serve(&options, &console, &shutdown) => served.map(|never| match never {}),
        asked = asked_to_stop() => asked.map_err(|error| Failure::internal(format!("cannot hear signals: {error}"))),
    };
    // Its listeners are closed by now; function environments end here.
    shutdown.finish().await;
    console.finish().await;
    ended
}

/// Returns only when something could not be started.
async fn serve(options: &DevOptions, console: &Console, shutdown: &Shutdown) -> Result<Infallible, Failure> {
    if options.freeze && !freeze::POSSIBLE {
        return Err(Failure::usage(
            "--freeze stops processes by signals of Unix, which this system does not have; leave it out",
        ));
    }
    let door = Door::of(options)?;
    let caller = Caller::of(options, door)?;
    let program = FunctionProgram::of(options.function_binary.as_deref())?;
    let source = Source::new(options.config.clone());
    let text = source.read().await?;
    let places = Places::of(options)?;
    let front = open(&places.front, console).await?;
    let admin = match &places.admin {
        Some(place) => Some(open(place, console).await?),
        None => None,
    };
    let invoke = open(&places.invoke, console).await?;
    let mut behind = Behind::start(&places, &source, options.db.clone(), console).await?;
    accept(&behind.variables, &source.name(), &text, console).map_err(Failure::usage)?;
    let runtime = behind.runtime(door, options, console, shutdown)?;

    let first = Functions::start(settings(&runtime, &program, &text)?).await;
    let first = first.map_err(|error| Failure::unavailable(format!("the first function environment {error}")))?;
    let (serving, functions) = watch::channel(first);
    let (address, invoke_address) = (front.address, invoke.address);
    behind.serve_invoke(invoke, functions.clone());
    if let Some(opened) = admin {
        console.say(&format!("admin on http://{}", opened.address));
        behind.serve_admin(opened, functions.clone());
    }
    behind.serve_front(front, door, caller, functions);

    console.say(&format!("dynamodb on {}", behind.database_url));
    console.say(&format!("identity provider on {}", behind.provider.issuer()));
    console.say(&format!("invoke on http://{invoke_address}"));
    console.say(&format!("listening on http://{address}"));
    match source {
        Source::Store => {
            console.say(&tour(address, &behind.database_url, &behind.provider)?);
            std::future::pending().await
        }
        Source::File(path) => {
            let load = async |text| load(&runtime, &program, &path, text).await;
            reload::watch(&path, text.clone(), serving, console.clone(), load).await
        }
    }
}

/// What runs in this program beside the function environments. It ends when it is dropped.
struct Behind {
    servers: JoinSet<()>,
    provider: Arc<IdentityProvider>,
    database: Database,
    /// Where the user reaches the database.
    database_url: String,
    variables: Variables,
    _services: Option<Services>,
}

impl Behind {
    async fn start(
        places: &Places,
        source: &Source,
        file: Option<PathBuf>,
        console: &Console,
    ) -> Result<Self, Failure> {
        let mut servers = JoinSet::new();
        let provider = serve_provider(places, console, &mut servers).await?;
        let mut variables = Variables::default();
        variables.set(ISSUER_VARIABLE, provider.issuer());
        let services = match source {
            Source::Store => Some(Services::start(&mut variables).await?),
            Source::File(_) => None,
        };
        let (database, database_url) = Database::open(&places.database, file, console).await?;
        Ok(Self {
            servers,
            provider,
            database,
            database_url,
            variables,
            _services: services,
        })
    }

    fn runtime(
        &self,
        door: Door,
        options: &DevOptions,
        console: &Console,
        shutdown: &Shutdown,
    ) -> Result<Runtime, Failure> {
        Ok(Runtime {
            kind: Some(door.kind()),
            most: options.environments.into(),
            timeout: options.timeout,
            freeze: options.freeze,
            console: console.clone(),
            variables: self.variables.clone(),
            database: self.database.endpoint().to_owned(),
            part: shutdown.part(),
            snapshots: runtime::snapshots()?,
            numbers: Arc::new(AtomicUsize::new(0)),
        })
    }

    fn serve_invoke(&mut self, opened: Opened, functions: watch::Receiver<Functions>) {
        let api = Arc::new(InvokeApi::new(functions));
        let handler = move |request, _| Arc::clone(&api).answer(request);
        let access = Access::guarded(opened.address);
        self.servers.spawn(server::serve(opened.listener, access, handler));
    }

    fn serve_front(&mut self, opened: Opened, door: Door, caller: Caller, functions: watch::Receiver<Functions>) {
        let front = Front {
            door,
            port: opened.address.port(),
            caller,
            function: FunctionKind::Gateway,
            functions,
        };
        self.serve(opened, Access::Public, front);
    }

    /// An HTTP API of its own. Nobody signs requests here: whoever may speak to this listener is the administrator.
    fn serve_admin(&mut self, opened: Opened, functions: watch::Receiver<Functions>) {
        let access = Access::guarded(opened.address);
        let front = Front {
            door: Door::Http,
            port: opened.address.port(),
            caller: Caller::administrator(),
            function: FunctionKind::Admin,
            functions,
        };
        self.serve(opened, access, front);
    }

    fn serve(&mut self, opened: Opened, access: Access, front: Front) {
        let front = Arc::new(front);
        let handler = move |request, client| Arc::clone(&front).answer(request, client);
        self.servers.spawn(server::serve(opened.listener, access, handler));
    }
}

async fn open(place: &Place, console: &Console) -> Result<Opened, Failure> {
    let opened = place.open().await?;
    opened.notice.iter().for_each(|notice| console.warn(notice));
    Ok(opened)
}

async fn serve_provider(
    places: &Places,
    console: &Console,
    servers: &mut JoinSet<()>,
) -> Result<Arc<IdentityProvider>, Failure> {
    let opened = open(&places.provider, console).await?;
    let provider = Arc::new(IdentityProvider::new(opened.address)?);
    let answering = Arc::clone(&provider);
    let handler = move |request, _| Arc::clone(&answering).answer(request);
    servers.spawn(server::serve(opened.listener, Access::guarded(opened.address), handler));
    Ok(provider)
}

fn tour(gateway: SocketAddr, database: &str, provider: &IdentityProvider) -> Result<String, Failure> {
    let request = TokenRequest {
        lifetime: TOUR_LIFETIME,
        claims: [("role".to_owned(), "customer".into())].into_iter().collect(),
        ..TokenRequest::default()
    };
    let token = provider.token(&request, SystemClock.now());
    let token = token.map_err(|_| Failure::internal("cannot sign the demo token"))?;
    Ok(Tour {
        gateway,
        database,
        token: &token,
    }
    .text())
}

/// Whether a config can be served; its mistakes otherwise. Warnings are said.
fn accept(variables: &Variables, name: &str, text: &str, console: &Console) -> Result<(), String> {
    let checked = variables.parse(name, text).map_err(|mistakes| mistakes.to_string())?;
    checked.warnings.iter().for_each(|warning| console.warn(warning));
    Ok(())
}

/// How to start the functions of a config. `program` is the gateway; the others are always those in this program.
fn settings(runtime: &Runtime, program: &FunctionProgram, text: &str) -> Result<Settings, Failure> {
    let text = runtime.keep(text)?;
    Ok(Settings {
        gateway: runtime.setting(FunctionKind::Gateway, program, &text)?,
        authorizer: runtime.setting(FunctionKind::Authorizer, &FunctionProgram::Own, &text)?,
        admin: runtime.setting(FunctionKind::Admin, &FunctionProgram::Own, &text)?,
    })
}

/// Functions for a changed config, or why there are none.
async fn load(runtime: &Runtime, program: &FunctionProgram, path: &Path, text: String) -> Reload {
    if let Err(mistakes) = accept(&runtime.variables, &path.display().to_string(), &text, &runtime.console) {
        return Reload::Refused(mistakes);
    }
    let settings = match settings(runtime, program, &text) {
        Ok(settings) => settings,
        Err(failure) => return Reload::Refused(failure.to_string()),
    };
    match Functions::start(settings).await {
        Ok(functions) => Reload::Serves(functions),
        Err(error) => Reload::Refused(format!("its function environment {error}")),
    }
}
