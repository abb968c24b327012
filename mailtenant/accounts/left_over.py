"""Aliases whose mail would come back, since nothing is at their destination any more. Pure."""

from collections.abc import Collection, Sequence

from mailtenant.accounts.model import Alias


def leading_nowhere(domain: str, aliases: Sequence[Alias], mailboxes: Collection[str]) -> list[Alias]:
    """Those with a destination in `domain`, one of the tenant's own, at which there is no mailbox and no alias. With a
    catch-all there is none: it takes what nobody has.
    """
    names = {alias.address for alias in aliases}
    if f"@{domain}" in names:
        return []
    known = names | set(mailboxes)
    own = [alias for alias in aliases if alias.destination.rpartition("@")[2] == domain]
    return [alias for alias in own if not known & {alias.destination, _base(alias.destination)}]


def _base(address: str) -> str:
    """Without the sub-address: `jo+news@acme.test` is `jo@acme.test`'s."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
