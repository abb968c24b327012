"""What the tenant's web host says, and under which names: MTA-STS policies and the configuration of mail clients."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings


@dataclass(frozen=True)
class Web:
    """Names that are served and the text for each.

    `policies`: (mta-sts name, policy); `client_names`: served autoconfig and autodiscover over HTTPS, the host first.
    """

    names: tuple[str, ...]
    client_names: tuple[str, ...]
    autoconfig_names: tuple[str, ...]
    policies: tuple[tuple[str, str], ...]
    autoconfig: str
    autodiscover: str


def web_names(host: str, domains: Iterable[str]) -> tuple[str, ...]:
    """Every name that the web certificate must be for: the tenant host, then each domain's three, on or off.

    All of them, so that switching one on later needs no new certificate.
    """
    kinds = ("mta-sts", "autoconfig", "autodiscover")
    return (host, *(f"{kind}.{domain}" for domain in domains for kind in kinds))


def web(settings: "TenantSettings", policies: Mapping[str, str]) -> Web:
    """Everything that the server's configuration is made from. `policies`: domain → MTA-STS policy."""
    shown = [domain for domain in settings.domains if domain.autoconfig]
    autoconfig_names = tuple(f"autoconfig.{domain.name}" for domain in shown)
    client_names = (settings.host, *autoconfig_names, *(f"autodiscover.{domain.name}" for domain in shown))
    served = tuple(
        (f"mta-sts.{domain.name}", policies[domain.name]) for domain in settings.domains if domain.name in policies
    )
    return Web(
        (*client_names, *(name for name, _ in served)),
        client_names,
        autoconfig_names,
        served,
        _autoconfig(settings),
        _autodiscover(settings),
    )


def _autoconfig(settings: "TenantSettings") -> str:
    """Thunderbird's format 1.1: the client puts the address in itself. 465 before 587 (RFC 8314 §3.3)."""
    servers = (
        ("incoming", "imap", 993, "SSL"),
        ("outgoing", "smtp", 465, "SSL"),
        ("outgoing", "smtp", 587, "STARTTLS"),
    )
    parts = [
        f'<{way}Server type="{kind}"><hostname>{settings.host}</hostname><port>{port}</port>'
        f"<socketType>{tls}</socketType><authentication>password-cleartext</authentication>"
        f"<username>%EMAILADDRESS%</username></{way}Server>\n"
        for way, kind, port, tls in servers
    ]
    domains = "".join(f"<domain>{domain.name}</domain>\n" for domain in settings.domains if domain.autoconfig)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1">\n'
        f'<emailProvider id="{settings.host}">\n{domains}<displayName>{escape(settings.organisation)}</displayName>\n'
        f"{''.join(parts)}</emailProvider>\n</clientConfig>\n"
    )


def _autodiscover(settings: "TenantSettings") -> str:
    """Outlook's POX answer ([MS-OXDSCLI] §2.2.4); the server puts the element in for `$login_name`."""
    protocols = "".join(
        f"<Protocol><Type>{kind}</Type><Server>{settings.host}</Server><Port>{port}</Port>$login_name"
        "<DomainRequired>off</DomainRequired><SPA>off</SPA><SSL>on</SSL><AuthRequired>on</AuthRequired></Protocol>\n"
        for kind, port in (("IMAP", 993), ("SMTP", 465))
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">\n'
        '<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">\n'
        f"<Account><AccountType>email</AccountType><Action>settings</Action>\n{protocols}</Account>\n"
        "</Response>\n</Autodiscover>\n"
    )
