"""What is left to the customer."""

from dataclasses import replace
from datetime import UTC, datetime

from mailtenant.migration import Migration, Side, State
from mailtenant.migration.model import SignOff
from mailtenant.migration.todo import RECONNECT, RECORDS, WORDS, to_do


def test_where_we_write_the_dns_reconnecting_is_the_only_thing_in_every_state() -> None:
    for state in State:
        assert to_do(Migration(state=state)) == (RECONNECT,)


def test_records_by_hand_come_first_and_are_no_more_asked_for_once_all_is_signed_off() -> None:
    manual = Migration(manual_dns=True)
    assert to_do(manual) == (RECORDS, RECONNECT)
    moved = replace(manual, state=State.HOLDING, serving=Side.TENANT)
    assert to_do(moved) == (RECORDS, RECONNECT)
    assert to_do(replace(moved, sign_off=SignOff("Jo", datetime(2026, 12, 1, tzinfo=UTC)))) == (RECONNECT,)


def test_each_has_its_words() -> None:
    assert set(WORDS) == {RECORDS, RECONNECT}
