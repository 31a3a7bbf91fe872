//! The commands that change tables: `keys`, `plans` and `sessions`.

use std::time::Duration;

use clap::{Args, Subcommand};

use tollgate::limit::PlanDocument;

use super::{KeyChangeOptions, parse_claim, parse_duration, parse_limits};

/// Where the engine of a running `tollgate dev` listens, unless it is told otherwise.
pub(crate) const DEFAULT_ENGINE: &str = "http://127.0.0.1:8000";

/// Which engine holds the tables.
#[derive(Args, Debug)]
pub(crate) struct PlaceOptions {
    /// The DynamoDB engine [default: AWS_ENDPOINT_URL_DYNAMODB, or that of `tollgate dev`, http://127.0.0.1:8000]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "aws")]
    pub(crate) endpoint_url: Option<String>,
    /// Use DynamoDB on AWS, with the credentials and the region that the AWS CLI takes from variables and profiles
    #[arg(long, global = true)]
    pub(crate) aws: bool,
}

#[derive(Args, Debug)]
pub(crate) struct KeysOptions {
    #[command(subcommand)]
    pub(crate) action: KeysAction,
    /// The config table; on AWS it must be named [default: tollgate-config]
    #[arg(long, global = true, value_name = "NAME", env = "CONFIG_TABLE")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// Make a key and print it, alone and this once, on standard output
    #[command(after_help = "Examples:
  tollgate keys create --owner ann
  KEY=$(tollgate keys create --owner ann --scope orders:read --plan gold --expires 90d)
  tollgate keys create --owner ann --aws --table my-stack-ConfigTable-1ABC")]
    Create(CreateKeyOptions),
    /// List the keys of an owner, revoked and expired ones too
    #[command(after_help = "Examples:
  tollgate keys list --owner ann
  tollgate keys list --owner ann --json | jq -r '.[] | select(.status == \"active\") | .id'")]
    List {
        /// Whose keys
        #[arg(long)]
        owner: String,
        /// Print a JSON array, with the attributes of the table but for the hashes
        #[arg(long)]
        json: bool,
    },
    /// Change what a key may do, or how long it holds: the key itself stays, and what was counted with it
    #[command(after_help = "Examples:
  tollgate keys change 4fKq0ZbYw2Lr --plan gold
  tollgate keys change 4fKq0ZbYw2Lr --plan trial --plan-expires 30d --no-limits
  tollgate keys change 4fKq0ZbYw2Lr --scope orders:read --scope orders:write --expires 90d")]
    Change {
        /// The key's id: the part between `tg_` and the next `_`
        id: String,
        #[command(flatten)]
        change: KeyChangeOptions,
    },
    /// Take a key back for good; gateways refuse it within 30 seconds
    #[command(after_help = "Example:
  tollgate keys revoke 4fKq0ZbYw2Lr")]
    Revoke {
        /// The key's id: the part between `tg_` and the next `_`
        id: String,
    },
    /// Put a new key in the place of an old one, which stays good for a while; prints the new one
    #[command(after_help = "Examples:
  KEY=$(tollgate keys rotate 4fKq0ZbYw2Lr)
  tollgate keys rotate 4fKq0ZbYw2Lr --grace 0s        the old one has leaked: it ends now")]
    Rotate {
        /// The key's id: the part between `tg_` and the next `_`; the new key has the same
        id: String,
        /// How long the old key stays good, such as 0s, 24h or 7d
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
        grace: Duration,
    },
}

