"""`mailtenant ci …`: what the workflows in .github/workflows run. Each can be run by hand just the same."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from mailtenant.ci import comment as pull_request_comment
from mailtenant.ci import engine, github
from mailtenant.ci.deploy import deploy as carry_out
from mailtenant.ci.engine import EngineChange, EngineError
from mailtenant.ci.previews import Previewer
from mailtenant.ci.shards import selected
from mailtenant.ci.shards import shards as parts_of
from mailtenant.cli import output
from mailtenant.diff.comparison import Comparison
from mailtenant.diff.document import from_json
from mailtenant.diff.errors import DiffError
from mailtenant.diff.repository import Repository
from mailtenant.environment import tool_environment
from mailtenant.rest import ApiError

app = typer.Typer(no_args_is_help=True, help="Previews, comment, deployment and drift, as the workflows run them.")
DiffOption = Annotated[Path, typer.Option("--diff", help="output of `mailtenant diff --format json`")]
LabelsArgument = Annotated[list[str], typer.Argument(help="labels of tenants", metavar="LABEL…")]


@app.command()
def shards(
    diff: Annotated[
        Path | None, typer.Option("--diff", help="output of `mailtenant diff --format json`", show_default=False)
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="every tenant of stacks/ instead")] = False,
    size: Annotated[int, typer.Option(help="about so many tenants a job", min=1)] = 20,
    project: output.ProjectOption = None,
) -> None:
    """Print the tenants that the engine should look at as the JSON of a matrix: [{"shard", "labels"}].

    Example: mailtenant ci shards --diff diff.json --size 20
    """
    if (diff is None) is not everyone:
        raise typer.BadParameter("name --diff FILE, or --all")
    if diff is None:
        labels = sorted(path.name[7:-5] for path in output.stacks_dir(project).glob("Pulumi.*.yaml"))
    else:
        labels = selected(_comparison(diff))
    output.print_json(_matrix(labels, size))


@app.command("labels")
def print_labels(diff: DiffOption) -> None:
    """Print the labels of the tenants that the engine should look at, in one line.

    Example: mailtenant ci labels --diff diff.json
    """
    typer.echo(" ".join(selected(_comparison(diff))))


@app.command()
def rings(
    diff: DiffOption,
    canary: Annotated[str, typer.Option(help="labels that go first, with spaces between")] = "",
    size: Annotated[int, typer.Option(help="about so many tenants a job", min=1)] = 20,
) -> None:
    """Print `canary=<labels>` and `matrix=<JSON>` of the rest, as a workflow's step hands them on. Without a canary
    tenant among those that change, the first of them is one: nothing reaches everybody at once.

    Example: mailtenant ci rings --diff diff.json --canary "acme ours" >> "$GITHUB_OUTPUT"
    """
    labels = sorted(one.label for one in _comparison(diff).tenants if one.kind == "changed")
    first = [label for label in labels if label in canary.split()] or labels[:1]
    rest = [label for label in labels if label not in first]
    typer.echo(f"canary={' '.join(first)}")
    typer.echo(f"matrix={json.dumps(_matrix(rest, size))}")


@app.command()
def preview(
    labels: LabelsArgument,
    destination: Annotated[Path, typer.Option("--output", "-o", help="folder for one JSON file a tenant")],
    plans: Annotated[
        Path | None, typer.Option(help="folder for the plans of deployed stacks", show_default=False)
    ] = None,
    policy: Annotated[Path | None, typer.Option("--policy-pack", help="policy pack", show_default=False)] = None,
    parallel: Annotated[int, typer.Option(help="stacks at once", min=1)] = 2,
    project: output.ProjectOption = None,
) -> None:
    """Ask the engine what changes, stack by stack. A tenant without a stack is previewed in a throwaway backend.

    Exit code 1 if a preview fails; what is known of it is in its file all the same.

    Example: mailtenant ci preview acme globex --output previews --policy-pack policy
    """
    folder = output.project_dir(project)
    previewer = Previewer(folder, tool_environment(), policy.resolve() if policy else None, _whole(plans))
    _each(labels, previewer.preview, destination, parallel)


@app.command()
def drift(
    labels: LabelsArgument,
    destination: Annotated[Path, typer.Option("--output", "-o", help="folder for one JSON file a tenant")],
    parallel: Annotated[int, typer.Option(help="stacks at once", min=1)] = 2,
    project: output.ProjectOption = None,
) -> None:
    """Compare what runs with its state and its stack file.

    Exit code 1 if a tenant has drifted, or cannot be read.

    Example: mailtenant ci drift acme --output drift
    """
    previewer = Previewer(output.project_dir(project), tool_environment())
    found = _each(labels, previewer.drift, destination, parallel)
    if any(one.changes for one in found):
        raise typer.Exit(output.ExitCode.PROBLEM)


@app.command()
def comment(
    diff: Annotated[
        Path | None, typer.Option("--diff", help="output of `mailtenant diff --format json`", show_default=False)
    ] = None,
    previews: Annotated[
        Path | None, typer.Option("--engine", help="folder of `mailtenant ci preview`", show_default=False)
    ] = None,
    failures: Annotated[
        list[str] | None, typer.Option("--failure", help="a failed job, named in the comment", show_default=False)
    ] = None,
    post: Annotated[
        str | None, typer.Option(help="owner/name#number: post there, with GITHUB_TOKEN", show_default=False)
    ] = None,
    author: Annotated[str, typer.Option(help="whose comment is ours")] = github.AUTHOR,
    summary: Annotated[
        Path | None, typer.Option(help="file that gets the whole report (a job's summary)", show_default=False)
    ] = None,
    run_url: Annotated[str, typer.Option("--run", help="address of this run", show_default=False)] = "",
) -> None:
    """Write the one comment of a pull request; with --post, change ours there or make it.

    Failures are in it, too: a file of --diff that is not there is one.

    Example: mailtenant ci comment --diff diff.json --engine previews --post acme/tenants#7
    """
    problems = list(failures or ())
    found: Comparison | None = None
    engines: list[EngineChange] = []
    try:
        if diff is not None and diff.is_file():
            found = _comparison(diff)
        elif diff is not None:
            problems.append("the offline preview gave no result")
        engines = engine.read(previews) if previews is not None and previews.is_dir() else []
    except (output.CommandError, EngineError) as error:
        problems.append(str(error))
    if summary is not None:
        whole = pull_request_comment.body(found, engines, problems, pull_request_comment.SUMMARY_LIMIT)
        with summary.open("a", encoding="utf-8") as file:
            file.write(whole)
    text = pull_request_comment.body(found, engines, problems, run_url=run_url)
    if post is None:
        typer.echo(text, nl=False)
        return
    typer.echo(f"comment {_post(post, text, author)}")


@app.command()
def deploy(
    labels: LabelsArgument,
    plans: Annotated[Path, typer.Option(help="folder of the plans that `ci preview --plans` saved")],
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Carry out saved plans, one tenant after the other; the first failure ends it.

    Exit code 1 if a tenant failed, was not reached or has no plan.

    Example: mailtenant ci deploy acme --plans plans
    """
    done = carry_out(labels, output.project_dir(project), plans, tool_environment(), lambda t: typer.echo(t, err=True))
    if as_json:
        output.print_json([{"label": one.label, "outcome": one.outcome, "reason": one.reason} for one in done])
    else:
        for one in done:
            typer.echo(f"{one.label}: {one.outcome}" + (f" ({one.reason})" if one.reason else ""))
    if any(one.outcome != "done" for one in done):
        raise typer.Exit(output.ExitCode.PROBLEM)


