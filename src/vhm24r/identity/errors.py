"""Why somebody is not let in."""

from vhm24r.kit.errors import Conflict, Invalid, NotFound, Unauthenticated


class LinkInvalid(Unauthenticated):
    """There is no such sign-in link."""

    code = "identity.link_invalid"


class LinkUsed(Unauthenticated):
    """The link has signed somebody in already."""

    code = "identity.link_used"


class LinkExpired(Unauthenticated):
    """The link is too old."""

    code = "identity.link_expired"


class PersonNotFound(NotFound):
    """There is no such person."""

    code = "identity.person_not_found"


class NotApproved(Unauthenticated):
    """The person is not approved (or blocked)."""

    code = "identity.not_approved"


class LanguageUnknown(Invalid):
    """We do not speak this language."""

    code = "identity.language_unknown"


class TelegramIdTaken(Conflict):
    """Somebody with this Telegram id exists."""

    code = "identity.telegram_id_taken"
