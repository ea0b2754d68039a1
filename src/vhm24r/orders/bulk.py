"""Set-based changes of orders by staged records: resolve → fold → diff → apply.

The hard idea of intake in one place (docs/algorithms/diffing.md):

* `known` says for every staged row which record, version and order is known of it; `stated` are the
  rows that say something new (or again), and here they get their ids. Nothing is written yet: a dry
  run is the same statements and stops before `apply`.
* `folded` is what the touched orders should look like: per field the first non-empty value among
  all live statements, machine before sales system, latest lifecycle first; edits of people stay.
* `order_diff` has one row per field that differs from the order as it stands.

Sources that make no orders have nothing to fold. Table and column names are constants.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.bulk import LIFECYCLE, Staging, in_runs
from vhm24r.evidence.types import SALE_FIELDS, FieldKind, RecordField, SourceName
from vhm24r.orders.types import SALE_SOURCES, OrderStatus
from vhm24r.platform.db import fill, run_sql

ORDER_FIELDS = ("machine_code", "occurred_at", "amount", "currency", "product", "payment_method")
VENDING_FIELDS = tuple(field.name for field in SALE_FIELDS if field.name not in ORDER_FIELDS)
VENDING_SPACE = "vending"
HISTORY = 'INSERT INTO order_changes (order_id, version, field, change_set_id, kind, old, new, file_id, sheet, "row")'
CREATIONS = 'INSERT INTO order_creations (order_id, length, change_set_id, file_id, sheet, "row")'


ADDRESSABLE = "^[A-Za-z0-9._~-]+$"
"""What may stand in an address as it is."""


def addressable(text: str) -> str:
    """SQL for a text as it may stand in an address: itself, or a cleaned one that tells two alike apart."""
    return (
        f"CASE WHEN {text} ~ '{ADDRESSABLE}' THEN {text}"
        f" ELSE regexp_replace({text}, '[^A-Za-z0-9._~-]+', '-', 'g') || '-' || left(md5({text}), 6) END"
    )


@dataclass(frozen=True, slots=True)
class Placing:
    """How the rows of a source find their orders: whether they make new ones, in which number space, and
    whether they join a known number whatever machine they name (decisions 3, 4).
    """

    makes_orders: bool
    any_machine: bool
    space: str = VENDING_SPACE

    @property
    def by_machine(self) -> bool:
        """Whether the machine is part of what makes an order another one."""
        return self.space == VENDING_SPACE


@dataclass(frozen=True, slots=True)
class Cause:
    """Why orders come into being or change: a file of a source, in one change set, at a time."""

    source: str
    change_set_id: int
    file_id: int
    now: datetime


def presented(column: str, field: RecordField) -> str:
    """SQL for a value as history keeps it: instants ISO-8601 `Z`, amounts in units with two decimals."""
    if field.kind is FieldKind.INSTANT:
        return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
    if field.kind is FieldKind.AMOUNT:
        return f"({column} / 100.0)::numeric(38, 2)::text"
    return column


def counted(alias: str) -> str:
    """SQL for whether an order counts as money: one known to sales alone does not (decisions 1), nor do tests."""
    return (
        f"({alias}.amount IS NOT NULL AND {alias}.currency IS NOT NULL"
        f" AND {alias}.payment_method IS DISTINCT FROM 'test' AND {alias}.origin <> '{SourceName.VENDHUB}')"
    )


def _home(field: str) -> str:
    """The alias of the table that holds an order's field: `o` for orders, `v` for vending_orders."""
    return f"o.{field}" if field in ORDER_FIELDS else f"v.{field}"


