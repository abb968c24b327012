"""Rendering: deterministic, complete, and closed against every value that tries to break out of its file."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailtenant.dns import local_zones, policies
from mailtenant.rendering import SERVICES, RenderedFile, UnsafeValue, filters, render_tenant
from mailtenant.settings import TenantSettings
from tests import samples

NASTY = st.text(alphabet=st.sampled_from("a'\"\\$%{}=#;\n\r\t\0`<>|&()[]*?!~@:,. ü東\u2028\x7f"), max_size=20)


def rendered(tenant: TenantSettings) -> tuple[RenderedFile, ...]:
    return render_tenant(tenant, zones=local_zones(tenant), policies=policies(tenant))


def test_the_same_settings_give_the_same_octets() -> None:
    assert rendered(samples.settings()) == rendered(samples.settings())


def test_every_service_with_a_config_path_has_files_below_it() -> None:
    files = rendered(samples.web_settings())
    for name, spec in SERVICES.items():
        own = [file.path for file in files if file.service == name]
        assert bool(own) == bool(spec.config_path), name
        assert all(path.startswith(spec.config_path + "/") for path in own)


def test_every_health_check_has_a_start_period_in_which_newer_engines_ask_sooner() -> None:
    """docs/decisions/0038: without one, the first question would come after a whole interval on every engine."""
    checks = [spec.healthcheck for spec in SERVICES.values() if spec.healthcheck is not None]
    assert len(checks) == len(SERVICES) - 1  # the edge is checked by those that join it
    assert all(check.start_period >= 30 for check in checks)


def test_no_rendered_file_holds_a_secret() -> None:
    tenant = samples.settings()
    document = samples.secrets_document(tenant)
    values = [v for v in document.values() if isinstance(v, str)] + [samples.private_key()]
    for file in rendered(tenant):
        assert not [value for value in values if value in file.content], file.path
        assert "PRIVATE KEY" not in file.content


def test_a_tuning_change_touches_only_its_own_files() -> None:
    before, after = (
        rendered(samples.settings()),
        rendered(samples.settings(tuning={"postfix": {"message_size_limit_mib": 51}})),
    )
    changed = {b.path for b, a in zip(before, after, strict=True) if a != b}
    assert "/etc/postfix/main.cf" in changed
    assert all(path.startswith(("/etc/postfix/", "/etc/dovecot/")) for path in changed)


def test_templates_use_outside_values_only_through_a_filter() -> None:
    """Numbers and addresses are typed; every free text must be quoted for its file."""
    free_text = re.compile(r"{{[^}]*settings\.(organisation|contact|dmarc)[^}|]*}}")
    for template in (Path(__file__).resolve().parents[2] / "templates").rglob("*.j2"):
        assert not free_text.search(template.read_text()), template


def unquoted(text: str, quote: str, escape: str = "\\") -> bool:
    """Whether `text`, which begins and ends with `quote`, holds a bare `quote` in between."""
    inner = text[1:-1].replace(escape * 2, "")
    return bool(re.search(rf"(?<!{re.escape(escape)}){re.escape(quote)}", inner))


@given(NASTY)
@example('"":')
def test_a_filter_quotes_or_refuses(value: str) -> None:
    for name, quote in filters.FILTERS.items():
        try:
            text = quote(value)
        except UnsafeValue as error:
            assert len(value) < 3 or value not in str(error), "the message repeats the value"
            continue
        assert not re.search(r"[\x00-\x1f\x7f\u2028]", text), name
        # Not of those that only refuse: a value may begin with a quote of its own there.
        if quote("x").startswith('"'):
            assert text.startswith('"') and not unquoted(text, '"'), name
        if name == "pgconf":
            assert "'" not in text[1:-1].replace("''", ""), name


@given(st.text(max_size=30))
def test_a_postfix_value_has_no_live_dollar(value: str) -> None:
    try:
        text = filters.postfix(value)
    except UnsafeValue:
        return
    assert not re.search(r"(?<!\$)(\$\$)*\$(?!\$)", text)


@given(st.text(max_size=30))
def test_a_lua_string_gives_the_octets_back(value: str) -> None:
    try:
        text = filters.lua(value)
    except UnsafeValue:
        return
    octets = re.sub(rb"\\(\d{3})", lambda match: bytes([int(match[1])]), text[1:-1].encode("latin-1"))
    assert octets == value.encode()


@pytest.mark.parametrize("value", ["a\nb", "a\0b", "a\rb", "a\u2028b"])
def test_line_breaks_are_refused_everywhere(value: str) -> None:
    for name, quote in filters.FILTERS.items():
        if name == "nginx" and value in ("a\nb", "a\rb"):
            continue  # has escapes for these, below
        with pytest.raises(UnsafeValue):
            quote(value)
            pytest.fail(name)


@pytest.mark.parametrize("value", ["a\nb", "a\rb"])
def test_a_line_break_stays_inside_an_nginx_string(value: str) -> None:
    quoted = filters.nginx(value)
    assert "\n" not in quoted
    assert "\r" not in quoted
