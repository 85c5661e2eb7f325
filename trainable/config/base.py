"""What all configuration sections have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat


class Section(BaseModel):
    """A frozen configuration section: unknown keys and values of another type are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[FiniteFloat, Field(gt=0)]
NonNegativeFloat = Annotated[FiniteFloat, Field(ge=0)]
Probability = Annotated[FiniteFloat, Field(ge=0, le=1)]
HeightWidth = tuple[Positive, Positive]
