"""radiusd: a FreeRADIUS-compatible RADIUS policy server for VPN operators."""

__version__ = "0.1.0"
