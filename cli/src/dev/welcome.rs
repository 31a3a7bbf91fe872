//! What a bare `tollgate` prints: curl lines to paste, each with what it shows.

use std::net::SocketAddr;

use crate::dev::event::REGION;
use crate::dev::tables::{ACCESS_KEY, QUOTA, SECRET_KEY};

/// Where things are, for the lines.
#[derive(Debug)]
pub(crate) struct Tour<'a> {
    pub(crate) gateway: SocketAddr,
    pub(crate) database: &'a str,
    pub(crate) token: &'a str,
}

impl Tour<'_> {
    /// The lines.
    pub(crate) fn text(&self) -> String {
        let Self {
            gateway,
            database,
            token,
        } = self;
        let base = format!("http://{gateway}");
        format!(
            r#"
# The example store is served (examples/store/gateway.yaml). Paste a line into another terminal:
TOKEN={token}

# 200: the service's internal_id and db_shard are removed, email_address is renamed to email
curl -i -H "Authorization: Bearer $TOKEN" {base}/api/users/42

# 200: routed to the orders service, which sees the verified caller and not the claimed one
curl -i -H "Authorization: Bearer $TOKEN" -H "X-User-Id: somebody-else" {base}/api/orders/ord_x7k9

# 200: three calls and one answer; the orders are asked for by what the user's answer says
curl -i -H "Authorization: Bearer $TOKEN" {base}/api/home

# 200 without a token, and kept for a minute: the second time cache-status says hit, and the service is not asked
curl -i {base}/api/products/lamp

# 401: no token
curl -i {base}/api/users/42

# 404: no such route
curl -i {base}/nowhere

# 405: a route, but not for this method
curl -i -X DELETE -H "Authorization: Bearer $TOKEN" {base}/api/orders/ord_x7k9

# 200 without a token: a public path
curl -i {base}/api/health

# 429 from the 11th on: logins are limited to 10 a minute by client address
for i in $(seq 12); do curl -s -o /dev/null -w '%{{http_code}} ' -X POST {base}/api/auth/login; done; curl -i -X POST {base}/api/auth/login

# the counters behind the limits
AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY} aws dynamodb scan --region {REGION} --endpoint-url {database} --table-name {QUOTA}
"#
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines() {
        let tour = Tour {
            gateway: "127.0.0.1:9000".parse().unwrap(),
            database: "http://127.0.0.1:8000",
            token: "eyJh.eyJz.c2ln",
        };
        insta::assert_snapshot!("tour", tour.text());
    }
}
