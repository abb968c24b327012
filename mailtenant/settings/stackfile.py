"""One stack file: `stacks/Pulumi.<label>.yaml`, read without decrypting anything."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from mailtenant.settings.convert import ROOT, parse_settings, problems_of
from mailtenant.settings.document import Document, read_document
from mailtenant.settings.errors import Problem, Refusal, SettingsErrors, dotted
from mailtenant.settings.existing import EXISTING, EXISTING_ADAPTER, PHASES, Existing, Phase
from mailtenant.settings.model import TenantSettings
from mailtenant.settings.names import check_label
from mailtenant.settings.secret_leaves import SECRETS, encrypted_leaves, secrets_problems

DNS_PHASE: Final = "mailtenant:dnsPhase"
_OURS: Final = (ROOT, SECRETS, DNS_PHASE, EXISTING)
_TOP: Final = {"config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment"}
_NAME: Final = re.compile(r"Pulumi\.(.+)\.yaml")


@dataclass(frozen=True)
class StackFile:
    """A stack file that is right in itself. Secrets are known by their paths only."""

    path: Path
    file: str
    settings: TenantSettings
    secrets: frozenset[tuple[str, ...]]
    dns_phase: Phase = "settled"
    existing: Existing = field(default_factory=dict, repr=False)
    encryption_salt: str | None = None
    document: Document = field(default_factory=lambda: Document(None), repr=False, compare=False)

    def problem(self, path: tuple[str | int, ...], message: str, fix: str) -> Problem:
        """A problem at a path below `mailtenant:tenant`, with its line."""
        return Problem(self.file, dotted((ROOT, *path)), message, fix, self.document.line(("config", ROOT, *path)))


def load_stack_file(path: Path, file: str | None = None) -> StackFile:
    """Reads and judges one stack file. `file` is its name in errors, else `<folder>/<name>`.

    Raises: SettingsErrors with every problem.
    """
    file = file or "/".join(path.parts[-2:])
    document = read_document(path, file)
    problems = list(_frame_problems(document.value, path, file))
    config = document.value.get("config") if isinstance(document.value, dict) else None
    config = config if isinstance(config, dict) else {}
    settings = None
    try:
        if ROOT in config:
            settings = parse_settings(config[ROOT], file=file)
        elif not problems:
            problems.append(Problem(file, ROOT, "is missing", "`mailtenant new` writes a complete file"))
    except SettingsErrors as error:
        problems += error.problems
    problems += _name_problems(path, settings, file)
    existing: Existing = {}
    phase: Phase = "settled"
    try:
        existing = parse_existing(config.get(EXISTING), settings, file)
    except SettingsErrors as error:
        problems += error.problems
    try:
        phase = parse_phase(config.get(DNS_PHASE), file)
    except SettingsErrors as error:
        problems += error.problems
    problems += secrets_problems(config.get(SECRETS), settings, file)
    if problems or settings is None:
        raise SettingsErrors(_with_lines(problems, document))
    return StackFile(
        path,
        file,
        settings,
        encrypted_leaves(config.get(SECRETS)),
        phase,
        existing,
        document.value.get("encryptionsalt"),
        document,
    )


def parse_phase(raw: object, file: str) -> Phase:
    """`mailtenant:dnsPhase`; absent: settled.

    Raises: SettingsErrors
    """
    if raw is None:
        return "settled"
    for phase in PHASES:
        if raw == phase:
            return phase
    raise SettingsErrors([Problem(file, DNS_PHASE, "is not a phase", f"use {', '.join(PHASES)}")])


def parse_existing(raw: object, settings: TenantSettings | None, file: str) -> Existing:
    """`mailtenant:dnsExisting`; absent: nothing was adopted. With the settings, each zone must be a domain's.

    Raises: SettingsErrors with every problem.
    """
    if raw is None:
        return {}
    try:
        existing = EXISTING_ADAPTER.validate_python(raw)
    except ValidationError as error:
        raise SettingsErrors(problems_of(error, file, (EXISTING,))) from None
    known = {domain.name for domain in settings.domains} if settings else set(existing)
    problems = [
        Problem(
            file, dotted((EXISTING, zone)), "is not a domain of the tenant", "remove the snapshot, or add the domain"
        )
        for zone in existing
        if zone not in known
    ]
    # A name outside its zone could never be written back there.
    problems += [
        Problem(file, dotted((EXISTING, zone, "records", i, "name")), "is not in the zone", "take the snapshot anew")
        for zone, held in existing.items()
        for i, record in enumerate(held.records)
        if record.name != zone and not record.name.endswith(f".{zone}")
    ]
    if problems:
        raise SettingsErrors(problems)
    return existing


def _frame_problems(value: Any, path: Path, file: str) -> Iterator[Problem]:
    """What surrounds the settings: the file's top level, other keys of ours, the DNS phase, the encryption."""
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
        yield Problem(file, "config", "is missing or not a table", "`mailtenant new` writes a complete file")
        return
    for key in value.keys() - _TOP:
        yield Problem(file, _shown(key), "is not a key of a stack file", "settings belong below `config:`")
    for key in value["config"]:
        namespace, colon, _ = key.partition(":")
        if key not in _OURS and (namespace == "mailtenant" or not colon):
            yield Problem(file, _shown(key), "is not a known key", f"the keys here are {', '.join(_OURS)}")
    if not any(isinstance(value.get(key), str) for key in ("encryptionsalt", "encryptedkey")):
        yield Problem(
            file, "encryptionsalt", "is missing, so no secret here can be decrypted", "restore it from version control"
        )


def _shown(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z][A-Za-z0-9:_-]{0,40}", key) else "…"


def _name_problems(path: Path, settings: TenantSettings | None, file: str) -> Iterator[Problem]:
    match = _NAME.fullmatch(path.name)
    if match is None:
        yield Problem(file, "", "is not named like a stack file", "call it Pulumi.<label>.yaml")
        return
    try:
        check_label(match[1])
    except Refusal as refusal:
        yield Problem(file, "", f"the label in the file's name {refusal.message}", refusal.fix)
        return
    if settings is not None and settings.label != match[1]:
        yield Problem(
            file,
            f"{ROOT}.label",
            "is not the label in the file's name",
            "call the file Pulumi.<label>.yaml; a label never changes",
        )


def _with_lines(problems: list[Problem], document: Document) -> Iterator[Problem]:
    for problem in problems:
        line = document.line(_keys(problem.path)) if problem.path else None
        yield replace(problem, line=line) if problem.line is None else problem


def _keys(path: str) -> tuple[str | int, ...]:
    """A dotted path as keys and indexes of the document."""
    keys: list[str | int] = []
    for quoted, index, word in re.findall(r'\["([^"]*)"\]|\[(\d+)\]|([^.\[\]]+)', path):
        keys.append(int(index) if index else quoted or word)
    top = keys[:1] and ":" in str(keys[0])
    return ("config", *keys) if top else tuple(keys)
