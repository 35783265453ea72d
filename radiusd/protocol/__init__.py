"""The wire format of RADIUS, pure: bytes in, bytes out (RFC 2865, 2866, 2868, 2869, 5176)."""
