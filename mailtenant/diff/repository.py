"""The project's git repository: revisions, what differs between two of them, their files in a folder.

A revision is a commit, or the working tree as it lies there (None). Object ids tell what changed without reading it.
"""

import io
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mailtenant.diff.errors import DiffError

_STACKS = "stacks"


@dataclass(frozen=True)
class Revision:
    """A commit and the name that was asked for; `commit` None: the working tree."""

    name: str
    commit: str | None

    @property
    def shown(self) -> str:
        return f"{self.name} ({self.commit[:9]})" if self.commit and self.commit != self.name else self.name


class GitMissing(DiffError):
    """There is no git here."""


WORKING_TREE = Revision("working tree", None)


class Repository:
    """The repository around a project folder, which may lie below the repository's root; paths are the project's."""

    def __init__(self, project: Path) -> None:
        """Raises: DiffError, if there is no repository."""
        self._project = project
        try:
            self._prefix = self._git("rev-parse", "--show-prefix").removesuffix("\n")
        except GitMissing:
            raise
        except DiffError as error:
            _, found, trusted = str(error).partition("--add safe.directory ")  # git's last words are the command
            if found:
                raise DiffError(
                    f"git does not trust {project}, which another user owns; if you do: "
                    f"git config --global --add safe.directory {trusted}"
                ) from None
            raise DiffError(f"{project} is in no git repository, so there is nothing to compare with") from None

    def resolve(self, name: str) -> Revision:
        """Raises: DiffError for a name that is no commit."""
        try:
            commit = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
        except DiffError:
            shallow = self._git("rev-parse", "--is-shallow-repository").strip() == "true"
            fix = "this clone is shallow: `git fetch --unshallow`" if shallow else "`git fetch` it, or look at its name"
            raise DiffError(f"no revision `{name}` here; {fix}") from None
        return Revision(name, commit)

    def merge_base(self, one: Revision, other: Revision) -> Revision:
        """Where the two parted: what a pull request is compared with. Raises: DiffError, if they never met."""
        try:
            commit = self._git("merge-base", one.commit or "HEAD", other.commit or "HEAD").strip()
        except DiffError:
            raise DiffError(f"{one.shown} and {other.shown} have no common commit; fetch the whole history") from None
        return Revision(f"merge base of {one.name}", commit)

    def changed_paths(self, base: Revision, head: Revision) -> frozenset[str]:
        """Files that differ, are new or gone; in the working tree also those that git does not know yet."""
        commits = [commit for commit in (base.commit, head.commit) if commit]
        changed = self._git("diff", "--name-only", "--no-renames", "--relative", "-z", *commits, "--", ".")
        found = {path for path in changed.split("\0") if path}
        if head.commit is None:
            unknown = self._git("ls-files", "--others", "--exclude-standard", "-z", "--", ".")
            found |= {path for path in unknown.split("\0") if path}
        # What is no UTF-8 text is written with backslashes: reports can hold it.
        return frozenset(path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for path in found)

    def labels(self, revision: Revision) -> frozenset[str]:
        """Labels of the stack files in a revision.

        Raises: DiffError for a name that git's lists and reports cannot carry.
        """
        if revision.commit is None:
            names: Iterable[str] = (path.name for path in (self._project / _STACKS).glob("Pulumi.*.yaml"))
        else:
            # --full-tree: of the tree that is named, not of what lies below the current folder's name in it.
            tree = self._git(
                "ls-tree", "--full-tree", "--name-only", "-z", f"{revision.commit}:{self._prefix}{_STACKS}", empty=True
            )
            names = tree.split("\0")
        found = frozenset(n[7:-5] for n in names if n.startswith("Pulumi.") and n.endswith(".yaml") and len(n) > 12)
        if strange := sorted(label for label in found if not label.isprintable()):
            name = f"{_STACKS}/Pulumi.{ascii(strange[0])[1:-1]}.yaml"
            raise DiffError(f"a stack file's name is not text: {name}; rename it")
        return found

    def holds(self, revision: Revision, path: str) -> bool:
        """Whether a file or folder is in the revision."""
        if revision.commit is None:
            return (self._project / path).exists()
        return bool(self._git("ls-tree", "--name-only", revision.commit, "--", path, empty=True))

    def write(self, revision: Revision, paths: Sequence[str], folder: Path) -> None:
        """The files and folders `paths` of a commit, below `folder`; those that it does not hold are left out."""
        there = [path for path in paths if self.holds(revision, path)]
        if not there:
            return
        # From the repository's root: elsewhere `git archive` looks for the current folder in the tree that is named.
        root = Path(self._git("rev-parse", "--show-toplevel").removesuffix("\n"))
        packed = self._run("archive", "--format=tar", f"{revision.commit}:{self._prefix}", "--", *there, folder=root)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")

    def stack_files(self, revision: Revision, labels: Iterable[str], folder: Path) -> Mapping[str, Path]:
        """Where each label's stack file of that revision lies: in the project, or written below `folder`."""
        wanted = sorted(set(labels) & self.labels(revision))
        if revision.commit is None:
            return {label: self._project / stack_path(label) for label in wanted}
        # One process for all, by object name: a file's name is never a word of a command line here.
        asked = "".join(f"{revision.commit}:{self._prefix}{stack_path(label)}\n" for label in wanted)
        answer = io.BytesIO(self._run("cat-file", "--batch", stdin=asked.encode()))
        found = {}
        for label in wanted:
            head = answer.readline().split()
            if len(head) != 3 or head[1] != b"blob":
                continue
            found[label] = folder / f"Pulumi.{label}.yaml"
            found[label].write_bytes(answer.read(int(head[2])))
            answer.read(1)
        return found

    def _git(self, *arguments: str, empty: bool = False) -> str:
        """`empty`: a refusal is no answer, not an error."""
        try:
            return self._run(*arguments).decode("utf-8", "surrogateescape")
        except DiffError:
            if empty:
                return ""
            raise

    def _run(self, *arguments: str, stdin: bytes = b"", folder: Path | None = None) -> bytes:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder or self._project), *arguments],
                input=stdin,
                capture_output=True,
                check=False,
                timeout=120,
            )
        except FileNotFoundError:
            raise GitMissing("git was not found; install it") from None
        if done.returncode:
            said = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"])[-1]
            raise DiffError(f"git {arguments[0]}: {said.removeprefix('fatal: ')}")
        return done.stdout


def stack_path(label: str) -> str:
    return str(PurePosixPath(_STACKS) / f"Pulumi.{label}.yaml")


def stack_label(path: str) -> str | None:
    """The label of a stack file's path; None for any other file."""
    folder, _, name = path.rpartition("/")
    return name[7:-5] if folder == _STACKS and name.startswith("Pulumi.") and name.endswith(".yaml") else None
