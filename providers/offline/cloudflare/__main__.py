"""`python -m providers.offline.cloudflare <Pulumi engine address>`: what `pulumi-resource-cloudflare` runs."""

from __future__ import annotations

from providers.shared.servicer import run

from .server import VERSION, OfflineCloudflare

if __name__ == "__main__":
    run(OfflineCloudflare, VERSION)
