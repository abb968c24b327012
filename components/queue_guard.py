"""At `up`, and only there: mail servers that go are emptied first, and a queue with mail in it is never deleted."""

import os

import pulumi

from mailtenant.accounts.engine import TenantEngine
from mailtenant.draining import DrainError, NodeQueues, drain_leaving
from mailtenant.settings import TenantSettings

PURGE = "MAILTENANT_PURGE"
"""Environment: the label of the tenant that is being purged, mail and all."""


def drain_before_up(settings: TenantSettings) -> None:
    """Before anything changes: the records and addresses of what goes still hold while its queue is delivered.

    Raises: pulumi.RunError; then nothing was changed.
    """
    if pulumi.runtime.is_dry_run():
        return
    try:
        drain_leaving(settings, TenantEngine.of(settings).environment, pulumi.log.info)
    except DrainError as error:
        raise pulumi.RunError(str(error)) from None


def queue_guard(settings: TenantSettings) -> pulumi.ResourceHook:
    """Refuses to delete the queue of a further mail server while a message is in it.

    Registered in every run, for the state names it: `pulumi destroy` wants `--run-program` where a tenant has such
    servers, as `mailtenant down` knows.
    """

    def refuse_mail(args: pulumi.ResourceHookArgs) -> None:
        if os.environ.get(PURGE) == settings.label:
            return
        name = str((args.old_inputs or {}).get("name", ""))
        number = int(name.rpartition("-")[2])
        if left := NodeQueues(settings, TenantEngine.of(settings).environment).count(number):
            raise DrainError(f"{left} messages are in {name}: `pulumi up` or `mailtenant down` moves them first")

    return pulumi.ResourceHook(
        f"{settings.label}-queue-is-empty", refuse_mail, pulumi.ResourceHookOptions(on_dry_run=False)
    )
