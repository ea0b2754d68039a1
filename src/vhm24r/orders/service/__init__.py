"""One file per kind of use case: reading, editing, reference data. Actor and session come first."""
