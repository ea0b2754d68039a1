"""Why a file is not taken, each with one sentence in the catalogues."""

from vhm24r.kit.errors import AppError, Conflict, Invalid, NotFound


class FileRefused(Invalid):
    """The file cannot be read as a report; it is kept as it came."""

    code = "intake.refused"


class FileEmpty(FileRefused):
    """It has no bytes, or no rows below its header."""

    code = "intake.file_empty"


class FileTooLarge(FileRefused):
    """It is over the limit and is not kept."""

    code = "intake.file_too_large"
    status = 413


class FormatUnknown(FileRefused):
    """Its content is none of the formats we read."""

    code = "intake.format_unknown"


class FileDamaged(FileRefused):
    """It starts like a known format and cannot be read to its end."""

    code = "intake.file_damaged"


class NothingReadable(FileRefused):
    """Every row has an issue; nothing was imported."""

    code = "intake.nothing_readable"


class HeaderMissing(Invalid):
    """No row of the first thirty names columns."""

    code = "intake.header_missing"


class SourceUnknown(Invalid):
    """No source claims these columns, or two claim them alike; a mapping is needed."""

    code = "intake.source_unknown"


class SourceMismatch(Invalid):
    """The table lacks columns of the source that was named for it."""

    code = "intake.source_mismatch"


class ImportNotFound(NotFound):
    """There is no such import."""

    code = "intake.import_not_found"


class ImportFailed(AppError):
    """Something of ours broke in the middle; nothing of the file was written."""

    code = "intake.failed"
    status = 500
    retryable = True


class ReaderDied(ImportFailed):
    """The process that read the file ended without a word."""

    code = "intake.reader_died"


class ImportInterrupted(ImportFailed):
    """Somebody stopped the command that was reading the file."""

    code = "intake.interrupted"


class ImportNotWaiting(Conflict):
    """Only a previewed import can be applied."""

    code = "intake.not_waiting"


class NoFiles(Invalid):
    """The request carries no file."""

    code = "intake.no_files"


class IntakeSwitchedOff(Conflict):
    """The kill switch `intake.apply` is off."""

    code = "intake.switched_off"
