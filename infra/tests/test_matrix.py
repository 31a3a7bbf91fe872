"""Every combination of front door and switches is a sound template."""

import json
import re

import pytest
from cfnlint.api import ManualArgs, lint
from samcli.yamlhelper import yaml_dump

import matrix
from templates import ALL, MAIN, NEEDED, Resolved, packaged, references, refusals, resolved, source, text, transformed

TEMPLATE_LIMIT = 51_200  # bytes of a template in the call itself; AWS CloudFormation quotas


def of_main(parameters):
    return resolved(transformed(packaged(MAIN), parameters), parameters)


def sound(template):
    """What is named is there, and nothing that had to have a value has none."""
    there = set(template["Resources"])
    named = set(references(template))
    assert named <= there, f"names what is not there: {named - there}"
    for name, resource in template["Resources"].items():
        assert None not in resource.get("Properties", {}).values(), name
    for name, output in template["Outputs"].items():
        assert output["Value"], f"output {name} is empty"


def linted(template):
    found = lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))
    return [f"{it.rule.id} {it.message} at {'/'.join(map(str, it.path or []))}" for it in found]


def test_the_matrix_is_allowed_and_whole():
    doors = source(MAIN)["Parameters"]["FrontDoor"]["AllowedValues"]
    assert {it["FrontDoor"] for it in matrix.DOORS} == set(doors)
    conditions = set(source(MAIN)["Conditions"])
    # The matrix decides every condition both ways, so that no branch of the template is left out.
    seen = {name: set() for name in conditions}
    for case in matrix.covering():
        assert refusals(source(MAIN), case) == [], case
        one = Resolved(source(MAIN), case)
        for name in conditions:
            seen[name].add(one.condition(name))
    assert {name: it for name, it in seen.items() if len(it) < 2} == {}


def test_every_combination_names_only_what_it_has():
    template = transformed(packaged(MAIN), NEEDED[MAIN])
    different = set()
    for count, case in enumerate(matrix.every(), start=1):
        whole = resolved(template, case)
        sound(whole)
        different.add(frozenset(whole["Resources"]))
    assert count == len(matrix.DOORS) * 3 * 2**7
    assert len(different) > 100, "the cases differ"


def test_the_transform_does_not_look_at_what_parameters_say():
    """So that one transform serves for all combinations above. But for the kind of roll-out: test_rollout.py has that. Nor
    does a version's name change with parameters, which is why there are Settings."""
    cases = [{key: it for key, it in case.items() if key != "DeploymentPreference"} for case in matrix.covering()]
    plain = transformed(packaged(MAIN), cases[0])
    for case in cases[1:6]:
        assert transformed(packaged(MAIN), case) == plain


@pytest.mark.parametrize("case", range(len(matrix.covering())))
def test_what_is_made_of_two_choices_each_is_linted(case):
    whole = of_main(matrix.covering()[case])
    sound(whole)
    assert linted(whole) == []


@pytest.mark.parametrize("name", matrix.OTHERS)
def test_the_other_templates_in_every_combination(name):
    template = source(name)
    for number, choice in enumerate(matrix.OTHERS[name]):
        case = {**NEEDED[name], **choice}
        assert refusals(template, case) == [], case
        whole = resolved(template, case)
        sound(whole)
        if number % 5 == 0 or number == len(matrix.OTHERS[name]) - 1:
            assert linted(whole) == [], case


@pytest.mark.parametrize("name", ALL)
def test_a_template_fits_into_the_call(name):
    assert len(text(name).encode()) < TEMPLATE_LIMIT
    assert len(yaml_dump(packaged(name)).encode()) < TEMPLATE_LIMIT, "as `sam deploy` writes it"


@pytest.mark.parametrize("name", ALL)
def test_a_template_uses_no_yaml_that_cloudformation_does_not_read(name):
    """ "CloudFormation supports YAML 1.1 with a few exceptions": no aliases, no merges."""
    assert not re.search(r"(?m)(: |- )[&*][A-Za-z]", text(name))
    assert "<<:" not in text(name)
