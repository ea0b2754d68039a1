"""Use cases of identity: ways in, sessions, keys, people, decisions about them, what is kept of them."""
