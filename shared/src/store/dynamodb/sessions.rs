//! Administration of opaque sessions: for a login service, and for `tollgate sessions`.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValue;
use serde_json::{Map, Value};

use super::admin_error::AdminError;
use super::admin_table::AdminTable;
use super::state_item::{session_pk, write_session};
use super::table::key;
use crate::clock::Timestamp;
use crate::session_id::SessionId;
use crate::store::{SessionHash, SessionRecord};

/// The sessions of one state table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions(AdminTable);

impl Sessions {
    /// In this table. Calls are repeated as the client's settings for retries say, but not by the client.
    pub fn new(client: Client, table: &str) -> Self {
        Self(AdminTable::new(&client, table))
    }

    /// Begins a session that ends after `lifetime` (whole seconds) at the latest. The id is shown nowhere else and cannot
    /// be had again.
    pub async fn create(
        &self,
        claims: Map<String, Value>,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<(SessionId, SessionRecord), AdminError> {
        let now = now.whole_seconds();
        let session = SessionRecord {
            claims,
            created_at: now,
            seen_at: now,
            expires_at: now.plus(lifetime).whole_seconds(),
        };
        let id = SessionId::generate()?;
        self.keep(&id.hash(), &session).await?;
        Ok((id, session))
    }

    /// Keeps a session that was begun elsewhere, in the place of what was kept under its hash.
    pub async fn keep(&self, hash: &SessionHash, session: &SessionRecord) -> Result<(), AdminError> {
        self.0.put(write_session(hash, session)).await
    }

    /// Ends a session. `false`: there was none.
    pub async fn revoke(&self, hash: &SessionHash) -> Result<bool, AdminError> {
        let request = self.0.client.delete_item().table_name(&*self.0.name);
        let request = request.set_key(Some(key(&session_pk(hash))));
        let request = request.return_values(ReturnValue::AllOld);
        let called = self.0.call(|| request.clone().send()).await;
        // After an attempt without an answer, that one ended it, as far as anybody knows.
        let unclear = called.unclear.is_some();
        Ok(self.0.answer(called)?.attributes.is_some() || unclear)
    }
}
