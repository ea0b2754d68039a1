"""The formats this product reads, in the order in which they are asked."""

from vhm24r.intake.formats.delimited import Delimited
from vhm24r.intake.formats.protocol import Format
from vhm24r.intake.formats.workbook import Workbook

FORMATS: tuple[Format, ...] = (Workbook(), Delimited())


def recognise(head: bytes) -> Format | None:
    """The format of a file that begins with `head`; None when it is none of ours."""
    return next((form for form in FORMATS if form.recognises(head)), None)
