"""FreeRADIUS's own tables, column for column as release 3.2 has them in PostgreSQL, and the base of all tables.

They stand without a schema name, so that they are found where the database's search path finds them. What
they hold may be written at any time by FreeRADIUS, by a web front end or in plain SQL; nothing is ever added
to them but triggers.
"""

from datetime import datetime
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, MetaData, String, Text, text
from sqlalchemy.dialects.postgresql import INET, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Big = Annotated[int, BigInteger()]
Inet = Annotated[IPv4Address | IPv6Address | IPv4Interface | IPv6Interface, INET()]
Json = Annotated[Any, JSONB()]
Operator = Annotated[str, String(2)]

BigKey = Annotated[int, mapped_column(BigInteger, primary_key=True)]
Key = Annotated[int, mapped_column(Integer, primary_key=True)]
Empty = Annotated[str, mapped_column(Text, server_default=text("''"))]
Now = Annotated[datetime, mapped_column(TIMESTAMP(timezone=True), server_default=text("now()"))]


class Base(DeclarativeBase):
    """What all tables share: the names that Postgres itself would choose, and Python's types in SQL."""

    metadata = MetaData(naming_convention={"uq": "%(table_name)s_%(column_0_name)s_key", "pk": "%(table_name)s_pkey"})
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        datetime: TIMESTAMP(timezone=True),
        bytes: LargeBinary(),
        Big: BigInteger(),
        Inet: INET(),
        Json: JSONB(),
        Operator: String(2),
    }


class RadCheck(Base):
    """Check items of a user."""

    __tablename__ = "radcheck"
    __table_args__ = (Index("radcheck_username", "username", "attribute"),)
    id: Mapped[Key]
    username: Mapped[Empty]
    attribute: Mapped[Empty]
    op: Mapped[Operator] = mapped_column(server_default=text("'=='"))
    value: Mapped[Empty]


class RadReply(Base):
    """Reply items of a user."""

    __tablename__ = "radreply"
    __table_args__ = (Index("radreply_username", "username", "attribute"),)
    id: Mapped[Key]
    username: Mapped[Empty]
    attribute: Mapped[Empty]
    op: Mapped[Operator] = mapped_column(server_default=text("'='"))
    value: Mapped[Empty]


class RadGroupCheck(Base):
    """Check items of a group."""

    __tablename__ = "radgroupcheck"
    __table_args__ = (Index("radgroupcheck_groupname", "groupname", "attribute"),)
    id: Mapped[Key]
    groupname: Mapped[Empty]
    attribute: Mapped[Empty]
    op: Mapped[Operator] = mapped_column(server_default=text("'=='"))
    value: Mapped[Empty]


class RadGroupReply(Base):
    """Reply items of a group."""

    __tablename__ = "radgroupreply"
    __table_args__ = (Index("radgroupreply_groupname", "groupname", "attribute"),)
    id: Mapped[Key]
    groupname: Mapped[Empty]
    attribute: Mapped[Empty]
    op: Mapped[Operator] = mapped_column(server_default=text("'='"))
    value: Mapped[Empty]


class RadUserGroup(Base):
    """A user's membership in a group; the lower priority is asked first."""

    __tablename__ = "radusergroup"
    __table_args__ = (Index("radusergroup_username", "username"),)
    id: Mapped[Key]
    username: Mapped[Empty]
    groupname: Mapped[Empty]
    priority: Mapped[int] = mapped_column(server_default=text("0"))


class RadPostAuth(Base):
    """One login, accepted or not; `pass` stays empty where radiusd writes."""

    __tablename__ = "radpostauth"
    __table_args__ = (Index("radpostauth_username_idx", "username"), Index("radpostauth_class_idx", "class"))
    id: Mapped[BigKey]
    username: Mapped[str]
    password: Mapped[str | None] = mapped_column("pass")
    reply: Mapped[str | None]
    calledstationid: Mapped[str | None]
    callingstationid: Mapped[str | None]
    authdate: Mapped[Now]
    class_: Mapped[str | None] = mapped_column("class")


class RadAcct(Base):
    """One session as its NAS reported it; seconds and octets."""

    __tablename__ = "radacct"
    __table_args__ = (
        Index("radacct_active_session_idx", "acctuniqueid", postgresql_where=text("acctstoptime IS NULL")),
        Index("radacct_bulk_close", "nasipaddress", "acctstarttime", postgresql_where=text("acctstoptime IS NULL")),
        Index("radacct_start_user_idx", "acctstarttime", "username"),
        Index("radacct_calss_idx", "class"),  # spelt as FreeRADIUS spells it
        {"postgresql_with": {"fillfactor": 80}},
    )
    radacctid: Mapped[BigKey]
    acctsessionid: Mapped[str]
    acctuniqueid: Mapped[str] = mapped_column(unique=True)
    username: Mapped[str | None]
    realm: Mapped[str | None]
    nasipaddress: Mapped[Inet]
    nasportid: Mapped[str | None]
    nasporttype: Mapped[str | None]
    acctstarttime: Mapped[datetime | None]
    acctupdatetime: Mapped[datetime | None]
    acctstoptime: Mapped[datetime | None]
    acctinterval: Mapped[Big | None]
    acctsessiontime: Mapped[Big | None]
    acctauthentic: Mapped[str | None]
    connectinfo_start: Mapped[str | None]
    connectinfo_stop: Mapped[str | None]
    acctinputoctets: Mapped[Big | None]
    acctoutputoctets: Mapped[Big | None]
    calledstationid: Mapped[str | None]
    callingstationid: Mapped[str | None]
    acctterminatecause: Mapped[str | None]
    servicetype: Mapped[str | None]
    framedprotocol: Mapped[str | None]
    framedipaddress: Mapped[Inet | None]
    framedipv6address: Mapped[Inet | None]
    framedipv6prefix: Mapped[Inet | None]
    framedinterfaceid: Mapped[str | None]
    delegatedipv6prefix: Mapped[Inet | None]
    class_: Mapped[str | None] = mapped_column("class")


class Nas(Base):
    """A client: address or network (`nasname`) and shared secret."""

    __tablename__ = "nas"
    __table_args__ = (Index("nas_nasname", "nasname"),)
    id: Mapped[Key]
    nasname: Mapped[str]
    shortname: Mapped[str]
    type: Mapped[str] = mapped_column(server_default=text("'other'"))
    ports: Mapped[int | None]
    secret: Mapped[str]
    server: Mapped[str | None]
    community: Mapped[str | None]
    description: Mapped[str | None]


class NasReload(Base):
    """When a NAS last told that it had restarted."""

    __tablename__ = "nasreload"
    nasipaddress: Mapped[Inet] = mapped_column(primary_key=True)
    reloadtime: Mapped[datetime]


class RadIpPool(Base):
    """One address of a pool and who leases it until when (local time, as FreeRADIUS has it)."""

    __tablename__ = "radippool"
    __table_args__ = (
        Index("radippool_poolname_expire", "pool_name", "expiry_time"),
        Index("radippool_framedipaddress", "framedipaddress"),
        Index("radippool_nasip_poolkey_ipaddress", "nasipaddress", "pool_key", "framedipaddress"),
    )
    id: Mapped[BigKey]
    pool_name: Mapped[str]
    framedipaddress: Mapped[Inet]
    nasipaddress: Mapped[Empty]
    pool_key: Mapped[Empty]
    calledstationid: Mapped[Empty]
    callingstationid: Mapped[Empty]
    expiry_time: Mapped[datetime] = mapped_column(TIMESTAMP(precision=0), server_default=text("now()"))
    username: Mapped[str | None] = mapped_column(server_default=text("''"))
