"""`mailtenant web-certificate`: the web host's certificate from the tenant's own CA, for every domain that it has."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mailtenant.certificates import issue_web_certificate
from mailtenant.cli import output
from mailtenant.cli.stack_edit import edit_config, editing, set_secret
from mailtenant.fleet.stack_config import read_secret
from mailtenant.settings import TenantSettings, load_stack_file
from mailtenant.settings.convert import ROOT
from mailtenant.web import web_names


def web_certificate(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    mta_sts: Annotated[
        str | None, typer.Option("--mta-sts", help="switch the policies on as well: none, testing or enforce")
    ] = None,
    autoconfig: Annotated[
        bool | None, typer.Option("--autoconfig/--no-autoconfig", help="switch the answers to mail clients on or off")
    ] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Issue the certificate of LABEL's web host anew, for the names of every domain, signed by the tenant's own CA.
    Run it again after a domain was added. On any failure the stack file stays as it was.

    Example: mailtenant web-certificate acme --mta-sts testing --autoconfig
    """
    path, folder = output.stack_file(project, label), output.project_dir(project)
    with editing(path):
        settings = load_stack_file(path, output.shown_path(path)).settings
        names = web_names(settings.host, [domain.name for domain in settings.domains])
        key, chain = issued(folder, settings, names)

        def change(config: Any) -> None:
            config[ROOT]["tls"]["web_chain"] = chain
            for domain in config[ROOT]["domains"]:
                if mta_sts is not None:
                    domain["mta_sts"] = mta_sts
                if autoconfig is not None:
                    domain["autoconfig"] = autoconfig

        set_secret(folder, label, ("tlsWebKey",), key)
        edit_config(folder, path, change)
    if as_json:
        output.print_json({"label": label, "file": output.shown_path(path), "names": names})
        return
    typer.echo(f"{output.shown_path(path)}: certificate for {', '.join(names)}. Next: pulumi up -s {label}")


def issued(project: Path, settings: TenantSettings, names: Sequence[str]) -> tuple[str, str]:
    """A web certificate for the names, by the tenant's own CA: (key PEM, chain PEM).

    Raises: StackError, if the CA's key cannot be read; CertificateError
    """
    ca_key = read_secret(project, settings.label, ("tlsCaKey",))
    return issue_web_certificate(names, settings.tls.ca, ca_key, datetime.now(UTC))
