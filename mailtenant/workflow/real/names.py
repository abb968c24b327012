"""The DNS of a move: what the plan says, and what all servers answer."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from mailtenant.dns.lookup import Answers, authoritative
from mailtenant.dns.planner import planned_records
from mailtenant.dns.platform import hosts_without_ipv6
from mailtenant.dns.records import Record
from mailtenant.dns.sheet import Row, rows
from mailtenant.dns.ttl import seconds
from mailtenant.dns.verify import judge_absent, judge_set
from mailtenant.dns.wait import wait_before
from mailtenant.migration.evidence import DnsSeen
from mailtenant.settings import StackFile
from mailtenant.settings.existing import PHASES, Phase
from mailtenant.workflow.ports import Change, StepError
from mailtenant.workflow.real.stack import PulumiStack

BY_HAND = "manual"


@dataclass(frozen=True)
class PlannedDns:
    """`Dns` of a stack file. `resolvers`: addresses (`1.1.1.1`, `127.0.0.1:5300`) of recursive servers to ask."""

    stack: PulumiStack
    resolvers: tuple[str, ...]

    def seen(self, phase: Phase) -> DnsSeen:
        file = self.stack.file()
        planned = [record for record in planned_records(file.settings, file.existing, phase) if record.type != "PTR"]
        asked = [Answers.at(text) for text in self.resolvers]
        if not asked:
            raise StepError("no resolver is named", "set MAILTENANT_MIGRATE_RESOLVERS", again=False)
        right = {server.name: True for server in asked}
        bare = hosts_without_ipv6(file.settings)
        complete, missing = True, []
        for zone in dict.fromkeys(record.zone for record in planned):
            own = [record for record in planned if record.zone == zone]
            empty = bare if zone == file.settings.host else ()
            servers = self._authoritative(file, zone, asked[0])
            complete = complete and bool(servers)
            for server in servers:
                if found := list(_wrong(own, empty, server)):
                    complete = False
                    missing += found
            for server in asked:
                if found := list(_wrong(own, empty, server)):
                    right[server.name] = False
                    missing += found
        return DnsSeen(sum(right.values()), complete, waited=False, missing=tuple(dict.fromkeys(missing)))

    def _authoritative(self, file: StackFile, zone: str, resolver: Answers) -> Sequence[Answers]:
        providers = {domain.name: domain.dns.provider for domain in file.settings.domains}
        if providers.get(zone, file.settings.platform_dns.provider) == "local":
            address = str(file.settings.edge.address)
            return [Answers(address, address, recursive=False)]
        return authoritative(zone, resolver)

    def remembered(self, phase: Phase) -> timedelta:
        """Before the cut-over the old TTL of what it changes; after it the TTL that the additive phase has set."""
        file = self.stack.file()
        if phase == "additive":
            return wait_before(file.settings, file.existing, "additive", "cutover").length
        providers = {domain.name: domain.dns.provider for domain in file.settings.domains}
        before = planned_records(file.settings, file.existing, "additive")
        changed = {(r.name, r.type) for r in rows(before, planned_records(file.settings, file.existing, "cutover"))}
        ttls = [
            seconds(r.ttl, providers[r.zone]) for r in before if (r.name, r.type) in changed and r.zone in providers
        ]
        return timedelta(seconds=max(ttls, default=0))

    def sheet(self) -> str:
        """Both parts at once, so that the second is at hand in the window."""
        out = io.StringIO()
        out.write("1. Please enter these records now:\n")
        self._part(out, "adopted", "additive")
        out.write("\n2. When you get the message with the new connection details:\n")
        self._part(out, "additive", "cutover")
        return out.getvalue()

    def sheet_back(self) -> str:
        out = io.StringIO()
        self._part(out, "cutover", "adopted")
        return out.getvalue()

    def _part(self, out: io.StringIO, before: Phase, after: Phase) -> None:
        lines = [row for row in self._rows(before, after) if self._by_hand(row.zone)]
        for row in lines:
            old = f"  (now: {row.old})" if row.old else ""
            out.write(f"  {row.action:7} {row.name}  {row.type}  {row.new or row.old}  TTL {row.ttl or ''}{old}\n")
        if not lines:
            out.write("  nothing\n")

    def changes(self) -> Sequence[Change]:
        return [
            Change(after, row.zone, row.name, row.type, row.old, row.new, self._by_hand(row.zone))
            for before, after in pairwise(PHASES)
            for row in self._rows(before, after)
        ]

    def _rows(self, before: Phase, after: Phase) -> Sequence[Row]:
        file = self.stack.file()
        old = planned_records(file.settings, file.existing, before)
        return rows(old, planned_records(file.settings, file.existing, after))

    def _by_hand(self, zone: str) -> bool:
        settings = self.stack.file().settings
        providers = {domain.name: domain.dns.provider for domain in settings.domains}
        return providers.get(zone, settings.platform_dns.provider) == BY_HAND


def _wrong(planned: Sequence[Record], empty: Sequence[str], server: Answers) -> Iterator[str]:
    """`name type` of each set that this server does not have as planned. `empty`: names that must have no AAAA."""
    sets: dict[tuple[str, str], list[Record]] = {}
    for record in planned:
        sets.setdefault((record.name, record.type), []).append(record)
    for (name, type_), records in sets.items():
        doubled = server.ask(f"{name}.{records[0].zone}", type_)
        found = judge_set(name, type_, records, server.ask(name, type_), server.name, doubled)
        if not found.ok:
            yield f"{name} {type_} at {server.name}: {found.said}"
    for host in empty:
        found = judge_absent(host, "AAAA", server.ask(host, "AAAA"), server.name)
        if not found.ok:
            yield f"{host} AAAA at {server.name}: {found.said}"
