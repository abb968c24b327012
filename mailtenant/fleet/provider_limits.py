"""The DNS providers' rate limits, shared by all workers: a run begins when its token has room for the calls it makes.

The calls themselves are made inside provider plugins, where nothing can count them, so the upper bound of a run is
counted at its start: two calls a record (one to read, one to write) and two a zone.
Limits: Cloudflare 1,200 requests in 5 minutes a token, GoDaddy 60 a minute a key (docs of both).
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from limits import RateLimitItem, RateLimitItemPerMinute
from sqlalchemy import delete, func, select, text

from mailtenant.control.database import Database
from mailtenant.control.tables import RateHit
from mailtenant.dns import records
from mailtenant.settings.stackfile import StackFile

LIMITS: Final[Mapping[str, RateLimitItem]] = {
    "cloudflare": RateLimitItemPerMinute(1200, 5),
    "godaddy": RateLimitItemPerMinute(60),
}
# Which secret of the stack file is the account that the provider counts.
TOKENS: Final[Mapping[str, str]] = {"cloudflare": "cloudflareToken", "godaddy": "godaddyKey"}
PLATFORM_TOKENS: Final[Mapping[str, str]] = {"cloudflare": "platformCloudflareToken"}
_CALLS = 2
_PAUSE = 1.0


class SharedWindow:
    """A moving window in the journal's database, one for all workers: no span of an item's length holds more than its
    amount. A fixed window would let twice as much through around its border."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    def take(self, item: RateLimitItem, account: str, cost: int) -> bool:
        """Whether there was room for that many calls; then they are taken."""
        now, key = self._now(), item.key_for(account)
        with self._database.write() as session:
            if not self._database.sqlite:
                session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": key})
            session.execute(delete(RateHit).where(RateHit.key == key, RateHit.at <= now - item.get_expiry()))
            held = session.scalar(select(func.coalesce(func.sum(RateHit.amount), 0)).where(RateHit.key == key)) or 0
            if held + cost > item.amount:
                return False
            session.add(RateHit(key=key, at=now, amount=cost))
            return True


def calls(stack_file: StackFile) -> Mapping[tuple[str, str], int]:
    """(provider, name of the secret that is its account) → how many API calls an `up` makes at most."""
    settings = stack_file.settings
    providers = {domain.name: domain.dns.provider for domain in settings.domains}
    found: Counter[tuple[str, str]] = Counter()
    for record in records(settings, stack_file.existing, stack_file.dns_phase):
        provider = providers.get(record.zone, settings.platform_dns.provider)
        secret = (TOKENS if record.zone in providers else PLATFORM_TOKENS).get(provider)
        if secret:
            found[provider, secret] += _CALLS
    for provider in providers.values():
        if provider in TOKENS:
            found[provider, TOKENS[provider]] += _CALLS
    return found


class ProviderLimits:
    """Waits until the accounts that a run will use have room."""

    def __init__(self, window: SharedWindow, pause: Callable[[float], None] = time.sleep) -> None:
        self._window, self._pause = window, pause

    def admit(self, wanted: Mapping[tuple[str, str], int], secrets: Mapping[str, Any]) -> float:
        """Takes the calls from each account's window, waiting for room; gives the seconds waited.

        A run that needs more than a whole window takes a whole one: the provider's plugin has to pace itself then.
        """
        waited = 0.0
        for item, account, cost in self._costs(wanted, secrets):
            while not self._window.take(item, account, min(cost, item.amount)):
                self._pause(_PAUSE)
                waited += _PAUSE
        return waited

    @staticmethod
    def _costs(
        wanted: Mapping[tuple[str, str], int], secrets: Mapping[str, Any]
    ) -> Iterator[tuple[RateLimitItem, str, int]]:
        for (provider, secret), cost in sorted(wanted.items()):
            if token := secrets.get(secret):
                # The account is told apart by a hash: no token is written anywhere.
                account = hashlib.sha256(f"{provider}\0{token}".encode()).hexdigest()[:32]
                yield LIMITS[provider], f"{provider}:{account}", cost
