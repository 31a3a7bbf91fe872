//! What is compared: which function, with what around it, under which requests.

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::event;
use crate::stubs::{self, DynamoDb};
use crate::token::{AUDIENCE, Algorithm, ISSUER, Issuer};

/// How many requests one write counts at most, of a limit with leases.
pub(crate) const LEASE_SIZE: u32 = 50;

/// One function under one kind of request.
pub(crate) struct Scenario {
    /// Its name in the tables.
    pub(crate) name: &'static str,
    /// The binary's.
    pub(crate) binary: &'static str,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) carries: Carries,
}

/// Which token a request carries.
#[derive(Clone, Copy)]
pub(crate) enum Carries {
    Nothing,
    /// The same one as all before.
    Same,
    /// One that was never seen.
    New,
}

/// Everything that scenarios share.
pub(crate) struct Setting {
    pub(crate) issuer: Issuer,
    upstream: SocketAddr,
    pub(crate) dynamodb: DynamoDb,
    /// Where the larger configs lie.
    folder: tempfile::TempDir,
    only: String,
}

/// Which tokens have been made.
#[derive(Default)]
pub(crate) struct Tokens {
    same: Option<String>,
    new: u64,
}

impl Setting {
    /// `only`: what the names of scenarios must contain.
    pub(crate) fn new(only: String) -> Result<Self, String> {
        let failed = |error: std::io::Error| error.to_string();
        let issuer = Issuer::new()?;
        Ok(Self {
            upstream: stubs::upstream(issuer.key_set()).map_err(failed)?,
            dynamodb: stubs::dynamodb().map_err(failed)?,
            folder: tempfile::tempdir().map_err(failed)?,
            issuer,
            only,
        })
    }

    /// The scenarios, in the order in which they take turns.
    pub(crate) fn scenarios(&self) -> Result<Vec<Scenario>, String> {
        use Carries::{New, Nothing, Same};
        let mut all = vec![
            self.bare("forward", "bench-forward", Nothing),
            self.gateway("gateway, 1 route", self.file("1", &self.plain(1))?, Nothing),
            self.gateway("gateway, 100 routes", self.file("100", &self.plain(100))?, Nothing),
            self.gateway("gateway, 1,000 routes", self.file("1000", &self.plain(1000))?, Nothing),
            self.gateway("gateway, cache hit", self.file("cached", &self.cached())?, Nothing),
            self.gateway(
                "gateway, aggregate of four",
                self.file("parts", &self.parts())?,
                Nothing,
            ),
            self.bare("forward-count", "bench-forward-count", Same),
            self.gateway(
                "gateway, token seen + limit",
                self.file("limited", &self.limited(1))?,
                Same,
            ),
            self.gateway(
                "gateway, new tokens + limit",
                self.file("limited", &self.limited(1))?,
                New,
            ),
            self.gateway("gateway, seen + limit, 300 packed", packed(&self.limited(300))?, Same),
            self.gateway(
                "gateway, token seen + lease",
                self.file("leased", &self.leased())?,
                Same,
            ),
        ];
        all.retain(|scenario| scenario.name.contains(&self.only));
        Ok(all)
    }

    /// Requests for a scenario; tokens are signed here, before anything is measured.
    pub(crate) fn events(&self, scenario: &Scenario, count: usize, tokens: &mut Tokens) -> Result<Vec<String>, String> {
        let event = |_| {
            let token = match scenario.carries {
                Carries::Nothing => None,
                Carries::Same => Some(tokens.same_token(&self.issuer)?),
                Carries::New => Some(tokens.new_token(&self.issuer)?),
            };
            Ok(event::get_user(token.as_deref()))
        };
        (0..count).map(event).collect()
    }

    fn bare(&self, name: &'static str, binary: &'static str, carries: Carries) -> Scenario {
        Scenario {
            name,
            binary,
            environment: vec![
                ("UPSTREAM_URL".into(), format!("http://{}", self.upstream)),
                ("COUNT_TABLE".into(), "count".into()),
                self.endpoint(),
            ],
            carries,
        }
    }

