"""The program that the no-op `up` is compared with."""

import ast
import json

import pytest

from bench.plain_program import program, resource_counts

CONTAINER, VOLUME = "docker:index/container:Container", "docker:index/volume:Volume"


def test_only_docker_resources_count() -> None:
    kinds = [
        "pulumi:pulumi:Stack",
        "pulumi:providers:docker",
        "mailtenant:index:TenantMail",
        CONTAINER,
        CONTAINER,
        VOLUME,
    ]
    export = json.dumps({"deployment": {"resources": [{"type": kind} for kind in kinds]}})
    assert resource_counts(export) == {CONTAINER: 2, VOLUME: 1}


def test_the_program_makes_that_many() -> None:
    text = program({CONTAINER: 22, VOLUME: 7})
    ast.parse(text)
    assert "for n in range(22):\n    docker.Container(" in text
    assert "for n in range(7):\n    docker.Volume(" in text
    assert "for n in range(0):\n    subnet = " in text


def test_a_type_without_a_plain_form_is_refused() -> None:
    with pytest.raises(ValueError, match="docker:index/secret:Secret"):
        program({"docker:index/secret:Secret": 1})
