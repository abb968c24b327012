"""What a customer uses, and the size that is proposed and agreed."""

import pytest

from mailtenant.migration.usage import GIB, Day, Plan, Usage, changed, proposal, report


def days(*mails: int) -> tuple[Day, ...]:
    return tuple(Day(f"2026-11-{number:02}", one, 0) for number, one in enumerate(mails, 1))


@pytest.mark.parametrize(
    ("mails", "wanted"),
    [((), None), ((7,), 7), ((1, 2), 2), (tuple(range(1, 21)), 19), ((*[10] * 19, 9000), 10)],
)
def test_the_95th_percentile_is_the_nearest_rank(mails: tuple[int, ...], wanted: int | None) -> None:
    assert Usage(1, 1, 0, days(*mails)).mails_a_day == wanted


def test_received_and_sent_count_together() -> None:
    assert Usage(1, 1, 0, (Day("2026-11-01", 3, 4),)).mails_a_day == 7


PROPOSALS = {
    Usage(3, 1, 0): Plan("small", 8, 3, 1),
    Usage(40, 1, 10 * GIB): Plan("small", 50, 3, 20),
    Usage(41, 1, 10 * GIB + 1): Plan("medium", 52, 3, 21),
    Usage(200, 8, 1): Plan("medium", 250, 10, 1),
    Usage(201, 8, 1): Plan("large", 252, 10, 1),
    Usage(3, 1, 0, days(5_000)): Plan("small", 8, 3, 1),
    Usage(3, 1, 0, days(5_001)): Plan("medium", 8, 3, 1),
    Usage(3, 1, 0, days(50_001)): Plan("large", 8, 3, 1),
}


@pytest.mark.parametrize("usage", PROPOSALS)
def test_what_is_proposed(usage: Usage) -> None:
    assert proposal(usage) == PROPOSALS[usage]
    assert report(usage)["proposed"] == vars(PROPOSALS[usage])


def test_a_proposal_is_changed_where_the_customer_wants_it() -> None:
    plan = Plan("small", 8, 3, 1)
    assert changed(plan, None, None, None, None) == plan
    assert changed(plan, "large", 100, None, 50) == Plan("large", 100, 3, 50)
    for size, mailboxes in (("huge", None), (None, 0)):
        with pytest.raises(ValueError, match=r"size|at least 1"):
            changed(plan, size, mailboxes, None, None)


def test_a_stack_file_that_has_less_than_agreed_is_told() -> None:
    plan = Plan("small", 8, 3, 1)
    assert plan.short_of("small", 8, 3, 1) == plan.short_of("large", 99, 9, 9) == []
    assert plan.short_of({"base": "small"}, 8, 3, 1) == []
    assert plan.short_of("small", 7, 2, 1) == ["capacity.mailboxes 7, agreed 8", "capacity.domains 2, agreed 3"]
    assert Plan("medium", 8, 3, 1).short_of("small", 8, 3, 1) == ["size small, agreed medium"]
