"""Headers, preambles, sheets, encodings and value formats, checked against the source descriptions."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

from vhm24r.ops.demo import (
    Clocks,
    NetworkSpec,
    Noise,
    Payment,
    PaymentMix,
    Planted,
    Receipt,
    Register,
    build_network,
    fiscal,
    happy_workers,
    payme,
    planted,
    uzum,
    vendhub,
)
from vhm24r.ops.demo import click as click_layout
from vhm24r.ops.demo.layout import Table, serial_time, spaced_amount
from vhm24r.ops.demo.writers import write_table

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Tashkent")
DAY = date(2025, 12, 31)
PERIOD = (date(2025, 12, 1), DAY)
SPEC = NetworkSpec(DAY, machines=12, days=3, orders=900, noise=Noise.none(), clocks=Clocks(0, 0, 0, 0))
REGISTER = Register("UZ210317225516", None, 0)


def plants(method: str) -> list[Planted]:
    return [p for p in planted(SPEC) if p.order.method == method]


def payment(gateway: str) -> Payment:
    return next(p.payment for p in plants("qr") if p.payment and p.payment.gateway == gateway)


def receipt() -> Receipt:
    return next(p.receipt for p in plants("cash") if p.receipt)


def written(table: Table, file_format: str, folder: Path) -> list[list[object]]:
    """The cells of the written file, read back by other code than ours."""
    path = folder / f"report.{file_format}"
    if file_format == "xlsx":
        write_table(path, table, "xlsx", DAY)
        book = CalamineWorkbook.from_path(str(path))
        assert book.sheet_names == [table.sheet]
        return [list(row) for row in book.get_sheet_by_index(0).to_python(skip_empty_area=False)]
    write_table(path, table, "csv", DAY)
    with path.open(encoding=table.encoding, newline="") as file:
        return [list(row) for row in csv.reader(file, delimiter=table.delimiter)]


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_happy_workers_russian(file_format: str, tmp_path: Path) -> None:
    order = next(p.order for p in plants("cash") if p.order.refunded_at is None)
    rows = written(happy_workers.table([order], ZONE), file_format, tmp_path)
    assert rows[0] == [
        "Номер заказа", "Номер оператора", "Наименование товара", "Название вкуса", "Ресурс заказа",
        "Тип заказа", "Статус платежа", "Тип чашки", "Машинный код", "Адрес", "Цена заказа", "Статус варки",
        "Время создания", "Время оплаты", "Время заваривания", "Срок поставки", "Время возврата денег",
        "Платежная карта", "Причина", "Замечание",
    ]  # fmt: skip
    row = dict(zip(map(str, rows[0]), rows[1], strict=True))
    assert row["Номер заказа"] == order.number and row["Машинный код"] == order.machine.code
    assert row["Ресурс заказа"] == "Оплата наличными" and row["Статус платежа"] == "Оплачено"
    assert row["Цена заказа"] in (order.price_som, str(order.price_som))
    assert row["Время оплаты"] == order.paid_at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S")
    assert row["Время возврата денег"] == ""


def test_happy_workers_english(tmp_path: Path) -> None:
    orders = [p.order for p in planted(SPEC)]
    rows = written(happy_workers.table(orders, ZONE, "en"), "csv", tmp_path)
    assert rows[0] == [
        "Order number", "Machine code", "Address", "Goods name", "Taste name", "Order type", "Order resource",
        "Order price", "Creation time", "Paying time", "Brewing time", "Delivery time", "Refund time",
        "Payment status", "Brew status", "Reason",
    ]  # fmt: skip
    assert {row[6] for row in rows[1:]} == {"Cash", "Custom payment", "Card", "VIP", "Credit", "Test"}
    assert {row[13] for row in rows[1:]} == {"Paid", "Refunded"}
    assert {row[14] for row in rows[1:]} == {"Delivered", "Delivery failed"}


def test_happy_workers_uses_every_known_value(tmp_path: Path) -> None:
    orders = [p.order for p in planted(SPEC)]
    rows = written(happy_workers.table(orders, ZONE), "xlsx", tmp_path)[1:]
    assert {row[4] for row in rows} == {
        "Оплата наличными", "Таможенный платеж", "QR платежи", "vip", "VIP", "Оплата кредита", "Карты",
        "testShipment",
    }  # fmt: skip
    assert {row[6] for row in rows} == {"Оплачено", "Возвращен", "Возврат"}
    assert {row[11] for row in rows} == {
        "Доставлен",
        "Доставка подтверждена",
        "Сбой доставки",
        "Не доставлено",
    }
    for row in rows:
        assert (row[16] != "") == (row[6] != "Оплачено")
        assert (row[17] != "") == (row[4] == "Карты")
        assert isinstance(row[0], str) and isinstance(row[8], str) and isinstance(row[10], float)


def test_vendhub_csv_is_semicolons_in_cp1251(tmp_path: Path) -> None:
    plant = plants("qr")[0]
    assert plant.sale is not None
    rows = written(vendhub.table([plant.sale], ZONE), "csv", tmp_path)
    raw = (tmp_path / "report.csv").read_bytes()
    assert raw.startswith("ID;Goods name;Goods ID;".encode("cp1251")) and "ИКПУ".encode("cp1251") in raw
    assert rows[0] == [
        "ID", "Goods name", "Goods ID", "Order number", "Time", "Order price", "Machine Code",
        "Machine category", "Payment type", "Order resource", "Username", "Amount of accrued bonus", "ИКПУ",
        "Штрихкод", "Маркировка", "Упаковка",
    ]  # fmt: skip
    assert rows[1][3] == plant.order.number and rows[1][6] == plant.order.machine.code
    assert rows[1][4] == plant.sale.at.astimezone(ZONE).strftime("%d.%m.%Y %H:%M:%S")
    assert rows[1][5] == spaced_amount(plant.order.price_som)
    assert rows[1][8] == {"payme": "Payme", "click": "Click", "uzum": "Uzum"}[str(plant.order.gateway)]


def test_vendhub_workbook_has_numbers_and_serial_times(tmp_path: Path) -> None:
    sale = plants("vip")[0].correct_sale
    row = written(vendhub.table([sale], ZONE, "xlsx"), "xlsx", tmp_path)[1]
    assert row[5] == sale.price_som and row[11] == sale.price_som // 100
    assert row[4] == serial_time(sale.at, ZONE) and row[8] == "VIP"
    assert [row[0], row[12]] == [sale.external_id, sale.order.product.ikpu]  # text, zeros kept


def test_amounts_and_serial_times() -> None:
    assert spaced_amount(15_000) == "15 000,00"
    assert spaced_amount(0) == "0,00"
    assert spaced_amount(1_234_500) == "1 234 500,00"
    assert serial_time(datetime(2025, 12, 31, 7, tzinfo=UTC), ZONE) == 46022.5


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_fiscal_russian(file_format: str, tmp_path: Path) -> None:
    sale = receipt()
    table = fiscal.table([sale, sale], ZONE, REGISTER, PERIOD, total=True)
    assert table.sheet == "UZ210317225516"
    rows = written(table, file_format, tmp_path)
    assert rows[0][0] == "Отчёт по чекам за период 01.12.2025 - 31.12.2025" and not any(rows[0][1:])
    assert rows[1] == [
        "№", "Фискальный модуль", "Номер чека", "Операция", "Дата и время", "Сумма операции", "Наличные",
        "Карта", "Торговый пункт",
    ]  # fmt: skip
    assert rows[2] == rows[3]  # an exact duplicate repeats even its running number
    assert rows[2][2:5] == [
        sale.external_id, "Продажа", sale.at.astimezone(ZONE).strftime("%d.%m.%Y %H:%M:%S"),
    ]  # fmt: skip
    assert [int(str(c).removesuffix(".0")) for c in rows[2][5:8]] == [sale.amount_som, sale.amount_som, 0]
    assert rows[4][0] == "Итого" and float(str(rows[4][5])) == 2 * sale.amount_som


def test_fiscal_english(tmp_path: Path) -> None:
    rows = written(fiscal.table([receipt()], ZONE, REGISTER, PERIOD, "en", total=True), "csv", tmp_path)
    assert rows[0] == [
        "fiscal_check_number", "fiscal_time", "amount", "taxpayer_id", "cash_register_id", "shift_number",
        "receipt_type",
    ]  # fmt: skip
    assert len(rows) == 2 and rows[1][-1] == "sale"


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_payme_russian(file_format: str, tmp_path: Path) -> None:
    paid = payment("payme")
    rows = written(payme.table([paid], ZONE, PERIOD, total=True), file_format, tmp_path)
    assert rows[0][0] == "ТИП ОТЧЕТА" and all(row[0] and row[2] for row in rows[:6])
    assert rows[2][2] == "01.12.2025 00:00:00" and rows[3][2] == "31.12.2025 23:59:59"
    assert rows[6] == [
        "№", "НАЗВАНИЕ ПОСТАВЩИК" + "A", "НАЗВАНИЕ КАССЫ", "ИДЕНТИФИКАТОР ПЛАТЕЖА \n (ПЛАТЕЖНАЯ СИСТЕМА)",
        "НОМЕР ЗАКАЗА", "ВРЕМЯ ОПЛАТЫ", "СОСТОЯНИЕ ОПЛАТЫ", "НАЗВАНИЕ ПРОЦЕССИНГА", "НОМЕР КАРТЫ",
        "СУММА БЕЗ КОМИССИИ", "СУММА КОМИССИИ", "RRN",
    ]  # fmt: skip
    assert str(rows[6][1])[-1] == chr(0x41)  # Latin, not Cyrillic
    assert rows[7][3] == paid.external_id and rows[7][6] == "ОПЛАЧЕН" and rows[7][7] in ("UZCARD", "HUMO")
    assert str(rows[7][8])[6:12] == "******" and rows[7][11] == paid.rrn and len(paid.rrn) == 12
    assert float(str(rows[7][9])) == paid.amount_som and float(str(rows[7][10])) * 50 == paid.amount_som
    assert rows[8][0] == "Итого" and float(str(rows[8][9])) == paid.amount_som


def test_payme_english_names_nobody(tmp_path: Path) -> None:
    rows = written(payme.table([payment("payme")], ZONE, PERIOD, "en", total=True), "csv", tmp_path)
    assert rows[0] == [
        "transaction_id", "transaction_time", "amount", "masked_pan", "merchant_id", "terminal_id",
        "commission", "status", "username", "phone_number", "reference_number",
    ]  # fmt: skip
    assert len(rows) == 2 and rows[1][8:10] == ["", ""] and rows[1][7] == "SUCCESS"


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_click_russian(file_format: str, tmp_path: Path) -> None:
    paid = payment("click")
    table = click_layout.table([paid], ZONE)
    assert table.sheet == "Общий отчет"
    rows = written(table, file_format, tmp_path)
    assert rows[0] == [
        "№", "Click ID", "Billing ID", "Идент-р", "Сервис", "Касса", "Клиент", "Способ оплаты", "Сумма",
        "Статус платежа", "Дата",
    ]  # fmt: skip
    assert rows[1][1] == paid.external_id and rows[1][9] == "Успешно подтвержден"
    at = paid.at.astimezone(ZONE).replace(tzinfo=None)
    assert rows[1][10] == (at if file_format == "xlsx" else at.strftime("%d.%m.%Y %H:%M:%S"))


def test_click_english(tmp_path: Path) -> None:
    rows = written(click_layout.table([payment("click")], ZONE, "en"), "csv", tmp_path)
    assert rows[0] == [
        "transaction_id", "transaction_time", "amount", "card_number", "merchant_id", "service_id",
        "commission", "status", "error_code", "click_trans_id", "merchant_trans_id",
    ]  # fmt: skip
    assert rows[1][7:9] == ["SUCCESS", "0"]


def test_uzum(tmp_path: Path) -> None:
    paid = payment("uzum")
    rows = written(uzum.table([paid], ZONE), "csv", tmp_path)
    assert rows[0] == [
        "transaction_id", "transaction_time", "amount", "masked_pan", "shop_id", "merchant_id", "commission",
        "status", "order_id", "cashback_amount",
    ]  # fmt: skip
    assert rows[1][:3] == [
        paid.external_id, paid.at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S"), str(paid.amount_som),
    ]  # fmt: skip


def test_card_receipts_fill_the_card_column(tmp_path: Path) -> None:
    mix = PaymentMix(cash=0, qr=0, card=1, vip=0, credit=0, test=0)
    spec = NetworkSpec(DAY, machines=3, days=1, orders=20, mix=mix, card_receipts=True, noise=Noise.none())
    receipts = [r for p in planted(spec) for r in p.receipts if not r.is_return]
    assert len(receipts) == 20
    rows = written(fiscal.table(receipts, ZONE, build_network(spec).registers[0], PERIOD), "xlsx", tmp_path)
    assert all(row[6] == 0 and row[7] == row[5] for row in rows[2:])


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_a_report_without_rows_keeps_its_header(file_format: str, tmp_path: Path) -> None:
    rows = written(payme.table([], ZONE, PERIOD), file_format, tmp_path)
    assert len([row for row in rows if any(row)]) == 7 and rows[6][0] == "№"


def test_a_skewed_machine_prints_its_own_time(tmp_path: Path) -> None:
    spec = NetworkSpec(DAY, machines=7, days=3, orders=300, clocks=Clocks(0, 0, 0, 0, far_machine_s=2400))
    order = next(p.order for p in planted(spec) if p.order.machine.clock_skew_s)
    row = written(happy_workers.table([order], ZONE), "csv", tmp_path)[1]
    shown = datetime.fromisoformat(str(row[13]) + "+05:00")
    assert (shown - order.paid_at).total_seconds() == 2400
