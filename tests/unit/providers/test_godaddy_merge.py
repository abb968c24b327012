"""What a record set becomes at GoDaddy: nothing of others is lost, nothing of ours stays, the way back is exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from providers.godaddy import server
from providers.godaddy.merge import identity, merged, same_set, seen

Value = dict[str, Any]


def text(data: str, ttl: int = 3600) -> Value:
    return {"data": data, "ttl": ttl}


_SETS = st.lists(st.sampled_from("abcdefgh").map(text), max_size=6, unique_by=identity)


@given(before=_SETS, extra=_SETS, ours=st.lists(st.sampled_from("xyz").map(text), max_size=3, unique_by=identity),
       share=st.integers(0, 6))  # fmt: skip
def test_there_and_back_is_the_set_as_it_was_and_others_never_move(
    before: list[Value], extra: list[Value], ours: list[Value], share: int
) -> None:
    replaced, foreign = before[:share], before[share:]
    added = [one for one in extra if identity(one) not in {identity(b) for b in before}]
    written = merged(before, [], ours, replaced, before)
    assert all(one in written for one in foreign) and all(one in written for one in ours)
    assert not [one for one in replaced if one in written and one not in ours]
    # Writing again changes nothing; what somebody adds meanwhile stays.
    assert merged(written, ours, ours, replaced, before) == written
    back = merged([*written, *added], ours, replaced, replaced, before)
    assert back == [*before, *added]


def test_an_interrupted_write_is_seen_as_done() -> None:
    before, ours = [text("old"), text("foreign")], [text("new")]
    done = merged(before, [text("old")], ours, [text("old")], before)
    assert same_set(merged(done, [text("old")], ours, [text("old")], before), done)


def test_a_foreign_value_that_its_owner_deleted_does_not_come_back() -> None:
    assert merged([text("ours")], [text("ours")], [text("old")], [text("old")], [text("old"), text("foreign")]) == [
        text("old")
    ]


def test_drift_is_what_of_ours_is_there_with_its_ttl() -> None:
    assert seen([text("a", 600), text("foreign")], [text("a"), text("b")]) == [text("a", 600)]


def test_the_order_of_a_set_is_no_difference_and_a_ttl_is() -> None:
    assert same_set([text("a"), text("b")], [text("b"), text("a")])
    assert not same_set([text("a")], [text("a", 600)])


def test_wrong_inputs_are_named_every_one_without_their_values() -> None:
    found = dict(server.problems({
        "domain": "", "name": "@", "type": "NS", "surprise": 1,
        "values": [{"data": "secret-looking", "ttl": 60}, {"data": "", "ttl": 600}],
    }))  # fmt: skip
    assert set(found) == {"domain", "type", "surprise", "values[0].ttl", "values[1].data"}
    assert not any("secret-looking" in reason for reason in found.values())


def test_the_schema_names_exactly_what_the_provider_takes() -> None:
    schema = json.loads((Path(server.__file__).with_name("schema.json")).read_text())
    (resource,) = schema["resources"].values()
    assert set(resource["inputProperties"]) == {"domain", "name", "type", "values", "replaced", "before"}
    assert {k for k, v in resource["inputProperties"].items() if v.get("willReplaceOnChanges")} == set(server._PLACE)
    assert set(resource["properties"]) == set(resource["inputProperties"]) and schema["version"] == server.VERSION
