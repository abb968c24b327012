"""`mailtenant dkim`: the keys of each domain, what DNS serves, and one step of a rotation at a time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from mailtenant.cli import output
from mailtenant.cli.dns_servers import ResolverOption, ServerOption, asked
from mailtenant.cli.stack_edit import edit_config, editing, only_editor, remove_secret, set_secret
from mailtenant.dkim import Algorithm, generate_private_key, public_half
from mailtenant.dkim_rotation import next_step
from mailtenant.dns.key_lookup import key_results
from mailtenant.dns.verify import Result
from mailtenant.settings import StackFile, load_stack_file
from mailtenant.settings.convert import ROOT
from mailtenant.settings.dns import Domain, DomainKey

app = typer.Typer(no_args_is_help=True, help="DKIM keys: which signs, and one step of a rotation.")
ALGORITHMS: Final[Mapping[str, Algorithm]] = {"rsa": "rsa", "ed25519": "ed25519"}


class KeyKind(StrEnum):
    """Whose turn it is: each algorithm has a key of its own, which rotates by itself."""

    RSA = "rsa"
    ED25519 = "ed25519"


DomainOption = Annotated[str | None, typer.Option("--domain", help="just this domain; default: each")]


@app.command()
def status(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    domain: DomainOption = None,
    resolvers: ResolverOption = None,
    servers: ServerOption = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Show each DKIM key of LABEL: its state, since when, whether DNS serves it everywhere, and the next step.

    Example: mailtenant dkim status acme
    """
    stack_file = load_stack_file(output.stack_file(project, label))
    rows = []
    for one in _domains(stack_file, domain):
        for key in one.dkim:
            served = _served(stack_file, one, key, resolvers, servers)
            step = next_step(one.dkim, datetime.now(UTC), key.algorithm, one.dkim_mode)
            rows.append(
                {
                    "domain": one.name,
                    "selector": key.selector,
                    "algorithm": key.algorithm,
                    "state": key.state,
                    "since": key.since.isoformat() if key.since else None,
                    "signs": key in one.signing,
                    "dns": {result.server: result.said for result in served},
                    "served_everywhere": all(result.ok for result in served),
                    "next": step.said if step.selector == key.selector or step.kind == "publish" else "",
                }
            )
    if as_json:
        output.print_json(rows)
        return
    table = Table("domain", "selector", "key", "state", "since", "signs", "DNS", "next step")
    for row in rows:
        dns: Any = row["dns"]
        said = "✓ everywhere" if row["served_everywhere"] else "; ".join(f"{k}: {v}" for k, v in dns.items())
        cells = [row["domain"], row["selector"], row["algorithm"], row["state"], row["since"] or "-"]
        table.add_row(*map(str, cells), "✓" if row["signs"] else "", said, str(row["next"]))
    output.print_table(table)


@app.command()
def rotate(
    label: Annotated[str, typer.Argument(help="the tenant's label")],
    domain: DomainOption = None,
    kind: Annotated[
        KeyKind, typer.Option("--algorithm", help="rsa, or ed25519 for the second signature (the first run makes one)")
    ] = KeyKind.RSA,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done")] = False,
    resolvers: ResolverOption = None,
    servers: ServerOption = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Do the one step that is due for each domain of LABEL: publish a new key; let it sign, once every server serves
    it; remove the old one after a week. Edits the stack file, `pulumi up` makes it so, without a restart.
    With `--algorithm ed25519` the same for a second key, whose signature stands beside the RSA one (RFC 8463).

    Example: mailtenant dkim rotate acme && pulumi up -s acme
    """
    path, folder = output.stack_file(project, label), output.project_dir(project)
    with only_editor(path.parent):
        stack_file = load_stack_file(path, output.shown_path(path))
        changed, algorithm, done = False, ALGORITHMS[kind], list[dict[str, Any]]()
        for one in _domains(stack_file, domain):
            step = next_step(one.dkim, datetime.now(UTC), algorithm, one.dkim_mode)
            if step.kind == "activate":
                key = next(key for key in one.dkim if key.selector == step.selector)
                wrong = [result for result in _served(stack_file, one, key, resolvers, servers) if not result.ok]
                if wrong:
                    said = "; ".join(f"{result.server}: {result.said}" for result in wrong)
                    raise output.CommandError(
                        f"{one.name}: {step.selector} is not served everywhere yet ({said}); run `pulumi up` and wait"
                    )
            done.append({"domain": one.name, "step": step.kind, "selector": step.selector, "said": step.said})
            if not as_json:
                typer.echo(f"{one.name}: {step.said}")
            if dry_run or step.kind == "wait":
                continue
            with editing(path):
                if step.kind == "publish":
                    private = generate_private_key(algorithm)
                    set_secret(folder, label, ("dkim", one.name, step.selector), private)
                    edit_config(folder, path, _edit(one.name, _publish(step.selector, algorithm, public_half(private))))
                elif step.kind == "activate":
                    edit_config(folder, path, _edit(one.name, _activate(step.selector, algorithm)))
                else:
                    edit_config(folder, path, _edit(one.name, _remove(step.selector)))
                    remove_secret(folder, label, ("dkim", one.name, step.selector))
            changed = True
    if as_json:
        output.print_json({"label": label, "changed": changed, "domains": done})
    elif changed:
        typer.echo(f"{output.shown_path(path)} is edited. Next: pulumi up -s {label}; mailtenant dkim status {label}")


def _domains(stack_file: StackFile, domain: str | None) -> list[Domain]:
    found = [one for one in stack_file.settings.domains if domain in (None, one.name)]
    if not found:
        raise output.CommandError(f"{stack_file.settings.label} has no domain {domain!r}")
    return found


def _served(
    stack_file: StackFile,
    domain: Domain,
    key: DomainKey,
    resolvers: Sequence[str] | None,
    servers: Sequence[str] | None,
) -> list[Result]:
    """What each server says of the key; never empty, and without an authoritative server never all well."""
    zone = asked(stack_file, domain.name, resolvers, servers)
    host = stack_file.settings.host
    platform = asked(stack_file, host, resolvers, servers) if domain.dkim_mode == "cname" else zone
    found = list(key_results(stack_file.settings, domain, key, key.public_key, zone, platform))
    for name, everyone in ((domain.name, zone), (host, platform)):
        if all(server.recursive for server in everyone):
            found.append(Result(key.selector, name, "unknown", "no authoritative server is found"))
            break
    return found


def _edit(domain: str, change: Callable[[list[Any]], None]) -> Callable[[Any], None]:
    def edit(config: Any) -> None:
        (entry,) = (one for one in config[ROOT]["domains"] if one["name"] == domain)
        change(entry["dkim"])

    return edit


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _publish(selector: str, algorithm: Algorithm, public: str) -> Callable[[list[Any]], None]:
    entry = {"selector": selector, "state": "pending", "public_key": public, "since": _now()}
    if algorithm != "rsa":
        entry["algorithm"] = algorithm
    return lambda keys: keys.append(entry)


def _activate(selector: str, algorithm: Algorithm) -> Callable[[list[Any]], None]:
    def change(keys: list[Any]) -> None:
        for key in keys:
            if key.get("algorithm", "rsa") != algorithm:
                continue
            if key["selector"] == selector:
                key["state"], key["since"] = "active", _now()
            elif key["state"] == "active":
                key["state"], key["since"] = "retiring", _now()

    return change


def _remove(selector: str) -> Callable[[list[Any]], None]:
    def change(keys: list[Any]) -> None:
        keys[:] = [key for key in keys if key["selector"] != selector]

    return change
