//! Systems Manager Parameter Store.

use serde::Deserialize;
use serde_json::json;

use super::{AwsClient, AwsError, Service};

/// A parameter as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its text, decrypted.
    pub value: String,
    /// Counts its changes.
    pub version: u64,
}

/// What `GetParameter` answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    parameter: Answered,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answered {
    value: String,
    version: u64,
}

impl AwsClient {
    /// Reads a parameter by its name or ARN, with or without a version or label behind it: `GetParameter`, AWS Systems
    /// Manager API Reference. Standard parameters hold 4 KB, advanced ones 8.
    ///
    /// # Errors
    /// All of [`AwsError`]; `ParameterNotFound` and `AccessDeniedException` are the codes of the likely ones.
    pub async fn parameter(&self, name: &str) -> Result<Parameter, AwsError> {
        let input = json!({ "Name": name, "WithDecryption": true });
        let answer = self
            .json(Service::ParameterStore, "AmazonSSM.GetParameter", &input)
            .await?;
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|_| AwsError::Unreadable("what Parameter Store answers is no parameter".to_owned()))?;
        let Answered { value, version } = answer.parameter;
        Ok(Parameter { value, version })
    }
}
