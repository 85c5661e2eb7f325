"""JSON from files that anybody may have written."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class StrictModel(BaseModel):
    """A frozen record: unknown keys, missing ones and values of another type are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Model = TypeVar("Model", bound=StrictModel)


def parsed(model: type[Model], text: bytes) -> Model:
    """The record that a JSON text holds.

    Args:
        model: What is expected.
        text: UTF-8, of a size that the caller has checked.

    Raises:
        ValueError: The first mistake, in one line.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        mistake = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, mistake["loc"]))
        raise ValueError(f"{place}: {mistake['msg']}" if place else mistake["msg"]) from error
