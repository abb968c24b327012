"""Calls to an HTTP API: what is tried again, what is not, and that credentials never leave unencrypted."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from mailtenant.rest import ApiError, Refused, Rest, Torn, checked_base_url
from world.faulty_server import Answer, Fault, FaultyServer


class Counter(FaultyServer):
    """Says how often it was asked."""

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any, headers: Mapping[str, str]) -> Answer:
        return 200, {"asked": len(self.journal)}

    def failure(self, status: int) -> Any:
        return {"status": status}


@pytest.fixture
def server() -> Iterator[Counter]:
    with Counter() as started:
        yield started


def rest(server: Counter) -> Rest:
    def explain(answer: httpx.Response) -> tuple[str, None]:
        return f"HTTP {answer.status_code}", None

    return Rest(server.url, {"Authorization": "Bearer the-token"}, explain)


@pytest.mark.parametrize("fault", [
    Fault("status", 429, retry_after="0"), Fault("status", 503, retry_after="0"), Fault("torn before"),
    Fault("torn after"),
])  # fmt: skip
def test_what_may_be_repeated_is(server: Counter, fault: Fault) -> None:
    server.faults.append(fault)
    assert rest(server).call("PUT", "/x", body={})["asked"] == 2


def test_a_creation_whose_answer_is_lost_is_not_repeated(server: Counter) -> None:
    server.faults.append(Fault("torn after", method="POST"))
    with pytest.raises(Torn, match="run it again"):
        rest(server).call("POST", "/x", body={})
    assert len(server.journal) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_final(server: Counter, status: int) -> None:
    server.faults.append(Fault("status", status))
    with pytest.raises(Refused) as refused:
        rest(server).call("GET", "/x")
    assert refused.value.status == status and len(server.journal) == 1
    assert "the-token" not in str(refused.value) and "the-token" not in repr(rest(server))


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(ApiError, match=r"127\.0\.0\.1:9 cannot be reached"):
        client = rest_at("http://127.0.0.1:9")
        client.call("GET", "/x")


def rest_at(url: str) -> Rest:
    return Rest(url, {}, lambda answer: ("no", None))


@pytest.mark.parametrize("url", ["http://api.example.com", "ftp://127.0.0.1", "http://10.0.0.1", "//api"])
def test_credentials_go_only_over_https_or_loopback(url: str) -> None:
    with pytest.raises(ApiError, match="https://"):
        checked_base_url(url)
    assert checked_base_url("http://127.0.0.1:8000/") == "http://127.0.0.1:8000"
