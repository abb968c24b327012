"""`mailtenant recover`: after a restart of the engine or the machine."""

from typing import Annotated

import typer

from mailtenant.accounts.engine import TenantEngine
from mailtenant.cli import output
from mailtenant.environment import tool_environment
from mailtenant.fleet.recovery import EngineSilent, RecoveryError
from mailtenant.fleet.recovery import recover as start_what_failed
from mailtenant.settings import load_stack_file


def recover(
    label: Annotated[str | None, typer.Argument(help="the tenant's label; none: all on this machine's engine")] = None,
    as_json: output.JsonOption = False,
    project: output.ProjectOption = None,
) -> None:
    """Start the containers that the engine could not start by itself after its restart.

    The engine knows no order: a container that joins the edge's network may be tried before the edge runs. Run this
    whenever the engine has started.

    Example: mailtenant recover
    """
    environment = tool_environment()
    if label:
        settings = load_stack_file(output.stack_file(project, label)).settings
        environment = dict(TenantEngine.of(settings).environment)
    try:
        started = start_what_failed(environment, label)
    except EngineSilent as error:
        raise output.EnvironmentProblem(f"no engine answers: {error}") from None
    except RecoveryError as error:
        raise output.CommandError(f"not all could be started: {error}") from None
    except FileNotFoundError:
        raise output.EnvironmentProblem("the `docker` client is not on PATH; install it (Debian: docker.io)") from None
    if as_json:
        output.print_json({"started": started})
        return
    typer.echo("\n".join(f"started {name}" for name in started) or "nothing to recover: all that should run runs")
