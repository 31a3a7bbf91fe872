//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use tollgate::limit::PlanDocument;

use crate::function_kind::FunctionKind;

mod admin;
mod key_change;

pub(crate) use self::admin::{
    CreateKeyOptions, DEFAULT_ENGINE, KeysAction, KeysOptions, PlaceOptions, PlansAction, PlansOptions, SessionsAction,
    SessionsOptions, UsageAction, UsageOptions, Whose,
};
pub(crate) use self::key_change::KeyChangeOptions;

/// The issuer of the demo identity provider on its default address.
pub(crate) const DEFAULT_ISSUER: &str = "http://127.0.0.1:9003";

/// The audience of the store's tokens.
pub(crate) const DEFAULT_AUDIENCE: &str = "store";

/// An API gateway that is a Lambda function, on this machine.
///
/// Without a command: `tollgate dev`, which serves the example store.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    dev: DevOptions,
}

const EXAMPLES: &str = "Examples:
  tollgate                                     serve the example store and print curl lines to paste
  tollgate dev --config gateway.yaml           serve your own config; edits take effect while it runs
  tollgate check gateway.yaml                  find every mistake of a config
  GATEWAY_CONFIG=$(tollgate pack gateway.yaml) the config as one line, for a deployment
  tollgate invoke event.json                   one Lambda event in, its response event out
  tollgate test events                         events against what is expected of them
  tollgate keys create --owner ann             an API key for the gateway that is running
  curl -H \"Authorization: Bearer $(tollgate token)\" http://127.0.0.1:9000/api/users/42";

