"""`python -m providers.offline.docker <Pulumi engine address>`: what `pulumi-resource-docker` runs."""

from __future__ import annotations

from providers.shared.servicer import run

from .server import VERSION, OfflineDocker

if __name__ == "__main__":
    run(OfflineDocker, VERSION)
