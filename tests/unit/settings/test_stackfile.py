"""A stack file as a whole: its name, its frame, its secrets, the lines in its errors."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailtenant.settings import SettingsErrors, load_stack_file
from tests.unit.settings.example import example_document
from tests.unit.settings.files import SALT, SEALED, stack_value, write

TREE = Path(__file__).resolve().parents[3]
Change = Callable[[dict[str, Any]], object]


def refused(path: Path) -> SettingsErrors:
    with pytest.raises(SettingsErrors) as caught:
        load_stack_file(path)
    return caught.value


def test_a_good_file_gives_settings_and_the_paths_of_its_secrets(tmp_path: Path) -> None:
    stack_file = load_stack_file(write(tmp_path, stack_value(example_document())))
    assert stack_file.settings.label == "acme"
    assert stack_file.file == "stacks/Pulumi.acme.yaml"
    assert stack_file.encryption_salt == SALT
    assert stack_file.dns_phase == "settled"
    assert ("dkim", "acme.test", "mt1") in stack_file.secrets
    assert SEALED["secure"] not in repr(stack_file)


def _config(value: dict[str, Any]) -> Any:
    return value["config"]


def _secrets(value: dict[str, Any]) -> Any:
    return value["config"]["mailtenant:secrets"]


BAD: list[tuple[str, Change, str, str]] = [
    ("no config", lambda v: v.pop("config"), "config", "missing"),
    ("settings beside config", lambda v: v.update(label="acme"), "label", "below `config:`"),
    ("no tenant", lambda v: _config(v).pop("mailtenant:tenant"), "mailtenant:tenant", "missing"),
    (
        "unknown key of ours",
        lambda v: _config(v).update({"mailtenant:tennant": 1}),
        "mailtenant:tennant",
        "not a known key",
    ),
    ("key without namespace", lambda v: _config(v).update(tenant=1), "tenant", "not a known key"),
    ("phase", lambda v: _config(v).update({"mailtenant:dnsPhase": "halfway"}), "mailtenant:dnsPhase", "is not a phase"),
    ("no salt", lambda v: v.pop("encryptionsalt"), "encryptionsalt", "version control"),
    ("no secrets", lambda v: _config(v).pop("mailtenant:secrets"), "mailtenant:secrets.tlsKey", "is missing"),
    (
        "secrets sealed as one",
        lambda v: _config(v).update({"mailtenant:secrets": SEALED}),
        "mailtenant:secrets",
        "as a whole",
    ),
    ("secrets a list", lambda v: _config(v).update({"mailtenant:secrets": []}), "mailtenant:secrets", "not a table"),
    (
        "leaf missing",
        lambda v: _secrets(v).pop("cachePassword"),
        "mailtenant:secrets.cachePassword",
        "pulumi config set",
    ),
    ("leaf in clear", lambda v: _secrets(v).update(tlsKey="x"), "mailtenant:secrets.tlsKey", "not encrypted"),
    ("leaf empty", lambda v: _secrets(v).update(tlsKey={"secure": ""}), "mailtenant:secrets.tlsKey", "not encrypted"),
    ("leaf unknown", lambda v: _secrets(v).update(tlsKeyy=SEALED), "mailtenant:secrets.tlsKeyy", "not a known secret"),
    (
        "dkim key missing",
        lambda v: _secrets(v)["dkim"].pop("acme.test"),
        'mailtenant:secrets.dkim["acme.test"].mt1',
        "--path 'mailtenant:secrets.dkim[\"acme.test\"].mt1'",
    ),
    (
        "provider's token missing",
        lambda v: _config(v)["mailtenant:tenant"]["domains"][0].update(dns={"provider": "godaddy"}),
        "mailtenant:secrets.godaddyKey",
        "provider `godaddy` needs it",
    ),
    (
        "a setting wrong",
        lambda v: _config(v)["mailtenant:tenant"].update(size="huge"),
        "mailtenant:tenant.size",
        "'small', 'medium' or 'large'",
    ),
]


@pytest.mark.parametrize(("what", "change", "path", "word"), BAD, ids=[b[0] for b in BAD])
def test_a_file_that_is_not_right_is_refused_at_the_path(
    tmp_path: Path, what: str, change: Change, path: str, word: str
) -> None:
    value = stack_value(example_document())
    change(value)
    found = [p for p in refused(write(tmp_path, value)).problems if p.path == path]
    assert len(found) == 1, what
    assert word in found[0].text
    assert found[0].fix


def test_the_error_reads_as_documented(tmp_path: Path) -> None:
    value = stack_value(example_document())
    value["config"]["mailtenant:tenant"]["capacity"]["mailboxes"] = "many"
    value["config"]["mailtenant:secrets"].pop("tlsKey")
    path = write(tmp_path, value)
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines, start=1) if "mailboxes:" in line)
    assert str(refused(path)).splitlines()[:2] == [
        "stacks/Pulumi.acme.yaml: 2 problems",
        "  mailtenant:tenant.capacity.mailboxes   is not a whole number; write digits only, without quotes "
        f"(line {at})",
    ]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Pulumi.other.yaml", "not the label in the file's name"),
        ("acme.yaml", "not named like a stack file"),
        ("Pulumi.-a.yaml", "the label in the file's name"),
        ("Pulumi.www.yaml", "reserved"),
    ],
)
def test_the_files_name_is_the_label(tmp_path: Path, name: str, word: str) -> None:
    assert word in str(refused(write(tmp_path, stack_value(example_document()), name)))


def test_other_programs_keys_are_left_alone(tmp_path: Path) -> None:
    value = stack_value(example_document())
    value["config"]["docker:host"] = "unix:///var/run/docker.sock"
    assert load_stack_file(write(tmp_path, value)).settings.label == "acme"


def test_the_committed_demo_tenant_is_valid(tmp_path: Path) -> None:
    copy = tmp_path / "Pulumi.acme.yaml"
    shutil.copy(TREE / "stacks" / "Pulumi.acme.yaml", copy)
    settings = load_stack_file(copy).settings
    assert (settings.host, settings.domains[0].name) == ("acme.outboxment.test", "acme.test")
    assert str(settings.publish) == "127.0.1.1"
