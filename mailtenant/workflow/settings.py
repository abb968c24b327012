"""How the workflow paces itself, from `MAILTENANT_MIGRATE_…` variables; docs/migration.md lists them."""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mailtenant.control.errors import Misconfigured

PREFIX = "MAILTENANT_MIGRATE_"


class WorkflowSettings(BaseModel):
    """Seconds, if nothing else is said."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    prepare_days: float = Field(default=5, ge=0, description="so long before the window the servers are made")
    tries: int = Field(default=5, ge=1, description="so often a step that fails is tried before a person is asked")
    pause: float = Field(default=10, gt=0, description="before a failed step is tried again, doubled each time")
    longest_pause: float = Field(default=600, gt=0)
    look: float = Field(default=30, gt=0, description="between two looks at what a person or DNS has to do")
    longest_look: float = Field(default=600, gt=0)
    quiet: float = Field(default=60, gt=0, description="so long sessions and deliveries may take to end in a freeze")
    freezes: int = Field(default=2, ge=1, description="freezes in a row before a person is asked")
    keep_servers: bool = Field(default=False, description="a rollback leaves the new servers running")
    lease: float = Field(default=30, ge=1, description="a worker that is silent so long is taken for dead")
    tick: float = Field(default=1, gt=0, description="between two looks of a worker at what has changed")
    concurrency: int = Field(default=16, ge=1, description="steps that one worker carries out at the same time")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Raises: Misconfigured, naming every variable that is wrong."""
        given = os.environ if environment is None else environment
        values = {name: given[PREFIX + name.upper()] for name in cls.model_fields if given.get(PREFIX + name.upper())}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = "; ".join(f"{PREFIX}{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
            raise Misconfigured(f"the environment is not right: {wrong}") from None
