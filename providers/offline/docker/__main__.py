"""`python -m providers.offline.docker <Pulumi engine address>`: what `pulumi-resource-docker` runs."""

from __future__ import annotations

import asyncio
import contextlib
import sys

from .servicer import serve


def main() -> None:
    """Serves until the Pulumi engine ends the process."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.exit("the Pulumi CLI starts this plugin with its own address; it is not run by hand")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(addresses[0]))


if __name__ == "__main__":
    main()
