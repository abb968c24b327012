"""rspamd with its own valkey: DKIM signing, who may write in whose name, sending limits, spam."""

import pulumi
import pulumi_docker as docker

from components.context import TenantContext
from components.database import Database
from components.files import Upload, live_files, secret_uploads
from components.service import Needs, Place, run_service
from components.volumes import MailVolume
from mailtenant.secrets import dkim_keys, dkim_selectors
from mailtenant.sending import limits_document, own_domains

_DKIM = "/var/lib/dkim"
_LIMITS = "/var/lib/limits"


class MailFilter(pulumi.ComponentResource):
    """Creates: the rspamd and valkey containers, the milter's socket volume, live volumes of limits and of DKIM keys,
    selectors and own domains.

    Replaced by: images, rendered files (the cache's follow its memory), the cache's password. In place: memory of the
    filter, CPU shares. Re-read within a second, without a restart: sending limits, DKIM keys and the map that names the
    signing selector; own domains with the next message. Keys and domains are delivered at once (`own_domains` is what
    to wait for), the containers start with `run`, which needs the database. Outputs: `milter` (the socket volume's
    name).
    """

    def __init__(
        self,
        name: str,
        context: TenantContext,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mailtenant:index:MailFilter", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self._name, self._context = name, context
        self._dkim = MailVolume(f"{name}-dkim", context, "dkim", keep=False, opts=child).volume_name
        self.own_domains = self._signing(name, context, self._dkim)
        self.milter = MailVolume(f"{name}-milter", context, "milter", keep=False, opts=child).volume_name

    def run(self, internal: pulumi.Output[str], database: Database, resolver: pulumi.Resource) -> None:
        """Starts the cache and the filter; sets `container`."""
        name, context = self._name, self._context
        child = pulumi.ResourceOptions(parent=self)
        cache_data = MailVolume(f"{name}-cache-data", context, "cache", keep=False, opts=child)

        cache = run_service(
            self,
            f"{name}-cache",
            context,
            "cache",
            self._place(context, internal, "cache"),
            Needs({"cache": cache_data.volume_name}),
        )
        limits = MailVolume(f"{name}-limits", context, "limits", keep=False, opts=child)
        sending = live_files(
            self,
            f"{name}-limits-carrier",
            context,
            "limits",
            limits.volume_name,
            _LIMITS,
            [Upload(f"{_LIMITS}/limits.json", limits_document(context.settings))],
        )
        needs = Needs(
            volumes={
                "milter": self.milter,
                "owners": database.owners,
                "dkim": self._dkim,
                "limits": limits.volume_name,
            },
            # The database's container fills the volume of owned addresses, and gives that volume its owner.
            after=[self.own_domains, sending.carrier, cache, database.container, resolver],
        )
        place = self._place(context, internal, "filter", dns=(context.settings.internal_address("edge"),))
        self.container = run_service(self, name, context, "filter", place, needs)
        self.register_outputs({"milter": self.milter})

    def _signing(self, name: str, context: TenantContext, volume_name: pulumi.Output[str]) -> docker.Container:
        """The key files first, then what makes the filter use them: no message meets a map without its key.

        The list and the map go with the accounts: a document that is below use changes none of them.
        """
        files = {
            file: (key.get_secret_value(), "0444") for file, key in dkim_keys(context.settings, context.secrets).items()
        }
        keys = live_files(
            self, f"{name}-dkim-keys", context, "dkim-keys", volume_name, _DKIM, secret_uploads(f"{_DKIM}/keys", files)
        )
        maps = [
            Upload(f"{_DKIM}/domains.list", own_domains(context.settings)),
            Upload(f"{_DKIM}/selectors.map", dkim_selectors(context.settings)),
        ]
        return live_files(
            self,
            f"{name}-dkim-selectors",
            context,
            "dkim-selectors",
            volume_name,
            _DKIM,
            maps,
            after=[keys.carrier],
            before_create=context.before_accounts,
        ).carrier

    @staticmethod
    def _place(context: TenantContext, internal: pulumi.Output[str], service: str, dns: tuple[str, ...] = ()) -> Place:
        address = context.settings.internal_address(service)
        return Place(
            networks=(docker.ContainerNetworksAdvancedArgs(name=internal, ipv4_address=address),),
            hostname=service,
            dns=dns,
        )
