//! `template.yaml` and the code agree: the config that is deployed finds its variables, the function finds its own,
//! and its role allows what the store asks of each table, and no more than the design says; nobody calls it but through
//! the front door.
//!
//! Linters read the template for what AWS takes. What they cannot know is read here, by its indentation: its tags
//! (`!Ref`) are CloudFormation's, which YAML readers do not know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tollgate::config;
use tollgate::event::EventKind;
use tollgate::event::authorizer::ResponseForm;
use tollgate::store::TableKind;
use tollgate::store::dynamodb::{DynamoDbSettings, OWNER_INDEX};

/// What Lambda itself gives every function, as far as the store reads it: "Defined runtime environment variables".
const OF_LAMBDA: [&str; 3] = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// What a config reads that has CloudFront in front (`origin_secret`).
const OF_CONFIGS: [&str; 2] = ["ORIGIN_SECRET", "ORIGIN_SECRET_PREVIOUS"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The lines below a chain of keys of `template.yaml`, without comments.
fn below(path: &[&str]) -> Vec<String> {
    below_in("template.yaml", path)
}

fn below_in(file: &str, path: &[&str]) -> Vec<String> {
    let all = text(file);
    let mut lines: Vec<&str> = all
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .collect();
    for key in path {
        let head = format!("{key}:");
        let at = lines.iter().position(|line| line.trim() == head);
        let at = at.unwrap_or_else(|| panic!("{file} has no {path:?}"));
        let depth = indentation(lines[at]);
        lines.drain(..=at);
        let end = lines.iter().position(|line| indentation(line) <= depth);
        lines.truncate(end.unwrap_or(lines.len()));
    }
    lines.into_iter().map(ToOwned::to_owned).collect()
}

/// The members of a block by their keys, those below them left out.
fn members(path: &[&str]) -> BTreeMap<String, String> {
    let lines = below(path);
    let depth = lines.first().map_or(0, |line| indentation(line));
    let member = |line: &String| {
        let (key, value) = line.split_once(':').expect("key: value");
        (key.trim().to_owned(), value.trim().to_owned())
    };
    let own = lines.iter().filter(|line| indentation(line) == depth);
    own.map(member).collect()
}

fn variables() -> BTreeMap<String, String> {
    variables_of("GatewayFunction")
}

fn variables_of(function: &str) -> BTreeMap<String, String> {
    members(&["Resources", function, "Properties", "Environment", "Variables"])
}

/// The members of `[a, b]`, or the text itself.
fn list(text: &str) -> BTreeSet<String> {
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    inner.split(',').map(|word| word.trim().to_owned()).collect()
}

/// What the gateway's role allows: actions by the resource they are allowed on, over all its statements.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    allowed_by("GatewayRole")
}

fn allowed_by(role: &str) -> BTreeMap<String, BTreeSet<String>> {
    let role = below(&["Resources", role, "Properties", "Policies"]);
    let values = |key: &str| {
        let found = role.iter().filter_map(|line| line.trim().strip_prefix(key));
        found.map(|value| value.trim().to_owned()).collect::<Vec<_>>()
    };
    let (actions, resources) = (values("Action:"), values("Resource:"));
    assert_eq!(actions.len(), resources.len(), "each statement has both in one line");
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (resource, actions) in resources.into_iter().zip(actions) {
        allowed.entry(resource).or_default().extend(list(&actions));
    }
    allowed
}

#[test]
fn the_deployed_config_finds_its_variables() {
    let set = variables();
    let variable = |name: &str| set.contains_key(name).then(|| "https://service.example.com".to_owned());
    let name = "infra/config/gateway.yaml";
    let checked = config::parse(name, &text(name), &variable).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(checked.warnings, Vec::<String>::new());
    assert!(text(name).contains("${"), "it shows how parameters come in");
}

#[test]
fn the_authorizer_reads_the_same_config_with_the_same_values() {
    let (own, gateways) = (variables_of("AuthorizerFunction"), variables());
    // Without what it does not do: answer requests, count them.
    let mut expected: BTreeMap<String, String> = gateways.clone();
    expected.retain(|name, _| !["GATEWAY_EVENT", "QUOTA_TABLE"].contains(&name.as_str()));
    expected.insert("AUTHORIZER_RESPONSE".to_owned(), "!Ref AuthorizerResponse".to_owned());
    assert_eq!(own, expected);
    let words = list(&members(&["Parameters", "AuthorizerResponse"])["AllowedValues"]);
    assert!(
        words.iter().all(|word| word.parse::<ResponseForm>().is_ok()),
        "{words:?}"
    );
    let default: ResponseForm = members(&["Parameters", "AuthorizerResponse"])["Default"]
        .parse()
        .expect("a form");
    assert_eq!(default, ResponseForm::default());
}

