"""Postgres: schema, connections, and everything that reads or writes rows."""
