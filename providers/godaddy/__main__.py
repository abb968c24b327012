"""`pulumi-resource-godaddy <Pulumi engine address>`: the console script of this package, started by Pulumi."""

from __future__ import annotations

from providers.godaddy.server import VERSION, Godaddy
from providers.shared.servicer import run


def main() -> None:
    run(Godaddy, VERSION)


if __name__ == "__main__":
    main()
