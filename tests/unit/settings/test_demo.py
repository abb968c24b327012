"""The published passphrase: recognised on the real file, and kept away from the world."""

from dataclasses import replace
from pathlib import Path

import pytest

from mailtenant.settings import load_stack_file, parse_settings
from mailtenant.settings.demo import (
    PASSPHRASE_FILE,
    demo_problem,
    may_be_demo,
    published_passphrase,
    uses_published_passphrase,
    verifies_demo_passphrase,
)
from tests.unit.settings.example import example_document, example_settings

DEMO = load_stack_file(Path(__file__).resolve().parents[3] / "stacks" / "Pulumi.acme.yaml")
# Made by the Pulumi CLI 3.259.0 under the passphrase `test`.
ANOTHER_SALT = "v1:1weRJVWfuiw=:v1:o9NxknmuScummMhw:ILszKl7puDnUAwPgKt9UySxXiDBKBw=="


def test_the_committed_file_is_recognised_as_made_by_the_real_cli_with_the_published_passphrase() -> None:
    assert verifies_demo_passphrase(DEMO.encryption_salt)


@pytest.mark.parametrize(
    "salt", [None, "", "v1:a:v1:b", "v2:AAAA:v1:AAAA:AAAA", "v1:?:v1:?:?", "v1:AAAA:v1:AA==:AAAA", ANOTHER_SALT]
)
def test_any_other_salt_is_not(salt: str | None) -> None:
    assert not verifies_demo_passphrase(salt)


def test_the_demo_is_right_where_nothing_of_it_reaches_the_world() -> None:
    assert may_be_demo(example_settings())
    assert demo_problem(DEMO) is None


@pytest.mark.parametrize(
    "document",
    [
        example_document("acme", "acme.com"),
        example_document("acme", "acme.test", "acme.example"),
        example_document("acme", "acme.test", platform_domain="outboxment.com"),
        example_document() | {"platform": "ssh://ops@mail1.example.com"},
    ],
    ids=["domain", "one of two domains", "platform domain", "remote engine"],
)
def test_a_tenant_for_the_world_is_no_demo(document: dict[str, object]) -> None:
    assert not may_be_demo(parse_settings(document))


def test_a_tenant_for_the_world_is_refused_under_the_published_passphrase() -> None:
    real = replace(DEMO, settings=parse_settings(example_document("acme", "acme.com")))
    problem = demo_problem(real)
    assert problem is not None
    assert (problem.path, problem.line) == ("encryptionsalt", 4)
    assert "mailtenant new" in problem.fix
    assert demo_problem(replace(real, encryption_salt=ANOTHER_SALT)) is None


def test_the_environment_with_the_published_passphrase_is_recognised(tmp_path: Path) -> None:
    published = published_passphrase()
    assert published
    own = tmp_path / "own"
    own.write_text("something else\n", encoding="utf-8")
    assert uses_published_passphrase({"PULUMI_CONFIG_PASSPHRASE_FILE": str(PASSPHRASE_FILE)})
    assert uses_published_passphrase({"PULUMI_CONFIG_PASSPHRASE": published})
    assert not uses_published_passphrase({"PULUMI_CONFIG_PASSPHRASE_FILE": str(own)})
    assert not uses_published_passphrase({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "absent")})
    assert not uses_published_passphrase({"PULUMI_CONFIG_PASSPHRASE": ""})
    assert not uses_published_passphrase({})
