"""The query of every list: `limit`, `cursor` and `q`, and the base of each list's filters.

The rule: a parameter that a list does not know is refused, since a misspelt filter would answer with
everything.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_LIMIT = 1000


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold NUL")
    return text


FilterText = Annotated[str, Field(max_length=1000), AfterValidator(_without_nul)]


class Place(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=MAX_LIMIT, description="The most items to answer with.")
    cursor: FilterText | None = Field(None, description="The `next` of the page before.")


class Paging(Place):
    """A list's page and search; lists with filters extend it."""

    q: FilterText | None = Field(None, description="Text to be found in the items' main fields.")
