"""`mailtenant serve`: the customers' API, its tasks and the outbox, in one process."""

import logging
import signal
import socket
from typing import Annotated

import typer

from mailtenant.cli import output
from mailtenant.cli.control import open_control


def serve(
    host: Annotated[str, typer.Option(help="address to listen on; put a TLS proxy in front")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one, printed")] = 8080,
    work: Annotated[
        bool, typer.Option("--work/--no-work", help="also carry out tasks and send messages; one such process suffices")
    ] = True,
    project: output.ProjectOption = None,
) -> None:
    """Serve the customers' API until SIGTERM or Ctrl-C: requests that are under way are answered, tasks go on at the
    next start. Settings are `MAILTENANT_…` variables of the environment (docs/api.md).

    Example: mailtenant serve --port 8080
    """
    import uvicorn

    from mailtenant.api.app import create_app
    from mailtenant.control.channels import channels
    from mailtenant.control.sender import Sender
    from mailtenant.shared_host.place import SharedPlace
    from mailtenant.tasks.durable import TaskWorker
    from mailtenant.tasks.systems import ProjectSystems

    folder = output.project_dir(project)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # It logs whole addresses of requests; ours come from the middleware.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    plane = open_control(folder)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, reuse_port=port != 0)
    except OSError as error:
        plane.close()
        said = f"cannot listen on {host}, port {port}: {error.strerror}; take another --host or --port"
        raise output.CommandError(said) from None
    systems = ProjectSystems(folder, plane, SharedPlace.from_environment())
    worker = None
    if work:
        owner = f"serve-{socket.gethostname()[:60]}-{listener.getsockname()[1]}-{id(plane):x}"
        worker = TaskWorker(plane, systems, sender=Sender(plane, channels(plane), owner))
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"serving http://{shown}:{listener.getsockname()[1]}/api/", err=True)
    config = uvicorn.Config(
        create_app(plane, systems, worker), access_log=False, log_config=None, server_header=False,
        timeout_graceful_shutdown=10, timeout_keep_alive=30, loop="auto", http="httptools",
    )  # fmt: skip
    server = uvicorn.Server(config)
    # uvicorn raises the signal again once it has ended cleanly; that must not make the exit code one of a kill.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    try:
        server.run(sockets=[listener])
    finally:
        plane.close()
    if not server.started:
        raise output.CommandError("the server did not start; its reason stands above")
