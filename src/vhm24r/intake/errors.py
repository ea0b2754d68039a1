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


class FileEncrypted(FileRefused):
    """It, or all that is in it, is protected by a password."""

    code = "intake.file_encrypted"


class FileExcessive(FileRefused):
    """Unpacked it, or the named `part` of it, is larger (`size_mb`) than any honest report (`limit_mb`)."""

    code = "intake.file_excessive"


class TooManyMembers(FileRefused):
    """An archive of more files (`count`) than are taken (`most`)."""

    code = "intake.too_many_members"


class TooManyPages(FileRefused):
    """A document of more pages (`count`) than are read (`most`)."""

    code = "intake.too_many_pages"


class NoText(FileRefused):
    """A document that only shows pictures of its rows."""

    code = "intake.no_text"


class ReaderMissing(FileRefused):
    """The program that reads this `format` does not exist for this kind of machine."""

    code = "intake.reader_missing"


class ArchiveCutShort(FileRefused):
    """An archive within another one cannot be read to its end; `count` of its files are taken."""

    code = "intake.archive_cut_short"


class TooDeep(FileRefused):
    """Archives in archives, or lists in lists, deeper than `most`."""

    code = "intake.too_deep"


class ForbiddenContent(FileRefused):
    """It holds what a report never does and a reader must not follow (`what`: DOCTYPE, a link, a path outside)."""

    code = "intake.forbidden_content"


class NothingReadable(FileRefused):
    """Every row has an issue; nothing was imported."""

    code = "intake.nothing_readable"


class NothingInArchive(FileRefused):
    """None of the `count` files in an archive can be taken; each has an issue that says why."""

    code = "intake.nothing_in_archive"


class TooManyIssues(FileRefused):
    """More than the allowed share of its rows cannot be read: rather a wrong layout than some bad rows."""

    code = "intake.too_many_issues"


class ReaderExceeded(FileRefused):
    """Reading it took more memory (`memory_mb`) or time (`seconds`) than a file may take."""

    code = "intake.reader_exceeded"


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


class ImportCancelled(ImportFailed):
    """Somebody cancelled the import while it ran."""

    code = "intake.cancelled"
    status = 409
    retryable = False


class MappingInvalid(Invalid):
    """The mapping names columns or fields that do not exist, or lacks what an order needs."""

    code = "intake.mapping_invalid"


class MappingNotFound(NotFound):
    """There is no such mapping."""

    code = "intake.mapping_not_found"


class ImportNotApplied(Conflict):
    """Only an applied import can be undone."""

    code = "intake.not_applied"


class ImportNotCancellable(Conflict):
    """It has ended before it could be cancelled."""

    code = "intake.not_cancellable"


class ImportNotUnmapped(Conflict):
    """Only an import that waits for a mapping takes one."""

    code = "intake.not_unmapped"


class ImportNotWaiting(Conflict):
    """Only a previewed import can be applied, only an undone one redone."""

    code = "intake.not_waiting"


class NoFiles(Invalid):
    """The request carries no file."""

    code = "intake.no_files"


class IntakeSwitchedOff(Conflict):
    """The kill switch `intake.apply` is off."""

    code = "intake.switched_off"


class SourceNotGranted(FileRefused):
    """It is of a source that whoever brought it may not see."""

    code = "intake.source_not_granted"
