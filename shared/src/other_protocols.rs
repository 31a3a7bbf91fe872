//! What comes in the guise of a request and cannot pass: an invocation of a function has one request and one answer.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, SEC_WEBSOCKET_KEY, UPGRADE};

use crate::error::GatewayError;

/// Refuses gRPC, which needs HTTP/2 and trailers from end to end, and WebSocket, which needs the connection itself. Both
/// would otherwise fail at the service or in the client, where nobody finds out why. `headers`: as they came, for
/// sealing takes out `Upgrade`.
///
/// gRPC-Web passes: it is HTTP like any other. Other upgrades are an offer that need not be taken up (RFC 9110 section
/// 7.8).
///
/// # Errors
/// `GrpcRefused`, `WebSocketRefused`.
pub fn refuse(headers: &HeaderMap) -> Result<(), GatewayError> {
    if headers
        .get_all(CONTENT_TYPE)
        .iter()
        .any(|value| is_grpc(value.as_bytes()))
    {
        return Err(GatewayError::GrpcRefused);
    }
    let upgrades = headers.get_all(UPGRADE).iter();
    let mut protocols = upgrades.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    // Front doors drop `Upgrade` and `Connection` as they see fit; the key of the handshake stays (RFC 6455 section 4.1).
    if headers.contains_key(SEC_WEBSOCKET_KEY) || protocols.any(is_websocket) {
        return Err(GatewayError::WebSocketRefused);
    }
    Ok(())
}

/// `application/grpc` and `application/grpc+proto` (gRPC over HTTP/2, "Requests"), but not `application/grpc-web`.
fn is_grpc(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    essence == b"application/grpc" || essence.starts_with(b"application/grpc+")
}

fn is_websocket(protocol: &[u8]) -> bool {
    let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
    name.trim_ascii().eq_ignore_ascii_case(b"websocket")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::headers;

    #[test]
    fn grpc_is_told_by_its_media_type() {
        for media in [
            "application/grpc",
            "Application/gRPC+proto",
            "application/grpc+json; charset=utf-8",
            "application/grpc ;a=b",
        ] {
            assert_eq!(
                refuse(&headers(&[("content-type", media)])),
                Err(GatewayError::GrpcRefused),
                "{media}"
            );
        }
        for media in [
            "application/grpc-web",
            "application/grpc-web-text+proto",
            "application/grpcx",
            "text/plain;a=application/grpc",
        ] {
            assert_eq!(refuse(&headers(&[("content-type", media)])), Ok(()), "{media}");
        }
    }

    #[test]
    fn a_handshake_is_told_by_what_front_doors_leave_of_it() {
        for lines in [
            [("upgrade", "websocket"), ("connection", "Upgrade")],
            [("upgrade", "h2c, WebSocket/13"), ("x-a", "b")],
            [
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ("sec-websocket-version", "13"),
            ],
        ] {
            assert_eq!(
                refuse(&headers(&lines)),
                Err(GatewayError::WebSocketRefused),
                "{lines:?}"
            );
        }
        for lines in [
            [("upgrade", "h2c"), ("connection", "Upgrade, HTTP2-Settings")],
            [("x-upgrade", "websocket"), ("sec-websocket-protocol", "chat")],
        ] {
            assert_eq!(refuse(&headers(&lines)), Ok(()), "{lines:?}");
        }
    }
}
