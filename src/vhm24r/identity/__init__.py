"""People, roles, permissions, sign-in links and sessions.

Owns who somebody is and what they may do. Start at `permissions.py` (the one table of roles) and
`service/access.py` (the door). Never keeps a password; never stores a token, only its hash.
"""
