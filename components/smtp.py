"""Postfix for one tenant: 25 for the world, 465 and 587 for its mailboxes."""

from collections.abc import Sequence

import pulumi

from components.context import TenantContext
from components.database import Database
from components.edge import Edge
from components.imap import ImapServer
from components.mail_filter import MailFilter
from components.service import Needs, Place, run_service
from components.volumes import MailVolume


class SmtpServer(pulumi.ComponentResource):
    """Creates: the Postfix container in the edge's namespace, the queue volume (protected; that of a further node
    can go with it, once it is empty).

    Replaced by: image, rendered files, certificate; the queue stays on its volume. In place: memory, CPU shares.
    Outputs: `address`, `ports`.
    """

    def __init__(
        self,
        name: str,
        context: TenantContext,
        edge: Edge,
        database: Database,
        imap: ImapServer,
        mail_filter: MailFilter,
        opts: pulumi.ResourceOptions | None = None,
        *,
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__("mailtenant:index:SmtpServer", name, None, opts)
        first = context.place.number == 1
        queue = MailVolume(
            f"{name}-queue",
            context,
            "queue",
            keep=first,
            opts=pulumi.ResourceOptions(parent=self),
            before_delete=() if first else context.before_queue,
        )
        needs = Needs(
            volumes={
                "queue": queue.volume_name,
                "milter": mail_filter.milter,
                "sockets": imap.sockets,
                "owners": database.owners,
            },
            after=[imap.container, mail_filter.container, *after],
        )
        self.container = run_service(self, name, context, "smtp", Place(namespace_of=edge.container), needs)
        self.register_outputs({"address": str(context.place.address), "ports": [25, 465, 587]})
