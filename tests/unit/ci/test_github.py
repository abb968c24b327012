"""One comment for ever: found among pages of others, and nobody else's is touched. Against a server on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mailtenant.ci.comment import MARKER
from mailtenant.ci.github import AUTHOR, PlaceError, PullRequest, post
from mailtenant.rest import Refused
from tests.unit.cli.conftest import Cli
from tests.unit.cli.conftest import cli as cli
from tests.unit.diff.conftest import GitProject
from tests.unit.diff.conftest import stacks_only as stacks_only

PLACE = PullRequest("acme/tenants", 7)


class Server(ThreadingHTTPServer):
    """The part of GitHub's API that keeps comments."""

    comments: list[dict[str, Any]]
    writes: list[tuple[str, str]]
    status: int = 200
    runs: list[dict[str, Any]]
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "/actions/" in self.path:
            self.server.asked.append(self.path)
            self._answer({"total_count": len(self.server.runs), "workflow_runs": self.server.runs[:1]})
            return
        size, page = int(query["per_page"][0]), int(query["page"][0])
        self._answer(self.server.comments[size * (page - 1) : size * page])

    def do_POST(self) -> None:
        text = self._body()
        self.server.writes.append(("POST", self.path))
        number = len(self.server.comments) + 1
        self.server.comments.append({"id": number, "body": text, "user": {"login": AUTHOR}})
        self._answer({"id": number})

    def do_PATCH(self) -> None:
        text = self._body()
        self.server.writes.append(("PATCH", self.path))
        found = next(c for c in self.server.comments if c["id"] == int(self.path.rsplit("/", 1)[1]))
        found["body"] = text
        self._answer(found)

    def _body(self) -> str:
        return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

    def _answer(self, value: Any) -> None:
        octets = json.dumps(value if self.server.status == 200 else {"message": "no"}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def github() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.comments, server.writes, server.runs, server.asked = [], [], [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(server: Server, text: str) -> str:
    return post(PLACE, text, "t0ken", f"http://127.0.0.1:{server.server_port}")


def others(number: int, start: int = 1000) -> list[dict[str, Any]]:
    return [{"id": start + i, "body": f"remark {i}", "user": {"login": "jo"}} for i in range(number)]


def test_made_once_then_changed_then_left_alone(github: Server) -> None:
    assert say(github, f"{MARKER}\none\n") == "made"
    assert say(github, f"{MARKER}\ntwo\n") == "changed"
    assert say(github, f"{MARKER}\ntwo\n") == "unchanged"
    assert [c["body"] for c in github.comments] == [f"{MARKER}\ntwo\n"]
    assert len(github.writes) == 2


def test_found_on_the_third_page(github: Server) -> None:
    github.comments = others(250)
    say(github, f"{MARKER}\none\n")
    github.comments += others(20, 5000)
    assert say(github, f"{MARKER}\ntwo\n") == "changed"
    assert len([c for c in github.comments if c["body"].startswith(MARKER)]) == 1


def test_a_marker_that_is_not_the_whole_first_line_or_somebody_elses_is_not_ours(github: Server) -> None:
    github.comments = [
        {"id": 1, "body": f"{MARKER[:-4]}:acme-eu -->\nx", "user": {"login": AUTHOR}},
        {"id": 2, "body": f"{MARKER} and more\nx", "user": {"login": AUTHOR}},
        {"id": 3, "body": f"quoted:\n{MARKER}\nx", "user": {"login": AUTHOR}},
        {"id": 4, "body": f"{MARKER}\nx", "user": {"login": "mallory"}},
        {"id": 5, "body": None, "user": None},
    ]
    before = json.dumps(github.comments)
    assert say(github, f"{MARKER}\none\n") == "made"
    assert json.dumps(github.comments[:5]) == before


def test_carriage_returns_of_the_site_are_no_change(github: Server) -> None:
    github.comments = [{"id": 1, "body": f"{MARKER}\r\none\r\n", "user": {"login": AUTHOR}}]
    assert say(github, f"{MARKER}\none\n") == "unchanged"


def test_a_refusal_says_the_fix_and_not_the_token(github: Server) -> None:
    github.status = 403
    with pytest.raises(Refused, match="pull-requests: write") as refused:
        say(github, f"{MARKER}\none\n")
    assert "t0ken" not in str(refused.value)


@pytest.mark.parametrize("text", ["acme/tenants", "acme#7", "acme/tenants#x", "a/b/../c#7", "acme/tenants#0"])
def test_what_names_no_pull_request_is_refused(text: str) -> None:
    with pytest.raises(PlaceError):
        PullRequest.parse(text)


def test_a_deployment_begins_where_the_last_one_succeeded(
    github: Server, stacks_only: GitProject, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{github.server_port}")
    words = ("ci", "since", "--repository", "acme/tenants", "--before", "pushed", "--project", stacks_only.folder)
    deployed = stacks_only.git("rev-parse", "HEAD")
    stacks_only.commit("waited, and was dropped for the next one")
    stacks_only.commit("is deployed now")
    assert cli(*words).out == "pushed\n"  # the first one ever
    assert github.asked == [
        "/repos/acme/tenants/actions/workflows/deploy.yml/runs?branch=main&status=success&per_page=1"
    ]
    github.runs = [{"head_sha": deployed}]
    assert cli(*words).out == f"{deployed}\n"
    github.runs = [{"head_sha": "f" * 40}]  # not here any more: a forced push
    assert cli(*words).out == "pushed\n"
    newer = stacks_only.commit("deployed later")
    stacks_only.git("checkout", "--quiet", "HEAD~1")  # an old run is repeated
    github.runs = [{"head_sha": newer}]
    assert cli(*words).out == "pushed\n"
    github.status = 403
    ended = cli(*words)
    assert (ended.code, ended.out) == (1, "")
    assert "actions: read" in ended.err
    assert "t0ken" not in ended.err
    assert cli(*words, "--repository", "acme").code == 1
    monkeypatch.delenv("GITHUB_TOKEN")
    assert cli(*words).code == 3
