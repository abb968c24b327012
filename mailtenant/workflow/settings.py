"""How the workflow paces itself, from `MAILTENANT_MIGRATE_…` variables; docs/migration.md lists them."""

from typing import ClassVar

from pydantic import Field

from mailtenant.control.variables import FromEnvironment


class WorkflowSettings(FromEnvironment):
    """Seconds, if nothing else is said."""

    prefix: ClassVar[str] = "MAILTENANT_MIGRATE_"

    prepare_days: float = Field(default=5, ge=0, description="so long before the window the servers are made")
    tries: int = Field(default=5, ge=1, description="so often a step that fails is tried before a person is asked")
    pause: float = Field(default=10, gt=0, description="before a failed step is tried again, doubled each time")
    longest_pause: float = Field(default=600, gt=0)
    logins: float = Field(default=900, gt=0, description="between two looks at who logs in at the old host")
    look: float = Field(default=30, gt=0, description="between two looks at what a person or DNS has to do")
    longest_look: float = Field(default=600, gt=0)
    quiet: float = Field(default=60, gt=0, description="so long sessions and deliveries may take to end in a freeze")
    freezes: int = Field(default=2, ge=1, description="freezes in a row before a person is asked")
    keep_servers: bool = Field(default=False, description="a rollback leaves the new servers running")
    lease: float = Field(default=30, ge=1, description="a worker that is silent so long is taken for dead")
    tick: float = Field(default=1, gt=0, description="between two looks of a worker at what has changed")
    concurrency: int = Field(default=16, ge=1, description="steps that one worker carries out at the same time")
