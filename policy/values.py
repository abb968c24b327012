"""Reading what the engine hands to a rule: in previews parts are unknown, and a rule must not stumble over them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pulumi_policy import PolicyResource, StackValidationArgs

CONTAINER: Final = "docker:index/container:Container"
VOLUME: Final = "docker:index/volume:Volume"
DOCKER: Final = "pulumi:providers:docker"
TENANT: Final = "mailtenant:index:TenantMail"


def known(props: Mapping[str, Any], key: str, otherwise: Any = None) -> Any:
    """The value, or `otherwise` where it is missing or not known before `up` (reading an unknown one raises)."""
    try:
        value = props[key]
    except Exception:  # the engine's own error for an unknown value, or KeyError
        return otherwise
    return otherwise if value is None else value


def of_type(args: StackValidationArgs, type_: str) -> list[PolicyResource]:
    return [one for one in args.resources if one.resource_type == type_]


def items(props: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    """A list of tables, without entries that are not known."""
    found = known(props, key, ())
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, Iterable) else []


def texts(props: Mapping[str, Any], key: str) -> list[str]:
    """A list of texts, without those that are not known; the engine's lists are no `list`."""
    found = known(props, key, ())
    if isinstance(found, str) or not isinstance(found, Iterable):
        return []
    answer = []
    for index in range(len(found)):  # type: ignore[arg-type]
        try:
            one = found[index]  # type: ignore[index]
        except Exception:  # noqa: S112 (an unknown one: there is nothing to judge yet)
            continue
        if isinstance(one, str):
            answer.append(one)
    return answer


def is_run(props: Mapping[str, Any]) -> bool:
    """Whether a container is ever started: those that only carry files are not."""
    return known(props, "start", True) is not False
