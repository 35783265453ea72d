"""The life of a session as a pure fold of accounting records over its state."""