impl Arguments {
    /// The command that was asked for; `dev` when none was.
    pub(crate) fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Dev(self.dev))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a config through the real function behind the Lambda Runtime API
    #[command(after_help = "Examples:
  tollgate dev
  tollgate dev --config gateway.yaml --listen 127.0.0.1:8080 --environments 4
  tollgate dev --config gateway.yaml --event url --log json
  tollgate dev --function-binary target/lambda/gateway/bootstrap
  tollgate dev --config gateway.yaml --event alb --multi-value
  AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8001 tollgate dev    count in that engine instead")]
    Dev(DevOptions),
    /// Check configs: every mistake at once, then what each limit lets through
    #[command(after_help = "Examples:
  tollgate check gateway.yaml
  USERS_URL=https://users.internal tollgate check gateway.yaml    placeholders come from the environment")]
    Check(CheckOptions),
    /// Print a config in the compact form that a deployment carries, once it is checked
    #[command(after_help = "Examples:
  tollgate pack gateway.yaml                            one line, for the variable GATEWAY_CONFIG
  GATEWAY_CONFIG=$(tollgate pack gateway.yaml)          in a deployment script; a wrong config ends it
  USERS_URL=https://users.internal tollgate pack gateway.yaml
                                    placeholders are checked with this environment and packed as they stand")]
    Pack(PackOptions),
    /// Send one event file through one function environment and print the response event
    #[command(after_help = "Examples:
  tollgate invoke event.json
  tollgate invoke event.json --config gateway.yaml 2>/dev/null
  tollgate invoke event.json --function authorizer --config gateway.yaml
  tollgate invoke event.json --function-binary target/lambda/gateway/bootstrap")]
    Invoke(InvokeOptions),
    /// Run a folder of events and compare what comes out with what is expected: docs/testing.md
    #[command(after_help = "Examples:
  tollgate test                              every NAME.json in events/ against its NAME.expect.json
  tollgate test events --only login --only admin
  tollgate test events --config gateway.yaml --update    write down what comes out; read the diff before you commit it")]
    Test(TestOptions),
    /// Get a token from the demo identity provider of a running `tollgate dev`
    #[command(after_help = "Examples:
  tollgate token
  tollgate token --sub ann --claim role=admin --claim 'teams=[\"a\",\"b\"]' --expires 1h
  tollgate token --claim aud=elsewhere       a claim given here wins, so a wrong token is easy to make")]
    Token(TokenOptions),
    /// Make, list, revoke and rotate API keys: docs/keys.md
    Keys(KeysOptions),
    /// Make, list and take away plans in the config table: docs/limits.md
    Plans(PlansOptions),
    /// Look at what was counted of a caller, or take it back to nothing: docs/limits.md
    Usage(UsageOptions),
    /// Begin and end sessions that a cookie stands for: docs/keys.md
    Sessions(SessionsOptions),
    /// Print a completion script for a shell
    #[command(after_help = "Example:
  tollgate completions bash > ~/.local/share/bash-completion/completions/tollgate")]
    Completions {
        /// The shell to complete in
        shell: clap_complete::Shell,
    },
    /// Be a function: poll the Runtime API that the environment names. How `dev` starts its environments.
    #[command(hide = true)]
    Function {
        /// Which one
        #[arg(value_enum, default_value_t)]
        kind: FunctionKind,
        /// End when standard input does: then whoever started this is gone
        #[arg(long)]
        lifeline: bool,
    },
    /// Become another program that ends with its parent. How `dev` starts `--function-binary`.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Become {
        /// The process id of whoever starts this
        #[arg(long)]
        parent: u32,
        /// The program, as a whole path
        program: PathBuf,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct DevOptions {
    /// The config to serve against its own upstreams [default: the example store with demo services]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the gateway listens [default: 127.0.0.1:9000, or a free port if that is taken]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// The program that environments of the gateway run, such as target/lambda/gateway/bootstrap [default: the function
    /// in this one]
    #[arg(long, value_name = "PATH")]
    pub(crate) function_binary: Option<PathBuf>,
    /// Which front door to be, with its events, limits and errors
    #[arg(long, value_enum, default_value_t = FrontDoor::Http)]
    pub(crate) event: FrontDoor,
    /// With --event alb: multi-value headers are enabled on the target group; without this, the last value of each
    /// header and query parameter survives
    #[arg(long)]
    pub(crate) multi_value: bool,
    /// A client certificate (PEM) that every request comes with, as behind mutual TLS: with --event http, rest or alb
    #[arg(long, value_name = "FILE")]
    pub(crate) client_certificate: Option<PathBuf>,
    /// What an authorizer said of every caller (JSON, put as requestContext.authorizer): with --event http, rest or url
    #[arg(long, value_name = "FILE")]
    pub(crate) authorizer: Option<PathBuf>,
    /// The most function environments at once; each serves one request at a time
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) environments: u16,
    /// The function's time-out, such as 500ms, 30s or 15m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_timeout)]
    pub(crate) timeout: Duration,
    /// Stop each function environment while it has no event, as Lambda does
    #[arg(long)]
    pub(crate) freeze: bool,
    /// Where the admin API listens, for one fixed IAM principal [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<SocketAddr>,
    /// Where the Lambda Invoke API listens [default: 127.0.0.1:9001, or a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) invoke_listen: Option<SocketAddr>,
    /// Where the embedded DynamoDB engine listens [default: 127.0.0.1:8000, or a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) dynamodb_listen: Option<SocketAddr>,
    /// Where the embedded engine keeps its tables, so that counts survive a restart [default: in memory]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Where the demo identity provider listens [default: 127.0.0.1:9003, or a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) idp_listen: Option<SocketAddr>,
    /// Let the listeners above be reached from other machines
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// How a served request is shown
    #[arg(long, value_enum, default_value_t = LogForm::Short)]
    pub(crate) log: LogForm,
}

