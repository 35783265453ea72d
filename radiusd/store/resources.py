"""What the REST side and the command line read and write: one pydantic model a resource and direction.

The rule: `…In` creates or replaces, `…Patch` changes what it names, `…Out` is what is read back.
A password or secret exists in `…In` and `…Patch` only. Unknown fields are refused by name, except
the read-only ones of `…Out`, so that what was read can be edited and sent back. Durations are
integer seconds. The typed fields are a view of FreeRADIUS's rows: see radiusd/policy/typed.py.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_interface, ip_network
from typing import Annotated, ClassVar, Final, Generic, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

UINT32 = 2**32 - 1
LONGEST_SECRET: Final = 253
LONGEST_NAME: Final = 253
"""Octets of a User-Name: what an attribute holds (RFC 2865 section 5)."""
LONGEST_PASSWORD: Final = 128
"""Octets of a User-Password before it is hidden (RFC 2865 section 5.2)."""
Out = TypeVar("Out")

Kind = Literal["pptpd", "rras", "accel-ppp", "strongswan", "ocserv", "openvpn", "mikrotik", "other"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
RequireMessageAuthenticator = Literal["auto", "yes", "no"]
Mppe = Literal["required", "allowed", "off"]


def _printable(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must not hold control characters")
    return text


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold NUL")
    return text


def _with_zone(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of the range of dates") from None


def user_name(name: str) -> str:
    """Return `name`; raises ValueError for one that no User-Name can hold."""
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        raise ValueError(f"must have at most {LONGEST_NAME} octets in UTF-8, as User-Name holds no more")
    return name


def _secret(secret: SecretStr) -> SecretStr:
    text = _without_nul(secret.get_secret_value())
    if not text:
        raise ValueError("must not be empty")
    if len(text) > LONGEST_SECRET:
        raise ValueError(f"must have at most {LONGEST_SECRET} characters")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must be Unicode text")
    return secret


def _password(password: SecretStr) -> SecretStr:
    octets = len(password.get_secret_value().encode())
    if octets > LONGEST_PASSWORD:
        raise ValueError(f"has {octets} octets; PAP carries at most {LONGEST_PASSWORD} (RFC 2865 section 5.2)")
    return password


def _two_at_most(servers: list[str]) -> list[str]:
    if len(servers) > 2:
        raise ValueError("must name two servers at most")
    return servers


def _network(text: str) -> str:
    """Return the canonical form: a host without prefix length, a network with it."""
    network = text.strip()
    try:
        found = ip_network(network, strict=False)
    except ValueError:
        raise ValueError("must be an IP address or a network such as 192.0.2.0/24") from None
    if found.num_addresses == 1:
        return str(found.network_address)
    if ip_interface(network).ip != found.network_address:
        raise ValueError(f"has host bits set; the network is {found}")
    return str(found)


def _ipv4(text: str) -> str:
    return str(IPv4Address(text))


Name = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_printable)]
Text = Annotated[str, Field(max_length=4096), AfterValidator(_without_nul)]
Seconds = Annotated[int, Field(strict=True, ge=0, le=UINT32)]
Moment = Annotated[datetime, AfterValidator(_with_zone)]
Network = Annotated[str, Field(max_length=64), AfterValidator(_network)]
UserName = Annotated[Name, AfterValidator(user_name)]
# The lengths are judged by the validators, whose words do not speak of a list; the schema says them all the same.
Secret = Annotated[
    SecretStr, AfterValidator(_secret), Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_SECRET})
]
Password = Annotated[
    SecretStr,
    AfterValidator(_secret),
    AfterValidator(_password),
    Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_PASSWORD}),
]
Ipv4Text = Annotated[str, Field(max_length=15), AfterValidator(_ipv4)]


class Resource(BaseModel):
    """The base of all: unknown fields are errors, names of READ_ONLY are taken and ignored."""

    model_config = ConfigDict(extra="forbid")
    READ_ONLY: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _leave_out_read_only(cls, data: object) -> object:
        if cls.READ_ONLY and isinstance(data, Mapping):
            return {key: value for key, value in data.items() if key not in cls.READ_ONLY}
        return data

    def given(self) -> set[str]:
        """Name the fields that are to be written: of a patch those that were sent."""
        return self.model_fields_set


class Page(BaseModel, Generic[Out]):
    """One page of a list; `next` is the cursor of the page that follows, None at the end."""

    items: list[Out]
    next: str | None = None


class Item(Resource):
    """One row of radcheck, radreply, radgroupcheck or radgroupreply.

    `value` is None where the row holds a password: it is not shown, and sent back as None it is kept.
    """

    attribute: Name
    op: Annotated[str, Field(min_length=1, max_length=2)] = "="
    value: Text | None


class Membership(Resource):
    """A user's group. Without a priority it is the group's place in the list, counted from 1."""

    name: Name
    priority: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: object) -> object:
        return {"name": data} if isinstance(data, str) else data


class UserPatch(Resource):
    """Changes to a user: fields that are absent stay as they are, None takes a field away."""

    READ_ONLY = frozenset({"has_password"})

    username: UserName | None = None
    password: Password | None = Field(
        None, description="Write-only; the only password from then on, as Cleartext-Password. null takes all away."
    )
    groups: list[Membership] | None = None
    disabled: bool | None = Field(None, description="Auth-Type := Reject.")
    expires_at: Moment | None = Field(None, description="Expiration; without a zone it is UTC.")
    static_ip: IPv4Address | None = Field(None, description="Framed-IP-Address in the reply.")
    check: list[Item] | None = Field(None, description="All other rows of radcheck, in order.")
    reply: list[Item] | None = Field(None, description="All other rows of radreply, in order.")


class UserIn(UserPatch):
    """A whole user. A password that is absent keeps the one in force (it cannot be read and sent back).

    So do other password rows, unless `check` is sent without them.
    """

    def given(self) -> set[str]:
        """Name all fields, but the password only if it was sent."""
        return self.model_fields_set | set(UserIn.model_fields) - {"password"}


class UserCreate(UserIn):
    """A new user."""

    username: UserName


class UserOut(BaseModel):
    """A user as read; `version` is the ETag."""

    username: str
    has_password: bool = Field(description="Whether radcheck holds a password of any form.")
    groups: list[Membership]
    disabled: bool
    expires_at: datetime | None
    static_ip: str | None
    check: list[Item]
    reply: list[Item]
    version: str = Field("", exclude=True)


class GroupPatch(Resource):
    """Changes to a group's policy: absent fields stay, None takes a field (its row) away."""

    READ_ONLY = frozenset({"members"})

    name: Name | None = None
    session_timeout: Seconds | None = Field(None, description="Session-Timeout in the reply, seconds.")
    idle_timeout: Seconds | None = Field(None, description="Idle-Timeout in the reply, seconds.")
    interim_interval: Seconds | None = Field(None, description="Acct-Interim-Interval in the reply, seconds.")
    simultaneous_use: Annotated[int, Field(ge=0, le=UINT32)] | None = Field(None, description="Simultaneous-Use.")
    login_time: Text | None = Field(None, description="Login-Time in UUCP form, such as Wk0800-1800.")
    max_daily_session: Seconds | None = Field(None, description="Max-Daily-Session, seconds.")
    max_weekly_session: Seconds | None = Field(None, description="Max-Weekly-Session, seconds.")
    max_monthly_session: Seconds | None = Field(None, description="Max-Monthly-Session, seconds.")
    max_all_session: Seconds | None = Field(None, description="Max-All-Session, seconds.")
    max_monthly_bytes: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = Field(
        None, description="Max-Monthly-Octets, octets in both directions."
    )
    framed_pool: Name | None = Field(None, description="Framed-Pool in the reply: a pool that the NAS keeps.")
    mppe: Mppe | None = Field(None, description="MS-MPPE-Encryption-Policy in the reply.")
    mppe_bits: list[Literal[40, 128]] | None = Field(
        None, description="Key lengths that `mppe` lets the NAS use (MS-MPPE-Encryption-Types); both when absent."
    )
    dns: Annotated[list[Ipv4Text], AfterValidator(_two_at_most), Field(json_schema_extra={"maxItems": 2})] | None = (
        Field(None, description="MS-Primary-DNS-Server and MS-Secondary-DNS-Server.")
    )
    fall_through: bool | None = Field(None, description="Fall-Through: go on to the user's next group.")
    check: list[Item] | None = Field(None, description="All other rows of radgroupcheck, in order.")
    reply: list[Item] | None = Field(None, description="All other rows of radgroupreply, in order.")


