"""Dovecot for one tenant: 993 and 4190 for its mailboxes, LMTP and SASL for its Postfix."""

import pulumi

from components.context import TenantContext
from components.database import Database
from components.edge import Edge
from components.service import Needs, Place, run_service
from components.volumes import MailVolume


class ImapServer(pulumi.ComponentResource):
    """Creates: the Dovecot container in the edge's namespace, the mail volume (protected), the volume of its sockets.

    Replaced by: image, rendered files, certificate. In place: memory, CPU shares. Outputs: `ports`, `sockets`.
    """

    def __init__(
        self,
        name: str,
        context: TenantContext,
        edge: Edge,
        database: Database,
        after: list[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mailtenant:index:ImapServer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        mail = MailVolume(f"{name}-mail", context, "mail", keep=True, opts=child)
        sockets = MailVolume(f"{name}-sockets", context, "sockets", keep=False, opts=child)
        volumes = {
            "mail": mail.volume_name,
            "sockets": sockets.volume_name,
            "usage": database.usage,
            "owners": database.owners,
        }
        needs = Needs(volumes=volumes, after=[database.container, *after])
        self.container = run_service(self, name, context, "imap", Place(namespace_of=edge.container), needs)
        self.sockets = sockets.volume_name
        self.register_outputs({"ports": [993, 4190], "sockets": self.sockets})