#[test]
fn the_default_config_is_a_file_of_the_layer() {
    assert_eq!(variables()["GATEWAY_CONFIG"], "!Ref GatewayConfig");
    let default = &members(&["Parameters", "GatewayConfig"])["Default"];
    let file = default
        .strip_prefix("file:/opt/")
        .expect("layers are unpacked below /opt");
    let layer = &members(&["Resources", "ConfigLayer", "Properties"])["ContentUri"];
    assert!(root().join(layer).join(file).is_file(), "{layer} has no {file}");
}

#[test]
fn the_function_starts_with_its_variables() {
    let set = variables();
    let variable = |name: &str| (set.contains_key(name) || OF_LAMBDA.contains(&name)).then(|| "set".to_owned());
    let tables = [TableKind::Quota, TableKind::Config, TableKind::State];
    DynamoDbSettings::from_environment(&variable, &tables).expect("the store has what it needs");

    assert_eq!(set["GATEWAY_EVENT"], "!FindInMap [FrontDoors, !Ref FrontDoor, Event]");
    let doors = members(&["Mappings", "FrontDoors"]);
    let kind = |(name, event): (&String, &String)| {
        let event = event.trim_start_matches("{ Event: ").trim_end_matches(" }");
        (
            name.clone(),
            event.parse().unwrap_or_else(|_| panic!("{name}: {event}")),
        )
    };
    let expected = [
        ("CloudFront", EventKind::Url),
        ("FunctionUrl", EventKind::Url),
        ("HttpApi", EventKind::Http),
        ("LoadBalancer", EventKind::Alb),
        ("RestApi", EventKind::Rest),
    ];
    let kinds: Vec<(String, EventKind)> = doors.iter().map(kind).collect();
    assert_eq!(kinds, expected.map(|(name, kind)| (name.to_owned(), kind)));
    let doors: BTreeSet<String> = doors.into_keys().collect();
    assert_eq!(list(&members(&["Parameters", "FrontDoor"])["AllowedValues"]), doors);
}

#[test]
fn every_variable_has_a_reader() {
    let readers = [
        "shared/src/lambda.rs",
        "shared/src/config/source.rs",
        "shared/src/store/dynamodb/settings.rs",
        "functions/admin/src/principals.rs",
    ];
    let code: String = readers.iter().map(|file| text(file)).collect();
    let config = text("infra/config/gateway.yaml");
    let all = ["GatewayFunction", "AuthorizerFunction", "AdminFunction"].map(variables_of);
    for (name, _) in all.into_iter().flatten() {
        let forms = [format!("${{{name}}}"), format!("${{{name}:-")];
        let is_read = code.contains(&format!("\"{name}\""))
            || forms.iter().any(|form| config.contains(form))
            || OF_CONFIGS.contains(&name.as_str());
        assert!(is_read, "nobody reads {name}");
    }
}

#[test]
fn the_role_allows_what_the_design_says() {
    let expected = [
        ("!GetAtt ConfigTable.Arn", "dynamodb:GetItem"),
        ("!GetAtt QuotaTable.Arn", "dynamodb:GetItem, dynamodb:UpdateItem"),
        (
            "!GetAtt StateTable.Arn",
            "dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem",
        ),
        ("!GetAtt GatewayLogs.Arn", "logs:CreateLogStream, logs:PutLogEvents"),
    ];
    let expected = expected.map(|(resource, actions)| (resource.to_owned(), list(actions)));
    let mut expected = BTreeMap::from(expected);
    assert_eq!(allowed(), expected);
    // The authorizer's the same, but it counts nothing and has a log of its own.
    expected.remove("!GetAtt QuotaTable.Arn");
    let logs = expected.remove("!GetAtt GatewayLogs.Arn").expect("it is there");
    expected.insert("!GetAtt AuthorizerLogs.Arn".to_owned(), logs);
    assert_eq!(allowed_by("AuthorizerRole"), expected);
}

