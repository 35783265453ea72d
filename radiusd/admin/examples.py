"""Examples of the main bodies, as the description of the API shows them; tests send them in this order."""

from typing import Any, Final

from radiusd.admin.deps import API

NAMES: Final = {f"{API}/users": "alice", f"{API}/groups": "staff", f"{API}/clients": "vpn1"}
"""The item that the examples are about, by its collection."""

BODIES: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("post", f"{API}/clients"): {
        "A pptpd server": {
            "name": "vpn1",
            "address": "192.0.2.10",
            "secret": "a-long-random-text",
            "kind": "pptpd",
        },
        "A network of NAS": {"name": "branches", "address": "198.51.100.0/24", "secret": "another-long-random-text"},
    },
    ("put", f"{API}/clients/{{name}}"): {
        "All fields, the secret as it was": {"name": "vpn1", "address": "192.0.2.10", "kind": "pptpd", "nas_hold": 600},
    },
    ("patch", f"{API}/clients/{{name}}"): {
        "A new secret": {"secret": "a-new-long-random-text"},
    },
    ("post", f"{API}/groups"): {
        "Staff: four hours, two at a time, encrypted": {
            "name": "staff",
            "session_timeout": 14400,
            "idle_timeout": 900,
            "interim_interval": 300,
            "simultaneous_use": 2,
            "mppe": "required",
            "mppe_bits": [128],
        },
        "Attributes of any kind": {
            "name": "guests",
            "login_time": "Wk0800-1800",
            "reply": [{"attribute": "Filter-Id", "op": ":=", "value": "guests"}],
        },
    },
    ("put", f"{API}/groups/{{name}}"): {
        "The whole policy": {"session_timeout": 28800, "mppe": "required", "dns": ["192.0.2.53"]},
    },
    ("patch", f"{API}/groups/{{name}}"): {
        "One field changed, one taken away": {"idle_timeout": 600, "dns": None},
    },
    ("post", f"{API}/users"): {
        "With a group": {"username": "alice", "password": "correct horse", "groups": ["staff"]},
        "With a fixed address, until the new year": {
            "username": "bob",
            "password": "battery staple",
            "static_ip": "10.0.0.7",
            "expires_at": "2031-01-01T00:00:00Z",
        },
    },
    ("put", f"{API}/users/{{username}}"): {
        "All fields, the password as it was": {"groups": [{"name": "staff", "priority": 1}], "static_ip": "10.0.0.8"},
    },
    ("patch", f"{API}/users/{{username}}"): {
        "A new password": {"password": "correct horse battery staple"},
        "Locked out": {"disabled": True},
    },
    ("post", f"{API}/tokens"): {
        "For monitoring": {"name": "monitoring", "role": "viewer"},
        "For a helpdesk, until the new year": {
            "name": "helpdesk",
            "role": "operator",
            "expires_at": "2031-01-01T00:00:00Z",
        },
    },
    ("post", f"{API}/explain"): {
        "A login at a client": {
            "client": "vpn1",
            "attributes": {"User-Name": "alice", "User-Password": "correct horse battery staple"},
        },
        "A login at another time": {
            "client": "vpn1",
            "attributes": [{"attribute": "User-Name", "value": "alice"}],
            "at": "2030-06-01T12:00:00Z",
        },
    },
}
"""By method and path, with a line about each."""
