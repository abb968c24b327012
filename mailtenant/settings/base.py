"""What every settings model shares: frozen, no unknown key, no value in an error; each key with its effect."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Base of all settings. Lists become tuples, so that nothing can change after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True)


class Effect(StrEnum):
    """What `pulumi up` does when a key changes."""

    IN_PLACE = "in place"
    RECORDS = "records"
    RESTART = "restart"
    REPLACE = "replace"
    FIXED = "fixed"
    NONE = "nothing"


EFFECTS = {
    Effect.IN_PLACE: "applied while everything runs",
    Effect.RECORDS: "DNS records change; with provider `local` the tenant's name server starts anew",
    Effect.RESTART: "the services that read it start anew on their kept volumes: seconds, mail waits",
    Effect.REPLACE: "the network or the edge is made anew, every service joins it again; mail, queue and accounts stay",
    Effect.FIXED: "never after the tenant is up: a new name is a new tenant and a migration",
    Effect.NONE: "nothing that runs",
}


def setting(description: str, effect: Effect, **limits: Any) -> Any:
    """A pydantic field with what the reference says of it. `limits` are those of `pydantic.Field`."""
    return Field(description=description, json_schema_extra={"x-effect": effect.value}, **limits)