#[test]
fn the_function_has_no_rights_but_the_role_s_own() {
    for name in ["Gateway", "Authorizer", "Admin"] {
        let role = members(&["Resources", &format!("{name}Role"), "Properties"]);
        let keys: Vec<&str> = role.keys().map(String::as_str).collect();
        let expected = [
            "AssumeRolePolicyDocument",
            "Description",
            "ManagedPolicyArns",
            "Policies",
        ];
        assert_eq!(keys, expected);
        let function = members(&["Resources", &format!("{name}Function"), "Properties"]);
        assert_eq!(function["Role"], format!("!GetAtt {name}Role.Arn"));
        assert!(
            !function.contains_key("Policies"),
            "with a role of its own SAM ignores them"
        );
    }
    let whole = text("template.yaml");
    let of_iam = |kind: &str| whole.matches(&format!("Type: AWS::IAM::{kind}\n")).count();
    assert_eq!(of_iam("Role"), 4, "and CodeDeploy's");
    assert_eq!(of_iam("ManagedPolicy"), 3, "config, network interfaces, traces");
    assert_eq!(
        whole.matches("Type: AWS::IAM::").count(),
        7,
        "no policy is attached from elsewhere"
    );
}

#[test]
fn whoever_may_call_the_function_comes_through_the_front_door() {
    let api = members(&["Resources", "HttpApiPermission", "Properties"]);
    assert_eq!(api["Principal"], "apigateway.amazonaws.com");
    assert!(api["SourceArn"].ends_with(":${HttpApi}/*/$default"), "{api:?}");

    // "Control access to Lambda function URLs": a URL takes both, and the second would without its condition let
    // everybody call the function past the URL.
    let url = members(&["Resources", "FunctionUrlPermission", "Properties"]);
    assert_eq!(url["Action"], "lambda:InvokeFunctionUrl");
    assert_eq!(url["FunctionUrlAuthType"], "NONE");
    let invoke = members(&["Resources", "FunctionUrlInvokePermission", "Properties"]);
    assert_eq!(invoke["Action"], "lambda:InvokeFunction");
    assert_eq!(invoke["InvokedViaFunctionUrl"], "true");
    for permission in ["FunctionUrlPermission", "FunctionUrlInvokePermission"] {
        let condition = &members(&["Resources", permission])["Condition"];
        assert_eq!(condition, "IsPublicFunctionUrl", "{permission}");
    }
    let authorizer = members(&["Resources", "AuthorizerPermission", "Properties"]);
    assert_eq!(authorizer["FunctionName"], "!Ref AuthorizerFunction");
    assert_eq!(authorizer["Principal"], "apigateway.amazonaws.com");
    assert!(
        authorizer["SourceArn"].ends_with(":${AuthorizerApi}/authorizers/*"),
        "{authorizer:?}"
    );
    let admin = members(&["Resources", "AdminApiPermission", "Properties"]);
    assert_eq!(admin["FunctionName"], "!Ref AdminFunction");
    assert_eq!(admin["Principal"], "apigateway.amazonaws.com");
    assert!(admin["SourceArn"].ends_with(":${AdminApi}/*/$default"), "{admin:?}");
    let permissions = text("template.yaml").matches("Type: AWS::Lambda::Permission").count();
    assert_eq!(permissions, 5, "and nobody else");
}

#[test]
fn what_belongs_to_the_authorizer_is_there_with_it_only() {
    let resources = members(&["Resources"]);
    let own = resources.keys().filter(|name| name.starts_with("Authorizer"));
    let own: Vec<&String> = own.collect();
    assert_eq!(own.len(), 4, "{own:?}");
    for name in own {
        assert_eq!(members(&["Resources", name])["Condition"], "HasAuthorizer", "{name}");
    }
    assert_eq!(members(&["Parameters", "Authorizer"])["Default"], "\"off\"");
}

#[test]
fn the_admin_api_is_there_on_demand_and_takes_signed_requests_only() {
    let resources = members(&["Resources"]);
    let own: Vec<&String> = resources.keys().filter(|name| name.starts_with("Admin")).collect();
    assert_eq!(own.len(), 8, "{own:?}");
    for name in own {
        assert_eq!(members(&["Resources", name])["Condition"], "HasAdmin", "{name}");
    }
    assert_eq!(members(&["Parameters", "Admin"])["Default"], "\"off\"");
    let routes = members(&["Resources", "AdminApiRoute", "Properties"]);
    assert_eq!(routes["AuthorizationType"], "AWS_IAM");
    assert_eq!(
        routes["RouteKey"], "$default",
        "and no other route: every path and method is signed"
    );
    let whole = text("template.yaml");
    assert_eq!(
        whole.matches("ApiId: !Ref AdminApi\n").count(),
        3,
        "integration, route, stage"
    );
    let integration = members(&["Resources", "AdminApiIntegration", "Properties"]);
    assert_eq!(integration["PayloadFormatVersion"], "\"2.0\"");
    assert_eq!(integration["IntegrationUri"], "!GetAtt AdminFunction.Arn");
}

