"""Why an order is not given or not changed."""

from vhm24r.kit.errors import Conflict, Invalid, NotFound


class OrderNotFound(NotFound):
    """There is no such order, or it is not this actor's to see."""

    code = "orders.not_found"


class MachineNotFound(NotFound):
    """No report has named such a machine."""

    code = "orders.machine_not_found"


class FieldNotEditable(Invalid):
    """There is no such field, or it is part of what the order is."""

    code = "orders.field_not_editable"


class FieldInvalid(Invalid):
    """The field does not take this value."""

    code = "orders.field_invalid"


class NothingReported(Conflict):
    """No report speaks of the order, so a field cannot be given back to the reports."""

    code = "orders.nothing_reported"


class OrderClosed(Conflict):
    """A cancelled order takes no changes."""

    code = "orders.closed"


class VersionNotFound(NotFound):
    """The order has no such version."""

    code = "orders.version_not_found"


class FilterInvalid(Invalid):
    """The filter cannot be read."""

    code = "orders.filter_invalid"


class NoteEmpty(Invalid):
    """A note needs words."""

    code = "orders.note_empty"
