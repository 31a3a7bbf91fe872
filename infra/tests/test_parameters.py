"""Parameters: what is refused before anything is made, and what a change of one does."""

import json

import pytest

import matrix
from templates import ALL, MAIN, NEEDED, REST_API, packaged, references, refusals, resolved, source, transformed

LONG = "x" * 5000
# At least one for each parameter that has bounds.
REFUSED = {
    "GatewayConfig": [
        "",
        "routes: []",
        "gateway.yaml",
        "http://config",
        "ssm:name",
        "s3://bucket",
        "s3://BUCKET/key",
        "{" + LONG,
    ],
    "SecretArns": ["idp", "arn:aws:s3:::b", "arn:aws:secretsmanager:a:1:secret:x, arn:aws:secretsmanager:a:1:secret:y"],
    "ConfigKeyArn": ["alias/config", "arn:aws:kms:us-east-1:123456789012:alias/config"],
    "UsersUrl": ["", "users.example.com", "ftp://users", "https://a b", "https://" + "u" * 300],
    "OrdersUrl": ["", "//orders"],
    "Issuer": ["", "http://auth.example.com", "auth"],
    "JwksUri": ["http://auth.example.com/keys", "keys"],
    "Audience": ["", "a" * 301],
    "FrontDoor": ["", "httpapi", "Nginx"],
    "FunctionUrlAuth": ["", "none"],
    "OriginSecret": [
        "short",
        "x" * 31,
        "x" * 129,
        "0123456789abcdef 0123456789abcdef",
        "0123456789abcdef\n0123456789abcdef",
    ],
    "OriginSecretPrevious": ["short", "ä" * 32],
    "ThrottlingRate": ["-1", "many", ""],
    "ThrottlingBurst": ["0"],
    "AccessLogs": ["yes", "true"],
    "DomainName": [
        "api",
        "API.example.com",
        "https://api.example.com",
        "api.example.com.",
        "-a.example.com",
        "*.example.com",
    ],
    "CertificateArn": ["arn:aws:iam::123456789012:server-certificate/x"],
    "HostedZoneId": ["/hostedzone/Z0123", "z0123"],
    "TrustStoreUri": ["https://bucket/store.pem", "s3://bucket", "s3://b/ c"],
    "TrustStoreVersion": ["v" * 1025],
    "Architecture": ["arm", "x86-64"],
    "MemorySize": ["127", "10241", "256MB"],
    "Timeout": ["0", "901"],
    "ReservedConcurrency": ["-1", "ten"],
    "ProvisionedConcurrency": ["-1", "10001"],
    "SubnetIds": ["subnet-1", "subnet-0123456789abcdef0, subnet-0123456789abcdef1", "vpc-01234567"],
    "SecurityGroupIds": ["sg-x", "sg-01234567,"],
    "DeploymentPreference": ["Canary", "Canary10Percent", "Off"],
    "ErrorRateThreshold": ["0", "101"],
    "LatencyThreshold": ["9", "900001"],
    "AlarmTopicArn": ["operators", "arn:aws:sqs:us-east-1:123456789012:q"],
    "Dashboard": ["true"],
    "Authorizer": ["true"],
    "AuthorizerResponse": ["Simple"],
    "AuthorizerApi": ["A1", "a b"],
    "Admin": ["true"],
    "AdminPrincipals": ["operators", "arn:aws:iam::1:role/a,b", "arn:" + LONG],
    "AdminLogRetentionDays": ["0", "2"],
    "LogLevel": ["WARN", ""],
    "LogRetentionDays": ["0", "29"],
    "Tracing": ["on"],
}


def test_every_parameter_has_a_value_that_is_refused():
    assert set(REFUSED) == set(source(MAIN)["Parameters"])


@pytest.mark.parametrize("name", REFUSED)
def test_a_value_out_of_range_is_refused_by_its_name(name):
    for value in REFUSED[name]:
        found = refusals(source(MAIN), {**NEEDED[MAIN], name: value})
        assert any(name in it for it in found), f"{name}={value[:40]!r} is taken"


@pytest.mark.parametrize("name", NEEDED[MAIN])
def test_what_must_be_given_has_no_default(name):
    given = {**NEEDED[MAIN]}
    del given[name]
    assert refusals(source(MAIN), given) == [f"{name} is not given"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"FrontDoor": "CloudFront"}, "OriginSecret"),
        (
            {"FrontDoor": "CloudFront", "OriginSecret": matrix.SECRET, "FunctionUrlAuth": "AWS_IAM"},
            "FrontDoor=FunctionUrl",
        ),
        ({"FunctionUrlAuth": "AWS_IAM"}, "FrontDoor=FunctionUrl"),
        ({"DomainName": "api.example.com"}, "CertificateArn"),
        ({**matrix.CERTIFICATE, "FrontDoor": "FunctionUrl"}, "FrontDoor=HttpApi or CloudFront"),
        (matrix.ZONE, "HostedZoneId needs DomainName"),
        (matrix.TRUST, "TrustStoreUri needs"),
        (
            {**matrix.CERTIFICATE, **matrix.TRUST, "FrontDoor": "CloudFront", "OriginSecret": matrix.SECRET},
            "TrustStoreUri needs FrontDoor=HttpApi",
        ),
        ({"SubnetIds": "subnet-0123456789abcdef0"}, "SecurityGroupIds"),
    ],
)
def test_what_does_not_go_together_is_refused(given, says):
    found = refusals(source(MAIN), {**NEEDED[MAIN], **given})
    assert len(found) == 1, found
    assert says in found[0]


