"""What GitHub is asked: where our comment is, by its marker among all pages of them, and what was deployed last."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from mailtenant.ci.comment import MARKER
from mailtenant.rest import Rest

PAGE: Final = 100
API: Final = "https://api.github.com"
AUTHOR: Final = "github-actions[bot]"
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")


class PlaceError(Exception):
    """What names no pull request; one line."""


@dataclass(frozen=True)
class PullRequest:
    """`owner/name` and number."""

    repository: str
    number: int

    @classmethod
    def parse(cls, text: str) -> "PullRequest":
        """From `owner/name#7`. Raises: PlaceError."""
        repository, _, number = text.partition("#")
        if not _REPOSITORY.fullmatch(repository) or not number.isdecimal() or int(number) < 1:
            raise PlaceError("a pull request is named like owner/name#7")
        return cls(repository, int(number))


def post(place: PullRequest, text: str, token: str, api: str = API, author: str = AUTHOR) -> str:
    """Changes our comment, or makes it: "changed", "unchanged" or "made". `author`: whose comments are ours.

    Raises: mailtenant.rest.ApiError
    """
    fix = "give the job `pull-requests: write` (a fork's job never has it)"
    rest = _rest(api, token, f"the token may not write comments here: {fix}")
    comments = f"/repos/{place.repository}/issues"
    for one in _comments(rest, f"{comments}/{place.number}/comments"):
        if _is_ours(one, author):
            if str(one["body"]).replace("\r\n", "\n").strip() == text.strip():
                return "unchanged"
            rest.call("PATCH", f"{comments}/comments/{int(one['id'])}", body={"body": text})
            return "changed"
    rest.call("POST", f"{comments}/{place.number}/comments", body={"body": text})
    return "made"


def last_success(repository: str, workflow: str, branch: str, token: str, api: str = API) -> str | None:
    """The commit of the last run of a workflow that succeeded on a branch; None: there was none yet.

    Raises: PlaceError, mailtenant.rest.ApiError
    """
    if not _REPOSITORY.fullmatch(repository):
        raise PlaceError("a repository is named like owner/name")
    rest = _rest(api, token, "the token may not read runs here: give the job `actions: read`")
    answer = rest.call(
        "GET",
        f"/repos/{repository}/actions/workflows/{quote(workflow, safe='')}/runs",
        query={"branch": branch, "status": "success", "per_page": "1"},
    )
    runs = (answer or {}).get("workflow_runs") or []
    return str(runs[0]["head_sha"]) if runs else None


def _rest(api: str, token: str, forbidden: str) -> Rest:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    return Rest(api, {**headers, "X-GitHub-Api-Version": "2022-11-28"}, lambda answer: _explain(answer, forbidden))


def _is_ours(comment: Mapping[str, Any], author: str) -> bool:
    """The whole first line is the marker, and we wrote it: anybody may paste a marker."""
    first = str(comment.get("body") or "").split("\n", 1)[0].rstrip("\r ")
    return first == MARKER and (comment.get("user") or {}).get("login") == author


def _comments(rest: Rest, path: str) -> Iterator[Mapping[str, Any]]:
    number = 1
    while True:
        page = rest.call("GET", path, query={"per_page": str(PAGE), "page": str(number)}) or []
        yield from page
        if len(page) < PAGE:
            return
        number += 1


def _explain(answer: httpx.Response, forbidden: str) -> tuple[str, int | str | None]:
    try:
        said = str(answer.json().get("message", ""))[:200]
    except ValueError:
        said = ""
    fix = {
        401: "the token is not valid",
        403: forbidden,
        404: "there is no such place, or the token may not see it",
    }.get(answer.status_code, "run it again later")
    return f"GitHub answered {answer.status_code}{f' ({said})' if said else ''}: {fix}", None
