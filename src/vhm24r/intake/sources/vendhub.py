"""The sales system's report: joined to the machine's orders by number."""

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.declaration import Cell, Column, Source
from vhm24r.intake.sources.happy_workers import PAYMENT_METHODS

VENDHUB = Source(
    name=SourceName.VENDHUB,
    role=Role.SALE,
    key="external_id",
    makes_orders=True,
    is_revenue=False,
    columns=(
        Column("external_id", ("ID", "№ записи"), Cell.CODE, required=True),
        Column("product", ("Goods name", "Наименование товара")),
        Column("goods_id", ("Goods ID", "ID товара"), Cell.CODE, extra=True),
        Column("order_number", ("Order number", "Номер заказа"), Cell.CODE, required=True),
        Column("occurred_at", ("Time", "Время"), Cell.INSTANT, required=True),
        Column("amount", ("Order price", "Цена заказа"), Cell.AMOUNT, required=True),
        Column("machine_code", ("Machine Code", "Машинный код"), Cell.CODE),
        Column("machine_category", ("Machine category", "Категория машины"), extra=True),
        Column("payment_type", ("Payment type", "Тип оплаты"), extra=True),
        Column(
            "payment_method",
            ("Order resource", "Ресурс заказа"),
            Cell.STRICT_CHOICE,
            PAYMENT_METHODS,
            word_into="payment_resource",
        ),
        Column("username", ("Username", "Имя пользователя"), extra=True),
        Column("bonus", ("Amount of accrued bonus", "Сумма начисленного бонуса"), extra=True),
        Column("ikpu", ("ИКПУ", "IKPU"), Cell.CODE, extra=True),
        Column("barcode", ("Штрихкод", "Штрих код", "Barcode"), Cell.CODE, extra=True),
        Column("marking", ("Маркировка", "Marking"), Cell.CODE, extra=True),
        Column("packaging", ("Упаковка", "Packaging"), extra=True),
    ),
)
