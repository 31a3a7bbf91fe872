"""Templates as CloudFormation sees them: parameters checked, SAM's resources transformed, conditions decided.

What CloudFormation does with parameters, rules, conditions and functions is in its user guide ("Template reference");
here is as much of it as our templates use. A function that is missing here fails, it is not passed over.
"""

import copy
import functools
import json
import logging
import os
import pathlib
import re

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the transform asks for one
logging.getLogger("samtranslator").setLevel(logging.ERROR)

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAIN = "template.yaml"
OBSERVABILITY = "infra/observability.yaml"
REST_API = "infra/rest-api.yaml"
LOAD_BALANCER = "infra/load-balancer.yaml"
ALL = (MAIN, OBSERVABILITY, REST_API, LOAD_BALANCER)

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "tollgate",
    "AWS::URLSuffix": "amazonaws.com",
}

# What has no default, filled with something that is taken.
NEEDED = {
    MAIN: {
        "UsersUrl": "https://users.example.com",
        "OrdersUrl": "https://orders.example.com",
        "Issuer": "https://auth.example.com",
        "Audience": "api.example.com",
    },
    OBSERVABILITY: {
        "GatewayName": "tollgate",
        "FunctionName": "tollgate-GatewayFunction-1A2B3C",
        "LogGroupName": "tollgate-GatewayLogs-1A2B3C",
        "ConfigTable": "tollgate-ConfigTable-1A2B3C",
        "QuotaTable": "tollgate-QuotaTable-1A2B3C",
        "StateTable": "tollgate-StateTable-1A2B3C",
    },
    REST_API: {"FunctionAlias": "arn:aws:lambda:us-east-1:123456789012:function:gateway:live"},
    LOAD_BALANCER: {
        "FunctionAlias": "arn:aws:lambda:us-east-1:123456789012:function:gateway:live",
        "VpcId": "vpc-0123456789abcdef0",
        "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
        "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-0000-1111-2222-333344445555",
    },
}


def text(name):
    return (ROOT / name).read_text()


@functools.cache
def _source(name):
    return yaml_parse(text(name))


def source(name):
    """The template as it is written, as JSON would have it (`!Ref X` is `{"Ref": "X"}`)."""
    return copy.deepcopy(_source(name))


def packaged(name):
    """As `sam package` hands it on: what was local is in a bucket."""
    template = source(name)
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        for key in ("CodeUri", "ContentUri"):
            if key in properties:
                properties[key] = f"s3://packaged/{logical_id}.zip"
        if "TemplateURL" in properties:
            properties["TemplateURL"] = f"https://s3.amazonaws.com/packaged/{properties['TemplateURL']}"
    return template


def transformed(template, parameters):
    """Without SAM's own resource types: what CloudFormation makes after its transform."""
    if "Transform" not in template:
        return template
    result = Translator({}, Parser()).translate(copy.deepcopy(template), dict(parameters))
    return json.loads(json.dumps(result))


def values(template, given):
    """Every parameter's value: what is given, else its default."""
    declared = template["Parameters"]
    unknown = set(given) - set(declared)
    assert not unknown, f"no parameters: {unknown}"
    return {name: str(given.get(name, spec.get("Default"))) for name, spec in declared.items()}


# ---- what is refused before anything is made


def _refusal(name, spec, value):
    if "AllowedValues" in spec and value not in [str(allowed) for allowed in spec["AllowedValues"]]:
        return f"{name} is none of its values"
    if spec["Type"] == "Number":
        try:
            number = float(value)
        except ValueError:
            return f"{name} is no number"
        if number < spec.get("MinValue", number) or number > spec.get("MaxValue", number):
            return f"{name} is out of range"
    if len(value) < spec.get("MinLength", 0) or len(value) > spec.get("MaxLength", 4096):
        return f"{name} has the wrong length"
    if "AllowedPattern" in spec and not re.fullmatch(spec["AllowedPattern"], value):
        return f"{name}: {spec['ConstraintDescription']}"
    return None


def _holds(rule, parameters):
    ((function, arguments),) = rule.items()
    value = lambda it: parameters[it["Ref"]] if isinstance(it, dict) else it
    match function:
        case "Fn::Equals":
            return value(arguments[0]) == value(arguments[1])
        case "Fn::Contains":
            return value(arguments[1]) in [value(it) for it in arguments[0]]
        case "Fn::Not":
            return not _holds(arguments[0], parameters)
        case "Fn::And":
            return all(_holds(it, parameters) for it in arguments)
        case "Fn::Or":
            return any(_holds(it, parameters) for it in arguments)
    raise AssertionError(f"{function} is no function of rules")


