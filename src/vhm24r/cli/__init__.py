"""The command `vhm24r`: one file per group of commands, nothing but arguments and printing.

Owns no rule: every command calls the same services as the API. Start at `app.py`.
"""