#[derive(Args, Debug)]
pub(crate) struct CheckOptions {
    /// Configs, JSON or YAML
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct PackOptions {
    /// The config, JSON or YAML
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct InvokeOptions {
    /// The event, JSON
    #[arg(value_name = "EVENT.json")]
    pub(crate) event: PathBuf,
    /// Which function it is for
    #[arg(long, value_enum, value_name = "NAME", default_value_t)]
    pub(crate) function: FunctionKind,
    /// The program to run [default: the function in this one]
    #[arg(long, value_name = "PATH")]
    pub(crate) function_binary: Option<PathBuf>,
    /// The config to serve it by [default: the example store with demo services]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct TestOptions {
    /// The folder of NAME.json events and NAME.expect.json expectations
    #[arg(value_name = "DIR", default_value = "events")]
    pub(crate) folder: PathBuf,
    /// The config to serve them by, unless an expectation names one [default: gateway.yaml or gateway.json in DIR]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Only the events whose name holds this text; can be given more than once
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Vec<String>,
    /// Write what comes out into the expectations that do not hold, and make those that are missing
    #[arg(long)]
    pub(crate) update: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TokenOptions {
    /// Whom the token is for
    #[arg(long, default_value = "demo-user")]
    pub(crate) sub: String,
    /// What it may do; several are joined by blanks
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// A further claim; a value that is JSON is taken as JSON, any other as a string
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_claim)]
    pub(crate) claim: Vec<(String, String)>,
    /// The identity provider
    #[arg(long, value_name = "URL", env = "TOLLGATE_ISSUER", default_value = DEFAULT_ISSUER)]
    pub(crate) issuer: String,
    /// For which service
    #[arg(long, default_value = DEFAULT_AUDIENCE)]
    pub(crate) audience: String,
    /// How long it holds, such as 30s, 15m or 8h
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = parse_duration)]
    pub(crate) expires: Duration,
}

/// Which service turns HTTP into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FrontDoor {
    /// API Gateway HTTP API, payload 2.0
    Http,
    /// API Gateway REST API, payload 1.0
    Rest,
    /// Application Load Balancer
    Alb,
    /// Lambda Function URL, payload 2.0
    Url,
}

/// What standard output gets for each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// One line a person can read
    Short,
    /// The function's own JSON record
    Json,
    /// Both
    Both,
}

/// Lambda lets a function run for at most 15 minutes.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text)?;
    if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
        return Err("a Lambda function may run for more than 0 and at most 15m".into());
    }
    Ok(timeout)
}

/// `250ms`, `2s`, `10m` as in a config, and `8h`, `90d` besides: tokens and keys live longer than requests.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration; write a whole number and ms, s, m, h or d, such as 30s");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => Duration::from_secs(24 * 3600),
        _ => return Err(wrong()),
    };
    Ok(unit * number)
}

/// What one plan lets through.
pub(crate) fn parse_limits(text: &str) -> Result<PlanDocument, String> {
    PlanDocument::parse("limits", "JSON", text)
}

fn parse_claim(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write a claim as name=value, such as role=admin".into()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The options of a line that asks for `dev`.
    pub(crate) fn dev(line: &[&str]) -> DevOptions {
        match Arguments::try_parse_from(line).unwrap().into_command() {
            Command::Dev(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_command_is_dev_with_its_options() {
        assert_eq!(dev(&["tollgate"]).environments, 10);
        assert_eq!(dev(&["tollgate", "--environments", "3"]).environments, 3);
        let options = dev(&[
            "tollgate",
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--timeout",
            "250ms",
            "--event",
            "url",
        ]);
        assert_eq!(options.listen, Some("127.0.0.1:0".parse().unwrap()));
        assert_eq!(options.timeout, Duration::from_millis(250));
        assert_eq!(options.event, FrontDoor::Url);
    }

    #[test]
    fn what_lambda_would_refuse_is_refused() {
        for line in [
            ["tollgate", "--timeout", "0s"],
            ["tollgate", "--timeout", "16m"],
            ["tollgate", "--timeout", "5"],
            ["tollgate", "--environments", "0"],
            ["tollgate", "--event", "sqs"],
        ] {
            assert!(Arguments::try_parse_from(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn durations_are_whole_numbers_with_their_unit() {
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_duration("8h"), Ok(Duration::from_secs(8 * 3600)));
        assert_eq!(parse_duration("90d"), Ok(Duration::from_secs(90 * 24 * 3600)));
        for wrong in ["", "s", "1", "1.5s", "-1s", "1 s", "1w", "99999999999s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_claim_is_split_at_the_first_equals_sign() {
        assert_eq!(parse_claim("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(parse_claim("a="), Ok(("a".into(), String::new())));
        assert!(parse_claim("a").is_err());
        assert!(parse_claim("=a").is_err());
    }

    #[test]
    fn the_function_command_is_not_advertised() {
        let help = Arguments::command().render_long_help().to_string();
        assert!(help.contains("invoke"), "{help}");
        for hidden in ["function  ", "become"] {
            assert!(!help.contains(hidden), "{help}");
        }
    }
}