    /// `config` is what `GATEWAY_CONFIG` says.
    fn gateway(&self, name: &'static str, config: String, carries: Carries) -> Scenario {
        Scenario {
            name,
            binary: "gateway",
            environment: vec![
                ("GATEWAY_CONFIG".into(), config),
                ("GATEWAY_EVENT".into(), "http".into()),
                ("QUOTA_TABLE".into(), "quota".into()),
                self.endpoint(),
            ],
            carries,
        }
    }

    fn file(&self, name: &str, config: &Value) -> Result<String, String> {
        let path = self.folder.path().join(format!("{name}.json"));
        fs::write(&path, config.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(format!("file:{}", path.display()))
    }

    fn endpoint(&self) -> (String, String) {
        (
            "AWS_ENDPOINT_URL_DYNAMODB".into(),
            format!("http://{}", self.dynamodb.address),
        )
    }

    /// Routes without any other rule.
    fn plain(&self, routes: usize) -> Value {
        let mut config = self.routes(routes);
        for route in config["routes"].as_array_mut().into_iter().flatten() {
            route["auth"] = "none".into();
        }
        config
    }

    /// One route whose answers are kept for longer than anybody measures.
    fn cached(&self) -> Value {
        let mut config = self.plain(1);
        config["routes"][0]["cache"] = json!({ "ttl": "1d" });
        config
    }

    /// One route of four parts: two at once, one after one of those, and one that is slower than all of them together.
    fn parts(&self) -> Value {
        let mut config = self.plain(1);
        let route = &mut config["routes"][0];
        let part = |path: &str| json!({ "upstream": "users", "path": path, "required": true });
        *route = json!({
            "path": route["path"],
            "auth": "none",
            "aggregate": {
                "user": part("/users/42"),
                "orders": part("/orders?user=42"),
                "address": part("/addresses/{user.id}"),
                "advice": part(stubs::SLOW_PATH),
            },
        });
        config
    }

    /// Each caller proves who it is, and is counted far below what it may do.
    fn limited(&self, routes: usize) -> Value {
        let mut config = self.routes(routes);
        config["auth"] = json!({
            "type": "jwt",
            "jwks_uri": format!("http://{}/jwks.json", self.upstream),
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
        });
        // One a second, so that the bucket is in use however slowly requests come. A request that cannot be counted
        // ends the run: what it costs is no figure.
        config["rate_limiting"] = json!({
            "default": {
                "requests_per_second": 1, "burst": 1_000_000, "key": "header:X-User-Id", "on_error": "deny"
            }
        });
        config
    }

    /// The same, counted [`LEASE_SIZE`] at a time.
    fn leased(&self) -> Value {
        let mut config = self.limited(1);
        config["rate_limiting"]["default"]["mode"] = "lease".into();
        config["rate_limiting"]["default"]["lease_size"] = LEASE_SIZE.into();
        config
    }

    /// Of so many routes the requests take the one in the middle.
    fn routes(&self, count: usize) -> Value {
        let route = |place: usize| {
            let path = if place == count / 2 {
                "/api/users/**".to_owned()
            } else {
                format!("/api/service-{place}/{{id}}/**")
            };
            json!({ "path": path, "upstream": "users", "methods": ["GET", "POST", "PUT", "DELETE"] })
        };
        json!({
            "upstreams": { "users": { "url": format!("http://{}", self.upstream) } },
            "routes": (0..count).map(route).collect::<Vec<_>>(),
        })
    }
}

impl Tokens {
    fn same_token(&mut self, issuer: &Issuer) -> Result<String, String> {
        if self.same.is_none() {
            self.same = Some(self.new_token(issuer)?);
        }
        Ok(self.same.clone().unwrap_or_default())
    }

    fn new_token(&mut self, issuer: &Issuer) -> Result<String, String> {
        self.new += 1;
        issuer.token(Algorithm::RS256, self.new)
    }
}

/// What `tollgate pack` prints.
fn packed(config: &Value) -> Result<String, String> {
    tollgate::config::pack("config.json", &config.to_string()).map_err(|mistakes| mistakes.to_string())
}
