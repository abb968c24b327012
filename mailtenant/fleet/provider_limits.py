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
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import SQLAlchemyError

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


class JournalStorage(Storage, MovingWindowSupport):
    """A moving window in the journal's database, for the library `limits`: one for all workers."""

    STORAGE_SCHEME = ["mailtenant-journal"]  # noqa: RUF012 - the library's form

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._database, self._now = database, now

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = self._now()
        with self._database.write() as session:
            if not self._database.sqlite:
                session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": key})
            session.execute(delete(RateHit).where(RateHit.key == key, RateHit.at <= now - expiry))
            held = session.scalar(select(func.coalesce(func.sum(RateHit.amount), 0)).where(RateHit.key == key)) or 0
            if held + amount > limit:
                return False
            session.add(RateHit(key=key, at=now, amount=amount))
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        now = self._now()
        with self._database.read() as session:
            wanted = (RateHit.key == key, RateHit.at > now - expiry)
            first = session.scalar(select(func.min(RateHit.at)).where(*wanted))
            held = session.scalar(select(func.coalesce(func.sum(RateHit.amount), 0)).where(*wanted)) or 0
        return (first or now, int(held))

    def get(self, key: str) -> int:
        return self.get_moving_window(key, 0, 300)[1]

    def get_expiry(self, key: str) -> float:
        return self._now()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("a moving window only")

    def check(self) -> bool:
        with self._database.read() as session:
            session.execute(select(1))
        return True

    def reset(self) -> int | None:
        with self._database.write() as session:
            return int(session.execute(delete(RateHit)).rowcount)  # type: ignore[attr-defined]

    def clear(self, key: str) -> None:
        with self._database.write() as session:
            session.execute(delete(RateHit).where(RateHit.key == key))


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

    def __init__(self, storage: JournalStorage, pause: Callable[[float], None] = time.sleep) -> None:
        self._limiter, self._pause = MovingWindowRateLimiter(storage), pause

    def admit(self, wanted: Mapping[tuple[str, str], int], secrets: Mapping[str, Any]) -> float:
        """Takes the calls from each account's window, waiting for room; gives the seconds waited.

        A run that needs more than a whole window takes a whole one: the provider's plugin has to pace itself then.
        """
        waited = 0.0
        for item, account, cost in self._costs(wanted, secrets):
            while not self._limiter.hit(item, account, cost=min(cost, item.amount)):
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
