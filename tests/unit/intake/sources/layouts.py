"""Golden samples: every layout of every source with some rows, and the records they have to become.

Cells are separated by `|`. A record lists every field that is said, and no other; `extra` is its facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from tests.factories import HW_HEADER, VENDHUB_HEADER
from vhm24r.evidence.types import STAGED_COLUMNS
from vhm24r.intake.canonical import Canonicaliser, Counts
from vhm24r.intake.sources.bank import BANK
from vhm24r.intake.sources.cash_collection import CASH_COLLECTION
from vhm24r.intake.sources.click import CLICK
from vhm24r.intake.sources.declaration import Source
from vhm24r.intake.sources.fiscal import FISCAL
from vhm24r.intake.sources.happy_workers import HAPPY_WORKERS
from vhm24r.intake.sources.hicon import HICON
from vhm24r.intake.sources.payme import PAYME
from vhm24r.intake.sources.registry import claims, winner
from vhm24r.intake.sources.uzum import UZUM
from vhm24r.intake.sources.vendhub import VENDHUB
from vhm24r.intake.statements import Seen
from vhm24r.intake.types import Chunk, Issue
from vhm24r.intake.values import NULL

Record = dict[str, Any]

ZONE = ZoneInfo("Asia/Tashkent")
PLACED = ("position", "sheet", "row", "identity", "content", "occurrence", "duplicate")
"""What a staged row says about its place in the file rather than about the fact."""


@dataclass(frozen=True)
class Layout:
    """One layout of a source with some rows, and the records of those that are neither totals nor errors."""

    source: Source
    name: str
    header: tuple[str, ...]
    rows: tuple[str, ...]
    records: tuple[Record, ...]

    @property
    def id(self) -> str:
        return f"{self.source.name}-{self.name}"

    @property
    def cells(self) -> list[list[str]]:
        return [row.split("|") for row in self.rows]


def converted(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[Record], list[Issue], Counts]:
    """The records of a table whose source is recognised by its header alone."""
    claim = winner(claims(header))
    assert claim is not None
    counts = Counts()
    canonical = Canonicaliser(claim, header, ZONE, None, 0)
    stated, issues = canonical.convert(Chunk(2, [list(row) for row in rows]), Seen(), counts)
    lines = stated.lines.decode().splitlines() if stated else []
    return [_said(line, keyed=claim.source.key is not None) for line in lines], issues, counts


def _said(line: str, *, keyed: bool) -> Record:
    cells = dict(zip(STAGED_COLUMNS, line.split("\t"), strict=True))
    left_out = PLACED if keyed else (*PLACED, "external_id")
    said: Record = {name: cell for name, cell in cells.items() if cell != NULL and name not in left_out}
    if "extra" in said:
        said["extra"] = orjson.loads(said["extra"])
    return said


def _layout(source: Source, name: str, table: Sequence[str], *records: Record) -> Layout:
    header, *rows = table
    return Layout(source, name, tuple(header.split("|")), tuple(rows), tuple({"currency": "UZS"} | r for r in records))


HW_NUMBER = "ff000008d82025122500145924a8181f0000"
HAPPY_WORKERS_EN = (
    "Order number|Machine code|Address|Goods name|Taste name|Order type|Order resource|Order price|Creation time|"
    "Paying time|Brewing time|Delivery time|Refund time|Payment status|Brew status|Reason"
)
FISCAL_RU = "№|Фискальный модуль|Номер чека|Операция|Дата и время|Сумма операции|Наличные|Карта|Торговый пункт"
FISCAL_EN = "fiscal_check_number|fiscal_time|amount|taxpayer_id|cash_register_id|shift_number|receipt_type"
PAYME_RU = (
    "№|НАЗВАНИЕ ПОСТАВЩИКA|НАЗВАНИЕ КАССЫ|ИДЕНТИФИКАТОР ПЛАТЕЖА \n (ПЛАТЕЖНАЯ СИСТЕМА)|НОМЕР ЗАКАЗА|ВРЕМЯ ОПЛАТЫ|"
    "СОСТОЯНИЕ ОПЛАТЫ|НАЗВАНИЕ ПРОЦЕССИНГА|НОМЕР КАРТЫ|СУММА БЕЗ КОМИССИИ|СУММА КОМИССИИ|RRN"
)
PAYME_EN = (
    "transaction_id|transaction_time|amount|masked_pan|merchant_id|terminal_id|commission|status|username|"
    "phone_number|reference_number"
)
PAYME_MORE = (
    "report number|provider|cash desk name|cash desk identifier|state|payment time|cancel time|processing time|"
    "bank time|processing|EPOS merchant|EPOS terminal|card|amount without commission|client commission|system id|"
    "provider payment id|RRN|bank receipt date|fiscal sign|fiscal receipt id|external id|description|order number"
)
CLICK_RU = "№|Click ID|Billing ID|Идент-р|Сервис|Касса|Клиент|Способ оплаты|Сумма|Статус платежа|Дата"
CLICK_EN = (
    "transaction_id|transaction_time|amount|card_number|merchant_id|service_id|commission|status|error_code|"
    "click_trans_id|merchant_trans_id"
)
CLICK_MORE = "click id|billing id|identifier|service|client|method|amount|status|cash desk|date"
UZUM_FLAT = (
    "transaction_id|transaction_time|amount|masked_pan|shop_id|merchant_id|commission|status|order_id|cashback_amount"
)
UZUM_MORE = "service|amount|commission|card type|card number|status|merchant id|receipt id|payment time"

LAYOUTS = (
    _layout(
        HAPPY_WORKERS, "ru",
        [
            "|".join(HW_HEADER),
            (f"{HW_NUMBER}|op-3|Капучино|Классика|Таможенный платеж|Обычный заказ|Оплачено|Большой стакан|24a8181f0000|"
            "ул. Навои, 1|20 000,00|Доставка подтверждена|2025-12-25 00:14:59|2025-12-25 00:15:07|25.12.2025 00:15:10|"
            "2025-12-25T00:16:00+05:00||8600121234567890||проверено"),
            "7e1||Эспрессо||VIP||Возврат||24a8181f0001||15000|Сбой доставки|46016.5||||2025-12-25 13:00:00||Нет воды|",
        ],
        {
            "external_id": HW_NUMBER, "order_number": HW_NUMBER, "operator_number": "op-3", "product": "Капучино",
            "taste": "Классика", "payment_method": "qr", "payment_resource": "Таможенный платеж",
            "order_type": "Обычный заказ", "payment_status": "paid", "cup_type": "Большой стакан",
            "machine_code": "24a8181f0000", "machine_address": "ул. Навои, 1", "amount": "2000000",
            "brew_status": "delivered", "occurred_at": "2025-12-24 19:14:59+00", "paid_at": "2025-12-24 19:15:07+00",
            "brewed_at": "2025-12-24 19:15:10+00", "delivered_at": "2025-12-24 19:16:00+00",
            "card": "860012******7890", "remark": "проверено",
        },
        {
            "external_id": "7e1", "order_number": "7e1", "product": "Эспрессо", "payment_method": "vip",
            "payment_resource": "VIP", "payment_status": "refunded", "machine_code": "24a8181f0001",
            "amount": "1500000", "brew_status": "failed", "occurred_at": "2025-12-25 07:00:00+00",
            "refunded_at": "2025-12-25 08:00:00+00", "reason": "Нет воды",
        },
    ),
    _layout(
        HAPPY_WORKERS, "en",
        [
            HAPPY_WORKERS_EN,
            ("a1b2c3|24a8181f0000|1 Navoi|Latte|Classic|Regular order|Custom payment|15,000.00|2025-12-25 00:14:59|"
            "2025-12-25 00:15:07|2025-12-25 00:15:10|2025-12-25 00:16:00|2025-12-25 00:20:00|Refunded|Delivered|Cold"),
        ],
        {
            "external_id": "a1b2c3", "order_number": "a1b2c3", "machine_code": "24a8181f0000",
            "machine_address": "1 Navoi", "product": "Latte", "taste": "Classic", "order_type": "Regular order",
            "payment_method": "qr", "payment_resource": "Custom payment", "amount": "1500000",
            "occurred_at": "2025-12-24 19:14:59+00", "paid_at": "2025-12-24 19:15:07+00",
            "brewed_at": "2025-12-24 19:15:10+00", "delivered_at": "2025-12-24 19:16:00+00",
            "refunded_at": "2025-12-24 19:20:00+00", "payment_status": "refunded", "brew_status": "delivered",
            "reason": "Cold",
        },
    ),
    _layout(
        VENDHUB, "mixed",
        [
            "|".join(VENDHUB_HEADER),
            (f"48000001|Капучино|012345|{HW_NUMBER}|46016.0104050926|15 000,00|24a8181f0000|Кофе|Payme|"
            "Custom payment|op-3|150,00|01234567890123456|4780123456789|M1|шт"),
        ],
        {
            "external_id": "48000001", "product": "Капучино", "order_number": HW_NUMBER, "amount": "1500000",
            "occurred_at": "2025-12-24 19:14:59+00", "machine_code": "24a8181f0000", "payment_method": "qr",
            "payment_resource": "Custom payment",
            "extra": {
                "goods_id": "012345", "machine_category": "Кофе", "payment_type": "Payme", "username": "op-3",
                "bonus": "150,00", "ikpu": "01234567890123456", "barcode": "4780123456789", "marking": "M1",
                "packaging": "шт",
            },
        },
    ),
    _layout(
        VENDHUB, "spaced",
        [
            "|".join("Штрих код" if name == "Штрихкод" else name for name in VENDHUB_HEADER),
            "48000002||||25.12.2025 00:14:59|5000||||Чужой способ||||4780123456789||",
        ],
        {
            "external_id": "48000002", "amount": "500000", "occurred_at": "2025-12-24 19:14:59+00",
            "payment_resource": "Чужой способ", "extra": {"barcode": "4780123456789"},
        },
    ),
    _layout(
        VENDHUB, "ru",
        [
            ("№ записи|Наименование товара|ID товара|Номер заказа|Время|Цена заказа|Машинный код|Категория машины|"
            "Тип оплаты|Ресурс заказа|Имя пользователя|Сумма начисленного бонуса|ИКПУ|Штрихкод|Маркировка|Упаковка"),
            "48000003|Чай|7|7e1|25.12.2025 00:14|5000|24a8181f0000|Кофе|Наличные|Cash|op-3|0|0123|478|M2|шт",
        ],
        {
            "external_id": "48000003", "product": "Чай", "order_number": "7e1", "amount": "500000",
            "occurred_at": "2025-12-24 19:14:00+00", "machine_code": "24a8181f0000", "payment_method": "cash",
            "payment_resource": "Cash",
            "extra": {
                "goods_id": "7", "machine_category": "Кофе", "payment_type": "Наличные", "username": "op-3",
                "bonus": "0", "ikpu": "0123", "barcode": "478", "marking": "M2", "packaging": "шт",
            },
        },
    ),
    _layout(
        FISCAL, "ru",
        [
            FISCAL_RU,
            "1|UZ210317225516|000123|Продажа|25.12.2025 00:15:20|15 000,00|15 000,00|0|ул. Навои, 1",
            "2|UZ210317225516|000124|ВОЗВРАТ|25.12.2025 00:16:20|15 000,00|0,00|15 000,00|ул. Навои, 1",
            "3|UZ210317225517|000124|Продажа|25.12.2025 00:17:20|15000|5000|10000|",
            "Итого|||||45000|20000|25000|",
        ],
        {
            "account": "UZ210317225516", "external_id": "000123", "direction": "sale", "amount": "1500000",
            "occurred_at": "2025-12-24 19:15:20+00", "payment_method": "cash", "place": "ул. Навои, 1",
            "extra": {"cash_amount": "15 000,00", "card_amount": "0"},
        },
        {
            "account": "UZ210317225516", "external_id": "000124", "direction": "return", "amount": "1500000",
            "occurred_at": "2025-12-24 19:16:20+00", "payment_method": "card", "place": "ул. Навои, 1",
            "extra": {"cash_amount": "0,00", "card_amount": "15 000,00"},
        },
        {
            "account": "UZ210317225517", "external_id": "000124", "direction": "sale", "amount": "1500000",
            "occurred_at": "2025-12-24 19:17:20+00", "extra": {"cash_amount": "5000", "card_amount": "10000"},
        },
    ),
    _layout(
        FISCAL, "en",
        [
            FISCAL_EN,
            "1000001|2025-12-25 00:15:20|15000|300000001|UZ210317225516|1|sale",
            "1000002|2025-12-25 00:16:20|15000|300000001|UZ210317225516|1|Refund",
        ],
        {
            "account": "UZ210317225516", "external_id": "1000001", "direction": "sale", "amount": "1500000",
            "occurred_at": "2025-12-24 19:15:20+00", "extra": {"taxpayer_id": "300000001", "shift_number": "1"},
        },
        {
            "account": "UZ210317225516", "external_id": "1000002", "direction": "return", "amount": "1500000",
            "occurred_at": "2025-12-24 19:16:20+00", "extra": {"taxpayer_id": "300000001", "shift_number": "1"},
        },
    ),
    _layout(
        FISCAL, "more columns",
        [
            ("fiscal module|receipt number|recipe number|operation type|cashier|trade point|operation amount|"
            "cash amount|card amount|customer|operation time"),
            "UZ210317225516|123|77|Sale|Anna|Navoi 1|15000 UZS||15000|Ivan|2025-12-25T00:15:20+05:00",
        ],
        {
            "account": "UZ210317225516", "external_id": "123", "direction": "sale", "amount": "1500000",
            "occurred_at": "2025-12-24 19:15:20+00", "payment_method": "card", "place": "Navoi 1",
            "extra": {"recipe_number": "77", "cashier": "Anna", "card_amount": "15000", "customer": "Ivan"},
        },
    ),
    _layout(
        PAYME, "ru",
        [
            PAYME_RU,
            ("1|VENDING NETWORK|ул. Навои, 1|676b0a1e5f3c2d0012345678|7000001|2025-12-25 00:15:09|ОПЛАЧЕН|UZCARD|"
            "860012******7890|15000|300|012345678901"),
            ("2|VENDING NETWORK|ул. Навои, 1|676b0a1e5f3c2d0012345679|7000002|2025-12-25 00:16:09|ОТМЕНЁН|HUMO|"
            "9860121234567890|15000|300|012345678902"),
            "Итого|||||||||30000||",
        ],
        {
            "external_id": "676b0a1e5f3c2d0012345678", "occurred_at": "2025-12-24 19:15:09+00", "amount": "1500000",
            "fee": "30000", "state": "ok", "place": "ул. Навои, 1", "card": "860012******7890",
            "extra": {
                "provider": "VENDING NETWORK", "merchant_order": "7000001", "processing": "UZCARD",
                "rrn": "012345678901",
            },
        },
        {
            "external_id": "676b0a1e5f3c2d0012345679", "occurred_at": "2025-12-24 19:16:09+00", "amount": "1500000",
            "fee": "30000", "state": "reversed", "place": "ул. Навои, 1", "card": "986012******7890",
            "extra": {
                "provider": "VENDING NETWORK", "merchant_order": "7000002", "processing": "HUMO",
                "rrn": "012345678902",
            },
        },
    ),
    _layout(
        PAYME, "flat",
        [
            PAYME_EN,
            ("676b0a1e5f3c2d0012345678|2025-12-25 00:15:09|15000|860012******7890|merchant-01|terminal-001|300|SUCCESS|"
            "||012345678901"),
            ("676b0a1e5f3c2d0012345679|2025-12-25 00:16:09|15000|860012******7890|merchant-01|terminal-001|300|"
            "reversed|ann|998901234567|012345678902"),
        ],
        {
            "external_id": "676b0a1e5f3c2d0012345678", "occurred_at": "2025-12-24 19:15:09+00", "amount": "1500000",
            "fee": "30000", "state": "ok", "place": "terminal-001", "card": "860012******7890",
            "extra": {"merchant_id": "merchant-01", "terminal_id": "terminal-001", "rrn": "012345678901"},
        },
        {
            "external_id": "676b0a1e5f3c2d0012345679", "occurred_at": "2025-12-24 19:16:09+00", "amount": "1500000",
            "fee": "30000", "state": "reversed", "place": "terminal-001", "card": "860012******7890",
            "extra": {
                "merchant_id": "merchant-01", "terminal_id": "terminal-001", "rrn": "012345678902", "username": "ann",
                "phone_number": "998901234567",
            },
        },
    ),
    _layout(
        PAYME, "more columns",
        [
            PAYME_MORE,
            ("5|Network|Navoi 1|kassa-1|ОПЛАЧЕН|25.12.2025 00:15:09||25.12.2025 00:15:10|25.12.2025 00:15:11|UZCARD|"
            "em-1|et-1|8600121234567890|15000|150|sys-1|prov-1|012345678901|26.12.2025|fs-1|fr-1|ext-1|Coffee|7000001"),
        ],
        {
            "external_id": "sys-1", "occurred_at": "2025-12-24 19:15:09+00", "amount": "1500000", "state": "ok",
            "place": "Navoi 1", "card": "860012******7890",
            "extra": {
                "report_number": "5", "provider": "Network", "cash_desk_id": "kassa-1",
                "processing_time": "25.12.2025 00:15:10", "bank_time": "25.12.2025 00:15:11", "processing": "UZCARD",
                "epos_merchant": "em-1", "epos_terminal": "et-1", "client_commission": "150",
                "provider_payment_id": "prov-1", "rrn": "012345678901", "bank_receipt_date": "26.12.2025",
                "fiscal_sign": "fs-1", "fiscal_receipt_id": "fr-1", "outside_id": "ext-1", "description": "Coffee",
                "merchant_order": "7000001",
            },
        },
    ),
    _layout(
        CLICK, "ru",
        [
            CLICK_RU,
            ("1|3400000001|012345678901|7000001|VENDING NETWORK|ул. Навои, 1|8600121234567890|UZCARD|15 000,00|"
            "Успешно подтвержден|2025-12-25 00:15:09"),
            ("2|3400000002|012345678902|7000002|VENDING NETWORK|ул. Навои, 1|860012******7890|HUMO|15000|"
            "Аннулирован|25.12.2025 00:16"),
            "3|3400000003||||ул. Навои, 1|||15000|В обработке|25.12.2025 00:17",
        ],
        {
            "external_id": "3400000001", "occurred_at": "2025-12-24 19:15:09+00", "amount": "1500000", "state": "ok",
            "place": "ул. Навои, 1", "card": "860012******7890",
            "extra": {
                "billing_id": "012345678901", "merchant_order": "7000001", "service": "VENDING NETWORK",
                "method": "UZCARD",
            },
        },
        {
            "external_id": "3400000002", "occurred_at": "2025-12-24 19:16:00+00", "amount": "1500000",
            "state": "reversed", "place": "ул. Навои, 1", "card": "860012******7890",
            "extra": {
                "billing_id": "012345678902", "merchant_order": "7000002", "service": "VENDING NETWORK",
                "method": "HUMO",
            },
        },
        {
            "external_id": "3400000003", "occurred_at": "2025-12-24 19:17:00+00", "amount": "1500000",
            "state": "В обработке", "place": "ул. Навои, 1",
        },
    ),
    _layout(
        CLICK, "flat",
        [
            CLICK_EN,
            ("3400000001|2025-12-25 00:15:09|15000|860012******7890|merchant-02|service-001|300|REVERSED|-9|3400000001|"
            "7000001"),
        ],
        {
            "external_id": "3400000001", "occurred_at": "2025-12-24 19:15:09+00", "amount": "1500000", "fee": "30000",
            "state": "reversed", "place": "service-001", "card": "860012******7890",
            "extra": {
                "merchant_id": "merchant-02", "service_id": "service-001", "error_code": "-9",
                "click_trans_id": "3400000001", "merchant_order": "7000001",
            },
        },
    ),
    _layout(
        CLICK, "more columns",
        [
            CLICK_MORE,
            "3400000001|b-1|7000001|Coffee|998901234567|UZCARD|15000|Успешно подтверждён|Navoi 1|25/12/2025 00:15",
        ],
        {
            "external_id": "3400000001", "occurred_at": "2025-12-24 19:15:00+00", "amount": "1500000", "state": "ok",
            "place": "Navoi 1", "card": "998901234567",
            "extra": {"billing_id": "b-1", "merchant_order": "7000001", "service": "Coffee", "method": "UZCARD"},
        },
    ),
    _layout(
        UZUM, "flat",
        [
            UZUM_FLAT,
            "0a1b2c3d4e5f|2025-12-25T00:15:09+05:00|15000|860012******7890|shop-001|merchant-03|300|SUCCESS|7000001|0",
            "0a1b2c3d4e60|2025-12-25T00:16:09+05:00|15000|860012******7890|shop-001|merchant-03|300|REVERSED|7000002|0",
        ],
        {
            "external_id": "0a1b2c3d4e5f", "occurred_at": "2025-12-24 19:15:09+00", "amount": "1500000",
            "fee": "30000", "state": "ok", "place": "shop-001", "card": "860012******7890",
            "extra": {
                "shop_id": "shop-001", "merchant_id": "merchant-03", "merchant_order": "7000001",
                "cashback_amount": "0",
            },
        },
        {
            "external_id": "0a1b2c3d4e60", "occurred_at": "2025-12-24 19:16:09+00", "amount": "1500000",
            "fee": "30000", "state": "reversed", "place": "shop-001", "card": "860012******7890",
            "extra": {
                "shop_id": "shop-001", "merchant_id": "merchant-03", "merchant_order": "7000002",
                "cashback_amount": "0",
            },
        },
    ),
    _layout(
        UZUM, "more columns",
        [UZUM_MORE, "Coffee Navoi|15000|300|HUMO|9860121234567890|SUCCESS|m-3|r-1|2025-12-25 00:15:09"],
        {
            "external_id": "r-1", "occurred_at": "2025-12-24 19:15:09+00", "amount": "1500000", "fee": "30000",
            "state": "ok", "place": "Coffee Navoi", "card": "986012******7890",
            "extra": {"service": "Coffee Navoi", "card_type": "HUMO", "merchant_id": "m-3"},
        },
    ),
    _layout(
        UZUM, "more columns, ru",
        [
            "Сервис|Сумма|Комиссия|Тип карты|Номер карты|Статус|ID мерчанта|ID чека|Время оплаты",
            "Кофе|15000|300|HUMO|9860121234567890|REVERSED|m-3|r-2|25.12.2025 00:15:09",
        ],
        {
            "external_id": "r-2", "occurred_at": "2025-12-24 19:15:09+00", "amount": "1500000", "fee": "30000",
            "state": "reversed", "place": "Кофе", "card": "986012******7890",
            "extra": {"service": "Кофе", "card_type": "HUMO", "merchant_id": "m-3"},
        },
    ),
    _layout(
        BANK, "ru",
        [
            "Дата|Номер документа|Корреспондент|Дебет|Кредит|Назначение платежа",
            "25.12.2025|000417|ООО «Click»||1 500 000,00|Возмещение за 24.12.2025",
            "25.12.2025|000418|Банк|12 000,00|0,00|Комиссия",
            "25.12.2025|000419|Банк||-|Остаток на начало дня",
            "Итого|||12 000,00|1 500 000,00|",
        ],
        {
            "occurred_at": "2025-12-24 19:00:00+00", "amount": "150000000", "direction": "in",
            "remark": "Возмещение за 24.12.2025",
            "extra": {"document_number": "000417", "correspondent": "ООО «Click»"},
        },
        {
            "occurred_at": "2025-12-24 19:00:00+00", "amount": "1200000", "direction": "out", "remark": "Комиссия",
            "extra": {"document_number": "000418", "correspondent": "Банк"},
        },
        {
            "occurred_at": "2025-12-24 19:00:00+00", "remark": "Остаток на начало дня",
            "extra": {"document_number": "000419", "correspondent": "Банк"},
        },
    ),
    _layout(
        BANK, "en",
        ["Date|Document number|Correspondent|Debit|Credit|Payment purpose", "2025-12-25|417|Click|0|1500000|Sales"],
        {
            "occurred_at": "2025-12-24 19:00:00+00", "amount": "150000000", "direction": "in", "remark": "Sales",
            "extra": {"document_number": "417", "correspondent": "Click"},
        },
    ),
    _layout(
        CASH_COLLECTION, "ru",
        ["Дата|Машинный код|Сумма|Инкассатор", "25.12.2025 18:30|24a8181f0000|480 000|Иванов", "Итого||480 000|"],
        {
            "occurred_at": "2025-12-25 13:30:00+00", "machine_code": "24a8181f0000", "amount": "48000000",
            "extra": {"collector": "Иванов"},
        },
    ),
    _layout(
        CASH_COLLECTION, "en",
        ["Date|Machine code|Amount|Collector", "2025-12-25|24a8181f0000|480,000.00|"],
        {"occurred_at": "2025-12-24 19:00:00+00", "machine_code": "24a8181f0000", "amount": "48000000"},
    ),
    _layout(
        HICON, "en",
        [
            "product id|commodity code|name|cash|quantity|total",
            "1|0007|Latte|120000|14|210000",
            "2|0008|Tea|0|0|0",
            "Total|||120000|14|210000",
        ],
        {
            "product": "Latte", "amount": "21000000",
            "extra": {"product_id": "1", "commodity_code": "0007", "cash": "120000", "quantity": "14"},
        },
        {
            "product": "Tea", "amount": "0",
            "extra": {"product_id": "2", "commodity_code": "0008", "cash": "0", "quantity": "0"},
        },
    ),
    _layout(
        HICON, "ru",
        [
            "ID товара|Код товара|Наименование|Наличные|Количество|Итого|Машинный код",
            "1|0007|Латте|120 000|14|210 000|24a8181f0000",
        ],
        {
            "product": "Латте", "amount": "21000000", "machine_code": "24a8181f0000",
            "extra": {"product_id": "1", "commodity_code": "0007", "cash": "120 000", "quantity": "14"},
        },
    ),
)  # fmt: skip
