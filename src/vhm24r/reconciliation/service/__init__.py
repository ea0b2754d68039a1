"""The use cases of reconciliation: runs, exceptions, decisions, questions."""
