"""Invented but plausible names: places, goods and flavours.

Districts and streets exist, the sites do not; nobody is named. Prices are whole UZS (so'm).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """One good of the menu; `weight` is its popularity, the flavours are (Russian, English) pairs."""

    name: str
    name_en: str
    price_som: int
    weight: int
    tastes: tuple[tuple[str, str], ...]
    ikpu: str


_COFFEE = (("Классический", "Classic"), ("Карамель", "Caramel"), ("Ваниль", "Vanilla"), ("Орех", "Hazelnut"))
_TEA = (("Лимон", "Lemon"), ("Лесные ягоды", "Wild berries"))
_PLAIN = (("Без вкуса", "Plain"),)

PRODUCTS: tuple[Product, ...] = (
    Product("Эспрессо", "Espresso", 10_000, 13, _COFFEE[:1], "02101001001000000"),
    Product("Американо", "Americano", 12_000, 22, _COFFEE[:2], "02101001002000000"),
    Product("Капучино", "Cappuccino", 15_000, 26, _COFFEE, "02101001003000000"),
    Product("Латте", "Latte", 15_000, 18, _COFFEE, "02101001004000000"),
    Product("Мокачино", "Mochaccino", 18_000, 9, _COFFEE[:3], "02101001005000000"),
    Product("Раф", "Raf coffee", 20_000, 5, _COFFEE[1:3], "02101001006000000"),
    Product("Горячий шоколад", "Hot chocolate", 18_000, 7, _PLAIN, "02101001007000000"),
    Product("Чай зелёный", "Green tea", 8_000, 10, _TEA, "02101001008000000"),
    Product("Чай чёрный", "Black tea", 8_000, 8, _TEA, "02101001009000000"),
    Product("Вода 0,5 л", "Water 0.5 l", 8_000, 9, _PLAIN, "02201001010000000"),
    Product("Шоколадный батончик", "Chocolate bar", 12_000, 6, _PLAIN, "01806001011000000"),
    Product("Круассан", "Croissant", 15_000, 4, _PLAIN, "01905001012000000"),
)

STREETS: tuple[str, ...] = (
    "Ташкент, Чиланзарский р-н, ул. Катартал",
    "Ташкент, Чиланзарский р-н, ул. Бунёдкор",
    "Ташкент, Юнусабадский р-н, ул. Богишамол",
    "Ташкент, Юнусабадский р-н, ул. Осиё",
    "Ташкент, Алмазарский р-н, ул. Нукусская",
    "Ташкент, Шайхантахурский р-н, ул. Лабзак",
    "Ташкент, Яшнабадский р-н, ул. Паркентская",
    "Ташкент, Яшнабадский р-н, Ферганский тракт",
    "Ташкент, Учтепинский р-н, ул. Фархадская",
    "Ташкент, Сергелийский р-н, ул. Янги Сергели",
    "Ташкент, Мирабадский р-н, ул. Тараккиёт",
    "Самарканд, ул. Регистанская",
    "Самарканд, ул. Дагбитская",
    "Самарканд, Университетский бульвар",
    "Самарканд, ул. Пенджикентская",
    "Самарканд, микрорайон Согдиана",
)

SITES: tuple[str, ...] = (
    "бизнес-центр, 1 этаж",
    "поликлиника, холл",
    "торговый центр, вход 2",
    "учебный корпус А",
    "автовокзал, зал ожидания",
    "автосервис",
    "спортивный комплекс",
    "станция метро, вестибюль",
)