def refusals(template, given):
    """Why CloudFormation would refuse these parameters, all reasons; without any it begins to make the stack."""
    declared = template["Parameters"]
    missing = [f"{name} is not given" for name in declared if name not in given and "Default" not in declared[name]]
    if missing:
        return missing
    parameters = values(template, given)
    found = [_refusal(name, spec, parameters[name]) for name, spec in declared.items()]
    found = [it for it in found if it]
    for rule in template.get("Rules", {}).values():
        if _holds(rule["RuleCondition"], parameters):
            found += [it["AssertDescription"] for it in rule["Assertions"] if not _holds(it["Assert"], parameters)]
    return found


# ---- conditions decided

NOTHING = object()  # AWS::NoValue


class Resolved:
    """A template with the values of its parameters: no parameters, conditions or mappings are left in it, only references
    between resources."""

    def __init__(self, template, parameters):
        self.template = template
        self.parameters = {**values(template, parameters), **PSEUDO}
        self.lists = {name for name, spec in template["Parameters"].items() if "List" in spec["Type"]}
        self.conditions = {}

    def whole(self):
        kept = {name: it for name, it in self.template["Resources"].items() if self._there(it)}
        outputs = {name: it for name, it in self.template.get("Outputs", {}).items() if self._there(it)}
        return {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Resources": {name: self._plain(it) for name, it in kept.items()},
            "Outputs": {name: self._plain(it) for name, it in outputs.items()},
        }

    def _there(self, it):
        return "Condition" not in it or self.condition(it["Condition"])

    def _plain(self, it):
        return self.value({key: value for key, value in it.items() if key not in ("Condition", "Metadata")})

    def condition(self, name):
        if name not in self.conditions:
            self.conditions[name] = self.decided(self.template["Conditions"][name])
        return self.conditions[name]

    def decided(self, it):
        ((function, arguments),) = it.items()
        match function:
            case "Condition":
                return self.condition(arguments)
            case "Fn::Equals":
                return self.value(arguments[0]) == self.value(arguments[1])
            case "Fn::Not":
                return not self.decided(arguments[0])
            case "Fn::And":
                return all(self.decided(each) for each in arguments)
            case "Fn::Or":
                return any(self.decided(each) for each in arguments)
        raise AssertionError(f"{function} is no condition")

    def value(self, it):
        if isinstance(it, list):
            return [each for each in map(self.value, it) if each is not NOTHING]
        if not isinstance(it, dict):
            return it
        if len(it) == 1:
            ((function, arguments),) = it.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self.called(function, arguments)
        members = {key: self.value(each) for key, each in it.items()}
        return {key: each for key, each in members.items() if each is not NOTHING}

    def called(self, function, arguments):
        match function:
            case "Ref":
                return self.reference(arguments)
            case "Fn::If":
                return self.value(arguments[1] if self.condition(arguments[0]) else arguments[2])
            case "Fn::FindInMap":
                name, first, second = map(self.value, arguments)
                return self.template["Mappings"][name][first][second]
            case "Fn::Split":
                whole = self.value(arguments[1])
                return whole.split(arguments[0]) if isinstance(whole, str) else {function: [arguments[0], whole]}
            case "Fn::Select" if isinstance(whole := self.value(arguments[1]), list):
                return whole[int(arguments[0])]
            case "Fn::Join":
                parts = self.value(arguments[1])
                if all(isinstance(part, str) for part in parts):
                    return arguments[0].join(parts)
                return {function: [arguments[0], parts]}
            case "Fn::Sub":
                return self.substituted(arguments)
            case "Fn::GetAtt" | "Fn::Select":
                return {function: arguments}
        raise AssertionError(f"{function} is not known here")

    def reference(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        if name in self.lists:
            return self.parameters[name].split(",")
        return self.parameters.get(name, {"Ref": name})

    def substituted(self, arguments):
        form, own = (arguments, {}) if isinstance(arguments, str) else arguments
        own = {name: self.value(each) for name, each in own.items()}
        known = {**self.parameters, **{name: each for name, each in own.items() if isinstance(each, str)}}
        filled = re.sub(r"\$\{([^!}]+)\}", lambda found: str(known.get(found[1], found[0])), form)
        left = {name: each for name, each in own.items() if not isinstance(each, str)}
        if left:
            return {"Fn::Sub": [filled, left]}
        return {"Fn::Sub": filled} if "${" in filled else filled


def resolved(template, parameters):
    return Resolved(template, parameters).whole()


def references(it):
    """Every logical id that this names, by whatever function."""
    if isinstance(it, list):
        for each in it:
            yield from references(each)
    elif isinstance(it, dict):
        for key, value in it.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value.split(".")[0] if isinstance(value, str) else value[0]
            elif key == "Fn::Sub":
                form, own = (value, {}) if isinstance(value, str) else value
                names = (name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", form))
                yield from (name for name in names if name not in own)
                yield from references(own)
            elif key == "DependsOn":
                yield from [value] if isinstance(value, str) else value
            else:
                yield from references(value)
