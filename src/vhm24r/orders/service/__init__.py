"""One file per kind of use case: reading, versions, editing. Actor and session come first."""
