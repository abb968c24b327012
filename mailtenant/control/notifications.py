"""The texts of messages to customers: one template a kind in templates/notifications, the subject in its first line."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mailtenant.rendering.renderer import TEMPLATES


def render(kind: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and body."""
    text = _environment().get_template(f"{kind}.txt.j2").render(facts)
    subject, _, body = text.partition("\n")
    return subject.removeprefix("Subject:").strip(), body.strip() + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "notifications"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - plain text
    )
    environment.filters["day"] = lambda text: f"{_read(text):%A, %d %B %Y}"
    environment.filters["clock"] = lambda text: f"{_read(text):%H:%M} UTC"
    return environment


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text)
