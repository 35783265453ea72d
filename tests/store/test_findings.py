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
