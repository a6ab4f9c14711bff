"""The one line of JSON that a program of either side prints, read strictly: others wrote it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hwsim.errors import UsageError
from hwsim.printable import brief

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z_0-9]{1,40}$")]


class Answer(BaseModel):
    """Times and work of one process, an entry a call; the first call warms up and counts for a whole process only."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z.+-]{1,40}$")]
    setup_cpu_s: Seconds
    wall_s: list[Seconds]
    cpu_s: list[Seconds]
    work: dict[Name, list[Count]]


def read_answer(text: str, who: str, calls: int) -> Answer:
    """The answer of a process that was asked for so many calls after the first; raises UsageError in one line."""
    try:
        answer = Answer.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "its output"
        raise UsageError(f"{who}: {brief(place)}: {brief(first['msg'])}, found {brief(first['input'])}") from None
    for name, entries in {"wall_s": answer.wall_s, "cpu_s": answer.cpu_s, **answer.work}.items():
        if len(entries) != calls + 1:
            raise UsageError(f"{who}: {name}: wanted {calls + 1} entries, found {len(entries)}")
    return answer
