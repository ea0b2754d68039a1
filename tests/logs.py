"""What modules log while a block runs."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs


@contextmanager
def logged_by(*modules: ModuleType) -> Iterator[list[MutableMapping[str, Any]]]:
    """The entries of the loggers called `log`. A logger that has been used keeps its way to the log, which an earlier
    test may have set up: here each module gets one that has not.
    """
    with pytest.MonkeyPatch.context() as patched, capture_logs() as entries:
        for module in modules:
            patched.setattr(module, "log", structlog.get_logger(module.__name__))
        yield entries
