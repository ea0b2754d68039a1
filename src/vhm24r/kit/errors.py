"""The one error type the product raises on purpose; its text lives in the catalogues by code."""

from typing import ClassVar


class AppError(Exception):
    """A refusal or failure that a person can understand.

    `code` is `module.fact` and names the text in every catalogue; `params` fill the text;
    `status` is the HTTP status an API answers with; `retryable` says whether the same
    request may succeed later.
    """

    code: ClassVar[str] = "app.error"
    status: ClassVar[int] = 400
    retryable: ClassVar[bool] = False

    def __init__(self, **params: object) -> None:
        """Keep the parameters of the text."""
        super().__init__(self.code, params)
        self.params = params

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between processes with their parameters."""
        return _rebuilt, (type(self), self.params)

    def __str__(self) -> str:
        """Code and parameters, for logs; people get the catalogue text."""
        return f"{self.code} {self.params}" if self.params else self.code


def _rebuilt(kind: type[AppError], params: dict[str, object]) -> AppError:
    return kind(**params)


class Invalid(AppError):
    """What was given cannot be accepted as it is."""

    code = "app.invalid"
    status = 422


class NotFound(AppError):
    """There is no such thing, or this actor may not know of it (both look the same)."""

    code = "app.not_found"
    status = 404


class Unauthenticated(AppError):
    """Nobody is signed in."""

    code = "app.unauthenticated"
    status = 401


class Forbidden(AppError):
    """The actor is known and may not do this."""

    code = "app.forbidden"
    status = 403


class PartOnly(Forbidden):
    """It is about the whole network, of which the actor sees a part."""

    code = "app.part_only"


class Conflict(AppError):
    """The request does not fit the present state."""

    code = "app.conflict"
    status = 409


class Busy(AppError):
    """Somebody else is at it right now; the same request may succeed in a moment."""

    code = "app.busy"
    status = 503
    retryable = True


def all_errors(root: type[AppError] = AppError) -> list[type[AppError]]:
    """Every error class imported so far, for the test that each has a text in each language."""
    return [root, *(error for child in root.__subclasses__() for error in all_errors(child))]
