"""Settings that are read from variables of the environment."""

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from mailtenant.control.errors import Misconfigured


class FromEnvironment(BaseModel):
    """Each field is the variable of its name in capitals, with `prefix` before it; an empty one is not set."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    prefix: ClassVar[str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **otherwise: Any) -> Self:
        """`otherwise`: what holds for fields whose variable is not set.

        Raises: Misconfigured, naming every variable that is wrong.
        """
        given = os.environ if environment is None else environment
        set_ = {name: given[cls.variable(name)] for name in cls.model_fields if given.get(cls.variable(name))}
        try:
            return cls.model_validate(otherwise | set_)
        except ValidationError as error:
            wrong = "; ".join(f"{cls.variable(str(one['loc'][0]))}: {one['msg']}" for one in error.errors())
            raise Misconfigured(f"the environment is not right: {wrong}") from None

    @classmethod
    def variable(cls, name: str) -> str:
        """The variable of a field."""
        return f"{cls.prefix}{name.upper()}"
