"""The comment: everything in it, the worst first, within the limit, nothing that breaks out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtenant.ci.comment import MARKER, body
from mailtenant.ci.engine import EngineChange, EngineStep
from mailtenant.diff.comparison import Comparison
from mailtenant.diff.graph import ResourceChange
from mailtenant.diff.repository import Revision
from mailtenant.diff.tenant import FileChange, TenantChange
from tests.unit.cli.conftest import Cli
from tests.unit.cli.conftest import cli as cli

VOLUME = "docker:index/volume:Volume"


def comparison(*tenants: TenantChange, total: int = 1_000) -> Comparison:
    return Comparison(Revision("main", "a" * 40), Revision("topic", "b" * 40), tenants, total, ())


def changed(label: str, lines: int = 3) -> TenantChange:
    file = FileChange("postfix/etc/postfix/main.cf", "changed", lines, 0, tuple(f"+{label} {i}" for i in range(lines)))
    return TenantChange(label, "changed", files=(file,))


def test_it_begins_with_the_marker_and_says_totals() -> None:
    text = body(
        comparison(changed("acme"), changed("globex")), [EngineChange("acme", "deployed", counts={"replace": 2})]
    )
    assert text.startswith(MARKER + "\n")
    assert "**2 of 1000 tenants change**" in text
    assert "2 to replace" in text


def test_a_thousand_tenants_fit_and_what_is_left_out_is_said() -> None:
    many = [changed(f"tenant-{i:04d}", 40) for i in range(1_000)]
    text = body(
        comparison(*many), [EngineChange(f"tenant-{i:04d}", "deployed", counts={"update": 1}) for i in range(900)]
    )
    assert len(text.encode()) <= 65_000
    assert "… and 940 more" in text
    assert "more sections: in the run's summary" in text
    assert text.count("<details") == text.count("</details>")


def test_failures_stand_first_and_open() -> None:
    failed = EngineChange("globex", "deployed", failure=("the backend does not answer",))
    text = body(comparison(changed("acme")), [failed], ["the offline job failed"])
    assert text.index("the offline job failed") < text.index("| tenant |")
    assert text.index("<b>globex</b>") < text.index("<b>acme</b>")
    assert "1 failed" in text
    assert "<details open><summary>❌ <b>globex</b>" in text


def test_without_a_comparison_there_is_a_comment_all_the_same() -> None:
    text = body(None, [], ["the offline preview gave no result"])
    assert text.startswith(MARKER)
    assert "gave no result" in text


@pytest.mark.parametrize("octets", [b"", b"\xf4\x00\xff", b"{}"], ids=["empty", "no-text", "something-else"])
def test_a_broken_result_is_a_failure_in_the_comment(tmp_path: Path, cli: Cli, octets: bytes) -> None:
    (tmp_path / "diff.json").write_bytes(octets)
    ended = cli("ci", "comment", "--diff", tmp_path / "diff.json")
    assert ended.code == 0
    assert "diff.json is no output of" in ended.out


def test_a_protected_resource_is_flagged_in_both_parts() -> None:
    lost = ResourceChange("delete", "urn", VOLUME, "q", "mt-acme-queue", True, True)
    step = EngineStep("delete", VOLUME, "mt-acme-queue", True)
    text = body(
        comparison(TenantChange("acme", "changed", resources=(lost,))),
        [EngineChange("acme", "deployed", (step,), ("cannot be deleted because it is protected.",), {"delete": 1})],
    )
    assert "⛔ **acme**" in text
    assert "delete Volume `mt-acme-queue` 🔒" in text


_ROUGH = st.text(alphabet=st.sampled_from("`<>|*@#\n a</details>&ü☃"), max_size=60)


@given(st.lists(_ROUGH, max_size=5), st.lists(st.tuples(_ROUGH, _ROUGH), max_size=8), st.integers(2_000, 9_000))
def test_whatever_is_said_the_limit_holds_and_the_marker_is_the_first_line(
    failures: list[str], engine: list[tuple[str, str]], limit: int
) -> None:
    changes = [EngineChange(label, "deployed", failure=(text,)) for label, text in engine]
    tenants = [changed(label, 9) for label, _ in engine]
    text = body(comparison(*tenants), changes, failures, limit)
    assert len(text.encode()) <= limit
    assert text.split("\n", 1)[0] == MARKER
