"""A working directory of its own for a run of the Pulumi CLI: what the CLI keeps beside a project is then no other
run's (https://github.com/pulumi/pulumi/issues/8186)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def work_dir(project: Path) -> Iterator[Path]:
    """The project as seen from a new folder: Pulumi.yaml copied, everything else linked."""
    with TemporaryDirectory(prefix="mailtenant-run-") as name:
        folder = Path(name)
        for entry in project.iterdir():
            if entry.name == "Pulumi.yaml":
                (folder / entry.name).write_text(entry.read_text(encoding="utf-8"), encoding="utf-8")
            else:
                (folder / entry.name).symlink_to(entry.resolve())
        yield folder
