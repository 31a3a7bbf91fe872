"""The template as a stack: what moto's CloudFormation makes of it, looked at through the services' own APIs.

moto does not know all types. What it does not know is listed here exactly, so that the list gets shorter when moto learns;
those resources are looked at in the resolved template alone, by the other tests of this folder.
"""

import ast
import io
import json
import os
import zipfile

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.parsing import get_model_map
from moto.iam.access_control import IAMPolicy, PermissionResult

import calls
import matrix
from templates import LOAD_BALANCER, MAIN, NEEDED, OBSERVABILITY, REST_API, packaged, references, source, transformed

# moto 5.2.5
NOT_MADE = {
    MAIN: {
        "AWS::ApiGatewayV2::Api",
        "AWS::ApiGatewayV2::ApiMapping",
        "AWS::ApiGatewayV2::DomainName",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Stage",
        "AWS::AppConfig::Application",
        "AWS::AppConfig::ConfigurationProfile",
        "AWS::AppConfig::HostedConfigurationVersion",
        "AWS::CloudFront::Distribution",
        "AWS::CodeDeploy::Application",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Url",
    },
    OBSERVABILITY: {"AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter"},
    REST_API: {
        "AWS::ApiGateway::BasePathMapping",
        "AWS::ApiGateway::DomainName",
        "AWS::ApiGateway::Stage",
        "AWS::WAFv2::WebACLAssociation",
    },
    LOAD_BALANCER: set(),
}
QUIET = {"lambda": {"use_docker": False}, "iam": {"load_aws_managed_policies": False}}


@pytest.fixture
def aws():
    """An account with nothing in it but what `sam package` puts into its bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = "testing"
    with mock_aws(config=QUIET):
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="packaged")
        bundle = io.BytesIO()
        with zipfile.ZipFile(bundle, "w") as archive:
            archive.writestr("bootstrap", "not run here")
        for logical_id in source(MAIN)["Resources"]:
            s3.put_object(Bucket="packaged", Key=f"{logical_id}.zip", Body=bundle.getvalue())
        s3.put_object(Bucket="packaged", Key=OBSERVABILITY, Body=json.dumps(known_only(source(OBSERVABILITY))).encode())
        yield


def unknown_types(template):
    return {it["Type"] for it in template["Resources"].values()} - set(get_model_map())


def known_only(template):
    """Without the resources that moto has no model of. What names them gets their logical ids for values; what names the
    alias gets the function itself."""
    unknown = unknown_types(template)
    gone = {name for name, it in template["Resources"].items() if it["Type"] in unknown}

    def without(it):
        if isinstance(it, list):
            return [without(each) for each in it]
        if isinstance(it, dict):
            if it == {"Ref": "GatewayFunctionAliaslive"}:
                return {"Ref": "GatewayFunction"}
            if len(it) == 1 and set(it) <= {"Ref", "Fn::GetAtt", "Fn::Sub"} and gone & set(references(it)):
                return f"{gone.intersection(references(it)).pop()}"
            return {key: without(each) for key, each in it.items()}
        return it

    kept = {name: it for name, it in template["Resources"].items() if name not in gone}
    for it in kept.values():
        for name in ("DependsOn", "UpdatePolicy"):
            it.pop(name, None)
    outputs = {name: it for name, it in template.get("Outputs", {}).items() if not gone & set(references(it))}
    return {**template, "Resources": without(kept), "Outputs": outputs}


def made(name, **parameters):
    """Makes the stack, and gives the physical ids by the logical ones, and the outputs."""
    parameters = {**NEEDED[name], **parameters}
    template = known_only(transformed(packaged(name), parameters))
    client = boto3.client("cloudformation")
    client.create_stack(
        StackName="tollgate",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    (stack,) = client.describe_stacks(StackName="tollgate")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    resources = client.list_stack_resources(StackName="tollgate")["StackResourceSummaries"]
    outputs = {it["OutputKey"]: it["OutputValue"] for it in stack.get("Outputs", [])}
    return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in resources}, outputs


def test_what_moto_does_not_make_is_listed():
    found = {
        name: unknown_types(transformed(packaged(name), NEEDED[name]))
        for name in (MAIN, OBSERVABILITY, REST_API, LOAD_BALANCER)
    }
    assert found == NOT_MADE


KEY = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
EVERYTHING = {"Authorizer": "on", "Admin": "on", "Tracing": "Active"}


def test_tables_come_out_as_meant(aws):
    ids, outputs = made(MAIN)
    dynamodb = boto3.client("dynamodb")
    for name in ("ConfigTable", "QuotaTable", "StateTable"):
        table = dynamodb.describe_table(TableName=ids[name])["Table"]
        assert table["KeySchema"] == KEY, name
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert table["DeletionProtectionEnabled"] is (name == "ConfigTable"), name
        indexes = {it["IndexName"]: it for it in table["GlobalSecondaryIndexes"]}
        assert set(indexes) == ({"owner"} if name == "ConfigTable" else set())
        for index in indexes.values():
            assert [it["AttributeName"] for it in index["KeySchema"]] == ["owner", "pk"]
            assert index["Projection"] == {"ProjectionType": "ALL"}
        assert outputs[name] == ids[name]
        # It takes what the code writes: a string under each key.
        item = {"pk": {"S": "KEY#1"}, "sk": {"S": "META"}, "ttl": {"N": "1"}}
        dynamodb.put_item(TableName=ids[name], Item=item)
        found = dynamodb.get_item(TableName=ids[name], Key={"pk": item["pk"], "sk": item["sk"]})
        assert found["Item"] == item


def test_tables_expire_and_are_kept_as_the_design_has_it():
    """moto's CloudFormation leaves these out: see the next test. So they are looked at as CloudFormation gets them."""
    resources = transformed(packaged(MAIN), NEEDED[MAIN])["Resources"]
    for name, kept in (("ConfigTable", True), ("QuotaTable", False), ("StateTable", False)):
        table = resources[name]
        expires = table["Properties"].get("TimeToLiveSpecification")
        assert expires == (None if kept else {"AttributeName": "ttl", "Enabled": True}), name
        recovers = table["Properties"].get("PointInTimeRecoverySpecification")
        assert recovers == ({"PointInTimeRecoveryEnabled": True} if kept else None), name
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            assert table[policy] == ("Retain" if kept else "Delete"), name
    for name, it in resources.items():
        if it["Type"] == "AWS::Logs::LogGroup":
            assert it["DeletionPolicy"] == ("Retain" if name == "AdminLogs" else "Delete"), name


