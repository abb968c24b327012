"""At `up`, and only there, the settings are compared with what the running tenant uses."""

from dataclasses import dataclass

import pulumi

from mailtenant.accounts.engine import TenantEngine
from mailtenant.accounts.errors import AccountsUnavailable
from mailtenant.accounts.in_use import in_use
from mailtenant.host_capacity import HostUnknown, host_of, reserved_mib
from mailtenant.settings import Problem, SettingsErrors, TenantSettings
from mailtenant.settings.live import host_problems, live_problems


@dataclass(frozen=True)
class AtUp:
    """Settings whose problems are named as those of the stack file."""

    settings: TenantSettings

    def problem(self, path: tuple[str | int, ...], message: str, fix: str) -> Problem:
        dotted = ".".join(["mailtenant:tenant", *(str(part) for part in path)])
        return Problem(f"stacks/Pulumi.{self.settings.label}.yaml", dotted, message, fix)


def fits_the_host(settings: TenantSettings) -> None:
    """Refuses an `up` that reserves more memory than the host has left; previews ask nobody.

    Raises: SettingsErrors; then nothing was changed.
    """
    if pulumi.runtime.is_dry_run():
        return
    try:
        host = host_of(settings, TenantEngine.of(settings).environment)
    except HostUnknown:
        return  # the first resource will say so
    problems = list(host_problems(AtUp(settings), reserved_mib(settings), host.others_mib, host.total_mib))
    if problems:
        raise SettingsErrors(problems)


def fits_the_use(settings: TenantSettings) -> None:
    """Refuses an `up` whose capacity or domains are below what the running tenant uses; previews ask nobody.

    Where the database does not run (the first `up`, or after `down`) it has the last word by itself: it refuses such a
    document and keeps the one before.

    Raises: SettingsErrors; asked before anything is registered, so that nothing was changed.
    """
    if pulumi.runtime.is_dry_run():
        return
    try:
        problems = list(live_problems(AtUp(settings), in_use(settings)))
    except AccountsUnavailable:
        return
    if problems:
        raise SettingsErrors(problems)


def capacity_guard(settings: TenantSettings) -> pulumi.ResourceHook:
    """Asks `fits_the_use` once more, before the database is handed a document: the `up` may have run for minutes, and a
    mailbox made meanwhile. The document there stays in force.
    """

    def refuse_below_use(_: pulumi.ResourceHookArgs) -> None:
        fits_the_use(settings)

    return pulumi.ResourceHook(
        f"{settings.label}-capacity-fits", refuse_below_use, pulumi.ResourceHookOptions(on_dry_run=False)
    )
