"""Serves `MailTenant`: the schema is read off its annotations and docstrings."""

from pulumi.provider.experimental import component_provider_host

from components.published import MailTenant
from mailtenant import __version__


def semantic(release: str) -> str:
    """A plugin's version is a semantic one: 2026.11 → 2026.11.0 (no leading zeros: 2026.01 → 2026.1.0)."""
    return ".".join(str(int(part)) for part in [*release.split("."), "0", "0"][:3])


if __name__ == "__main__":
    component_provider_host([MailTenant], "mailtenant", version=semantic(__version__))