def test_what_moto_leaves_out_of_what_it_makes(aws):
    ids, _ = made(MAIN, Tracing="Active")
    dynamodb = boto3.client("dynamodb")
    expiry = dynamodb.describe_time_to_live(TableName=ids["QuotaTable"])["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "DISABLED"
    backups = dynamodb.describe_continuous_backups(TableName=ids["ConfigTable"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    function = boto3.client("lambda").get_function(FunctionName=ids["GatewayFunction"])["Configuration"]
    assert (function["Architectures"], function["Layers"], "LoggingConfig" in function) == (["x86_64"], [], False)
    assert function["TracingConfig"] == {"Mode": "PassThrough"}, "with Tracing=Active"
    template = transformed(packaged(MAIN), NEEDED[MAIN])["Resources"]["GatewayFunction"]["Properties"]
    assert template["Architectures"] == [{"Ref": "Architecture"}]
    assert template["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": {"Ref": "GatewayLogs"}}
    assert template["TracingConfig"] == {"Mode": {"Ref": "Tracing"}}
    assert len(template["Layers"]) == 1


@pytest.mark.parametrize("door", source(MAIN)["Mappings"]["FrontDoors"])
def test_functions_get_their_variables(aws, door):
    ids, _ = made(MAIN, **EVERYTHING, FrontDoor=door, OriginSecret=matrix.SECRET, MemorySize="512", Timeout="20")
    configuration = {
        name: boto3.client("lambda").get_function(FunctionName=ids[f"{name}Function"])["Configuration"]
        for name in ("Gateway", "Authorizer", "Admin")
    }
    for name, it in configuration.items():
        assert it["Runtime"] == "provided.al2023" and it["Handler"] == "bootstrap"
        assert it["MemorySize"] == 512
        assert it["Role"].endswith(f":role/{ids[name + 'Role']}")
    assert [it["Timeout"] for it in configuration.values()] == [20, 10, 15]
    variables = configuration["Gateway"]["Environment"]["Variables"]
    event = {"HttpApi": "http", "FunctionUrl": "url", "CloudFront": "url", "RestApi": "rest", "LoadBalancer": "alb"}
    assert variables == {
        "GATEWAY_CONFIG": "file:/opt/gateway.yaml",
        "GATEWAY_EVENT": event[door],
        "CONFIG_TABLE": ids["ConfigTable"],
        "QUOTA_TABLE": ids["QuotaTable"],
        "STATE_TABLE": ids["StateTable"],
        "RUST_LOG": "warn",
        "USERS_URL": "https://users.example.com",
        "ORDERS_URL": "https://orders.example.com",
        "ISSUER": "https://auth.example.com",
        "JWKS_URI": "https://auth.example.com/.well-known/jwks.json",
        "AUDIENCE": "api.example.com",
        "ORIGIN_SECRET": matrix.SECRET,
        "ORIGIN_SECRET_PREVIOUS": "",
    }
    admin = configuration["Admin"]["Environment"]["Variables"]
    assert set(admin) == {"ADMIN_PRINCIPALS", "CONFIG_TABLE", "QUOTA_TABLE", "RUST_LOG"}


def test_switches_bring_what_belongs_to_them(aws):
    ids, outputs = made(MAIN)
    assert not [name for name in ids if name.startswith(("Authorizer", "Admin"))]
    assert "AuthorizerArn" not in outputs and "AdminLogGroup" not in outputs


def test_logs_are_kept_as_long_as_parameters_say(aws):
    ids, _ = made(MAIN, **EVERYTHING, LogRetentionDays="90", AdminLogRetentionDays="731")
    groups = boto3.client("logs").describe_log_groups()["logGroups"]
    days = {it["logGroupName"]: it["retentionInDays"] for it in groups}
    assert {name: days[ids[name]] for name in ("GatewayLogs", "AuthorizerLogs", "AdminLogs")} == {
        "GatewayLogs": 90,
        "AuthorizerLogs": 90,
        "AdminLogs": 731,
    }


def documents(role):
    iam = boto3.client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]


@pytest.mark.parametrize("name", ["Gateway", "Authorizer", "Admin"])
def test_of_all_calls_that_dynamodb_knows_a_role_allows_those_of_its_function(aws, name):
    """By moto's own reading of policies, on the tables' real ARNs."""
    ids, _ = made(MAIN, **EVERYTHING)
    dynamodb = boto3.client("dynamodb")
    places = {it: dynamodb.describe_table(TableName=ids[it])["Table"]["TableArn"] for it in calls.KINDS.values()}
    places["ConfigTable/index/owner"] = places["ConfigTable"] + "/index/owner"
    policies = [
        IAMPolicy(json.dumps(ast.literal_eval(it) if isinstance(it, str) else it))
        for it in documents(ids[f"{name}Role"])
    ]
    actions = {f"dynamodb:{operation}" for operation in dynamodb.meta.service_model.operation_names}
    assert len(actions) > 50
    allowed = {
        (place, action)
        for place, arn in places.items()
        for action in actions
        for policy in policies
        if policy.is_action_permitted(action, arn) == PermissionResult.PERMITTED
    }
    assert allowed == {"Gateway": calls.gateway, "Authorizer": calls.authorizer, "Admin": calls.admin}[name]()


def test_a_function_is_called_by_its_front_doors_only(aws):
    ids, _ = made(MAIN, **EVERYTHING)
    for name in ("Gateway", "Authorizer", "Admin"):
        policy = json.loads(boto3.client("lambda").get_policy(FunctionName=ids[f"{name}Function"])["Policy"])
        (statement,) = policy["Statement"]
        assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
        assert statement["Condition"]["ArnLike"]["AWS:SourceArn"], "of one API"


def test_the_stack_inside_makes_the_dashboard(aws):
    made(MAIN)
    (entry,) = boto3.client("cloudwatch").list_dashboards()["DashboardEntries"]
    assert entry["DashboardName"] == "tollgate-us-east-1"


def alias():
    """A function's alias, as the gateway's stack would give it."""
    role = boto3.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client = boto3.client("lambda")
    client.create_function(
        FunctionName="gateway",
        Role=role,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Code={"S3Bucket": "packaged", "S3Key": "GatewayFunction.zip"},
        Publish=True,
    )
    return client.create_alias(FunctionName="gateway", Name="live", FunctionVersion="1")["AliasArn"]


def test_the_rest_api_has_every_path_and_method(aws):
    made(REST_API, FunctionAlias=alias())
    client = boto3.client("apigateway")
    (api,) = client.get_rest_apis()["items"]
    # Both left out by moto.
    properties = source(REST_API)["Resources"]["Api"]["Properties"]
    assert properties["BinaryMediaTypes"] == ["*/*"]
    assert properties["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    found = {it["path"]: it["resourceMethods"] for it in client.get_resources(restApiId=api["id"])["items"]}
    assert set(found) == {"/", "/{proxy+}"}
    for methods in found.values():
        assert set(methods) == {"ANY"}
        integration = methods["ANY"]["methodIntegration"]
        assert integration["type"] == "AWS_PROXY"
        assert "function:gateway:live/invocations" in integration["uri"]


def test_the_load_balancer_calls_the_function_with_all_values(aws):
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    certificate = boto3.client("acm").request_certificate(DomainName="api.example.com")["CertificateArn"]
    made(LOAD_BALANCER, FunctionAlias=alias(), CertificateArn=certificate, VpcId=vpc, SubnetIds=",".join(subnets))
    client = boto3.client("elbv2")
    (balancer,) = client.describe_load_balancers()["LoadBalancers"]
    assert (balancer["Type"], balancer["Scheme"]) == ("application", "internet-facing")
    (listener,) = client.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    (group,) = client.describe_target_groups()["TargetGroups"]
    assert group["TargetType"] == "lambda"
    # Left out by moto, as are the attributes of the load balancer.
    attributes = source(LOAD_BALANCER)["Resources"]["Gateway"]["Properties"]["TargetGroupAttributes"]
    assert {"Key": "lambda.multi_value_headers.enabled", "Value": "true"} in attributes
    (ingress,) = ec2.describe_security_groups(GroupIds=balancer["SecurityGroups"])["SecurityGroups"][0]["IpPermissions"]
    assert (ingress["FromPort"], ingress["ToPort"]) == (443, 443)
