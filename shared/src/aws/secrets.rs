//! Secrets Manager.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{AwsClient, AwsError, Service};

/// What `GetSecretValue` answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    secret_string: Option<String>,
}

impl AwsClient {
    /// Reads the current text of a secret by its name or ARN: `GetSecretValue`, AWS Secrets Manager API Reference. With
    /// `member`, one member of the JSON object that it is.
    ///
    /// # Errors
    /// All of [`AwsError`]; `ResourceNotFoundException` and `AccessDeniedException` are the codes of the likely ones.
    /// `Unreadable` says what a secret lacks, and nothing of what it holds.
    pub async fn secret(&self, id: &str, member: Option<&str>) -> Result<String, AwsError> {
        let input = json!({ "SecretId": id });
        let answer = self
            .json(Service::SecretsManager, "secretsmanager.GetSecretValue", &input)
            .await?;
        let unreadable = |why: &str| AwsError::Unreadable(why.to_owned());
        let answer: Answer =
            serde_json::from_slice(&answer).map_err(|_| unreadable("what Secrets Manager answers is no secret"))?;
        let text = answer
            .secret_string
            .ok_or_else(|| unreadable("the secret is bytes, and a config is text"))?;
        let Some(member) = member else { return Ok(text) };
        let object: Value = serde_json::from_str(&text).unwrap_or_default();
        match object.get(member) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(number @ (Value::Number(_) | Value::Bool(_))) => Ok(number.to_string()),
            Some(_) => Err(unreadable("the member of the secret is no text")),
            None => Err(unreadable("the secret is no JSON object with such a member")),
        }
    }
}
