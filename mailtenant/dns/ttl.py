"""How long a record may be remembered: the usual TTL, the low one before a flip, what providers accept (TTL-1)."""

from collections.abc import Mapping
from typing import Final

TTL: Final = 3600
LOW_TTL: Final = 300
AUTO: Final = 1
"""Cloudflare's `auto`; resolvers see 300 s."""
AUTO_SECONDS: Final = 300
FLOORS: Final[Mapping[str, int]] = {"godaddy": 600, "cloudflare": 60}


def accepted(ttl: int, provider: str) -> int:
    """The TTL that the provider takes: itself, or its floor."""
    if provider == "cloudflare" and ttl == AUTO:
        return ttl
    return max(ttl, FLOORS.get(provider, 1))


def lowered(ttl: int, provider: str) -> int:
    """The TTL of a record that will flip; one that is low already stays as it is."""
    if provider == "cloudflare" and ttl == AUTO:
        return ttl
    return accepted(min(ttl, LOW_TTL), provider)


def seconds(ttl: int, provider: str) -> int:
    """How long resolvers may keep a record that has this TTL at the provider."""
    return AUTO_SECONDS if provider == "cloudflare" and ttl == AUTO else accepted(ttl, provider)
