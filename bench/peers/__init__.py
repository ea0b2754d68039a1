"""Peers of `bench.formats`: each a program of its own, run in an environment that has them and not us.

`python PEER.py FILE DATABASE_URL` prints one line of JSON: what was done, how many rows, in how many seconds.
"""
