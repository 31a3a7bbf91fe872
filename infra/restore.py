"""Copies records back from a restored table: python3 infra/restore.py RESTORED TABLE [--overwrite]

DynamoDB restores into a new table, which has neither the stack's settings nor its name. This puts what the restored one
has into the stack's own: what is missing there, and with --overwrite also what is there in another form. Records that
only the stack's table has stay. Region and credentials are those of the AWS CLI; it asks Scan of the first table, PutItem
of the second.
"""

import argparse
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def copied(client, restored, table, overwrite):
    """How many records were put, and how many were left as they are."""
    put = left = 0
    condition = {} if overwrite else {"ConditionExpression": "attribute_not_exists(pk)"}
    for page in client.get_paginator("scan").paginate(TableName=restored, ConsistentRead=True):
        for item in page["Items"]:
            try:
                client.put_item(TableName=table, Item=item, **condition)
                put += 1
            except client.exceptions.ConditionalCheckFailedException:
                left += 1
    return put, left


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("restored")
    parser.add_argument("table")
    parser.add_argument("--overwrite", action="store_true")
    said = parser.parse_args(arguments)
    if said.restored == said.table:
        return "both are the same table: nothing to copy"
    try:
        put, left = copied(boto3.client("dynamodb"), said.restored, said.table, said.overwrite)
    except (BotoCoreError, ClientError) as error:
        return f"{said.restored} to {said.table}: {error}. What was copied until then is whole; run it again"
    print(f"{put} records copied, {left} left as they are")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
