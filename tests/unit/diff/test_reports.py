"""What people read: lines of settings and records, Markdown that nothing in it can break out of, no secret."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mailtenant.diff.comparison import Comparison
from mailtenant.diff.document import from_json, to_json
from mailtenant.diff.graph import InputChange, ResourceChange
from mailtenant.diff.image import RecordImage, TenantImage
from mailtenant.diff.markdown import cell, code, fenced, markdown
from mailtenant.diff.repository import Revision
from mailtenant.diff.tenant import RecordChange, TenantChange, settings_changes, tenant_change
from mailtenant.diff.text import blind, short, shown_change


def comparison(*tenants: TenantChange) -> Comparison:
    return Comparison(Revision("main", "a" * 40), Revision("topic", "b" * 40), tenants, 5, ())


def test_a_domain_more_moves_no_other() -> None:
    def domains(*names: str) -> dict[str, object]:
        return {"mailtenant:tenant": {"domains": [{"name": n, "dns": {"provider": "local"}} for n in names]}}

    found = list(settings_changes(domains("b.test"), domains("a.test", "b.test")))
    assert {one.path for one in found} == {
        "mailtenant:tenant.domains[a.test].name",
        "mailtenant:tenant.domains[a.test].dns.provider",
    }
    assert all(one.old is None for one in found)


def test_of_entries_that_share_a_name_each_one_counts() -> None:
    def found(mx: str) -> dict[str, object]:
        records = [{"name": "acme.test", "type": "MX", "value": mx}, {"name": "acme.test", "type": "TXT", "value": "x"}]
        return {"mailtenant:dnsExisting": {"acme.test": records}}

    (one,) = settings_changes(found("10 a.test"), found("10 b.test"))
    assert (one.path, one.new) == ("mailtenant:dnsExisting.acme.test[acme.test].value", '"10 b.test"')


def test_a_list_of_plain_values_is_one_setting() -> None:
    (one,) = settings_changes({"reports": ["a"]}, {"reports": ["a", "b"]})
    assert (one.path, one.old, one.new) == ("reports", '["a"]', '["a", "b"]')


def record(value: str, ttl: int = 300, name: str = "acme.test", type_: str = "MX") -> RecordImage:
    return RecordImage(name, type_, value, ttl, "why")


def changed(old: list[RecordImage], new: list[RecordImage]) -> list[tuple[str | None, str | None]]:
    sides = [TenantImage("acme", records=tuple(side)) for side in (old, new)]
    found = tenant_change("acme", sides[0], sides[1], {}).records
    return [(c.old.value if c.old else None, c.new.value if c.new else None) for c in found]


def test_a_record_that_takes_anothers_place_is_one_change() -> None:
    assert changed([record("10 a")], [record("10 b")]) == [("10 a", "10 b")]
    assert changed([record("10 a")], [record("10 a"), record("20 b")]) == [(None, "20 b")]
    assert changed([record("10 a"), record("20 b")], [record("20 b", 60)]) == [("20 b", "20 b"), ("10 a", None)]
    assert changed([record("10 a")], [replace(record("10 a"), reason="another sentence")]) == []


def test_lists_and_tables_show_only_what_differs() -> None:
    assert shown_change("volumes", [{"a": 1.0}, {"b": 2.0}], [{"a": 1.0}, {"b": 3.0}]) == ('[{"b": 2}]', '[{"b": 3}]')
    assert shown_change("healthcheck", {"a": 1, "b": 2}, {"a": 1, "b": 3}) == ('{"b": 2}', '{"b": 3}')
    uploads = [{"file": "/etc/x", "content": "text"}]
    assert shown_change("uploads", uploads, [{"file": "/etc/x", "content": "other"}]) == ('["/etc/x"]', '["/etc/x"]')


def test_no_digest_of_a_secret_is_shown() -> None:
    text = 'x "[secret 0a1b2c3d4e5f]" mt-acme-smtp-secrets-0a1b2c3d4e5f mt-acme-smtp-config-0a1b2c3d4e5f'
    assert blind(text) == 'x "[secret]" mt-acme-smtp-secrets-[secret] mt-acme-smtp-config-0a1b2c3d4e5f'
    assert len(short("x" * 1000)) <= 300


@given(st.lists(st.text(alphabet=st.sampled_from("`~|<>*_[]@#\\ a\n-"), max_size=30), min_size=1, max_size=6))
def test_nothing_closes_a_fence_from_inside(lines: list[str]) -> None:
    text = fenced(lines)
    first, *inside, last = text.split("\n")
    assert first == f"{last}diff"
    assert not any(re.fullmatch(rf" {{0,3}}`{{{len(last)},}} *", line) for line in inside)


@given(st.text(alphabet=st.sampled_from("`|<>*_[]@#\\ a\n&"), max_size=40))
def test_nothing_in_a_cell_or_a_code_span_ends_it(text: str) -> None:
    assert "\n" not in cell(text) + code(text)
    assert not re.search(r"(?<!\\)\|", cell(text).replace("\\\\", ""))
    assert "<" not in cell(text)
    fence = re.match(r"`+", code(text))
    assert fence
    assert code(text).endswith(fence[0])
    inside = code(text)[len(fence[0]) : -len(fence[0])]
    assert all(len(run) < len(fence[0]) for run in re.findall(r"`+", inside))


def test_a_loss_stands_above_the_table_and_its_section_is_open() -> None:
    lost = ResourceChange("delete", "urn", "docker:index/volume:Volume", "q", "mt-acme-queue", True, True)
    text = markdown(comparison(TenantChange("acme", "changed", resources=(lost,)), TenantChange("globex", "gone")))
    assert text.index("Volume `mt-acme-queue` is protected and would be **deleted**") < text.index("| tenant |")
    assert "<details open><summary>⛔ <b>acme</b>" in text
    assert "globex" in text


def test_json_gives_back_what_it_was_made_of() -> None:
    update = InputChange("memory", "1", "2", False)
    resource = ResourceChange("update", "urn", "t", "n", "p", False, False, (update,))
    found = comparison(
        TenantChange("acme", "changed", records=(RecordChange(None, record("10 a")),), resources=(resource,)),
        TenantChange("bad", "broken", problems=(("head", "size: no"),)),
    )
    assert from_json(to_json(found), "diff.json") == found
