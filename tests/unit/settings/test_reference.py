"""The generated pages: up to date, complete, and a schema that says of a file what the model says."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mailtenant.settings import TenantSettings
from mailtenant.settings.document import read_document
from mailtenant.settings.reference import reference_text, schema_text, stack_file_schema
from tests.unit.settings.example import example_document
from tests.unit.settings.files import stack_value

TREE = Path(__file__).resolve().parents[3]


def as_json(value: object) -> Any:
    return json.loads(json.dumps(value))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(stack_file_schema())
    return Draft202012Validator(stack_file_schema())


def test_the_committed_pages_are_what_the_model_says() -> None:
    fix = "run `mailtenant schema`"
    assert (TREE / "docs" / "tenant.schema.json").read_text(encoding="utf-8") == schema_text(), fix
    assert (TREE / "docs" / "tenant-settings.md").read_text(encoding="utf-8") == reference_text(), fix


def test_every_key_says_what_it_means_and_what_a_change_does() -> None:
    schema = TenantSettings.model_json_schema()
    for table in [schema, *schema["$defs"].values()]:
        for key, described in table.get("properties", {}).items():
            assert described.get("description"), key
            assert described.get("x-effect"), key


def test_the_reference_lists_every_key_of_the_example() -> None:
    page = reference_text()

    def keys(value: Any, path: str) -> list[str]:
        if isinstance(value, dict):
            return [k for key, inner in value.items() for k in (f"{path}{key}", *keys(inner, f"{path}{key}."))]
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return keys(value[0], path.removesuffix(".") + "[].")
        return []

    for key in keys(example_document(), ""):
        assert f"| `{key}` |" in page, key


def test_the_schema_takes_what_the_model_takes(validator: Draft202012Validator) -> None:
    assert list(validator.iter_errors(as_json(stack_value(example_document())))) == []
    for path in (TREE / "stacks").glob("Pulumi.*.yaml"):
        assert list(validator.iter_errors(as_json(read_document(path, path.name).value))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"nonsense": 1},
        {"release": 2026.11},
        {"capacity": {"mailboxes": "50", "domains": 5, "storage_gib": 20}},
        {"profile": "redundant"},
        {"domains": []},
        {"size": "huge"},
        {"tuning": {"postfix": {"relayhost": "x"}}},
    ],
)
def test_the_schema_marks_mistakes_in_an_editor(validator: Draft202012Validator, change: dict[str, Any]) -> None:
    value = stack_value(example_document())
    value["config"]["mailtenant:tenant"] |= change
    assert list(validator.iter_errors(as_json(value)))


def test_the_schema_marks_a_secret_in_clear(validator: Draft202012Validator) -> None:
    value = stack_value(example_document())
    value["config"]["mailtenant:secrets"]["tlsKey"] = "in clear"
    assert list(validator.iter_errors(as_json(value)))
