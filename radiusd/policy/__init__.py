"""Users, groups, clients and the rules between them, pure: a request in, a decision out."""
