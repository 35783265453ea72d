"""The engine: one datagram in, one outcome out, with no input or output of its own."""