async def resolve(session: AsyncSession, staging: Staging, placing: Placing) -> None:
    """Make `known`, `placed` and `stated` for one staged part."""
    # a statement that does not stand is said anew, unless a later import says it, too
    again = """{0}.withdrawn OR (NOT {0}.current AND NOT EXISTS (
            SELECT FROM evidence_files p WHERE p.id = {0}.file_id AND p.import_id > :import_id))"""
    await fill(
        session,
        "known",
        f"""
        SELECT s.position, s.sheet, s."row", s.identity, s.content, s.duplicate, s.order_number,
            {"coalesce(s.machine_code, '')" if placing.by_machine else "''"} AS machine, f.record_id,
            CASE WHEN s.order_number IS NULL OR s.order_number = f.order_number THEN f.order_id END AS order_id,
            CASE WHEN f.content = s.content THEN f.id END AS version_id,
            f.content = s.content AND ({again.format("f")}) AS revived, s.amount, s.currency, s.payment_method
        FROM {staging.table} s
        LEFT JOIN evidence_records f ON f.identity = s.identity AND f.id = f.record_id
        """,
        import_id=staging.import_id,
    )
    # without statistics the planner may loop over every pair of rows
    await run_sql(session, "ANALYZE known (order_number, machine, order_id, record_id, version_id)")
    await run_sql(
        session,
        f"""
        UPDATE known k SET version_id = v.id, revived = {again.format("v")}
        FROM evidence_records v
        WHERE k.record_id IS NOT NULL AND k.version_id IS NULL AND v.identity = k.identity AND v.content = k.content
        """,
        import_id=staging.import_id,
    )
    await run_sql(
        session,
        """
        UPDATE known k SET machine = m.machine
        FROM (SELECT order_number, min(machine) AS machine FROM known WHERE machine <> '' GROUP BY order_number) m
        WHERE k.machine = '' AND m.order_number = k.order_number
        """,
    )
    await _place(session, placing)
    await fill(
        session,
        "stated",
        """
        SELECT k.position, k.sheet, k."row", k.identity, k.content, k.order_number, k.order_id, k.new_order, k.number,
            coalesce(k.version_id, n.id) AS version_id, coalesce(k.record_id, n.id) AS record_id,
            k.record_id IS NULL AS new_record, k.version_id IS NULL AS new_version, k.version_id IS NOT NULL AS revived,
            false AS key_repeated, k.amount, k.currency, k.payment_method
        FROM (  -- sorted first, so that ids come in the order of the file
            SELECT k.position, k.sheet, k."row", k.identity, k.content, k.order_number, k.version_id, k.record_id,
                k.amount, k.currency, k.payment_method, coalesce(k.order_id, p.order_id) AS order_id,
                coalesce(p.new_order, false) AS new_order, CASE WHEN p.position = k.position THEN p.number END AS number
            FROM known k
            LEFT JOIN placed p ON p.source_number = k.order_number AND p.machine = k.machine AND k.order_id IS NULL
            WHERE (k.version_id IS NULL OR k.revived) AND NOT k.duplicate
            ORDER BY k.position
        ) k CROSS JOIN LATERAL (
            SELECT CASE WHEN k.version_id IS NULL THEN nextval('evidence_records_id_seq') END AS id
        ) n
        """,
    )
    await run_sql(session, "ANALYZE stated (position, order_id, number, new_version)")
    if staging.irregular:
        await _share_ids(session)


