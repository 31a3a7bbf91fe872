"""The choices that a template leaves, and their combinations."""

import itertools

from templates import LOAD_BALANCER, MAIN, NEEDED, OBSERVABILITY, REST_API

SECRET = "0123456789abcdef0123456789abcdef"
CERTIFICATE = {
    "DomainName": "api.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445555",
}
ZONE = {"HostedZoneId": "Z0123456789ABCDEFGHIJ"}
TRUST = {"TrustStoreUri": "s3://trust/store.pem"}
VERSION = {"TrustStoreVersion": "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"}
TOPIC = {"AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:operators"}

NO_DOMAIN = [{}]
DOMAINS = [CERTIFICATE, CERTIFICATE | ZONE]
TRUSTED = [CERTIFICATE | TRUST, CERTIFICATE | ZONE | TRUST | VERSION]


def product(*choices):
    """Every choice of one list with every one of the others, each as one dictionary."""
    return [dict(itertools.chain.from_iterable(it.items() for it in taken)) for taken in itertools.product(*choices)]


def switch(name, *others):
    """The default, and each other value."""
    return [{}, *({name: other} for other in others)]


# Every front door with every switch that is its own.
DOORS = [
    *product(
        [{"FrontDoor": "HttpApi"}],
        NO_DOMAIN + DOMAINS + TRUSTED,
        switch("AccessLogs", "on"),
        switch("ThrottlingRate", "50"),
    ),
    *product([{"FrontDoor": "FunctionUrl"}], switch("FunctionUrlAuth", "AWS_IAM")),
    *product(
        [{"FrontDoor": "CloudFront", "OriginSecret": SECRET}],
        NO_DOMAIN + DOMAINS,
        switch("OriginSecretPrevious", SECRET[::-1]),
    ),
    {"FrontDoor": "RestApi"},
    {"FrontDoor": "LoadBalancer"},
]

# What decides about resources and their members, whatever is in front.
SWITCHES = {
    "config": [
        {},
        {"GatewayConfig": "ssm:/tollgate/config"},
        {"GatewayConfig": "s3://configs/gateway.yaml"},
    ],
    "secrets": switch("SecretArns", "arn:aws:secretsmanager:us-east-1:123456789012:secret:idp-AbCdEf"),
    "key": switch("ConfigKeyArn", "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555"),
    "authorizer": switch("Authorizer", "on"),
    "admin": switch("Admin", "on"),
    "tracing": switch("Tracing", "Active"),
    "vpc": [{}, {"SubnetIds": "subnet-0123456789abcdef0,subnet-01234567", "SecurityGroupIds": "sg-0123456789abcdef0"}],
    "provisioned": switch("ProvisionedConcurrency", "5"),
}

# What changes a value, and no resource's presence.
VALUES = {
    "reserved": switch("ReservedConcurrency", "20"),
    "architecture": switch("Architecture", "x86_64"),
    "topic": [{}, TOPIC],
    "dashboard": switch("Dashboard", "off"),
    "rollout": switch("DeploymentPreference", "AllAtOnce", "Linear10PercentEvery1Minute"),
    "keys": switch("JwksUri", "https://auth.example.com/keys"),
    "admins": switch("AdminPrincipals", "arn:aws:iam::123456789012:role/operators"),
    "response": switch("AuthorizerResponse", "policy"),
}

OTHERS = {
    OBSERVABILITY: product([{}, TOPIC], switch("ApiId", "a1b2c3"), switch("Dashboard", "off")),
    REST_API: product(
        NO_DOMAIN + DOMAINS + TRUSTED,
        switch("AccessLogs", "on"),
        switch("ThrottlingRate", "50"),
        switch("Tracing", "on"),
        switch(
            "WebAclArn",
            "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/edge/0a1b2c3d-0000-1111-2222-333344445555",
        ),
    ),
    LOAD_BALANCER: product(
        switch("Scheme", "internal"),
        switch("LogBucket", "balancer-logs"),
        switch("DeletionProtection", "on"),
        [{}, {"DomainName": "api.example.com"} | ZONE],
        switch(
            "TrustStoreArn", "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/clients/0123456789abcdef"
        ),
    ),
}


def every():
    """All combinations of the main template that differ in what there is."""
    return ({**NEEDED[MAIN], **it} for it in product(DOORS, *SWITCHES.values()))


def covering():
    """As few as are needed for each two choices to meet, of all choices: most faults of combinations need no third."""
    choices = [DOORS, *SWITCHES.values(), *VALUES.values()]
    pairs = {
        ((i, a), (j, b))
        for (i, first), (j, second) in itertools.combinations(enumerate(choices), 2)
        for a in range(len(first))
        for b in range(len(second))
    }
    found = []
    while pairs:
        # Starts from a pair that has not met, so that each round makes fewer of them.
        taken = dict(min(pairs))
        for place, options in enumerate(choices):
            if place not in taken:
                new = lambda option: sum(tuple(sorted([(place, option), it])) in pairs for it in taken.items())
                taken[place] = max(range(len(options)), key=new)
        pairs -= set(itertools.combinations(sorted(taken.items()), 2))
        case = [choices[place][option] for place, option in sorted(taken.items())]
        found.append(dict(itertools.chain(NEEDED[MAIN].items(), *(it.items() for it in case))))
    return found
