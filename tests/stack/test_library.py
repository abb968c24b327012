"""The components as a library: the published schema, what it refuses, the examples, the generated pages."""

import json
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental.component import ComponentProvider

from components.plugin.__main__ import semantic
from components.published import MailTenant
from components.reference import PAGES, found, pages
from components.registrations import registrations
from tests import samples

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def values(label: str) -> dict[str, Any]:
    settings = samples.settings(label)
    return {"tenant": samples.document(label), "secrets": samples.secrets_document(settings)}


def run_example(name: str, config: dict[str, Any]) -> list[tuple[str, str]]:
    """(type, name) of every registration of an example, run as a program with this config."""
    pulumi.runtime.set_all_config({f"{name}:{key}": json.dumps(value) for key, value in config.items()})

    def program() -> None:
        runpy.run_path(str(EXAMPLES / name.replace("-", "_") / "__main__.py"))

    try:
        seen = registrations(program, name, "dev").resources
    finally:
        pulumi.runtime.set_all_config({})
    return [(one.type, one.name) for one in seen]


def test_the_plugin_s_schema_names_inputs_and_outputs() -> None:
    schema = json.loads(ComponentProvider([MailTenant], "mailtenant", None, "2026.11.0").schema)
    resource = schema["resources"]["mailtenant:index:MailTenant"]
    assert resource["isComponent"]
    assert set(resource["inputProperties"]) == {"tenant", "secrets", "dnsPhase", "dnsExisting"}
    assert set(resource["requiredInputs"]) == {"tenant", "secrets"}
    assert set(resource["properties"]) == {"host", "address", "address6", "ports", "certificateAuthority"}
    assert resource["inputProperties"]["dnsPhase"]["type"] == "string"
    assert "mailtenant:tenant" in resource["inputProperties"]["tenant"]["description"]
    assert resource["description"].startswith("Creates: a whole mail system")


def test_a_release_is_a_version_that_plugins_may_have() -> None:
    assert semantic("2026.11") == "2026.11.0"
    assert semantic("2026.01") == "2026.1.0"


def test_one_tenant_registers_what_the_stacks_own_program_does() -> None:
    seen = run_example("one-tenant", values("acme"))
    assert ("mailtenant:index:MailTenant", "mail") in seen
    assert ("mailtenant:index:TenantMail", "acme") in seen
    assert sum(type_ == "docker:index/container:Container" for type_, _ in seen) > 10


def test_many_tenants_share_no_name() -> None:
    both = {label: values(label) for label in ("acme", "globex")}
    config = {
        "tenants": {label: one["tenant"] for label, one in both.items()},
        "secrets": {label: one["secrets"] for label, one in both.items()},
    }
    seen = [one for one in run_example("many-tenants", config) if not one[0].startswith("pulumi:")]
    assert len(seen) == len(set(seen))
    assert {("mailtenant:index:TenantMail", "acme"), ("mailtenant:index:TenantMail", "globex")} <= set(seen)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tenant": {"label": "acme"}}, "missing"),
        ({"dns_phase": "sideways"}, "is not a phase"),
        ({"secrets": {"fingerprintKey": "canary-value"}}, "missing"),
        ({"tenant": pulumi.Output.from_input({})}, "must be plain values"),
    ],
)
def test_wrong_values_are_refused_by_path_and_never_shown(change: dict[str, Any], why: str) -> None:
    said: list[str] = []

    def program() -> None:
        with pytest.raises(pulumi.RunError) as refused:
            MailTenant("mail", {**values("acme"), **change})  # type: ignore[typeddict-item]
        said.append(str(refused.value))

    seen = registrations(program, "x", "y").resources
    assert why in said[0]
    assert "canary" not in said[0]
    assert not [one for one in seen if not one.type.startswith("pulumi:")]


def test_every_component_says_what_it_creates_outputs_and_what_replaces_it() -> None:
    for name, one in found().items():
        said = one.__doc__ or ""
        assert said.startswith("Creates: "), name
        assert "Outputs: " in said, name
        assert "Replaced by: " in said or "replace" in said.lower(), name


def test_the_pages_are_up_to_date() -> None:
    wanted = dict(pages())
    assert {path.name: path.read_text() for path in PAGES.glob("*.md")} == wanted, "run `make docs`"
