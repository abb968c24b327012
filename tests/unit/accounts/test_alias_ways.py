"""Ways of aliases: circles are named with their chain; Postfix's limits hold, directly and through other aliases."""

import pytest

from mailtenant.accounts.alias_ways import DEPTH_LIMIT, EXPANSION_LIMIT, AliasWays

BOXES = {"jo@acme.test", "ann@acme.test"}


def problem(start: str, *aliases: str) -> str | None:
    """`aliases` as "a>b": local parts of acme.test, "@" is the catch-all."""

    def whole(part: str) -> str:
        return part if "@" in part[1:] else f"{part.rstrip('@')}@acme.test"

    ways = AliasWays([tuple(map(whole, one.split(">"))) for one in aliases], BOXES)  # type: ignore[misc]
    return ways.problem(whole(start))


@pytest.mark.parametrize(
    ("start", "aliases", "chain"),
    [
        ("a", ["a>a"], "a@acme.test → a@acme.test"),
        ("a", ["a>a+tag"], "a@acme.test → a+tag@acme.test"),
        ("a", ["a>b", "b>a"], "a@acme.test → b@acme.test → a@acme.test"),
        ("a", ["a>jo", "a>b", "b>c", "c>b+tag"], "a@acme.test → b@acme.test → c@acme.test → b+tag@acme.test"),
        # What has no mailbox and no alias of its own goes to the catch-all.
        ("@", ["@>a", "a>gone"], "@acme.test → a@acme.test → gone@acme.test → @acme.test"),
        ("@", ["@>gone"], "@acme.test → gone@acme.test → @acme.test"),
    ],
)
def test_a_circle_is_named_with_its_chain(start: str, aliases: list[str], chain: str) -> None:
    said = problem(start, *aliases)
    assert said is not None and said.endswith(f"would lead in a circle: {chain}")


@pytest.mark.parametrize(
    "aliases",
    [
        ["a>jo", "a>x@else.test", "b>a", "b>jo"],
        # Twice the same mailbox is no circle, and the catch-all does not take a mailbox's mail.
        ["b>a", "b>c", "a>jo", "c>jo"],
        ["@>b", "b>jo+tag"],
        ["b>b@else.test"],
    ],
)
def test_a_way_that_ends_is_well(aliases: list[str]) -> None:
    assert problem("b", *aliases) is None
    assert problem("@", *aliases) is None


def test_a_long_chain_is_shown_by_its_ends() -> None:
    said = problem("a0", *[f"a{n}>a{(n + 1) % 40}" for n in range(40)])
    assert said is not None and said.count("→") == 11 and said.endswith("… → a39@acme.test → a0@acme.test")


def test_postfix_goes_through_so_many_aliases_and_no_more() -> None:
    chain = [f"a{n}>a{n + 1}" for n in range(DEPTH_LIMIT - 1)]
    assert problem("a0", *chain, f"a{DEPTH_LIMIT - 1}>jo") is None
    assert "more than 1000 aliases" in str(problem("a0", *chain, f"a{DEPTH_LIMIT - 1}>last", "last>jo"))


def test_postfix_expands_to_so_many_addresses_and_no_more_by_whatever_way() -> None:
    half = [f"h>x{n}@else.test" for n in range(EXPANSION_LIMIT // 2)]
    assert problem("a", "a>h", "a>b", "b>h", *half) is None
    assert "more than 1000 addresses" in str(problem("a", "a>h", "a>b", "b>h", "a>jo", *half))
    # Each step doubles it: found without walking all of it.
    doubling = [f"d{n}{kind}>d{n + 1}{other}" for n in range(60) for kind in "xy" for other in "xy"]
    assert "more than 1000 addresses" in str(problem("d0x", *doubling))


def test_what_leads_to_an_alias_is_found_over_tags_and_catch_alls() -> None:
    aliases = {"a": "jo", "b": "a+tag", "c": "b", "": "c", "d": "nobody", "e": "ann"}
    ways = AliasWays([(f"{one}@acme.test", f"{other}@acme.test") for one, other in aliases.items()], BOXES)
    assert {one.partition("@")[0] for one in ways.leading_to(["a@acme.test"])} == {"a", "b", "c", "", "d"}
