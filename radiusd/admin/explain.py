"""/api/v1/explain: what would be answered to a request, and why; nothing is sent or written."""

import os
import time
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, model_validator

from radiusd.admin.deps import Operator, Parts
from radiusd.admin.transaction import Transaction
from radiusd.decide.explain import explain as decide
from radiusd.errors import ApiError, PolicyError, WireError
from radiusd.policy.model import Client
from radiusd.policy.snapshot import Snapshot
from radiusd.store.resources import Moment, Name, Resource, Text

router = APIRouter(tags=["explain"], route_class=Transaction)

MOST_ATTRIBUTES = 200


class Attribute(Resource):
    """One attribute of the request."""

    attribute: Name
    value: Text


def _some(attributes: list[Attribute]) -> list[Attribute]:
    if not 1 <= len(attributes) <= MOST_ATTRIBUTES:
        raise ValueError(f"must be 1 to {MOST_ATTRIBUTES} attributes")
    return attributes


class Question(Resource):
    """An Access-Request as attributes; `{"User-Name": "alice"}` and lists of {attribute, value} are both taken."""

    client: Name | None = Field(None, description="Who asks; else the client of NAS-IP-Address, or the only one.")
    attributes: Annotated[
        list[Attribute], AfterValidator(_some), Field(json_schema_extra={"minItems": 1, "maxItems": MOST_ATTRIBUTES})
    ]
    at: Moment | None = Field(None, description="When; now, if left out.")

    @model_validator(mode="before")
    @classmethod
    def _from_mapping(cls, data: object) -> object:
        if not isinstance(data, Mapping) or not isinstance(data.get("attributes"), Mapping):
            return data
        listed = [
            {"attribute": name, "value": value}
            for name, values in data["attributes"].items()
            for value in (values if isinstance(values, list) else [values])
        ]
        return {**data, "attributes": listed}


class ReplyAttribute(BaseModel):
    """One attribute of the answer, as printed; what is hidden on the wire is not shown."""

    attribute: str
    value: str


class Answer(BaseModel):
    """The decision; `needs-password` when the question holds none, and a right one would be accepted."""

    outcome: Literal["accept", "reject", "needs-password"] = Field(
        description="What is answered; needs-password: the question holds no password, and one can be checked."
    )
    reason: str
    policy: Literal["accept", "reject"] = Field(
        description="accept when nothing but a missing password stands against it."
    )
    rule: str
    groups: list[str]
    client: str
    reply: list[ReplyAttribute]
    steps: list[str]


@router.post("/explain", summary="Explain a decision", dependencies=[Operator])
async def explain(parts: Parts, question: Question) -> Answer:
    """Decide as the server would, and tell each step."""
    snapshot = parts.policy.snapshot
    if snapshot is None:
        raise ApiError(503, "the policy has not been read yet")
    client = _client(snapshot, question)
    attributes = [(item.attribute, item.value) for item in question.attributes]
    now = time.time() if question.at is None else question.at.timestamp()
    try:
        told = decide(snapshot, client, _host(question, client), attributes, now, os.urandom)
    except PolicyError as error:
        raise ApiError(422, str(error), field=_place(question, error)) from error
    except WireError as error:
        raise ApiError(422, f"no packet can hold these attributes: {error}", field="attributes") from error
    return Answer(
        outcome=told.outcome,
        reason=told.reason,
        policy=told.policy,
        rule=told.rule,
        groups=list(told.groups),
        client=client.name,
        reply=[ReplyAttribute(attribute=name, value=value) for name, value in told.reply],
        steps=list(told.steps),
    )


def _client(snapshot: Snapshot, question: Question) -> Client:
    """Find who asks; ApiError 422 where that is not to be known."""
    clients = snapshot.clients
    if question.client is not None:
        named = next((client for client in clients if client.name == question.client), None)
        if named is None:
            raise ApiError(422, f"there is no client {question.client!r}", field="client")
        return named
    for item in question.attributes:
        if item.attribute.lower() == "nas-ip-address" and _is_address(item.value):
            found = snapshot.client_for(item.value)
            if found is not None:
                return found
    if len(clients) == 1:
        return clients[0]
    raise ApiError(422, "say which client asks, by name or as NAS-IP-Address", field="client")


def _host(question: Question, client: Client) -> str:
    """Return the address that the request would come from: NAS-IP-Address, or one of the client's."""
    for item in question.attributes:
        if item.attribute.lower() == "nas-ip-address" and _is_address(item.value):
            return item.value
    return str(client.network.network_address)


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _place(question: Question, error: PolicyError) -> str:
    """Return the path of the attribute that the error names."""
    name = str(error).partition(":")[0].strip().lower()
    for index, item in enumerate(question.attributes):
        if item.attribute.lower() == name:
            return f"attributes[{index}]"
    return "attributes"