@app.command()
def since(
    before: Annotated[str, typer.Option(help="revision to begin at where no deployment succeeded yet")],
    repository: Annotated[str, typer.Option(help="owner/name; asked with GITHUB_TOKEN")],
    branch: Annotated[str, typer.Option(help="branch that is deployed")] = "main",
    workflow: Annotated[str, typer.Option(help="file name of the workflow that deploys")] = "deploy.yml",
    project: output.ProjectOption = None,
) -> None:
    """Print the commit that a deployment begins at: that of the last one that succeeded. So what was merged before a
    failure, or while another deployment ran, is not left out. One that HEAD does not come from does not count.

    Example: mailtenant ci since --repository acme/tenants --before HEAD~1
    """
    try:
        last = github.last_success(repository, workflow, branch, _token(), _api())
    except (github.PlaceError, ApiError) as error:
        raise output.CommandError(str(error)) from None
    typer.echo(last if last and _leads_here(output.project_dir(project), last) else before)


def _leads_here(project: Path, commit: str) -> bool:
    """Whether HEAD comes from that commit: after a forced push it does not, nor when an old run is repeated."""
    try:
        repository = Repository(project)
        return repository.merge_base(repository.resolve(commit), repository.resolve("HEAD")).commit == commit
    except DiffError:
        return False


def _matrix(labels: list[str], size: int) -> list[dict[str, object]]:
    return [{"shard": number, "labels": " ".join(part)} for number, part in enumerate(parts_of(labels, size), 1)]


def _each(
    labels: list[str], ask: Callable[[str], EngineChange], destination: Path, parallel: int
) -> list[EngineChange]:
    """Raises: typer.Exit(1) after all of them, if one failed."""

    def one(label: str) -> EngineChange:
        change = ask(label)
        engine.write(change, destination)
        said = f"failed: {change.failure[0]}" if change.failure else f"{change.changes} changes"
        typer.echo(f"{label}: {said}", err=True)
        return change

    with ThreadPoolExecutor(parallel) as pool:
        found = list(pool.map(one, dict.fromkeys(labels)))
    if any(change.failure for change in found):
        raise typer.Exit(output.ExitCode.PROBLEM)
    return found


def _token() -> str:
    token = os.environ.get("GITHUB_TOKEN")
    if not token:
        raise output.EnvironmentProblem("GITHUB_TOKEN is not set: without it nothing can be asked or posted")
    return token


def _api() -> str:
    return os.environ.get("GITHUB_API_URL") or github.API


def _post(post: str, text: str, author: str) -> str:
    token = _token()
    try:
        return github.post(github.PullRequest.parse(post), text, token, _api(), author)
    except (github.PlaceError, ApiError) as error:
        raise output.CommandError(str(error)) from None


def _comparison(diff: Path) -> Comparison:
    try:
        return from_json(diff.read_text(encoding="utf-8", errors="replace"), diff.name)
    except DiffError as error:
        raise output.CommandError(str(error)) from None


def _whole(path: Path | None) -> Any:
    return path.resolve() if path else None
