"""Attribute names, numbers and types, read once from files in FreeRADIUS's dictionary format."""
