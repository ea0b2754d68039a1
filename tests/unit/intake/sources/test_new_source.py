"""A new source is a declaration and a line in the registry."""

from pathlib import Path

import pytest

from tests.unit.intake.sources import kiosk
from tests.unit.intake.sources.layouts import converted
from vhm24r.intake.sources import registry

pytestmark = pytest.mark.unit

GUIDE = Path(__file__).parents[4] / "docs" / "howto" / "add-a-source.md"
MOST_LINES = 40


def declaration() -> list[str]:
    return Path(kiosk.__file__).read_text(encoding="utf-8").splitlines()


def test_a_new_source_reads_its_rows_once_it_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    header = ["Строка", "Номер заказа", "Время", "Сумма", "Paid by", "Кассир"]
    assert registry.winner(registry.claims(header)) is None

    monkeypatch.setattr(registry, "SOURCES", (*registry.SOURCES, kiosk.KIOSK))
    records, issues, _ = converted(header, [["1", "A-7", "25.12.2025 00:15", "15 000,00", "Cash", "Анна"]])

    assert issues == []
    assert records == [
        {
            "external_id": "1", "order_number": "A-7", "occurred_at": "2025-12-24 19:15:00+00", "amount": "1500000",
            "currency": "UZS", "payment_method": "cash", "payment_resource": "Cash", "extra": {"cashier": "Анна"},
        },
    ]  # fmt: skip


def test_a_declaration_is_short() -> None:
    assert len(declaration()) <= MOST_LINES


def test_the_guide_shows_this_declaration() -> None:
    columns = [line for line in declaration() if line.strip().startswith("Column(")]

    assert "\n".join(columns) in GUIDE.read_text(encoding="utf-8")
