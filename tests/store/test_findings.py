"""What is found in rows that other tools wrote; the command that shows it is tested in tests/cli/test_doctor.py."""

import psycopg

from radiusd.store import engines, findings, policy_reader


async def find(database, dictionary):
    engine = engines.make(database, size=1)
    try:
        async with engine.connect() as connection:
            return await findings.find(connection, await policy_reader.load(database, dictionary))
    finally:
        await engine.dispose()


async def test_an_empty_database_lacks_a_client_alone(database, dictionary):
    assert [(found.level, found.subject) for found in await find(database, dictionary)] == [("warning", "clients")]


async def test_names_of_attributes_are_found_in_any_case(database, dictionary):
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO radcheck (username, attribute, op, value) VALUES"
            " ('alice', 'simultaneous-use', ':=', '1'), ('bob', 'SIMULTANEOUS-USE', ':=', '1'),"
            " ('carol', 'crypt-password', ':=', '$1$hush')"
        )
    found = {finding.subject: finding for finding in await find(database, dictionary)}
    assert found["Simultaneous-Use"].message.startswith("stored in 2 rows")
    assert (found["user carol"].level, found["user carol"].table) == ("broken", "radcheck")
    assert "hush" not in repr(found)


async def test_every_control_that_is_only_stored_is_known_to_the_dictionaries(dictionary):
    missing = {name for name in findings.NOT_ENFORCED if dictionary.named(name) is None}
    assert missing == set()


async def test_forms_that_cannot_be_checked_are_found_behind_headers_too(database, dictionary):
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO radcheck (username, attribute, op, value) VALUES"
            " ('alice', 'Password-With-Header', ':=', '{crypt}hush'), ('bob', 'NT-Password', ':=', 'hush'),"
            " ('carol', 'Password-With-Header', ':=', '{clear}hush'),"
            " ('dave', 'NT-Password', ':=', '0x0123456789abcdef0123456789abcdef')"
        )
    found = {finding.subject: finding.message for finding in await find(database, dictionary)}
    assert found.keys() == {"clients", "user alice", "user bob"}
    assert found["user alice"].startswith("{crypt} is a form of password")
    assert "hush" not in repr(found)


async def test_one_is_not_many(database, dictionary):
    with psycopg.connect(database) as connection:
        for name, owner in (("one", "alice"), ("two", "alice"), ("two", "bob")):
            connection.execute("INSERT INTO radusergroup (username, groupname) VALUES (%s, %s)", [owner, name])
    found = {finding.subject: finding.message for finding in await find(database, dictionary)}
    assert "its 1 member gets nothing" in found["group one"]
    assert "its 2 members get nothing" in found["group two"]
