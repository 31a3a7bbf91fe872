"""Records come back from a restored table, and what was made since stays."""

import os
import sys

import boto3
import pytest
from moto import mock_aws

from templates import ROOT

sys.path.insert(0, str(ROOT / "infra"))
import restore


@pytest.fixture
def dynamodb():
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = "testing"
    with mock_aws():
        client = boto3.client("dynamodb")
        for name in ("restored", "live"):
            client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": it, "AttributeType": "S"} for it in ("pk", "sk")],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            )
        yield client


def put(client, table, pk, **attributes):
    client.put_item(TableName=table, Item={"pk": {"S": pk}, "sk": {"S": "META"}, **attributes})


def found(client, table):
    items = client.scan(TableName=table)["Items"]
    return {it["pk"]["S"]: it.get("status", {}).get("S") for it in items}


def test_what_is_missing_comes_back_and_nothing_else_changes(dynamodb, capsys):
    for number in range(300):  # more than one page, with the filler
        put(dynamodb, "restored", f"KEY#{number}", status={"S": "active"}, filler={"S": "x" * 8000})
    put(dynamodb, "live", "KEY#1", status={"S": "revoked"})
    put(dynamodb, "live", "KEY#new", status={"S": "active"})
    assert restore.main(["restored", "live"]) == 0
    assert capsys.readouterr().out == "299 records copied, 1 left as they are\n"
    after = found_all(dynamodb)
    assert len(after) == 301
    assert after["KEY#1"] == "revoked", "a key that was revoked since stays so"


def found_all(client):
    pages = client.get_paginator("scan").paginate(TableName="live")
    return {it["pk"]["S"]: it["status"]["S"] for page in pages for it in page["Items"]}


def test_overwrite_brings_back_the_old_form(dynamodb, capsys):
    put(dynamodb, "restored", "PLAN#free", status={"S": "old"})
    put(dynamodb, "live", "PLAN#free", status={"S": "new"})
    assert restore.main(["restored", "live", "--overwrite"]) == 0
    assert found(dynamodb, "live") == {"PLAN#free": "old"}
    assert "1 records copied, 0 left" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"), [(["live", "live"], "the same table"), (["nowhere", "live"], "nowhere to live")]
)
def test_a_wrong_table_is_said(dynamodb, arguments, says):
    assert says in restore.main(arguments)