#[test]
fn the_admin_function_starts_with_its_variables_and_may_do_what_its_code_calls() {
    let set = variables_of("AdminFunction");
    let variable = |name: &str| (set.contains_key(name) || OF_LAMBDA.contains(&name)).then(|| "set".to_owned());
    DynamoDbSettings::from_environment(&variable, &[TableKind::Config, TableKind::Quota])
        .expect("the store has what it needs");

    let allowed = allowed_by("AdminRole");
    let resources: Vec<&str> = allowed.keys().map(String::as_str).collect();
    let index = format!("!Sub ${{ConfigTable.Arn}}/index/{OWNER_INDEX}");
    let expected = [
        "!GetAtt AdminLogs.Arn",
        "!GetAtt ConfigTable.Arn",
        "!GetAtt QuotaTable.Arn",
        &*index,
    ];
    assert_eq!(BTreeSet::from_iter(resources), BTreeSet::from(expected));
    let code = ["api_keys.rs", "plans.rs", "admin_table.rs", "table.rs"].map(|file| format!("dynamodb/{file}"));
    let mut of_config: BTreeSet<String> = code.iter().flat_map(|file| called(file)).collect();
    // Every query of these is of the index.
    assert!(of_config.remove("dynamodb:Query"), "the search finds what is there");
    assert_eq!(allowed[&index], list("dynamodb:Query"));
    assert_eq!(allowed["!GetAtt ConfigTable.Arn"], of_config, "all of it, and no more");
    let counters = called("dynamodb/counters.rs");
    assert_eq!(allowed["!GetAtt QuotaTable.Arn"], counters, "all of it, and no more");
}

/// A decision is for one method and path. An API that kept it by less would take it for others'.
#[test]
fn the_example_apis_keep_decisions_by_method_and_path_or_not_at_all() {
    for (api, variable) in [("http-api", "$context."), ("rest-api", "context.")] {
        let file = format!("infra/authorizer/{api}.yaml");
        let default = below_in(&file, &["Parameters", "CacheSeconds"]);
        assert!(
            default.iter().any(|line| line.trim() == "Default: 0"),
            "{file}: not kept"
        );
        let authorizer = below_in(&file, &["Resources", "Authorizer", "Properties"]);
        let has = |text: &str| authorizer.iter().any(|line| line.trim() == text);
        assert!(has("AuthorizerResultTtlInSeconds: !Ref CacheSeconds"), "{authorizer:?}");
        assert!(
            !authorizer.iter().any(|line| line.trim() == "Type: TOKEN"),
            "kept by the token alone"
        );
        let at = authorizer.iter().position(|line| line.trim() == "IdentitySource: !If");
        let at = at.unwrap_or_else(|| panic!("{file}: identity sources come and go with the time"));
        let [condition, sources, otherwise] = &authorizer[at + 1..at + 4] else {
            panic!("{authorizer:?}")
        };
        assert_eq!(condition.trim(), "- IsCached");
        assert_eq!(otherwise.trim(), "- !Ref AWS::NoValue");
        for source in ["httpMethod", "path"].map(|name| format!("{variable}{name}")) {
            assert!(sources.contains(&source), "{file}: {sources}");
        }
        assert!(sources.contains("request.header.${CredentialHeader}"), "{sources}");
        // A session is taken or not by the site that asks, which is no identity source.
        assert!(text(&file).contains("(?![Cc][Oo][Oo][Kk][Ii][Ee]$)"), "Cookie is taken");
        assert!(
            text(&file).contains("IsCached: !Not [!Equals [!Ref CacheSeconds, 0]]"),
            "{file}"
        );
    }
}

#[test]
fn the_example_apis_overwrite_what_clients_say_about_themselves() {
    for file in ["infra/authorizer/http-api.yaml", "infra/authorizer/rest-api.yaml"] {
        let mapped = text(file).contains("header.X-User-Id: $context.authorizer.principal")
            || text(file).contains("header.X-User-Id: context.authorizer.principal");
        assert!(mapped, "{file}: by what every decision has, on public routes too");
    }
}

#[test]
fn the_http_api_sends_what_the_function_reads() {
    let integration = members(&["Resources", "HttpApiIntegration", "Properties"]);
    assert_eq!(integration["PayloadFormatVersion"], "\"2.0\"");
    let route = members(&["Resources", "HttpApiRoute", "Properties"]);
    assert_eq!(route["RouteKey"], "$default", "every path and method");
}