#[derive(Args, Debug)]
pub(crate) struct CreateKeyOptions {
    /// Whom it is for; upstreams know the caller by this
    #[arg(long)]
    pub(crate) owner: String,
    /// The plan: one of the config's `plans`, or of the config table
    #[arg(long)]
    pub(crate) plan: Option<String>,
    /// How long it has the plan, such as 30d; after that it is refused where plans count [default: for good]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "plan")]
    pub(crate) plan_expires: Option<Duration>,
    /// Limits of its own in place of a plan's, as `plans` has them: '{"quota":{"requests":1000,"per":"day"}}'
    #[arg(long, value_name = "JSON", value_parser = parse_limits)]
    pub(crate) limits: Option<PlanDocument>,
    /// What it may do; can be given more than once
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// How long it holds, such as 12h or 90d [default: until it is revoked]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) expires: Option<Duration>,
    /// What to call it, such as "nightly job"
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct PlansOptions {
    #[command(subcommand)]
    pub(crate) action: PlansAction,
    /// The config table; on AWS it must be named [default: tollgate-config]
    #[arg(long, global = true, value_name = "NAME", env = "CONFIG_TABLE")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PlansAction {
    /// Make a plan, or change what the one of this name lets through
    #[command(after_help = "Examples:
  tollgate plans set free '{\"quota\":{\"requests\":1000,\"per\":\"day\"}}'
  tollgate plans set paid '{\"rate_limit\":{\"requests_per_second\":50,\"burst\":100}}' --aws --table my-stack-ConfigTable-1ABC")]
    Set {
        /// Its name, by which keys and claims know it
        name: String,
        /// What it lets through, as a config's `plans` has it
        #[arg(value_name = "JSON", value_parser = parse_limits)]
        limits: PlanDocument,
    },
    /// List all plans of the table; those of a config are not there
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Take a plan away: whoever has it is refused then
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct UsageOptions {
    #[command(subcommand)]
    pub(crate) action: UsageAction,
    /// The quota table; on AWS it must be named [default: tollgate-quota]
    #[arg(long, global = true, value_name = "NAME", env = "QUOTA_TABLE")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsageAction {
    /// Show what was counted of a caller, by every rule set that counts by this key and by plans
    #[command(after_help = "Examples:
  tollgate usage show api_key=4fKq0ZbYw2Lr
  tollgate usage show 'user=https://login.example.com usr_1'
  tollgate usage show header:X-User-Id=usr_1 route=orders      a key of two parts, in the config's order")]
    Show {
        #[command(flatten)]
        whose: Whose,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Take what was counted of a caller back to nothing; gateways follow within 30 seconds
    #[command(after_help = "Examples:
  tollgate usage reset api_key=4fKq0ZbYw2Lr
  tollgate usage reset client_ip=192.0.2.1 --aws --table my-stack-QuotaTable-1ABC")]
    Reset {
        #[command(flatten)]
        whose: Whose,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Whose {
    /// What is counted by, as `key` in the config has it, with the caller's value: api_key=ID, client_ip=ADDRESS,
    /// 'user=ISSUER SUB', header:NAME=VALUE, claim:NAME=VALUE, route=ID
    #[arg(required = true, value_name = "PART=VALUE")]
    pub(crate) parts: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct SessionsOptions {
    #[command(subcommand)]
    pub(crate) action: SessionsAction,
    /// The state table; on AWS it must be named [default: tollgate-state]
    #[arg(long, global = true, value_name = "NAME", env = "STATE_TABLE")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsAction {
    /// Begin a session and print its id, the cookie's value, alone and this once, on standard output
    #[command(after_help = "Example:
  curl -b \"sid=$(tollgate sessions create --sub ann --claim role=admin)\" http://127.0.0.1:9000/account")]
    Create {
        /// Who is logged in
        #[arg(long)]
        sub: String,
        /// A further claim; a value that is JSON is taken as JSON, any other as a string
        #[arg(long, value_name = "NAME=VALUE", value_parser = parse_claim)]
        claim: Vec<(String, String)>,
        /// When it ends at the latest, such as 30m, 8h or 30d
        #[arg(long, value_name = "DURATION", default_value = "8h", value_parser = parse_duration)]
        expires: Duration,
    },
    /// End a session
    #[command(after_help = "Example:
  tollgate sessions revoke ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0")]
    Revoke {
        /// Its hash, as `create` says it on standard error, or the cookie's value
        session: String,
    },
}
