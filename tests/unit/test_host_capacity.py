"""A host's memory: what a tenant reserves, and the refusal with the numbers."""

from mailtenant.host_capacity import SHARE, reserved_mib
from mailtenant.settings.live import host_problems
from tests import samples
from tests.unit.settings.test_nodes import nodes


class Judged:
    """Settings whose problems are named as those of a stack file."""

    settings = samples.settings()

    @staticmethod
    def problem(path: tuple[str | int, ...], message: str, fix: str) -> object:
        return (path, message, fix)


def test_a_quarter_of_the_limits_is_reserved_and_each_node_adds_its_own() -> None:
    one, three = samples.settings(), samples.settings(nodes=nodes())
    sizes = one.sizes
    assert reserved_mib(one) == sum(sizes[name].memory_mib for name in sizes if name != "web") // SHARE
    further = sum(sizes[name].memory_mib for name in ("edge", "resolver", "smtp"))
    assert (
        reserved_mib(three) * SHARE >= sum(s.memory_mib for n, s in sizes.items() if n != "web") + 2 * further - SHARE
    )


def test_more_than_the_host_has_left_is_refused_with_the_numbers() -> None:
    assert not list(host_problems(Judged(), 500, 500, 1000))  # type: ignore[arg-type]
    ((path, message, _),) = list(host_problems(Judged(), 501, 500, 1000))  # type: ignore[arg-type]
    assert path == ("size",)
    assert "501 MiB" in message
    assert "500 of its 1000 MiB" in message
