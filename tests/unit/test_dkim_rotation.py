"""The step of a rotation that comes next, for every mixture of keys."""

from datetime import UTC, datetime, timedelta

import pytest

from mailtenant.dkim_rotation import KEPT, next_selector, next_step
from mailtenant.settings.dns import DomainKey
from tests import samples

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def key(selector: str, state: str, days: float | None = None) -> DomainKey:
    public = samples.public_half(samples.private_key())
    since = NOW - timedelta(days=days) if days is not None else None
    return DomainKey.model_validate({"selector": selector, "state": state, "public_key": public, "since": since})


@pytest.mark.parametrize(("keys", "kind", "selector"), [
    ([key("mt1", "active")], "publish", "mt2"),
    ([key("mt1", "active"), key("mt2", "pending", 0)], "activate", "mt2"),
    ([key("mt1", "retiring", 1), key("mt2", "active", 1)], "wait", "mt1"),
    ([key("mt1", "retiring", 7), key("mt2", "active", 7)], "remove", "mt1"),
    ([key("mt1", "retiring"), key("mt2", "active")], "remove", "mt1"),
    ([key("theirs", "active")], "publish", "mt1"),
])  # fmt: skip
def test_the_step_that_comes_next(keys: list[DomainKey], kind: str, selector: str) -> None:
    step = next_step(keys, NOW)
    assert (step.kind, step.selector) == (kind, selector)


def test_a_key_is_kept_a_week_to_the_second() -> None:
    keys = [key("mt1", "retiring", KEPT.days), key("mt2", "active")]
    assert next_step(keys, NOW - timedelta(seconds=1)).kind == "wait"


def test_a_selector_is_never_used_again_while_its_key_stands() -> None:
    assert next_selector([key("mt9", "active"), key("mt2", "retiring")]) == "mt10"
