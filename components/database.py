"""The tenant's own PostgreSQL: domains, mailboxes, aliases, quotas."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from components.context import TenantContext
from components.files import Upload, live_files
from components.service import Needs, Place, run_service
from components.volumes import MailVolume
from mailtenant.accounts.document import accounts_document


class Database(pulumi.ComponentResource):
    """Creates: the PostgreSQL container, its data volume (protected), the live document of domains and capacity.

    Replaced by: image, rendered files (memory is among what they follow), the reader's password; the data stays on its
    volume. In place: CPU shares. Applied within seconds, without a restart: domains and capacity (`accounts.json`);
    an `up` that would set less than is in use is refused. `after`: what must be there before a new document is.
    Outputs: `address` (internal).
    """

    def __init__(
        self,
        name: str,
        context: TenantContext,
        internal: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
        *,
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__("mailtenant:index:Database", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        data = MailVolume(f"{name}-data", context, "database", keep=True, opts=child)
        accounts = MailVolume(f"{name}-accounts", context, "accounts", keep=False, opts=child)
        owners = MailVolume(f"{name}-owners", context, "owners", keep=False, opts=child)
        usage = MailVolume(f"{name}-usage", context, "usage", keep=False, opts=child)
        document = live_files(
            self,
            f"{name}-accounts-carrier",
            context,
            "accounts",
            accounts.volume_name,
            "/etc/mailtenant",
            [Upload("/etc/mailtenant/accounts.json", accounts_document(context.settings))],
            after=after,
            before_create=context.before_accounts,
        )
        address = context.settings.internal_address("database")
        place = Place(
            networks=(docker.ContainerNetworksAdvancedArgs(name=internal, ipv4_address=address),), hostname="database"
        )
        needs = Needs(
            volumes={
                "database": data.volume_name,
                "accounts": accounts.volume_name,
                "owners": owners.volume_name,
                "usage": usage.volume_name,
            },
            after=[document.carrier],
        )
        self.owners, self.usage = owners.volume_name, usage.volume_name
        self.container = run_service(self, name, context, "database", place, needs)
        self.register_outputs({"address": address})
