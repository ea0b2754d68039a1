"""What can be wrong with a wish of reconciliation."""

from vhm24r.kit.errors import Conflict, Invalid, NotFound


class DaysInvalid(Invalid):
    """A span of days has two ends, the last not before the first."""

    code = "reconciliation.days_invalid"


class ExceptionNotFound(NotFound):
    """There is no such exception."""

    code = "reconciliation.exception_not_found"


class MatchNotFound(NotFound):
    """There is no such match."""

    code = "reconciliation.match_not_found"


class RecordNotFound(NotFound):
    """No standing record has this source and number."""

    code = "reconciliation.record_not_found"


class RecordAmbiguous(Conflict):
    """Several records have this source and number; the account or the occurrence tells them apart."""

    code = "reconciliation.record_ambiguous"


class RecordTaken(Conflict):
    """A person has matched this record with another order already."""

    code = "reconciliation.record_taken"


class RecordNamesOrder(Conflict):
    """The record names its order itself; nobody can match it with another one."""

    code = "reconciliation.record_names_order"


class SumsDiffer(Conflict):
    """The records' money is not the orders' money; it has to be confirmed."""

    code = "reconciliation.sums_differ"


class ManyToMany(Invalid):
    """Several records belong to one order, or several orders to one record; not several to several."""

    code = "reconciliation.many_to_many"


class OutcomeInvalid(Invalid):
    """An exception is written off, explained or reported, with a reason."""

    code = "reconciliation.outcome_invalid"


class ExceptionSettled(Conflict):
    """Somebody has settled the exception already, or evidence has."""

    code = "reconciliation.exception_settled"


class ReasonMissing(Invalid):
    """A person who decides says why."""

    code = "reconciliation.reason_missing"


class GroupingUnknown(Invalid):
    """Drift is added up by day, source or machine, or several of them."""

    code = "reconciliation.grouping_unknown"