def test_the_rest_api_refuses_the_same():
    for given in ({"DomainName": "api.example.com"}, matrix.ZONE, matrix.TRUST):
        assert refusals(source(REST_API), {**NEEDED[REST_API], **given}), given


@pytest.mark.parametrize("name", ALL)
def test_the_console_shows_every_parameter_once_with_words(name):
    template = source(name)
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [it for group in groups for it in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])
    for parameter, spec in template["Parameters"].items():
        assert len(spec["Description"]) > 15, parameter
        assert ("AllowedPattern" in spec) == ("ConstraintDescription" in spec), parameter
        assert parameter in NEEDED[name] or "Default" in spec, parameter


def test_secrets_are_not_echoed_and_not_shown():
    template = source(MAIN)
    secret = {name for name, spec in template["Parameters"].items() if spec.get("NoEcho")}
    assert secret == {"OriginSecret", "OriginSecretPrevious"}
    assert not secret & set(references(template["Outputs"]))
    # Where it says something, and not in a description or a name.
    where = {name for name, it in template["Resources"].items() if secret & set(references(it))}
    assert where == {"GatewayFunction", "AuthorizerFunction", "Settings", "Distribution"}


# Of a function, but not of its versions ("Lambda function versions", what a version holds).
NOT_OF_A_VERSION = {
    "ReservedConcurrentExecutions",
    "ProvisionedConcurrencyConfig",
    "DeploymentPreference",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "VersionDescription",
}


def of_a_version():
    properties = source(MAIN)["Resources"]["GatewayFunction"]["Properties"]
    return {name: it for name, it in properties.items() if name not in NOT_OF_A_VERSION}


def test_settings_are_all_that_a_version_is_made_of():
    version = of_a_version()
    said = [version["Architectures"][0], version["MemorySize"], version["Timeout"], version["Tracing"]]
    said += version["Environment"]["Variables"].values()
    said += [{"Ref": "SubnetIds"}, {"Fn::If": ["IsInVpc", {"Ref": "SecurityGroupIds"}, ""]}]
    ((separator, noted),) = source(MAIN)["Resources"]["Settings"]["Properties"]["Content"].values()
    in_order = lambda them: sorted(map(json.dumps, them))
    assert in_order(noted) == in_order(said)
    assert separator == "\n", "none of them has it but the config, so that no two lists read the same"
    # The rest of the function says nothing that a parameter can change: the layer and the log group get names of their
    # own when they are others, and SAM sees those.
    rest = {name: it for name, it in version.items() if name not in ("Environment", "VpcConfig")}
    named = set(references(rest)) & set(source(MAIN)["Parameters"])
    assert named == {"Architecture", "MemorySize", "Timeout", "Tracing"}


def changed(**parameters):
    plain, other = (
        resolved(transformed(packaged(MAIN), it), it)["Resources"]
        for it in (NEEDED[MAIN], {**NEEDED[MAIN], **parameters})
    )
    content = lambda it: it["Settings"]["Properties"]["Content"]
    function = lambda it: it["GatewayFunction"]["Properties"]
    of_version = lambda it: {key: value for key, value in function(it).items() if key not in NOT_OF_A_VERSION}
    return content(plain) != content(other), of_version(plain) != of_version(other)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_new_version_is_made_just_when_the_function_changes(name):
    """Else a parameter would change and not be served, or Lambda would refuse a version that is like the last one."""
    others = {
        **{
            it: value
            for choice in [*matrix.SWITCHES.values(), *matrix.VALUES.values()]
            for it, value in choice[-1].items()
        },
        **matrix.CERTIFICATE,
        **matrix.ZONE,
        **matrix.TRUST,
        **matrix.VERSION,
        "Issuer": "https://other.example.com",
        "UsersUrl": "https://other.example.com",
        "OrdersUrl": "https://other.example.com",
        "Audience": "other",
        "FrontDoor": "RestApi",
        "FunctionUrlAuth": "AWS_IAM",
        "OriginSecret": matrix.SECRET,
        "OriginSecretPrevious": matrix.SECRET,
        "ThrottlingRate": "50",
        "ThrottlingBurst": "50",
        "AccessLogs": "on",
        "MemorySize": "512",
        "Timeout": "20",
        "ErrorRateThreshold": "10",
        "LatencyThreshold": "1000",
        "AuthorizerApi": "a1b2",
        "AdminLogRetentionDays": "30",
        "LogLevel": "debug",
        "LogRetentionDays": "90",
    }
    settings, function = changed(**{name: others[name]})
    assert settings == function, f"{name} changes {'the settings' if settings else 'the function'} alone"


def test_the_two_doors_of_a_function_url_are_one_function():
    settings, function = changed(FrontDoor="FunctionUrl")
    assert settings and function
    url = {**NEEDED[MAIN], "FrontDoor": "FunctionUrl"}
    cdn = {**NEEDED[MAIN], "FrontDoor": "CloudFront", "OriginSecret": ""}
    one, other = (resolved(packaged(MAIN), it)["Resources"]["Settings"] for it in (url, cdn))
    assert one == other
