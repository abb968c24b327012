"""The changes that people make to a tenant, as edits of a tree: of its stack file, or of the code that all share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STACK: Final = "stacks/Pulumi.delta.yaml"


@dataclass(frozen=True)
class Scenario:
    """`edit` changes files below a folder that is shaped like this tree; `code`: not a stack file's change."""

    name: str
    title: str
    edit: Callable[[Path], None] | None
    code: bool = False


def replaced(file: str, pattern: str, by: str) -> Callable[[Path], None]:
    """An edit: one place in one file."""

    def edit(tree: Path) -> None:
        path = tree / file
        text, number = re.subn(pattern, by, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert number == 1, f"{pattern} is there {number} times in {file}"
        path.write_text(text, encoding="utf-8")

    return edit


def edits(*parts: Callable[[Path], None]) -> Callable[[Path], None]:
    """One edit after the other."""

    def edit(tree: Path) -> None:
        for part in parts:
            part(tree)

    return edit


SCENARIOS: Final = (
    # Its keys are made by `mailtenant domain add`, so the edited stack file is recorded.
    Scenario("add-domain", "Add the domain delta-three.test", None),
    Scenario(
        "raise-limit",
        "Raise the sending limits, and give memory",
        edits(
            replaced(STACK, r"^    limits: .*$", "    limits: {mailbox: {hour: 200, day: 2000}, tenant: {day: 40000}}"),
            replaced(STACK, r"^    size: small$", "    size: {base: small, imap: {memory_mib: 1024}}"),
        ),
    ),
    Scenario(
        "tune-one-tenant",
        "Accept messages of 60 MiB",
        replaced(STACK, r"message_size_limit_mib: \d+", "message_size_limit_mib: 60"),
    ),
    Scenario(
        "template-change",
        "Postfix: warn about delays after 2 hours",
        replaced("templates/postfix/etc/postfix/main.cf.j2", r"^delay_warning_time = .*$", "delay_warning_time = 2h"),
        code=True,
    ),
    Scenario("new-release", "Release 2026.12", replaced(STACK, r'^    release: "2026.11"$', '    release: "2026.12"')),
    Scenario(
        "rename-volume",
        "Call the queue's volume spool",
        replaced("components/smtp.py", r'f"\{name\}-queue",$', 'f"{name}-spool",'),
        code=True,
    ),
)
