"""Settings → every configuration file of a tenant.

Pure: the same settings give the same octets, and no file holds a secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mailtenant.rendering.filters import FILTERS
from mailtenant.rendering.services import NODE_SERVICES, SERVICES, ServiceSpec
from mailtenant.settings.size import Service
from mailtenant.web import web

if TYPE_CHECKING:
    from mailtenant.settings import TenantSettings
    from mailtenant.settings.nodes import Node

TEMPLATES: Final = Path(__file__).resolve().parents[2] / "templates"


@dataclass(frozen=True, order=True)
class RenderedFile:
    """One file as the service sees it: `path` is absolute inside the container, below the service's config path."""

    service: Service
    path: str
    content: str
    suffix: str = ""

    @property
    def tree_path(self) -> str:
        """Where `mailtenant render` puts it: `<daemon>/etc/…`; a further node's: `<daemon>-2/etc/…`."""
        return SERVICES[self.service].daemon + self.suffix + self.path


@dataclass(frozen=True)
class ZoneFile:
    """A zone that the tenant's own authoritative server answers for; `text` is in master file format (RFC 1035 §5)."""

    name: str
    text: str


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # The files are not HTML: each outside value passes the filter of its own format (filters.py) instead of autoescape.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters.update(FILTERS)
    return environment


@cache
def _template_names(daemon: str) -> tuple[str, ...]:
    root = TEMPLATES / daemon
    return tuple(sorted(str(p.relative_to(TEMPLATES)) for p in root.rglob("*") if p.is_file()))


def _path_in_container(name: str) -> str:
    return "/" + PurePosixPath(*PurePosixPath(name.removesuffix(".j2")).parts[1:]).as_posix()


def render_service(
    settings: "TenantSettings",
    service: Service,
    *,
    zones: Sequence[ZoneFile] = (),
    policies: Mapping[str, str] | None = None,
    node: "Node | None" = None,
) -> tuple[RenderedFile, ...]:
    """Every file of one service, sorted by path. `node`: of which mail server; left out: the first one.

    Raises: UnsafeValue (a value that a file cannot hold), jinja2.UndefinedError (a template that asks for what is not
    there).
    """
    spec = SERVICES[service]
    node = node or settings.smtp_nodes[0]
    context: Mapping[str, object] = {
        "settings": settings,
        "node": node,
        "zones": zones,
        "web": web(settings, policies or {}),
    }
    files = [
        RenderedFile(service, _path_in_container(name), _environment().get_template(name).render(context), node.suffix)
        for name in _template_names(spec.daemon)
    ]
    # A template that has nothing to say for this tenant makes no file.
    files = [file for file in files if file.content]
    files += [RenderedFile(service, f"{spec.config_path}/zones/{zone.name}.zone", zone.text) for zone in zones]
    _stay_below(spec, files)
    return tuple(sorted(files))


def render_tenant(
    settings: "TenantSettings", *, zones: Sequence[ZoneFile] = (), policies: Mapping[str, str] | None = None
) -> tuple[RenderedFile, ...]:
    """Every file of every service that the settings ask for.

    `zones` are the tenant's local zones (`mailtenant.dns.local_zones`), `policies` the MTA-STS policies of its domains
    (`mailtenant.dns.policies`).
    """
    first = (
        file
        for name, spec in SERVICES.items()
        if spec.config_path and (name != "dns" or zones) and (name != "web" or settings.has_web_host)
        for file in render_service(settings, name, zones=zones if name == "dns" else (), policies=policies)
    )
    further = (
        file
        for node in settings.smtp_nodes[1:]
        for name in NODE_SERVICES
        for file in render_service(settings, name, node=node)
    )
    return (*first, *further)


def _stay_below(spec: ServiceSpec, files: Sequence[RenderedFile]) -> None:
    for file in files:
        if not file.path.startswith(spec.config_path + "/"):
            raise ValueError(
                f"template {spec.daemon}{file.path} is outside {spec.config_path}, the only folder mounted there"
            )