/// The actions behind the calls in a file of the store.
fn called(file: &str) -> BTreeSet<String> {
    let code = text(&format!("shared/src/store/{file}"));
    let calls = [
        (".get_item()", "dynamodb:GetItem"),
        (".batch_get_item()", "dynamodb:BatchGetItem"),
        (".query()", "dynamodb:Query"),
        (".put_item()", "dynamodb:PutItem"),
        (".update_item()", "dynamodb:UpdateItem"),
        (".delete_item()", "dynamodb:DeleteItem"),
        (".transact_write_items()", "dynamodb:TransactWriteItems"),
    ];
    let called = calls.into_iter().filter(|(call, _)| code.contains(call));
    called.map(|(_, action)| action.to_owned()).collect()
}

#[test]
fn the_role_allows_what_the_store_calls() {
    let allowed = allowed();
    let (store, table) = (called("dynamodb.rs"), called("dynamodb/table.rs"));
    assert!(store.contains("dynamodb:UpdateItem"), "the search finds what is there");
    assert!(table.contains("dynamodb:PutItem"), "and here");
    let (quota, state) = (&allowed["!GetAtt QuotaTable.Arn"], &allowed["!GetAtt StateTable.Arn"]);
    assert!(store.is_subset(quota), "called: {store:?}, allowed: {quota:?}");
    assert!(store.is_subset(state), "called: {store:?}, allowed: {state:?}");
    assert!(table.is_subset(state), "called: {table:?}, allowed: {state:?}");
    // What the gateway asks of the config table is to read one item.
    let code = text("shared/src/store/dynamodb.rs");
    assert!(
        code.contains("self.table(TableKind::Config)?"),
        "the search finds what is there"
    );
    assert_eq!(
        code.matches("self.table(TableKind::Config)?").count(),
        code.matches("self.table(TableKind::Config)?.get(").count()
    );
    assert!(allowed["!GetAtt ConfigTable.Arn"].contains("dynamodb:GetItem"));
}

#[test]
fn an_owner_s_keys_are_found_by_the_index_that_the_code_asks() {
    let index = below(&["Resources", "ConfigTable", "Properties", "GlobalSecondaryIndexes"]);
    let index: Vec<&str> = index.iter().map(|line| line.trim().trim_start_matches("- ")).collect();
    let expected = [
        &*format!("IndexName: {OWNER_INDEX}"),
        "KeySchema: [{ AttributeName: owner, KeyType: HASH }, { AttributeName: pk, KeyType: RANGE }]",
        "Projection: { ProjectionType: ALL }",
    ];
    assert_eq!(index, expected);
    for table in ["QuotaTable", "StateTable"] {
        let properties = members(&["Resources", table, "Properties"]);
        assert!(!properties.contains_key("GlobalSecondaryIndexes"), "{table}");
    }
}

#[test]
fn tables_are_keyed_and_expire_as_the_code_expects() {
    for (table, expires) in [("ConfigTable", false), ("QuotaTable", true), ("StateTable", true)] {
        let properties = members(&["Resources", table, "Properties"]);
        let keys = "[{ AttributeName: pk, KeyType: HASH }, { AttributeName: sk, KeyType: RANGE }]";
        assert_eq!(properties["KeySchema"], keys, "{table}");
        let expiry = properties.get("TimeToLiveSpecification").map(String::as_str);
        let expected = expires.then_some("{ AttributeName: ttl, Enabled: true }");
        assert_eq!(expiry, expected, "{table}");
        assert!(!properties.contains_key("TableName"), "{table}: the stack names it");
    }
}

/// What the function refuses at its start must not get that far: of its patterns no byte but these is taken, the comma ends
/// one, and only blanks may follow it. A comma among the bytes of a pattern would let through `arn:a,b`, and try
/// every split of a long list.
#[test]
fn the_pattern_of_admin_principals_takes_what_the_function_takes() {
    let lines = below(&["Parameters", "AdminPrincipals"]);
    let pattern = lines
        .iter()
        .find_map(|line| line.trim().strip_prefix("AllowedPattern: "));
    let pattern = pattern.expect("a pattern").trim_matches('\'');
    let (_, class) = pattern.split_once('[').expect("a class");
    let (class, _) = class.split_once(']').expect("its end");
    assert_eq!(pattern, format!("^(arn:[{class}]+(, *arn:[{class}]+)*)?$"));

    let plain = class.replace("\\-", "-");
    let ranges = plain.as_bytes().chunks(3);
    let taken: BTreeSet<u8> = ranges
        .flat_map(|range| match range {
            [first, b'-', last] => *first..=*last,
            other => panic!("{other:?} is no range"),
        })
        .collect();
    let graphic = (b'!'..=b'~').filter(|byte| !matches!(byte, b',' | b'?'));
    assert_eq!(taken, graphic.collect());
}
