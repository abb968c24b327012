"""Nothing that was given appears in an error: what stands in a wrong place may be a secret."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mailtenant.cli.output import problems_as_json
from mailtenant.settings import SettingsErrors, TenantSettings, parse_settings
from mailtenant.settings.document import parse_document
from mailtenant.settings.secret_leaves import secrets_problems
from tests.unit.settings.example import example_document, example_settings

CANARY = "hunter2canary7f3a9"
Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> list[Path]:
    """Every place in the document, tables and lists included."""
    below: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    return [path, *(place for key, inner in below for place in places(inner, (*path, key)))]


PLACES = [place for place in places(example_document()) if place]
SECRETS = st.sampled_from(
    [
        CANARY,
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
        f"-----BEGIN CERTIFICATE-----\n{CANARY}\n-----END CERTIFICATE-----",
        f"{CANARY}@acme.test\n",
        f"{CANARY}.acme",
        f"mailto:{CANARY}",
        f"2026-12-{CANARY}",
        f"10.0.0.{CANARY}",
        [CANARY],
        {CANARY + " with spaces": CANARY},
        {"provider": CANARY},
        {"secure": CANARY},
        {"selector": CANARY, "token": {"value": CANARY}},
    ]
)


def put(document: Any, path: Path, value: object) -> None:
    for part in path[:-1]:
        document = document[part]
    document[path[-1]] = value


def told(error: SettingsErrors) -> str:
    """All that any command could print of it."""
    return "\n".join(
        [str(error), repr(error), repr(error.problems), json.dumps(problems_as_json(error)), str(error.args)]
    )


@given(st.sampled_from(PLACES), SECRETS)
def test_a_misplaced_secret_never_appears_in_an_error(place: Path, secret: object) -> None:
    document = example_document()
    put(document, place, secret)
    try:
        parse_settings(document)
    except SettingsErrors as error:
        assert CANARY not in told(error)
        assert error.__cause__ is None
        assert error.__suppress_context__


@given(st.sampled_from(PLACES), SECRETS)
def test_even_pydantics_own_text_does_not_hold_it(place: Path, secret: object) -> None:
    """A traceback that somebody else prints is out of our hands."""
    document = example_document()
    put(document, place, secret)
    try:
        TenantSettings.model_validate(document)
    except ValidationError as error:
        shown = str(error).replace(CANARY + " with spaces", "")  # the name of an unknown key is pydantic's to print
        assert CANARY not in shown


@pytest.mark.parametrize(
    "text",
    [
        f"password: '{CANARY}",
        f"{CANARY}: [",
        f"a: *{CANARY}",
        f"a: &{CANARY} b",
        f"a: !{CANARY} b",
        f"a: !!python/name:{CANARY} b",
        f"\t{CANARY}: 1",
        f"a: {CANARY}: b",
        f"{CANARY}: 1\n{CANARY}: 2",
        f"a: \x01{CANARY}",
        f"? [{CANARY}]\n: 1",
        f"a: 1\n---\nb: {CANARY}",
        f"a: @{CANARY}",
        f"a: '\\{CANARY}",
        f'a: "\\{CANARY}"',
        f"%{CANARY}\n---\na: 1",
    ],
)
def test_a_broken_file_is_named_by_line_and_not_by_content(text: str) -> None:
    with pytest.raises(SettingsErrors) as caught:
        parse_document(text, "stacks/Pulumi.acme.yaml")
    assert CANARY not in told(caught.value)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].fix


@given(st.sampled_from([("tlsKey",), ("dkim", "acme.test", "mt1"), ("unknown",), ("dkim",)]), SECRETS)
def test_a_secret_in_clear_is_refused_without_its_value(path: tuple[str, ...], secret: object) -> None:
    tree: dict[str, Any] = {}
    place = tree
    for part in path[:-1]:
        place = place.setdefault(part, {})
    place[path[-1]] = secret
    found = list(secrets_problems(tree, example_settings(), "f"))
    assert found
    assert CANARY not in repr(found)
