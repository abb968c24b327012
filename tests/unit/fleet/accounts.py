"""A tenant's accounts, played."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, Self


class PlayedAccounts:
    """`AccountStore` of a tenant with these mailboxes: address → whether it is on. None, unless a subclass has some."""

    boxes: ClassVar[dict[str, bool]] = {}

    def __init__(self, _: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def mailboxes(self) -> list[Any]:
        return [SimpleNamespace(address=address, enabled=on) for address, on in self.boxes.items()]

    def export(self) -> tuple[list[Any], list[Any]]:
        return self.mailboxes(), []

    def set_enabled(self, addresses: Sequence[str], *, enabled: bool) -> None:
        pass
