"""`mailtenant domain`: a domain more, or one less, in a tenant's stack file, with its DKIM key."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from ruamel.yaml.scalarstring import LiteralScalarString

from mailtenant.cli import output
from mailtenant.cli.stack_edit import editing, judge, set_secret
from mailtenant.cli.web_certificate import issued
from mailtenant.dkim import generate_private_key, public_half
from mailtenant.fleet.stack_text import replace_text, with_config
from mailtenant.settings import load_stack_file
from mailtenant.settings.convert import ROOT
from mailtenant.settings.errors import Refusal
from mailtenant.settings.names import check_fqdn
from mailtenant.settings.proposal import SELECTOR
from mailtenant.web import web_names

app = typer.Typer(no_args_is_help=True, help="Domains of a tenant. Edits the stack file; `pulumi up` makes it so.")


@app.command()
def add(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    domain: Annotated[str, typer.Argument(help="the domain whose mail the tenant takes on")],
    provider: Annotated[
        str | None,
        typer.Option(help="who serves it, as `mailtenant new` takes it; default: as the tenant's first domain"),
    ] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Add DOMAIN to LABEL's stack file with a fresh DKIM key, the private half encrypted, and a web
    certificate that is for its names, too. On any failure the
    file stays as it was.

    Example: mailtenant domain add acme acme.io
    """
    folder = output.project_dir(project)
    path = output.stack_file(project, label)
    with editing(path) as before:
        settings = load_stack_file(path, output.shown_path(path)).settings
        try:
            check_fqdn(domain)
        except Refusal as refusal:
            raise output.CommandError(f"the domain {refusal}") from None
        if domain in {known.name for known in settings.domains}:
            raise output.CommandError(f"{label} has {domain} already")
        kind, _, zone_id = (provider or settings.domains[0].dns.provider).partition(":")
        if kind == "cloudflare" and not zone_id:
            raise output.CommandError(f"which zone is {domain}? name it: --provider cloudflare:ZONE_ID")
        private = generate_private_key()
        web: tuple[str, str] | None = None
        if settings.has_web_host:
            names = web_names(settings.host, [*(known.name for known in settings.domains), domain])
            web = issued(folder, settings, names)
        entry = {
            "name": domain,
            "dns": {"provider": kind, **({"zone_id": zone_id} if zone_id else {})},
            "dkim": [{"selector": SELECTOR, "state": "active", "public_key": public_half(private)}],
        }
        replace_text(path, with_config(before, _with_domain(entry, web[1] if web else None)))
        set_secret(folder, label, ("dkim", domain, SELECTOR), private)
        if web:
            set_secret(folder, label, ("tlsWebKey",), web[0])
        judge(folder, path)
    if as_json:
        output.print_json({"label": label, "file": output.shown_path(path), "domain": domain, "provider": kind})
        return
    typer.echo(
        f"{output.shown_path(path)}: {domain} added. "
        f"Next: pulumi up -s {label}; mailtenant records {label} --domain {domain}"
    )


def _with_domain(entry: Mapping[str, Any], web_chain: str | None) -> Callable[[Any], None]:
    def change(config: Any) -> None:
        config[ROOT]["domains"].append(entry)
        if web_chain is not None:
            config[ROOT]["tls"]["web_chain"] = LiteralScalarString(web_chain)

    return change