class GroupIn(GroupPatch):
    """A whole group."""

    def given(self) -> set[str]:
        """Name all fields."""
        return set(GroupIn.model_fields)


class GroupCreate(GroupIn):
    """A new group."""

    name: Name


class GroupOut(BaseModel):
    """A group as read: a view of radgroupcheck and radgroupreply; `members` counts radusergroup."""

    name: str
    session_timeout: int | None
    idle_timeout: int | None
    interim_interval: int | None
    simultaneous_use: int | None
    login_time: str | None
    max_daily_session: int | None
    max_weekly_session: int | None
    max_monthly_session: int | None
    max_all_session: int | None
    max_monthly_bytes: int | None
    framed_pool: str | None
    mppe: Mppe | None
    mppe_bits: list[int] | None
    dns: list[str] | None
    fall_through: bool | None
    check: list[Item]
    reply: list[Item]
    members: int
    version: str = Field("", exclude=True)


class ClientPatch(Resource):
    """Changes to a client (NAS): absent fields stay as they are."""

    READ_ONLY = frozenset({"id", "has_secret"})

    name: Name | None = Field(None, description="A client may be renamed.")
    address: Network | None = Field(None, description="IP address or network; the longest prefix wins.")
    secret: Secret | None = Field(None, description="Shared secret; write-only.")
    kind: Kind | None = None
    require_message_authenticator: RequireMessageAuthenticator | None = None
    reap_missed_interims: Annotated[int, Field(ge=1, le=1000)] | None = None
    reap_grace: Annotated[int, Field(ge=0, le=86400)] | None = Field(None, description="Seconds.")
    nas_hold: Annotated[int, Field(ge=0, le=604800)] | None = Field(None, description="Seconds.")
    dynauth_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    strip_user_name: bool | None = Field(None, description="Look users up without DOMAIN\\ and @realm.")
    description: Annotated[Text, Field(max_length=200)] | None = None


class ClientIn(ClientPatch):
    """A whole client: absent fields take their defaults, an absent secret keeps the one in force."""

    name: Name
    address: Network
    kind: Kind = "other"
    require_message_authenticator: RequireMessageAuthenticator = "auto"
    reap_missed_interims: Annotated[int, Field(ge=1, le=1000)] = 3
    reap_grace: Annotated[int, Field(ge=0, le=86400)] = 60
    nas_hold: Annotated[int, Field(ge=0, le=604800)] = 1800
    dynauth_port: Annotated[int, Field(ge=1, le=65535)] = 3799
    strip_user_name: bool = True

    def given(self) -> set[str]:
        """Name all fields, but the secret only if it was sent."""
        return self.model_fields_set | set(ClientIn.model_fields) - {"secret"}


class ClientCreate(ClientIn):
    """A new client: the secret is required."""

    secret: Secret


class ClientOut(BaseModel):
    """A client as read: a row of nas, with ours of radiusd.client beside it."""

    id: int
    name: str
    address: str
    has_secret: bool
    kind: str
    require_message_authenticator: str
    reap_missed_interims: int
    reap_grace: int
    nas_hold: int
    dynauth_port: int
    strip_user_name: bool
    description: str | None
    version: str = Field("", exclude=True)
