"""A provider's own configuration: what it knows, and where credentials may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mailtenant.rest import ApiError, checked_base_url

from .values import UNKNOWN

_OF_THE_ENGINE: Final = ("version", "pluginDownloadURL", "__internal", "__defaults")


def refused(title: str, known: Sequence[str], settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings and what is wrong with them; never a value. `title` names the provider in a sentence."""
    found = [
        (key, f"{title} has the settings {', '.join(known)}, not `{key}`")
        for key, value in settings.items()
        if value not in (None, "") and key not in known and key not in _OF_THE_ENGINE
    ]
    if (url := settings.get("baseUrl")) and url != UNKNOWN:
        try:
            checked_base_url(str(url))
        except ApiError as error:
            found.append(("baseUrl", str(error)))
    return found