async def _place(session: AsyncSession, placing: Placing) -> None:
    """`placed`: for every number and machine no known record speaks of, its order, old or new.

    A standing order that no machine row has claimed yet is taken by the machine that its sales name,
    else by the first one; every further machine with that number gets an order of its own (decisions 3).
    A number that another space has taken gets the name of its own space behind it.
    """
    own = f"coalesce(nullif(f.machine, ''), '{VENDING_SPACE}')" if placing.by_machine else "CAST(:space AS text)"
    await fill(
        session,
        "placed",
        f"""
        WITH wanted AS MATERIALIZED (
            SELECT order_number AS source_number, machine, min(position) AS position,
                {addressable("order_number")} AS number
            FROM known
            WHERE {placing.makes_orders} AND order_id IS NULL AND NOT duplicate AND order_number IS NOT NULL
            GROUP BY order_number, machine
        ), standing AS MATERIALIZED (
            SELECT w.source_number, w.machine, o.id, o.origin_space, o.machine_code, o.origin
            FROM wanted w JOIN orders o ON o.number = w.number
        ), named AS (
            SELECT source_number, array_agg(machine ORDER BY machine) AS machines FROM standing GROUP BY source_number
        ), answered AS (  -- where the number stands: which order takes the row, if any
            SELECT o.source_number, o.machine, CASE
                WHEN o.origin_space <> :space THEN c.id
                WHEN o.machine = '' OR o.machine = CASE
                    WHEN o.machine_code = ANY (n.machines) THEN o.machine_code
                    WHEN o.machine_code IS NULL OR o.origin = '{SourceName.VENDHUB}' THEN n.machines[1]
                    ELSE o.machine_code END THEN o.id
                WHEN c.id IS NOT NULL THEN c.id
                WHEN {placing.any_machine} THEN o.id END AS old
            FROM standing o JOIN named n USING (source_number)
            LEFT JOIN orders c ON c.source_number = o.source_number AND c.number <> c.source_number
                AND c.origin_space = :space AND (c.machine_code = o.machine OR {not placing.by_machine})
        ), shared AS (
            SELECT source_number, min(machine) AS first FROM wanted GROUP BY source_number HAVING count(*) > 1
        )
        SELECT f.source_number, f.machine, f.position, f.old IS NULL AS new_order,
            coalesce(f.old, nextval('orders_id_seq')) AS order_id,
            CASE WHEN f.old IS NULL THEN f.number || CASE WHEN f.taken OR f.first <> f.machine
                THEN '@' || {addressable(own)} ELSE '' END END AS number
        FROM (  -- sorted first, so that ids come in the order of the file
            SELECT w.*, a.old, a.source_number IS NOT NULL AS taken, s.first
            FROM wanted w LEFT JOIN answered a USING (source_number, machine) LEFT JOIN shared s USING (source_number)
            ORDER BY w.position
        ) f
        """,
        space=placing.space,
    )


async def _share_ids(session: AsyncSession) -> None:
    """Rows of one part with the same new key share their record, exact repeats their version."""
    await run_sql(
        session,
        """
        WITH firsts AS (
            SELECT identity, min(record_id) AS record_id FROM stated GROUP BY identity HAVING count(*) > 1
        )
        UPDATE stated s SET record_id = f.record_id, key_repeated = true
        FROM firsts f WHERE f.identity = s.identity
        """,
    )
    await run_sql(
        session,
        """
        UPDATE known k SET version_id = s.version_id FROM stated s
        WHERE k.duplicate AND k.version_id IS NULL AND s.identity = k.identity AND s.content = k.content
        """,
    )


async def fold(session: AsyncSession, staging: Staging, *, source: str, hold: bool) -> None:
    """Make `touched` and `folded` for the orders that more than one statement speaks of.

    `hold` locks the standing ones first: what a person edits meanwhile would be overwritten by a fold
    that has not seen it. A dry run writes nothing and holds nobody up.
    """
    await fill(
        session,
        "touched",
        """
        SELECT order_id, max(position) AS position, bool_or(new_order) AS new_order
        FROM stated WHERE order_id IS NOT NULL
        GROUP BY order_id HAVING count(*) > 1 OR NOT bool_or(new_order)
        """,
    )
    stated = f"""
        UNION ALL
        SELECT s.order_id, s.record_id, '{source}', {int(staging.import_id)}, {2**62}, s.sheet, s."row",
            {LIFECYCLE.format("g")}, {_names("g")}
        FROM stated s JOIN touched t USING (order_id) JOIN {staging.table} g ON g.position = s.position
    """
    await fold_touched(session, stated, hold=hold, import_id=staging.import_id)


def _names(alias: str) -> str:
    return ", ".join(f"{alias}.{field.name}" for field in SALE_FIELDS)


