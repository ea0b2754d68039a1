"""Small report files with explicit defaults, made by the tests themselves."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import rustpy_xlsxwriter

HW_HEADER = (
    "Номер заказа", "Номер оператора", "Наименование товара", "Название вкуса", "Ресурс заказа", "Тип заказа",
    "Статус платежа", "Тип чашки", "Машинный код", "Адрес", "Цена заказа", "Статус варки", "Время создания",
    "Время оплаты", "Время заваривания", "Срок поставки", "Время возврата денег", "Платежная карта", "Причина",
    "Замечание",
)  # fmt: skip
VENDHUB_HEADER = (
    "ID", "Goods name", "Goods ID", "Order number", "Time", "Order price", "Machine Code", "Machine category",
    "Payment type", "Order resource", "Username", "Amount of accrued bonus", "ИКПУ", "Штрихкод", "Маркировка",
    "Упаковка",
)  # fmt: skip
MACHINE = "24a8ff000001"

Row = dict[str, str]


def number(index: int) -> str:
    """The order number of the n-th order of a test."""
    return f"ff000008d8202512250014{index:014x}"


def hw_row(index: int = 1, **changes: str) -> Row:
    """A delivered cash order of the machine report; `changes` by header, spaces as underscores."""
    row = dict.fromkeys(HW_HEADER, "")
    row |= {
        "Номер заказа": number(index), "Наименование товара": "Эспрессо", "Ресурс заказа": "Оплата наличными",
        "Тип заказа": "Обычный", "Статус платежа": "Оплачено", "Машинный код": MACHINE, "Адрес": "ул. Навои, 1",
        "Цена заказа": "15000", "Статус варки": "Доставлен", "Время создания": "2025-12-25 00:14:59",
        "Время оплаты": "2025-12-25 00:15:07", "Срок поставки": "2025-12-25 00:16:00",
    }  # fmt: skip
    return row | {name.replace("_", " "): value for name, value in changes.items()}


def vendhub_row(index: int = 1, **changes: str) -> Row:
    """The sale of the same order in the sales system's report."""
    row = dict.fromkeys(VENDHUB_HEADER, "")
    row |= {
        "ID": str(1000 + index), "Goods name": "Эспрессо", "Goods ID": "7", "Order number": number(index),
        "Time": "25.12.2025 00:15:09", "Order price": "15 000,00", "Machine Code": MACHINE, "Order resource": "Cash",
        "Username": "operator-03",
    }  # fmt: skip
    return row | {name.replace("_", " "): value for name, value in changes.items()}


def fiscal_row(index: int = 1, **changes: str) -> Row:
    """The receipt of such an order, some seconds after it was paid."""
    row = {
        "Fiscal module": "VG3430001", "Fiscal check number": str(500 + index), "Fiscal time": "2025-12-25 00:15:12",
        "Operation amount": "15000", "Operation type": "Sale", "Trade point": "",
    }  # fmt: skip
    return row | _changed(changes)


def payme_row(index: int = 1, **changes: str) -> Row:
    """A payment of the same amount and time at Payme."""
    row = {
        "System ID": f"payme{index:04}", "Payment time": "2025-12-25 00:15:05", "Amount without commission": "15000",
        "Commission": "150", "State": "PAID", "Cash desk name": "",
    }  # fmt: skip
    return row | _changed(changes)


def click_row(index: int = 1, **changes: str) -> Row:
    """The same at Click."""
    row = {
        "Click ID": str(70_000 + index), "Date": "2025-12-25 00:15:05", "Amount": "15000", "Commission": "150",
        "Payment status": "CONFIRMED", "Cash desk": "",
    }  # fmt: skip
    return row | _changed(changes)


def uzum_row(index: int = 1, **changes: str) -> Row:
    """The same at Uzum."""
    row = {
        "Transaction ID": f"uzum{index:04}", "Transaction time": "2025-12-25 00:15:05", "Amount": "15000",
        "Commission": "150", "Status": "SUCCESS", "Shop ID": "12", "Card type": "UZCARD",
    }  # fmt: skip
    return row | _changed(changes)


def _changed(changes: Mapping[str, str]) -> Row:
    return {name.replace("_", " "): value for name, value in changes.items()}


def csv_bytes(rows: Iterable[Mapping[str, str]], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Rows under the header of the first one."""
    listed = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(listed[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue().encode(encoding)


def write_csv(path: Path, rows: Iterable[Mapping[str, str]], **options: str) -> Path:
    """The same as a file."""
    path.write_bytes(csv_bytes(rows, **options))
    return path


def write_xlsx(path: Path, rows: Iterable[Mapping[str, object]], sheet: str = "Sheet1") -> Path:
    """The same as a workbook."""
    rustpy_xlsxwriter.write_worksheet([dict(row) for row in rows], str(path), sheet)
    return path
