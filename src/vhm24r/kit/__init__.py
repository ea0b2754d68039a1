"""Small pure things every floor stands on: money, clock, ids, errors, states, actor, pages, text.

Owns values and rules that need neither input/output nor a framework.
Never reads a setting, a file, a socket or the wall clock by itself (see `clock.Clock`).
"""
