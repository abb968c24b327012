"""pydantic's errors as problems: dotted path, our words, the fix; nothing of what was given.

pydantic's messages and contexts can quote the input: only types, and numbers that come from the model, are used.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import ValidationError

from mailtenant.settings.dns import PROVIDERS
from mailtenant.settings.errors import Problem, Refusal, Refusals, SettingsErrors, dotted
from mailtenant.settings.model import SIZE_TAGS, TenantSettings

ROOT = "mailtenant:tenant"
# A key that a person mistyped is shown; anything longer or stranger could be a pasted secret.
_SHOWN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}")

_FORMS: Mapping[str, tuple[str, str]] = {
    "missing": ("is missing", "add it"),
    "int_type": ("is not a whole number", "write digits only, without quotes"),
    "int_from_float": ("is not a whole number", "write digits only"),
    "float_type": ("is not a number", "write it without quotes"),
    "string_type": ("is not text", "put it in quotes"),
    "string_pattern_mismatch": ("is not in the expected form", "see docs/tenant-settings.md"),
    "string_too_short": ("is empty", "write something, or leave the key out if it has a default"),
    "model_type": ("is not a table", "write `key: value` lines below it"),
    "model_attributes_type": ("is not a table", "write `key: value` lines below it"),
    "dict_type": ("is not a table", "write `key: value` lines below it"),
    "tuple_type": ("is not a list", "begin each entry with `- `"),
    "too_short": ("is empty", "list at least one"),
    "too_long": ("has too many entries", "see docs/tenant-settings.md"),
    "ip_v4_address": ("is not an IPv4 address", "write it as 10.99.1.10"),
    "ip_v6_address": ("is not an IPv6 address", "write it as fd00:99::10"),
    "ip_v4_network": ("is not an IPv4 network", "write it as 10.98.0.0/28, with the network's first address"),
    "domain_provider": ("names no known provider", "write `provider:` with local, manual, cloudflare or godaddy"),
    "platform_provider": ("names no known provider", "write `provider:` with local, manual or cloudflare"),
}
# Follow-ups of another problem that is reported by itself.
_SILENT = {"default_factory_not_called"}


def parse_settings(raw: object, *, stack: str | None = None, file: str | None = None) -> TenantSettings:
    """The document as settings. `stack` is the stack's name, which must be the label.

    Raises: SettingsErrors with every problem.
    """
    name = file or (f"stacks/Pulumi.{stack}.yaml" if stack else "the tenant document")
    try:
        settings = TenantSettings.model_validate(raw)
    except ValidationError as error:
        raise SettingsErrors(problems_of(error, name)) from None
    if stack is not None and settings.label != stack:
        raise SettingsErrors(
            [
                Problem(
                    name,
                    f"{ROOT}.label",
                    "is not the stack's name",
                    "a stack file is called Pulumi.<label>.yaml; a label is never changed",
                )
            ]
        )
    return settings


def problems_of(error: ValidationError, file: str, root: Sequence[str | int] = (ROOT,)) -> list[Problem]:
    """Every problem in one validation error."""
    details = error.errors(include_url=False, include_input=False)
    # A list whose only entry is wrong is called too short as well: pydantic counts the valid ones.
    inner = {loc[:n] for loc in (detail["loc"] for detail in details) for n in range(len(loc))}
    wanted = [d for d in details if d["type"] not in _SILENT and not (d["type"] == "too_short" and d["loc"] in inner)]
    return [problem for detail in wanted for problem in _problems(detail, file, root)]


def _problems(detail: Any, file: str, root: Sequence[str | int]) -> Iterator[Problem]:
    where = [*root, *_readable(detail["loc"])]
    reason = detail.get("ctx", {}).get("error")
    if isinstance(reason, Refusal):
        yield Problem(file, dotted([*where, *reason.path]), reason.message, reason.fix)
    elif isinstance(reason, Refusals):
        for each in reason.refusals:
            yield Problem(file, dotted([*where, *each.path]), each.message, each.fix)
    else:
        yield Problem(file, dotted(where), *_words(detail))


def _readable(loc: Sequence[str | int]) -> Iterator[str | int]:
    """The path as it stands in the file: without the names that pydantic gives to the members of a union."""
    for i, part in enumerate(loc):
        before = loc[i - 1] if i else ""
        if part in SIZE_TAGS or (part in PROVIDERS and before in ("dns", "platform_dns")):
            continue
        yield part if isinstance(part, int) or _SHOWN_KEY.fullmatch(part) else "…"


def _words(detail: Any) -> tuple[str, str]:
    kind, limits = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return "is not a known key", _suggestion(detail["loc"])
    if kind in ("greater_than_equal", "greater_than"):
        return "is too small", f"at least {limits['ge']}" if "ge" in limits else f"more than {limits['gt']}"
    if kind in ("less_than_equal", "less_than"):
        return "is too large", f"at most {limits.get('le', limits.get('lt'))}"
    if kind == "string_too_long":
        return "is too long", f"at most {limits['max_length']} characters"
    if kind == "literal_error":
        return "is not one of the possible values", f"use {limits['expected']}"
    if kind.startswith("date"):
        return "is not a date", "write it as 2026-12-01"
    return _FORMS.get(kind, ("is not in the expected form", "see docs/tenant-settings.md"))


def _suggestion(loc: Sequence[str | int]) -> str:
    """A known key that looks like the unknown one; only names of the model are ever shown."""
    if loc[-1] in _known_keys():
        return "it is a key of another place; docs/tenant-settings.md lists every key"
    close = difflib.get_close_matches(str(loc[-1])[:40], _known_keys(), n=1, cutoff=0.75)
    return f"did you mean `{close[0]}`?" if close else "remove it; docs/tenant-settings.md lists every key"


@cache
def _known_keys() -> list[str]:
    schema = TenantSettings.model_json_schema()
    return sorted({key for table in [schema, *schema["$defs"].values()] for key in table.get("properties", {})})
