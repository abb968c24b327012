"""`TenantMail`: a whole mail system for one customer, from its settings."""

from collections import defaultdict
from collections.abc import Sequence

import pulumi

from components.config_guard import ConfigGuard
from components.context import TenantContext
from components.database import Database
from components.edge import Edge
from components.images import ServiceImages
from components.imap import ImapServer
from components.mail_dns import MailDns
from components.mail_filter import MailFilter
from components.networks import TenantNetworks
from components.resolver import Resolver
from components.smtp import SmtpServer
from components.web_host import WebHost
from components.zone_writers import DnsState, write_zones
from mailtenant.dns import Record, local_zones, policies, records
from mailtenant.dns.findings import PlanRefused
from mailtenant.rendering import SERVICES, RenderedFile, render_tenant
from mailtenant.rendering.services import EDGE_PORTS, WEB_PORTS
from mailtenant.secrets import TenantSecrets
from mailtenant.sending import limits_document, own_domains
from mailtenant.settings import TenantSettings


class TenantMail(pulumi.ComponentResource):
    """Creates: one tenant's network, edge, resolver, database, filter with cache, IMAP, SMTP; DNS for local zones,
    and a web host where there is a certificate for it.

    Replaced by: nothing as a whole; each part says what replaces it. Mail, queue and database stay on their volumes.

    Outputs: `host`, `addresses` (IPv4 and IPv6, of every mail server), `ports`, `publish`, `images` (service → id),
    `records` (name, type, value, ttl, reason), `files` (path → text, so that a preview shows the lines that change),
    `certificate_authority` (PEM, mode `local`), `dnsPhase`, `dnsAdopted` (what the next run must know of this one).
    """

    def __init__(
        self,
        name: str,
        settings: TenantSettings,
        secrets: TenantSecrets,
        opts: pulumi.ResourceOptions | None = None,
        *,
        dns: DnsState = DnsState({}, "settled"),
        before_accounts: Sequence[pulumi.ResourceHook] = (),
        before_config: ConfigGuard | None = None,
        before_queue: Sequence[pulumi.ResourceHook] = (),
    ) -> None:
        planned = _planned(settings, dns)  # first: a plan that is refused registers nothing
        super().__init__("mailtenant:index:TenantMail", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        zones = local_zones(settings, dns.existing, dns.phase)
        rendered = render_tenant(settings, zones=zones, policies=policies(settings, dns.existing, dns.phase))
        services = [
            service
            for service in SERVICES
            if (service != "dns" or zones) and (service != "web" or settings.has_web_host)
        ]
        images = ServiceImages(f"{name}-images", settings.release, services, child)
        by_service: dict[str, list[RenderedFile]] = defaultdict(list)
        for file in (file for file in rendered if not file.suffix):
            by_service[file.service].append(file)
        context = TenantContext(
            settings, secrets, by_service, zones, images.ids, before_accounts, before_config, before_queue
        )

        networks = TenantNetworks(f"{name}-networks", context, child)
        edge = Edge(f"{name}-edge", context, networks.internal, child)
        resolver = Resolver(f"{name}-resolver", context, edge, child)
        mail_filter = MailFilter(f"{name}-filter", context, child)
        # The filter knows a new domain and its key before the database makes Postfix take mail for it.
        database = Database(f"{name}-database", context, networks.internal, child, after=[mail_filter.own_domains])
        mail_filter.run(networks.internal, database, resolver.container)
        imap = ImapServer(f"{name}-imap", context, edge, database, [resolver.container], child)
        SmtpServer(f"{name}-smtp", context, edge, database, imap, mail_filter, child)
        for node in settings.smtp_nodes[1:]:
            beside = context.of_node(node)
            own_edge = Edge(f"{name}-edge{node.suffix}", beside, networks.internal, child)
            own_resolver = Resolver(f"{name}-resolver{node.suffix}", beside, own_edge, child)
            server = f"{name}-smtp{node.suffix}"
            SmtpServer(server, beside, own_edge, database, imap, mail_filter, child, after=[own_resolver.container])
        MailDns(f"{name}-dns", context, edge, child)
        adopted = write_zones(f"{name}-zones", settings, secrets, planned, dns, child)
        if settings.has_web_host:
            WebHost(f"{name}-web", context, edge, child)

        self.outputs: dict[str, object] = {
            "host": settings.host,
            "addresses": [str(address) for node in settings.smtp_nodes for address in node.addresses],
            "ports": [*EDGE_PORTS, *(WEB_PORTS if settings.has_web_host else ())],
            "publish": str(settings.publish) if settings.publish else None,
            "images": images.ids,
            "records": [
                {"name": r.name, "type": r.type, "value": r.value, "ttl": r.ttl, "reason": r.reason} for r in planned
            ],
            # Live files as well: a preview shows the line that a raised limit or a new domain changes.
            "files": {
                **{file.tree_path: file.content for file in rendered},
                "rspamd/var/lib/dkim/domains.list": own_domains(settings),
                "rspamd/var/lib/limits/limits.json": limits_document(settings),
            },
            "certificate_authority": settings.tls.ca,
            "dnsPhase": dns.phase,
            "dnsAdopted": adopted,
        }
        self.register_outputs(self.outputs)


def _planned(settings: TenantSettings, dns: DnsState) -> tuple[Record, ...]:
    try:
        return records(settings, dns.existing, dns.phase)
    except PlanRefused as error:
        raise pulumi.RunError(str(error)) from None
