//! Parameter Store, S3 and Secrets Manager, as far as a config is read from them: a double in this process, or the server
//! that `TOLLGATE_AWS_ENDPOINT` names by its address, such as moto's.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::client::{Request, method};
use crate::server::{Incoming, Outgoing, Server, reply};

/// Where configs and secrets are kept.
#[derive(Debug)]
pub struct Aws {
    address: SocketAddr,
    _server: Option<Server>,
}

/// What is kept, by its service and name, and how often it was changed.
type Kept = Mutex<HashMap<String, (String, u64)>>;

impl Aws {
    /// One for this test, or the one that all share.
    ///
    /// # Panics
    /// When the variable holds no address.
    pub async fn start() -> Self {
        if let Some(address) = std::env::var("TOLLGATE_AWS_ENDPOINT")
            .ok()
            .filter(|text| !text.is_empty())
        {
            let address = address.parse().expect("an address with its port");
            return Self { address, _server: None };
        }
        let kept: Arc<Kept> = Arc::default();
        let server = Server::start(move |call| {
            let kept = Arc::clone(&kept);
            async move { answer(&call, &kept) }
        })
        .await;
        Self {
            address: server.address(),
            _server: Some(server),
        }
    }

    /// For `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a parameter, or gives it another value.
    pub async fn put_parameter(&self, name: &str, value: &str) {
        let input =
            json!({ "Name": name, "Value": value, "Type": "SecureString", "Overwrite": true, "Tier": "Advanced" });
        self.asked("ssm", "AmazonSSM.PutParameter", &input).await;
    }

    /// Makes an object and its bucket, or gives it another content.
    pub async fn put_object(&self, bucket: &str, key: &str, content: impl Into<Vec<u8>>) {
        for (path, body) in [
            (format!("/{bucket}"), Vec::new()),
            (format!("/{bucket}/{key}"), content.into()),
        ] {
            self.sent(method("PUT", path).body(body), "s3").await;
        }
    }

    /// Makes a secret, or gives it another text.
    pub async fn put_secret(&self, id: &str, text: &str) {
        let made = json!({ "Name": id, "SecretString": text });
        if !self.asked("secretsmanager", "secretsmanager.CreateSecret", &made).await {
            let changed = json!({ "SecretId": id, "SecretString": text });
            assert!(
                self.asked("secretsmanager", "secretsmanager.PutSecretValue", &changed)
                    .await
            );
        }
    }

    async fn asked(&self, service: &str, target: &str, input: &Value) -> bool {
        let request = method("POST", "/")
            .header("Content-Type", "application/x-amz-json-1.1")
            .header("X-Amz-Target", target)
            .body(input.to_string());
        self.sent(request, service).await
    }

    /// Whether it was taken. What a server like moto knows a service by is its name in the signature.
    async fn sent(&self, request: Request, service: &str) -> bool {
        let scope = format!("local/20260101/us-east-1/{service}/aws4_request");
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let request = request.header("Authorization", signed).host(self.address.to_string());
        let answer = request.send(self.address).await.expect("AWS answers");
        answer.status == 200
    }
}

fn answer(call: &Incoming, kept: &Kept) -> Outgoing {
    let mut kept = kept.lock().expect("unpoisoned");
    let target = call
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let input: Value = serde_json::from_slice(call.body()).unwrap_or_default();
    let text = |member: &str| input[member].as_str().unwrap_or_default().to_owned();
    let path = call.uri().path().to_owned();
    match (target, call.method().as_str()) {
        (Some("AmazonSSM.PutParameter"), _) => {
            let place = kept.entry(format!("ssm {}", text("Name"))).or_default();
            *place = (text("Value"), place.1 + 1);
            as_json(200, &json!({ "Version": place.1 }))
        }
        (Some("AmazonSSM.GetParameter"), _) => match kept.get(&format!("ssm {}", text("Name"))) {
            Some((value, version)) => as_json(200, &json!({ "Parameter": { "Value": value, "Version": version } })),
            None => as_json(400, &json!({ "__type": "ParameterNotFound" })),
        },
        (Some("secretsmanager.CreateSecret"), _) => match kept.contains_key(&format!("secret {}", text("Name"))) {
            true => as_json(400, &json!({ "__type": "ResourceExistsException" })),
            false => {
                kept.insert(format!("secret {}", text("Name")), (text("SecretString"), 1));
                as_json(200, &json!({}))
            }
        },
        (Some("secretsmanager.PutSecretValue"), _) => {
            kept.insert(format!("secret {}", text("SecretId")), (text("SecretString"), 1));
            as_json(200, &json!({}))
        }
        (Some("secretsmanager.GetSecretValue"), _) => match kept.get(&format!("secret {}", text("SecretId"))) {
            Some((secret, _)) => as_json(200, &json!({ "SecretString": secret })),
            None => as_json(400, &json!({ "__type": "ResourceNotFoundException" })),
        },
        (None, "PUT") => {
            let content = String::from_utf8_lossy(call.body()).into_owned();
            let place = kept.entry(path).or_default();
            *place = (content, place.1 + 1);
            reply(200, "application/xml", "")
        }
        (None, "GET") => object(call, kept.get(&path)),
        _ => reply(400, "application/xml", "<Error><Code>InvalidRequest</Code></Error>"),
    }
}

fn object(call: &Incoming, found: Option<&(String, u64)>) -> Outgoing {
    let Some((content, version)) = found else {
        return reply(404, "application/xml", "<Error><Code>NoSuchKey</Code></Error>");
    };
    let tag = format!("\"{version}\"");
    let known = call.headers().get("if-none-match");
    let mut answer = match known.is_some_and(|known| known == tag.as_str()) {
        true => reply(304, "application/xml", "")?,
        false => reply(200, "application/yaml", content.clone())?,
    };
    answer.headers_mut().insert("etag", tag.parse().expect("a tag"));
    Some(answer)
}

fn as_json(status: u16, body: &Value) -> Outgoing {
    reply(status, "application/x-amz-json-1.1", body.to_string())
}
