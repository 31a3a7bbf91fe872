"""A new version comes in by shares, and goes back when an alarm goes off."""

import re

import pytest

import matrix
from templates import MAIN, NEEDED, OBSERVABILITY, packaged, references, resolved, source, transformed


def made(**parameters):
    parameters = {**NEEDED[MAIN], **parameters}
    return resolved(transformed(packaged(MAIN), parameters), parameters)["Resources"]


@pytest.mark.parametrize("preference", source(MAIN)["Parameters"]["DeploymentPreference"]["AllowedValues"])
def test_codedeploy_moves_the_alias_as_the_parameter_says(preference):
    resources = made(DeploymentPreference=preference)
    group = resources["GatewayFunctionDeploymentGroup"]["Properties"]
    # "Predefined deployment configurations for an AWS Lambda compute platform"
    assert group["DeploymentConfigName"] == f"CodeDeployDefault.Lambda{preference}"
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["DeploymentRole", "Arn"]}
    alias = resources["GatewayFunctionAliaslive"]
    assert alias["Properties"]["Name"] == "live"
    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == {
        "Ref": "GatewayFunctionDeploymentGroup"
    }


def test_five_alarms_stop_a_deployment():
    watched = made()["GatewayFunctionDeploymentGroup"]["Properties"]["AlarmConfiguration"]
    assert watched["Enabled"] is True
    named = [it["Name"]["Fn::GetAtt"] for it in watched["Alarms"]]
    assert all(stack == "Observability" for stack, _ in named)
    outputs = source(OBSERVABILITY)["Outputs"]
    alarms = [outputs[output.removeprefix("Outputs.")]["Value"]["Ref"] for _, output in named]
    expected = ["ServerErrorsAlarm", "LatencyAlarm", "ThrottlesAlarm", "ConfigRefusedAlarm", "UncountedAlarm"]
    assert alarms == expected
    resources = source(OBSERVABILITY)["Resources"]
    for alarm in alarms:
        properties = resources[alarm]["Properties"]
        assert properties["TreatMissingData"] == "notBreaching", "no traffic is no reason to go back"


def test_the_stack_inside_gets_what_it_asks_for():
    template = source(OBSERVABILITY)
    given = made()["Observability"]["Properties"]["Parameters"]
    assert set(given) == set(template["Parameters"])
    outer = source(MAIN)["Parameters"]
    for name in set(template["Parameters"]) & set(outer):
        bounds = lambda spec: {
            key: value for key, value in spec.items() if key not in ("Description", "Default", "MaxLength")
        }
        if name.endswith(("Threshold", "TopicArn")) or name == "Dashboard":
            assert bounds(template["Parameters"][name]) == bounds(outer[name]), name


@pytest.mark.parametrize("door", source(MAIN)["Parameters"]["FrontDoor"]["AllowedValues"])
def test_every_front_door_calls_the_alias(door):
    resources = made(FrontDoor=door, OriginSecret="0123456789abcdef0123456789abcdef")
    permissions = [it for name, it in resources.items() if it["Type"] == "AWS::Lambda::Permission"]
    assert len(permissions) == {"HttpApi": 1, "FunctionUrl": 2, "CloudFront": 2}.get(door, 0)
    for permission in permissions:
        assert permission["Properties"]["FunctionName"] == {"Ref": "GatewayFunctionAliaslive"}
    if door == "HttpApi":
        assert resources["HttpApiIntegration"]["Properties"]["IntegrationUri"] == {"Ref": "GatewayFunctionAliaslive"}
    if door in ("FunctionUrl", "CloudFront"):
        url = resources["FunctionUrl"]
        assert url["Properties"]["Qualifier"] == "live"
        assert url["DependsOn"] == "GatewayFunctionAliaslive"


def test_cloudfront_says_the_secret_and_passes_on_the_rest():
    secret = "0123456789abcdef0123456789abcdef"
    resources = made(FrontDoor="CloudFront", OriginSecret=secret, OriginSecretPrevious=secret[::-1])
    distribution = resources["Distribution"]
    # Else CloudFront would say a secret that the version in front does not know yet.
    assert distribution["DependsOn"] == "GatewayFunctionAliaslive"
    config = distribution["Properties"]["DistributionConfig"]
    (origin,) = config["Origins"]
    assert origin["OriginCustomHeaders"] == [{"HeaderName": "X-Origin-Secret", "HeaderValue": secret}]
    assert "OriginAccessControlId" not in origin
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
    assert len(config["DefaultCacheBehavior"]["AllowedMethods"]) == 7
    assert resources["FunctionUrl"]["Properties"]["AuthType"] == "NONE"
    for name in ("GatewayFunction", "AuthorizerFunction"):
        variables = made(FrontDoor="CloudFront", OriginSecret=secret, Authorizer="on")[name]["Properties"][
            "Environment"
        ]["Variables"]
        assert (variables["ORIGIN_SECRET"], variables["ORIGIN_SECRET_PREVIOUS"]) == (secret, "")


def test_mutual_tls_leaves_no_way_around_it():
    resources = made(**matrix.CERTIFICATE, **matrix.TRUST)
    assert resources["HttpApi"]["Properties"]["DisableExecuteApiEndpoint"] is True
    assert resources["ApiDomain"]["Properties"]["MutualTlsAuthentication"] == {"TruststoreUri": "s3://trust/store.pem"}
    assert "DisableExecuteApiEndpoint" not in made(**matrix.CERTIFICATE)["HttpApi"]["Properties"]


def version_of(template):
    (name,) = [it for it in template["Resources"] if re.fullmatch(r"GatewayFunctionVersion[0-9a-f]+", it)]
    return name, template["Resources"][name]


def test_a_version_is_new_when_the_code_the_layer_or_the_settings_are():
    plain = packaged(MAIN)
    name, version = version_of(transformed(plain, NEEDED[MAIN]))
    assert set(references(version)) == {"GatewayFunction", "Settings"}, (
        "another number is another description, and that a new version"
    )
    for resource, key in (("GatewayFunction", "CodeUri"), ("ConfigLayer", "ContentUri")):
        other = packaged(MAIN)
        other["Resources"][resource]["Properties"][key] = "s3://packaged/another.zip"
        assert version_of(transformed(other, NEEDED[MAIN]))[0] != name, resource
    # Why there are Settings: SAM does not see it by itself.
    assert version_of(transformed(plain, {**NEEDED[MAIN], "Issuer": "https://other.example.com"}))[0] == name
