"""At `up`, and only there, a new configuration is judged by its daemon before anything that runs is touched."""

from collections.abc import Callable, Sequence

import pulumi

from mailtenant.accounts.engine import TenantEngine
from mailtenant.config_check import check_config
from mailtenant.rendering import RenderedFile
from mailtenant.settings import TenantSettings
from mailtenant.settings.size import Service

ConfigGuard = Callable[[str, Service, Sequence[RenderedFile]], pulumi.ResourceHook]
"""(name of the resource, service, its files) → the hook."""


def config_guard(settings: TenantSettings) -> ConfigGuard:
    """Makes the hook of one service: it stops an `up` before the carrier of files that the daemon refuses is made.

    The service waits for its carrier, so what runs goes on as it is, and the next `up` asks again.
    """

    def guard(name: str, service: Service, files: Sequence[RenderedFile]) -> pulumi.ResourceHook:
        def judge(_: pulumi.ResourceHookArgs) -> None:
            check_config(settings, service, files, TenantEngine.of(settings).environment)

        return pulumi.ResourceHook(f"{name}-config-is-taken", judge, pulumi.ResourceHookOptions(on_dry_run=False))

    return guard