def _folded(field: RecordField) -> str:
    """SQL for what the ranked statements `w` of one order say of a field: the first that is not empty.

    Rows of a generic file may be parts of one order: the amounts of its records add up (decisions 12).
    """
    first = f"(array_agg(w.{field.name} ORDER BY w.rank) FILTER (WHERE w.{field.name} IS NOT NULL))[1]"
    if field.name != "amount":
        return f"{first} AS {field.name}"
    total = "(sum(w.amount) FILTER (WHERE w.version_rank = 1))::bigint"
    return f"CASE WHEN bool_or(w.source = '{SourceName.GENERIC}') THEN {total} ELSE {first} END AS amount"


async def fold_touched(session: AsyncSession, stated: str, *, hold: bool, import_id: int = 0) -> None:
    """Make `folded` for the orders in `touched`; `stated` adds statements that are not written yet, and files that
    are not written down yet are of the import `import_id`.
    """
    await run_sql(session, "ANALYZE touched")
    if hold:
        await run_sql(
            session,
            """
            SELECT count(*) FROM (
                SELECT o.id FROM orders o JOIN touched t ON t.order_id = o.id AND NOT t.new_order
                ORDER BY o.id FOR UPDATE OF o
            ) held
            """,
        )
    kept = ", ".join(
        f"CASE WHEN '{f.name}' = ANY (o.edited_fields) THEN {_home(f.name)} ELSE b.{f.name} END AS {f.name}"
        for f in SALE_FIELDS
    )
    machine = SourceName.HAPPY_WORKERS
    latest = 'moved DESC NULLS LAST, import_id DESC, file_id DESC, sheet DESC, "row" DESC'
    sale_sources = ", ".join(f"'{name}'" for name in SALE_SOURCES)
    await fill(
        session,
        "folded",
        f"""
        WITH statements AS (
            SELECT e.order_id, e.record_id, e.source, coalesce(p.import_id, :import_id) AS import_id, e.file_id,
                e.sheet, e."row", {LIFECYCLE.format("e")} AS moved, {_names("e")}
            FROM touched t CROSS JOIN LATERAL (  -- OFFSET 0: by index, whatever the planner believes is withdrawn
                SELECT * FROM evidence_records r WHERE r.order_id = t.order_id AND NOT r.withdrawn OFFSET 0
            ) e LEFT JOIN evidence_files p ON p.id = e.file_id
            WHERE e.source IN ({sale_sources}) AND e.id NOT IN (SELECT version_id FROM stated WHERE revived)
            {stated}
        ), ranked AS (
            SELECT *, row_number() OVER (
                PARTITION BY order_id
                ORDER BY source = '{machine}' DESC, {latest}
            ) AS rank, row_number() OVER (
                PARTITION BY order_id, record_id ORDER BY {latest}
            ) AS version_rank FROM statements
        ), best AS (
            SELECT w.order_id, {", ".join(map(_folded, SALE_FIELDS))},
                CASE WHEN bool_or(w.source = '{machine}') THEN '{machine}' ELSE min(w.source) END AS origin
            FROM ranked w GROUP BY w.order_id
        )
        SELECT b.order_id, t.position, t.new_order, b.origin, {kept}
        FROM best b JOIN touched t USING (order_id)
        LEFT JOIN orders o ON o.id = b.order_id LEFT JOIN vending_orders v ON v.order_id = b.order_id
        """,
        import_id=import_id,
    )
    await run_sql(session, "ANALYZE folded")


async def diff(session: AsyncSession) -> None:
    """Make `order_diff` and `outcomes`: what the statements change, and what every row brought."""
    await diff_folded(session)
    await fill(
        session,
        "outcomes",
        """
        WITH strongest AS (
            SELECT order_id, CASE WHEN bool_or(kind <> 'filled') THEN 'changed' ELSE 'filled' END AS kind
            FROM order_diff GROUP BY order_id
        )
        SELECT s.position, s.sheet, s."row", s.version_id,
            CASE WHEN s.new_record THEN 'new' ELSE coalesce(d.kind, 'unchanged') END AS outcome
        FROM stated s LEFT JOIN strongest d ON d.order_id = s.order_id
        UNION ALL
        SELECT k.position, k.sheet, k."row", k.version_id,
            CASE WHEN k.duplicate THEN 'duplicate' ELSE 'unchanged' END
        FROM known k WHERE k.duplicate OR (k.version_id IS NOT NULL AND NOT k.revived)
        """,
    )


