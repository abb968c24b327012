"""A comparison as JSON and back: what one CI job hands to the next."""

from typing import Final

from pydantic import TypeAdapter, ValidationError

from mailtenant.diff.comparison import Comparison
from mailtenant.diff.errors import DiffError

_ADAPTER: Final = TypeAdapter(Comparison)


def to_json(comparison: Comparison) -> str:
    """Without a secret, as everything in a comparison."""
    return _ADAPTER.dump_json(comparison, indent=2).decode() + "\n"


def from_json(text: str, name: str) -> Comparison:
    """Raises: DiffError, if it is something else; `name` says which file it was."""
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        where = error.errors(include_input=False, include_url=False)[0]
        path = ".".join(str(part) for part in where["loc"])
        raise DiffError(f"{name} is no output of `mailtenant diff --format json`: {path} {where['type']}") from None
