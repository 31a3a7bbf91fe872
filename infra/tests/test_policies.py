"""A role allows every call that its function makes, and no other. What the functions call is read from their code."""

import re

import pytest

import calls
import matrix
from templates import MAIN, NEEDED, packaged, resolved, transformed

EVERYTHING = {
    **NEEDED[MAIN],
    **matrix.SWITCHES["vpc"][1],
    **matrix.SWITCHES["secrets"][1],
    **matrix.SWITCHES["key"][1],
    "GatewayConfig": "ssm:/tollgate/config",
    "Authorizer": "on",
    "Admin": "on",
    "Tracing": "Active",
}
ROLES = {"GatewayRole": calls.gateway, "AuthorizerRole": calls.authorizer, "AdminRole": calls.admin}


def made(**parameters):
    parameters = {**EVERYTHING, **parameters}
    return resolved(transformed(packaged(MAIN), parameters), parameters)["Resources"]


def listed(it):
    return it if isinstance(it, list) else [it]


def name_of(resource):
    """`ConfigTable` for its ARN, `ConfigTable/index/owner` for that; what is no resource of the stack as it is."""
    match resource:
        case {"Fn::GetAtt": [name, "Arn"]}:
            return name
        case {"Fn::Sub": str() as form}:
            return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", form)
    return resource


def statements(resources, role):
    """All that a role has: (effect, action, resource, condition)."""
    properties = resources[role]["Properties"]
    documents = [it["PolicyDocument"] for it in properties.get("Policies", [])]
    for arn in properties.get("ManagedPolicyArns", []):
        documents.append(resources[arn["Ref"]]["Properties"]["PolicyDocument"])
    for document in documents:
        for it in document["Statement"]:
            for action in listed(it["Action"]):
                for resource in listed(it["Resource"]):
                    yield it["Effect"], action, name_of(resource), it.get("Condition")


def allows(resources, role, action, resource):
    """What IAM would say, as far as these policies go: no wildcards but a whole `*`."""
    said = {
        effect
        for effect, its_action, its_resource, _ in statements(resources, role)
        if its_action == action and its_resource in (resource, "*")
    }
    return said == {"Allow"}


@pytest.mark.parametrize("role", ROLES)
def test_each_call_is_allowed(role):
    resources = made()
    called = ROLES[role]()
    assert called, "the search finds what is there"
    refused = {(table, action) for table, action in called if not allows(resources, role, action, table)}
    assert refused == set()


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_allowed_that_is_not_called(role):
    allowed = {
        (resource, action)
        for effect, action, resource, _ in statements(made(), role)
        if action.startswith("dynamodb:") and effect == "Allow"
    }
    assert allowed - ROLES[role]() == set()


def test_the_search_sees_a_call_that_is_new():
    for body, action in (("client.batch_get_item()", "BatchGetItem"), ("client\n    .scan()\n  .send()", "Scan")):
        assert calls.direct(body) == {(f"dynamodb:{action}", False)}
    with pytest.raises(AssertionError, match="not known"):
        calls.direct("client.transact_write_items()")


def test_a_policy_that_lacks_an_action_is_seen():
    resources = made()
    policy = resources["GatewayRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    policy["Statement"] = [it for it in policy["Statement"] if name_of(it["Resource"]) != "QuotaTable"]
    assert not allows(resources, "GatewayRole", "dynamodb:UpdateItem", "QuotaTable")


def test_no_role_has_a_wildcard_where_there_is_a_resource():
    resources = made()
    roles = [name for name, it in resources.items() if it["Type"] == "AWS::IAM::Role"]
    assert sorted(roles) == ["AdminRole", "AuthorizerRole", "DeploymentRole", "GatewayRole"], "SAM makes none"
    everywhere = set()
    for role in roles:
        for effect, action, resource, condition in statements(resources, role):
            assert "*" not in action, (role, action)
            if resource == "*" and effect == "Allow":
                everywhere.add(action)
            if action.startswith("dynamodb:"):
                assert re.fullmatch(r"(Config|Quota|State)Table(/index/owner)?", resource), (role, resource)
            assert action != "dynamodb:Scan"
            if effect == "Deny":
                assert condition, "and then to everybody but Lambda itself"
    # These have no resources, or ones that are not known before ("Actions, resources, and condition keys").
    assert {it.split(":")[0] for it in everywhere} == {"xray", "ec2"}


def test_network_interfaces_are_lambda_s_business_alone():
    said = {}
    for effect, action, _, condition in statements(made(), "GatewayRole"):
        if action.startswith("ec2:"):
            said.setdefault(effect, {})[action] = condition
    assert set(said["Allow"]) == set(said["Deny"])
    assert {str(it) for it in said["Deny"].values()} == {
        "{'ArnLike': {'lambda:SourceFunctionArn': 'arn:aws:lambda:*:*:function:*'}}"
    }


@pytest.mark.parametrize(
    ("config", "action", "resource"),
    [
        ("ssm:/tollgate/config", "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/tollgate/config"),
        ("s3://configs/a/gateway.yaml", "s3:GetObject", "arn:aws:s3:::configs/a/gateway.yaml"),
        ("file:/opt/gateway.yaml", None, None),
        ('{"routes":[]}', None, None),
    ],
)
def test_a_config_elsewhere_may_be_read_and_nothing_beside_it(config, action, resource):
    resources = made(GatewayConfig=config)
    for role in ("GatewayRole", "AuthorizerRole"):
        own = {(it[1], it[2]) for it in statements(resources, role) if it[1].split(":")[0] in ("ssm", "s3")}
        assert own == ({(action, resource)} if action else set())
        assert allows(resources, role, "secretsmanager:GetSecretValue", EVERYTHING["SecretArns"])
        assert allows(resources, role, "kms:Decrypt", EVERYTHING["ConfigKeyArn"])
    assert not any(it[1].split(":")[0] in ("ssm", "s3", "kms") for it in statements(resources, "AdminRole"))


def test_without_switches_a_role_has_its_tables_and_its_log():
    resources = made(
        **{
            name: NEEDED[MAIN].get(name, "") for name in ("SecretArns", "ConfigKeyArn", "SubnetIds", "SecurityGroupIds")
        },
        GatewayConfig="file:/opt/gateway.yaml",
        Tracing="PassThrough",
    )
    for role in ROLES:
        services = {action.split(":")[0] for _, action, _, _ in statements(resources, role)}
        assert services == {"dynamodb", "logs"}, role


def test_codedeploy_moves_this_function_s_alias_only():
    said = {(action, resource) for _, action, resource, _ in statements(made(), "DeploymentRole")}
    of_lambda = {(action, resource) for action, resource in said if action.startswith("lambda:")}
    assert {resource for _, resource in of_lambda} == {"GatewayFunction", "GatewayFunction:*"}
    assert {action for action, _ in said - of_lambda} == {"cloudwatch:DescribeAlarms"}