async def diff_folded(session: AsyncSession) -> None:
    """Make `order_diff`: every field of a standing order that its statements now say differently, and a row
    without a field for an order that had been withdrawn and stands again.
    """
    pairs = ", ".join(
        f"('{f.name}', {presented(_home(f.name), f)}, {presented(f'f.{f.name}', f)})" for f in SALE_FIELDS
    )
    differs = " OR ".join(f"{_home(f.name)} IS DISTINCT FROM f.{f.name}" for f in SALE_FIELDS)
    await fill(
        session,
        "order_diff",
        f"""
        SELECT f.order_id, s.sheet, s."row", o.version + 1 AS version, d.field, d.old, d.new,
            CASE WHEN d.old IS NULL THEN 'filled' ELSE 'changed' END AS kind
        FROM folded f JOIN orders o ON o.id = f.order_id LEFT JOIN vending_orders v ON v.order_id = f.order_id
        LEFT JOIN stated s ON s.position = f.position
        CROSS JOIN LATERAL (VALUES {pairs}) AS d (field, old, new)
        WHERE ({differs}) AND d.old IS DISTINCT FROM d.new
        UNION ALL
        SELECT f.order_id, s.sheet, s."row", o.version + 1, '', NULL, NULL, 'restored'
        FROM folded f JOIN orders o ON o.id = f.order_id LEFT JOIN stated s ON s.position = f.position
        WHERE o.withdrawn_at IS NOT NULL
        """,
    )


async def apply(session: AsyncSession, staging: Staging, placing: Placing, cause: Cause) -> None:
    """Write what `stated`, `folded` and `order_diff` say."""
    await _insert_new(session, staging, placing, cause)
    await update_standing(session, cause.change_set_id)
    await insert_creations(session, cause)
    await write_differences(session, cause.change_set_id, cause.file_id)
    rows = f"stated JOIN {staging.table} g USING (position)"
    await name_machines(session, rows, cause.now)
    await name_products(session, rows, cause.now)


async def _insert_new(session: AsyncSession, staging: Staging, placing: Placing, cause: Cause) -> None:
    """New orders: most are one statement as it stands, a few are folded from several."""
    alone = (
        f"FROM stated p JOIN {staging.table} s ON s.position = p.position WHERE p.number IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM touched t WHERE t.order_id = p.order_id)"
    )
    several = "FROM folded s JOIN stated p ON p.order_id = s.order_id AND p.number IS NOT NULL WHERE s.new_order"
    for rows, origin in ((alone, ":source"), (several, "coalesce(s.origin, :source)")):
        await insert_orders(session, f"p.order_id, p.number, p.order_number, {origin}", rows, placing, cause)


async def insert_orders(session: AsyncSession, named: str, rows: str, placing: Placing, cause: Cause) -> None:
    """Insert the orders that the rows `s` state; `named` is SQL for their ids, numbers, source numbers and origins."""
    order_fields = ", ".join(f"s.{name}" for name in ORDER_FIELDS)
    vending_fields = ", ".join(f"s.{name}" for name in VENDING_FIELDS)
    await run_sql(
        session,
        f"""
        INSERT INTO orders (id, number, source_number, origin, channel, origin_space, occurrence, status, version,
            last_change_set_id, last_change, created_at, {", ".join(ORDER_FIELDS)})
        SELECT {named}, 'vending', :space, 0, :status, 1, :change_set_id, 'new', :now, {order_fields} {rows}
        """,
        source=cause.source,
        space=placing.space,
        status=OrderStatus.RECORDED,
        change_set_id=cause.change_set_id,
        now=cause.now,
    )
    vending = f"INSERT INTO vending_orders (order_id, {', '.join(VENDING_FIELDS)})"
    await run_sql(session, f"{vending} SELECT {named.partition(',')[0]}, {vending_fields} {rows}")


