//! The OpenAPI document: what the routes say of themselves, and what holds for all of them.

use std::sync::LazyLock;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::limits::{self, Limits};
use crate::router::routes;

/// The name of the one security scheme.
const SIGNATURE: &str = "sigv4";

/// What each request may end in, whatever it asks for.
const OF_EVERY_REQUEST: [(StatusCode, &str); 4] = [
    (StatusCode::BAD_REQUEST, "The request cannot be read."),
    (
        StatusCode::FORBIDDEN,
        "IAM did not name the caller, or it is none of those who may.",
    ),
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "The API failed, or found a record that it cannot read; its log says why.",
    ),
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "The table did not take the call, or did not answer. Trying again may help.",
    ),
];

// As `tollgate::error::response` writes it.
/// The body of every error. With `Accept: application/problem+json` it is a problem document (RFC 9457), which has
/// these members too.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
struct ErrorBody {
    /// A stable code.
    #[schema(example = "no_such_record")]
    error: String,
    /// A sentence for a person.
    message: String,
    /// After how many seconds a retry may help.
    #[schema(minimum = 1, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The request's id, as in `X-Request-Id` and in the log.
    request_id: String,
}

/// This API, as it is committed in `docs/admin.openapi.json`.
pub fn document() -> Value {
    let mut document = routes().into_openapi();
    for (path, item) in &mut document.paths.paths {
        operations(item).for_each(|operation| complete(path, operation));
    }
    // Maps with text for keys: turning them into JSON has no way to fail.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["components"]["schemas"][&*Limits::name()] = limits::schema();
    document
}

/// The document as it is served.
pub(crate) fn bytes() -> Bytes {
    static BYTES: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    BYTES.clone()
}

/// All of it but the routes.
pub(crate) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Tollgate admin API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "API keys, plans and usage of a Tollgate gateway. Requests are signed by AWS Signature Version 4 for the service `execute-api`.",
        ))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
        .build();
    let mut signature = ApiKeyValue::with_description("Authorization", "AWS Signature Version 4");
    // API Gateway's own word for it; OpenAPI has none.
    let kind = ExtensionsBuilder::new().add("x-amazon-apigateway-authtype", "awsSigv4");
    signature.extensions = Some(kind.build());
    let scheme = SecurityScheme::ApiKey(ApiKey::Header(signature));
    let mut components = Components::new();
    components.add_security_scheme(SIGNATURE, scheme);
    components.schemas.insert(ErrorBody::name().into(), ErrorBody::schema());
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new(SIGNATURE, Vec::<String>::new())]))
        .build()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ];
    all.into_iter().flatten()
}

/// Adds what every request may end in, and to each error the shape of its body.
fn complete(path: &str, operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    // An HTTP API cuts a path at a decoded `?`: with one in a name it is another path.
    let nowhere = path
        .contains('{')
        .then_some((StatusCode::NOT_FOUND, "There is nothing at this path."));
    for (status, description) in OF_EVERY_REQUEST.into_iter().chain(nowhere) {
        let response = || Response::new(description).into();
        responses.entry(status.as_str().to_owned()).or_insert_with(response);
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
        {
            *response = error(status, &response.description);
        }
    }
}

fn error(status: &str, description: &str) -> Response {
    let content = || {
        ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(ErrorBody::name())))
            .build()
    };
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/json", content())
        .content("application/problem+json", content())
        .build();
    if status == StatusCode::SERVICE_UNAVAILABLE.as_str() {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).build();
        response
            .headers
            .insert("Retry-After".into(), Header::new(seconds).into());
    }
    response
}

#[cfg(test)]
mod tests;
