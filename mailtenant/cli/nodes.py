"""`mailtenant nodes`: how many mail servers a tenant has, into its stack file, with the certificate of their names."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from mailtenant.certificates import issue_web_certificate
from mailtenant.cli import output
from mailtenant.cli.stack_edit import edit_config, editing, set_secret
from mailtenant.fleet.stack_config import read_secret
from mailtenant.settings import load_stack_file
from mailtenant.settings.convert import ROOT
from mailtenant.settings.nodes import MOST_NODES


def nodes(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    smtp: Annotated[int, typer.Option(min=1, max=MOST_NODES, help="how many mail servers")],
    address: Annotated[
        list[str] | None, typer.Option(help="edge address of the second, third … one; once given they stay listed")
    ] = None,
    address6: Annotated[
        list[str] | None, typer.Option(help="IPv6 address of the second, third … one, where `edge.address6` is set")
    ] = None,
    publish: Annotated[
        list[str] | None, typer.Option(help="loopback address of the second, third … one, for laptops and tests")
    ] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Set how many mail servers LABEL has, and issue the certificate of their names (mx2.<host> …) from its own CA.

    Where `nodes.addresses` lists enough and the certificate covers them, editing `nodes.smtp` by hand is the same.
    On any failure the stack file stays as it was.

    Example: mailtenant nodes acme --smtp 3 --address 10.99.1.20 --address 10.99.1.21
    """
    path, folder = output.stack_file(project, label), output.project_dir(project)
    with editing(path):
        settings = load_stack_file(path, output.shown_path(path)).settings
        listed = address or [str(one) for one in settings.nodes.addresses]
        if len(listed) < smtp - 1:
            raise output.CommandError(
                f"{smtp} mail servers need {smtp - 1} further addresses: name them with --address"
            )
        listed6 = address6 or [str(one) for one in settings.nodes.addresses6]
        if settings.edge.address6 is not None and len(listed6) < smtp - 1:
            raise output.CommandError(
                f"{smtp} mail servers need {smtp - 1} further IPv6 addresses: name them with --address6"
            )
        names = [f"mx{number}.{settings.host}" for number in range(2, len(listed) + 2)]
        chain = None
        if names:
            ca_key = read_secret(folder, label, ("tlsCaKey",))
            key, chain = issue_web_certificate(names, settings.tls.ca, ca_key, datetime.now(UTC))
            set_secret(folder, label, ("tlsNodesKey",), key)

        def change(config: Any) -> None:
            table = config[ROOT].setdefault("nodes", {})
            table["smtp"] = smtp
            if address:
                table["addresses"] = list(address)
            if address6:
                table["addresses6"] = list(address6)
            if publish:
                table["publish"] = list(publish)
            if chain:
                table["chain"] = chain

        edit_config(folder, path, change)
    if as_json:
        output.print_json({"label": label, "file": output.shown_path(path), "smtp": smtp, "names": names})
        return
    typer.echo(f"{output.shown_path(path)}: {smtp} mail server{'' if smtp == 1 else 's'}. Next: pulumi up -s {label}")
