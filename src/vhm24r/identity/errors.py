"""Why somebody is not let in, or may not do something to somebody."""

from vhm24r.kit.errors import AppError, Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class LinkInvalid(Unauthenticated):
    """There is no such sign-in link."""

    code = "identity.link_invalid"


class LinkUsed(Unauthenticated):
    """The link has signed somebody in already."""

    code = "identity.link_used"


class LinkExpired(Unauthenticated):
    """The link is too old."""

    code = "identity.link_expired"


class TelegramDataInvalid(Unauthenticated):
    """It is not what Telegram signed for our bot; `problem` says where, for logs and tests."""

    code = "identity.telegram_data_invalid"


class TelegramDataTooOld(Unauthenticated):
    """Telegram signed it, too long ago."""

    code = "identity.telegram_data_too_old"


class TelegramDataUsed(Unauthenticated):
    """Fields of the Login Widget sign in once."""

    code = "identity.telegram_data_used"


class TelegramNotSetUp(Conflict):
    """No bot is configured, so nothing it signs can be checked."""

    code = "identity.telegram_not_set_up"


class TokenInvalid(Unauthenticated):
    """An access token that we have not made, or made for something else."""

    code = "identity.token_invalid"


class TokenExpired(Unauthenticated):
    """An access token of ours, too old: refresh it."""

    code = "identity.token_expired"


class SessionEnded(Unauthenticated):
    """The session was closed, was not used for too long, or is too old."""

    code = "identity.session_ended"


class RefreshInvalid(Unauthenticated):
    """There is no such refresh token."""

    code = "identity.refresh_invalid"


class RefreshReused(Unauthenticated):
    """An old refresh token came again: somebody has a copy, so the whole session is closed."""

    code = "identity.refresh_reused"


class RefreshRaced(Conflict):
    """Another window of the same browser has just refreshed; its new token is there already."""

    code = "identity.refresh_raced"
    retryable = True


class KeyInvalid(Unauthenticated):
    """There is no such API key, or it is revoked or too old."""

    code = "identity.key_invalid"


class CredentialsAmbiguous(Unauthenticated):
    """A request says twice who it is."""

    code = "identity.credentials_ambiguous"


class NotApproved(Unauthenticated):
    """The person is blocked, or was turned down."""

    code = "identity.not_approved"


class AwaitingApproval(Forbidden):
    """The person is known, and an administrator has not decided yet."""

    code = "identity.awaiting_approval"


class LockedOut(AppError):
    """Too many vain attempts to come in."""

    code = "identity.locked_out"
    status = 429
    retryable = True


class PersonNotFound(NotFound):
    """There is no such person."""

    code = "identity.person_not_found"


class SessionNotFound(NotFound):
    """There is no such session, or it is somebody else's."""

    code = "identity.session_not_found"


class KeyNotFound(NotFound):
    """There is no such API key, or it is somebody else's."""

    code = "identity.key_not_found"


class LanguageUnknown(Invalid):
    """We do not speak this language."""

    code = "identity.language_unknown"


class NameInvalid(Invalid):
    """A name is missing, or too long."""

    code = "identity.name_invalid"


class ScopeInvalid(Invalid):
    """A permission that does not exist, or that one does not have oneself."""

    code = "identity.scope_invalid"


class LifetimeInvalid(Invalid):
    """A key is to end in the past, or too far away."""

    code = "identity.lifetime_invalid"


class GrantInvalid(Invalid):
    """Machines or sources can be granted to operators and viewers alone."""

    code = "identity.grant_invalid"


class TelegramIdTaken(Conflict):
    """Somebody with this Telegram id exists."""

    code = "identity.telegram_id_taken"


class LastOwner(Conflict):
    """Somebody has to own the business."""

    code = "identity.last_owner"


class OutOfReach(Forbidden):
    """One may not decide about oneself, nor about people whose role is as high as one's own."""

    code = "identity.out_of_reach"
