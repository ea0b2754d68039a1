"""The append-only log of what was done, by whom and why; it feeds timelines.

Owns `audit_entries`. An entry is also a change set: bulk changes carry its id instead of repeating
who and when on every row. Never changes or deletes an entry (a trigger refuses), never drives behaviour.
"""
