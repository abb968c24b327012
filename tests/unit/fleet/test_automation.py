"""What people read of a run that goes on."""

from types import SimpleNamespace
from typing import Any

from pulumi.automation.events import OpType

from mailtenant.fleet.automation import Change, _run


def event(**parts: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"summary_event": None, "diagnostic_event": None, "resource_pre_event": None} | parts)


def before(op: OpType) -> SimpleNamespace:
    metadata = SimpleNamespace(op=op, urn="urn:pulumi:acme::mailtenant::docker:index/container:Container::acme-smtp")
    return event(resource_pre_event=SimpleNamespace(metadata=metadata))


def test_progress_names_the_operation_and_the_resource_and_leaves_out_what_stays() -> None:
    said: list[str] = []

    def run(on_event: Any) -> None:
        for op in (OpType.SAME, OpType.UPDATE, OpType.CREATE_REPLACEMENT):
            on_event(before(op))
        on_event(event(summary_event=SimpleNamespace(resource_changes={OpType.UPDATE: 1, OpType.SAME: 2})))

    assert _run("acme", run, said.append) == Change({"update": 1, "same": 2})
    assert said == ["update acme-smtp", "create-replacement acme-smtp"]
