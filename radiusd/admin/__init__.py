"""The REST side: one module a resource."""
