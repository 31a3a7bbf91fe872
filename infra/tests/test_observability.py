"""Alarms and dashboard look at what the gateway emits, under the names that it emits it by."""

import json
import re

import pytest

import matrix
from templates import NEEDED, OBSERVABILITY, ROOT, resolved, source

RECORD = (ROOT / "shared/src/record.rs").read_text()
METRICS = (ROOT / "shared/src/record/metrics.rs").read_text()
EMITTED = set(re.findall(r'Metric::new\("(\w+)"', METRICS))
(NAMESPACE,) = re.findall(r'NAMESPACE: &str = "(\w+)"', METRICS)
(DIMENSIONS,) = re.findall(r'dimensions: \[\[("[^]]*)\]', METRICS)

# What the record does not say yet, and who would have to.
ASSUMED = {"config_refused"}


def made(**parameters):
    return resolved(source(OBSERVABILITY), {**NEEDED[OBSERVABILITY], **parameters})["Resources"]


def dashboard(**parameters):
    body = made(**parameters)["Overview"]["Properties"]["DashboardBody"]["Fn::Sub"]
    form = body if isinstance(body, str) else body[0]
    # The alarms' ARNs are all that is left to be filled in.
    return json.loads(re.sub(r"\$\{(\w+)\.Arn\}", r"arn:aws:cloudwatch:us-east-1:123456789012:alarm:\1", form))


def members_of_a_line():
    """The members of a record by their names in the line."""
    line = RECORD[RECORD.index("struct Line<") :]
    line = line[: line.index("\n}")]
    return set(re.findall(r"(?m)^    (\w+): ", line))


def test_searches_are_for_metrics_that_are_emitted():
    searched = re.findall(
        r"SEARCH\('\{(\w+),([\w,]+)\} MetricName=\\?\"(\w+)\\?\"'",
        json.dumps(dashboard()).replace('\\\\"', '"').replace('\\"', '"'),
    )
    assert {namespace for namespace, _, _ in searched} == {NAMESPACE}
    assert {dimensions for _, dimensions, _ in searched} == {DIMENSIONS.replace('"', "").replace(" ", "")}
    assert {name for _, _, name in searched} == EMITTED, "each of them, and no other"


@pytest.mark.parametrize(
    "name", [name for name, it in source(OBSERVABILITY)["Resources"].items() if it["Type"] == "AWS::Logs::MetricFilter"]
)
def test_filters_read_members_that_a_record_has(name):
    properties = source(OBSERVABILITY)["Resources"][name]["Properties"]
    (transformation,) = properties["MetricTransformations"]
    read = set(re.findall(r"\$\.(\w+)", properties["FilterPattern"] + transformation["MetricValue"]))
    unknown = read - members_of_a_line()
    assert unknown <= ASSUMED
    assert read or properties["FilterPattern"] == '"exit status 64"'


def test_nested_members_and_words_are_those_of_the_code():
    assert "pub uncounted: Option<String>" in RECORD
    status = (ROOT / "shared/src/cache/status.rs").read_text()
    words = {
        word.lower()
        for word in re.findall(r"(?m)^    (\w+),$", status[status.index("pub enum CacheOutcome") :].split("}")[0])
    }
    resources = source(OBSERVABILITY)["Resources"]
    for name in ("CacheHits", "CacheMisses"):
        asked = set(re.findall(r'\$\.cache = "(\w+)"', resources[name]["Properties"]["FilterPattern"]))
        assert asked and asked <= words
    assert '.stage("call")' in (ROOT / "shared/src/gateway.rs").read_text()
    assert '"limit_store_unavailable"' in (ROOT / "shared/src/error.rs").read_text()
    (code,) = re.findall(r"const WRONG_CONFIG: u8 = (\d+);", (ROOT / "shared/src/lambda.rs").read_text())
    assert f"exit status {code}" in resources["StartsRefused"]["Properties"]["FilterPattern"]


def filtered():
    resources = made()
    return {
        (it["MetricNamespace"], it["MetricName"])
        for resource in resources.values()
        if resource["Type"] == "AWS::Logs::MetricFilter"
        for it in resource["Properties"]["MetricTransformations"]
    }


def asked_of_alarm(properties):
    if "Metrics" not in properties:
        return {(properties["Namespace"], properties["MetricName"])}
    metrics = [it["MetricStat"]["Metric"] for it in properties["Metrics"] if "MetricStat" in it]
    return {(it["Namespace"], it["MetricName"]) for it in metrics}


def test_alarms_and_widgets_ask_for_metrics_that_there_are():
    # "Types of metrics for Lambda functions", "DynamoDB metrics", "HTTP API metrics"
    of_aws = {
        "AWS/Lambda": {
            "Invocations",
            "Errors",
            "Throttles",
            "Duration",
            "ConcurrentExecutions",
            "PostRuntimeExtensionsDuration",
        },
        "AWS/DynamoDB": {"ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits", "WriteThrottleEvents"},
        "AWS/ApiGateway": {"Count", "4xx", "5xx", "Latency", "IntegrationLatency"},
    }
    there = filtered() | {(namespace, name) for namespace, names in of_aws.items() for name in names}
    resources = made(ApiId="a1b2c3")
    alarms = [it["Properties"] for it in resources.values() if it["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == 6
    for alarm in alarms:
        assert asked_of_alarm(alarm) <= there
    shown = set()
    for widget in dashboard(ApiId="a1b2c3")["widgets"]:
        before = []
        for row in widget["properties"].get("metrics", []):
            names = [it for it in row if isinstance(it, str)]
            if not names:
                continue
            if names[0] == "...":
                names = before[: len(before) - len(names) + 1] + names[1:]
            names = [before[place] if name == "." else name for place, name in enumerate(names)]
            before = names
            shown.add((names[0], names[1]))
    assert shown <= there
    assert filtered() <= shown, "and what is filtered out of the log is shown"


def test_the_dashboard_has_the_api_where_there_is_one():
    titles = lambda body: [it["properties"].get("title") for it in body["widgets"]]
    assert "HTTP API" in titles(dashboard(ApiId="a1b2c3"))
    assert "HTTP API" not in titles(dashboard())
    assert "Overview" not in made(Dashboard="off")


def test_alarms_tell_the_topic_where_there_is_one():
    arn = matrix.TOPIC["AlarmTopicArn"]
    for parameters, expected in (({}, None), (matrix.TOPIC, [arn])):
        for name, it in made(**parameters).items():
            if it["Type"] == "AWS::CloudWatch::Alarm":
                assert it["Properties"].get("AlarmActions") == expected, name
                assert it["Properties"].get("OKActions") == expected, name


def test_every_alarm_is_explained():
    operations = (ROOT / "docs/operations.md").read_text()
    for name, it in made().items():
        if it["Type"] == "AWS::CloudWatch::Alarm":
            assert f"`{name}`" in operations, name
