"""A stack's program as a whole: what it asks before it registers anything, and that an offline look asks nobody."""

import json
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest

import components.capacity_guard
import components.queue_guard
from components.registrations import registrations
from mailtenant.accounts.errors import AccountsUnavailable
from mailtenant.host_capacity import HostUnknown
from mailtenant.settings import TenantSettings
from mailtenant.settings.live import InUse
from stacks.offline import tenant_image
from tests import samples
from tests.unit.settings.files import a_stack_file

PROGRAM = Path(__file__).resolve().parents[2] / "stacks" / "__main__.py"


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Mailboxes by domain, as the running tenant says; the host cannot be asked, and no server leaves."""
    by_domain: dict[str, int] = {}

    def in_use(_: TenantSettings) -> InUse:
        if not by_domain:
            raise AccountsUnavailable("it does not run")
        return InUse([None] * sum(by_domain.values()), by_domain)

    def unknown(*_: Any) -> None:
        raise HostUnknown("no engine")

    monkeypatch.setattr(components.capacity_guard, "in_use", in_use)
    monkeypatch.setattr(components.capacity_guard, "host_of", unknown)
    monkeypatch.setattr(components.queue_guard, "drain_leaving", lambda *_: [])
    return by_domain


def registered_types() -> tuple[set[str], str]:
    """What an `up` of the tenant acme registers, and what it is refused with."""
    tenant = samples.settings()
    values = {"tenant": samples.document(), "secrets": samples.secrets_document(tenant)}
    pulumi.runtime.set_all_config({f"mailtenant:{key}": json.dumps(value) for key, value in values.items()})
    said: list[str] = []

    def program() -> None:
        try:
            runpy.run_path(str(PROGRAM))
        except pulumi.RunError as error:
            said.append(str(error))

    try:
        seen = registrations(program, "mailtenant", "acme").resources
    finally:
        pulumi.runtime.set_all_config({})
    return {one.type for one in seen if one.type != "pulumi:pulumi:Stack"}, "".join(said)


def test_an_up_that_takes_a_domain_with_mailboxes_away_is_refused_before_anything_is_registered(
    used: dict[str, int],
) -> None:
    used.update({"acme.test": 2, "gone.test": 1})
    types, said = registered_types()
    assert "gone.test is no longer listed and has 1 mailbox" in said
    assert types == set()


def test_an_up_that_fits_or_whose_database_does_not_run_goes_on(used: dict[str, int]) -> None:
    for by_domain in ({}, {"acme.test": 2}):
        used.update(by_domain)
        types, said = registered_types()
        assert said == ""
        assert "docker:index/container:Container" in types


def test_an_offline_image_asks_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it do what an `up` does first: a diff that takes a mail server away must not empty its queue."""

    def no_command(command: Any, *_: Any, **__: Any) -> None:
        raise AssertionError(f"{command} was run")

    (tmp_path / "stacks").mkdir()
    stack_file = a_stack_file(tmp_path, "acme", 1, "acme.test")
    monkeypatch.setattr(subprocess, "run", no_command)
    monkeypatch.setattr(subprocess, "Popen", no_command)
    image = tenant_image("acme", "Pulumi.acme.yaml", str(tmp_path / "stacks" / "Pulumi.acme.yaml"))
    assert stack_file.settings.label == image["label"]
    assert image.get("problems") is None and len(image["resources"]) > 50
