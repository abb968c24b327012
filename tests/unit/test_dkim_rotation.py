"""The step of a rotation that comes next, for every mixture of keys."""

from datetime import UTC, datetime, timedelta

import pytest

from mailtenant.dkim_rotation import FORGOTTEN, KEPT, next_selector, next_step
from mailtenant.dns.dkim import spare_selectors
from mailtenant.settings.dns import DomainKey
from tests import samples

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def key(selector: str, state: str, days: float | None = None, algorithm: str = "rsa") -> DomainKey:
    public = samples.public_half(samples.private_key()) if algorithm == "rsa" else "A" * 43 + "="
    since = NOW - timedelta(days=days) if days is not None else None
    return DomainKey.model_validate(
        {"selector": selector, "state": state, "public_key": public, "since": since, "algorithm": algorithm}
    )


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


def test_each_algorithm_takes_its_own_steps() -> None:
    keys = [key("mt1", "retiring", 1), key("mt2", "active", 1)]
    assert next_step(keys, NOW).kind == "wait"
    assert (next_step(keys, NOW, "ed25519").kind, next_step(keys, NOW, "ed25519").selector) == ("publish", "mt3")
    assert next_step([*keys, key("mt3", "pending", 0, "ed25519")], NOW, "ed25519").kind == "activate"


def test_behind_aliases_two_names_take_turns_so_the_domain_never_needs_an_edit() -> None:
    keys, names = [key("mt1", "active")], set()
    for _ in range(4):
        names.add(frozenset({one.selector for one in keys} | set(spare_selectors(keys).values())))
        fresh = next_selector(keys, mode="cname")
        names.add(frozenset({keys[0].selector, fresh}))
        keys = [key(fresh, "active")]
    assert names == {frozenset({"mt1", "mt2"})}


def test_a_first_ed25519_key_leaves_the_spare_of_the_rsa_one_alone() -> None:
    keys = [key("mt1", "active")]
    assert next_selector(keys, "ed25519", "cname") == "mt3"
    both = [*keys, key("mt3", "active", 1, "ed25519")]
    assert spare_selectors(both) == {"rsa": "mt2", "ed25519": "mt4"}


def test_behind_an_alias_a_key_signs_when_the_empty_one_before_is_forgotten() -> None:
    keys = [key("mt1", "active"), key("mt2", "pending", 0)]
    assert next_step(keys, NOW, mode="cname").kind == "wait"
    assert next_step(keys, NOW + FORGOTTEN, mode="cname").kind == "activate"