async def insert_creations(session: AsyncSession, cause: Cause) -> None:
    """The history of the new orders in `stated`, run by run."""
    within = ("sheet", '"row" - order_id')
    created = '(SELECT order_id, sheet, "row" FROM stated WHERE number IS NOT NULL) s'
    await run_sql(
        session,
        f"""
        {CREATIONS}
        SELECT min(order_id), count(*), :change_set_id, :file_id, sheet, min("row")
        FROM ({in_runs(created, "order_id", *within)}) s GROUP BY island, {", ".join(within)}
        """,
        change_set_id=cause.change_set_id,
        file_id=cause.file_id,
    )


async def update_standing(session: AsyncSession, change_set_id: int) -> None:
    """Standing orders become what `folded` says; withdrawn ones that have live statements again stand again."""
    sets = ", ".join(f"{name} = f.{name}" for name in ORDER_FIELDS)
    await run_sql(
        session,
        f"""
        UPDATE orders o SET {sets}, origin = f.origin, version = d.version, last_change_set_id = :change_set_id,
            last_change = d.kind, withdrawn_at = NULL
        FROM folded f JOIN (
            SELECT order_id, version, CASE WHEN bool_or(kind <> 'filled') THEN 'changed' ELSE 'filled' END AS kind
            FROM order_diff GROUP BY order_id, version
        ) d USING (order_id) WHERE o.id = f.order_id
        """,
        change_set_id=change_set_id,
    )
    await run_sql(
        session,
        "UPDATE orders o SET origin = f.origin FROM folded f WHERE o.id = f.order_id AND o.origin <> f.origin",
    )
    sets = ", ".join(f"{name} = f.{name}" for name in VENDING_FIELDS)
    fields = ", ".join(f"'{name}'" for name in VENDING_FIELDS)
    await run_sql(
        session,
        f"""
        UPDATE vending_orders v SET {sets} FROM folded f
        WHERE v.order_id = f.order_id
            AND EXISTS (SELECT FROM order_diff d WHERE d.order_id = f.order_id AND d.field IN ({fields}))
        """,
    )


async def write_differences(session: AsyncSession, change_set_id: int, file_id: int | None) -> None:
    """The differences as history."""
    differing = (
        'SELECT order_id, version, field, :change_set_id, kind, old, new, :file_id, sheet, "row" FROM order_diff'
    )
    await run_sql(session, f"{HISTORY} {differing}", change_set_id=change_set_id, file_id=file_id)


async def name_machines(session: AsyncSession, rows: str, now: datetime, **params: object) -> None:
    """Machines that rows name exist from then on (decisions 14). They have `machine_code` and `machine_address`."""
    await run_sql(
        session,
        f"""
        INSERT INTO machines (code, address, active, created_at)
        SELECT machine_code, max(machine_address), true, CAST(:now AS timestamptz)
        FROM {rows} WHERE machine_code IS NOT NULL
        GROUP BY machine_code ORDER BY machine_code
        ON CONFLICT (code) DO UPDATE SET address = EXCLUDED.address
        WHERE machines.address IS NULL AND EXCLUDED.address IS NOT NULL
        """,
        now=now,
        **params,
    )


async def name_products(session: AsyncSession, rows: str, now: datetime, **params: object) -> None:
    """Products that rows name exist from then on (decisions 14). They have `product`."""
    await run_sql(
        session,
        f"""
        INSERT INTO products (name, active, created_at)
        SELECT product, true, CAST(:now AS timestamptz)
        FROM {rows} WHERE product IS NOT NULL GROUP BY product ORDER BY product
        ON CONFLICT (name) DO NOTHING
        """,
        now=now,
        **params,
    )
