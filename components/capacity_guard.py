"""At `up`, and only there, the settings are compared with what the running tenant uses."""

from dataclasses import dataclass

import pulumi

from mailtenant.accounts.errors import AccountsUnavailable
from mailtenant.accounts.in_use import in_use
from mailtenant.settings import Problem, SettingsErrors, TenantSettings
from mailtenant.settings.live import live_problems


@dataclass(frozen=True)
class _AtUp:
    settings: TenantSettings

    def problem(self, path: tuple[str | int, ...], message: str, fix: str) -> Problem:
        dotted = ".".join(["mailtenant:tenant", *(str(part) for part in path)])
        return Problem(f"stacks/Pulumi.{self.settings.label}.yaml", dotted, message, fix)


def capacity_guard(settings: TenantSettings) -> pulumi.ResourceHook:
    """Stops an `up` before it hands the database a document that is below use; the document there stays in force.

    Where the database does not run yet (the first `up`, or after `down`) it has the last word by itself: it refuses
    such a document and keeps the one before. Previews ask nobody.
    """

    def refuse_below_use(_: pulumi.ResourceHookArgs) -> None:
        try:
            problems = list(live_problems(_AtUp(settings), in_use(settings)))
        except AccountsUnavailable:
            return
        if problems:
            raise SettingsErrors(problems)

    return pulumi.ResourceHook(
        f"{settings.label}-capacity-fits", refuse_below_use, pulumi.ResourceHookOptions(on_dry_run=False)
    )
