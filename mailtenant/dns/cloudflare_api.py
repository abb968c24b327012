"""Cloudflare's v4 API, as far as records of a zone go (https://developers.cloudflare.com/api/)."""

from collections.abc import Mapping
from typing import Any

import httpx

from mailtenant.rest import Refused, Rest, Torn

Record = dict[str, Any]
DEFAULT_URL = "https://api.cloudflare.com/client/v4"
IDENTICAL = 81058
"""`An identical record already exists.`"""


def explain(answer: httpx.Response) -> tuple[str, int | None]:
    """A sentence with the fix, and Cloudflare's first error code. The API's messages hold no credentials."""
    try:
        errors = answer.json().get("errors") or [{}]
        code, message = errors[0].get("code"), str(errors[0].get("message") or "")
    except (ValueError, AttributeError, IndexError):
        code, message = None, ""
    said = f" ({code}: {message})" if code is not None else ""
    status = answer.status_code
    # 9109 is both: a token that Cloudflare does not know, and one that may not look at this.
    unknown = code in (6003, 6111) or (code == 9109 and "invalid" in message.lower())
    if code == 9109 and "location" in message.lower():
        return f"the Cloudflare API token is not for this machine's address{said}: widen its client IP filter", code
    if status == 401 or unknown:
        return f"Cloudflare does not know the API token{said}: make a new one and set it in the stack's secrets", code
    if status == 403:
        return f"the Cloudflare API token may not do this{said}: it needs Zone.DNS Edit for the zone", code
    if status == 404 or code in (7000, 7003):
        return f"Cloudflare has no such zone or record{said}: check `zone_id`", code
    if status == 429:
        return f"Cloudflare's rate limit is reached{said}: wait five minutes and run it again", code
    if status >= 500:
        return f"Cloudflare has a failure of its own, HTTP {status}{said}: run it again later", code
    return f"Cloudflare refused it, HTTP {status}{said}", code


class Api:
    """Records of zones, with one token."""

    def __init__(self, token: str, base_url: str = DEFAULT_URL) -> None:
        self._rest = Rest(base_url, {"Authorization": f"Bearer {token}"}, explain)

    def zone(self, zone_id: str) -> Record:
        """The zone itself: `name`, `status`, and where Cloudflare says so the token's `permissions` there."""
        return self._result("GET", f"/zones/{zone_id}")

    def records(self, zone_id: str) -> list[Record]:
        """Every record of the zone."""
        found: list[Record] = []
        page, pages = 0, 1
        while page < pages:
            page += 1
            query = {"page": str(page), "per_page": "100"}
            answer = self._rest.call("GET", f"/zones/{zone_id}/dns_records", query=query)
            found += answer["result"]
            pages = int((answer.get("result_info") or {}).get("total_pages") or 1)
        return found

    def at(self, zone_id: str, name: str) -> list[Record]:
        """Every record of one name; Cloudflare shows a hundred at most, and takes no more there."""
        return list(self._rest.call("GET", f"/zones/{zone_id}/dns_records", query={"name": name})["result"])

    def probe(self, zone_id: str) -> None:
        """A write that can never take effect: a record without type, name and content.

        Raises: Refused: 400 from whom may write, 403 from whom may not (rights are judged before contents).
        """
        self._rest.call("POST", f"/zones/{zone_id}/dns_records", body={})

    def create(self, zone_id: str, body: Mapping[str, Any]) -> Record:
        """A new record. One that is already there, equal in every field that we write, is what an earlier run made
        before it could say so: it is taken.

        Raises: ApiError
        """
        try:
            return self._result("POST", f"/zones/{zone_id}/dns_records", body)
        except Torn:
            if (found := self._equal(zone_id, body)) is not None:
                return found
            raise
        except Refused as error:
            if error.code == IDENTICAL and (found := self._equal(zone_id, body)) is not None:
                return found
            raise

    def read(self, zone_id: str, id_: str) -> Record | None:
        """The record, or None if it is gone."""
        try:
            return self._result("GET", f"/zones/{zone_id}/dns_records/{id_}")
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def update(self, zone_id: str, id_: str, body: Mapping[str, Any]) -> Record:
        return self._result("PUT", f"/zones/{zone_id}/dns_records/{id_}", body)

    def delete(self, zone_id: str, id_: str) -> None:
        try:
            self._rest.call("DELETE", f"/zones/{zone_id}/dns_records/{id_}")
        except Refused as error:
            if error.status != 404:
                raise

    def _result(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Record:
        result: Record = self._rest.call(method, path, body=body)["result"]
        return result

    def _equal(self, zone_id: str, body: Mapping[str, Any]) -> Record | None:
        """Only with a comment of ours: a customer's own record is never taken for ours."""
        if not body.get("comment"):
            return None
        query = {"name": str(body["name"]), "type": str(body["type"])}
        found = self._rest.call("GET", f"/zones/{zone_id}/dns_records", query=query)["result"]
        sent = {key: value for key, value in body.items() if key != "settings"}
        return next((one for one in found if all(one.get(key) == value for key, value in sent.items())), None)
