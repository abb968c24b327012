"""Numbers: capacity, warm-up, and what a running tenant already uses."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mailtenant.settings.capacity import Capacity
from mailtenant.settings.limits import Warmup
from mailtenant.settings.live import InUse, live_problems
from tests.unit.settings.files import a_stack_file

FIRST = date(2026, 12, 1)


@given(st.integers(1, 100_000), st.integers(1, 65_536))
def test_the_default_quota_fits_the_storage_or_the_numbers_needed_are_told(mailboxes: int, storage: int) -> None:
    try:
        capacity = Capacity(mailboxes=mailboxes, domains=1, storage_gib=storage)
    except ValidationError as error:
        assert mailboxes > storage * 1024
        assert f"set at least storage_gib {-(-mailboxes // 1024)}" in str(error)
        return
    assert mailboxes * capacity.mailbox_quota_mib <= storage * 1024
    assert capacity.mailbox_quota_mib <= 2048


def test_each_number_of_the_fix_is_a_fix() -> None:
    with pytest.raises(
        ValidationError, match="storage_gib 100, or at most mailbox_quota_mib 409, or at most mailboxes 10"
    ):
        Capacity(mailboxes=50, domains=1, storage_gib=20, mailbox_quota_mib=2048)
    Capacity(mailboxes=50, domains=1, storage_gib=100, mailbox_quota_mib=2048)
    Capacity(mailboxes=50, domains=1, storage_gib=20, mailbox_quota_mib=409)
    Capacity(mailboxes=10, domains=1, storage_gib=20, mailbox_quota_mib=2048)


def warmup(first_day: int = 50, growth: float = 1.5) -> Warmup:
    return Warmup.model_validate({"from": FIRST, "first_day": first_day, "growth": growth})


def test_warm_up_grows_by_the_day_up_to_the_limit() -> None:
    caps = [warmup().cap(FIRST + timedelta(days=n), 200) for n in (-3, 0, 1, 2, 3, 4, 400)]
    assert caps == [50, 50, 75, 112, 168, 200, 200]


@given(st.integers(1, 1000), st.floats(1.01, 10), st.integers(0, 2000), st.integers(1, 10**8))
def test_warm_up_never_shrinks_and_never_passes_the_limit(first: int, growth: float, days: int, ceiling: int) -> None:
    plan = warmup(first, growth)
    today, tomorrow = (plan.cap(FIRST + timedelta(days=days + n), ceiling) for n in (0, 1))
    assert today <= tomorrow <= ceiling


def test_a_capacity_below_use_is_refused_with_the_numbers(tmp_path: Path) -> None:
    stack_file = a_stack_file(
        tmp_path, "acme", 0, capacity={"mailboxes": 40, "storage_gib": 20, "mailbox_quota_mib": 400}
    )
    in_use = InUse([None] * 45 + [4096] * 2, {"acme.test": 44, "gone.test": 3})
    assert [(p.path.partition(".")[2], p.text) for p in live_problems(stack_file, in_use)] == [
        ("capacity.mailboxes", "40 is below the 47 in use; remove 7 mailboxes or set at least 47"),
        (
            "capacity.storage_gib",
            "20 GiB are below the 26192 MiB that the mailboxes' quotas sum to; lower quotas or set at least 26",
        ),
        ("domains", "gone.test is no longer listed and has 3 mailboxes; list it again, or remove them first"),
    ]


def test_a_capacity_at_use_is_fine(tmp_path: Path) -> None:
    stack_file = a_stack_file(
        tmp_path, "acme", 0, capacity={"mailboxes": 40, "storage_gib": 20, "mailbox_quota_mib": 400}
    )
    assert list(live_problems(stack_file, InUse([None] * 40, {"acme.test": 40, "gone.test": 0}))) == []
