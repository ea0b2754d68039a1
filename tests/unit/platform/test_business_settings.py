"""Business rules: what a person writes becomes a value of the rule's type, or is refused."""

import pytest

from vhm24r.platform.business_settings import BusinessSetting, SettingInvalid
from vhm24r.platform.flags import FLAGS, INTAKE_APPLY, READ_ONLY

pytestmark = pytest.mark.unit

SWITCH = BusinessSetting("a.switch", default=False, description="on or off")
LIMIT = BusinessSetting("a.limit", default=10, description="how many", allows=lambda value: 0 < value <= 100)
NAME = BusinessSetting("a.name", default="x", description="what it is called", allows=lambda value: value != "")


@pytest.mark.parametrize(
    ("text", "value"),
    [("on", True), ("ON", True), ("true", True), ("yes", True), ("off", False), ("False", False), ("no", False)],
)
def test_a_switch_takes_the_usual_words(text: str, *, value: bool) -> None:
    assert SWITCH.parse(text) is value


@pytest.mark.parametrize("text", ["", "1", "0", "да", "maybe", "on "])
def test_a_switch_takes_nothing_else(text: str) -> None:
    with pytest.raises(SettingInvalid) as caught:
        SWITCH.parse(text)

    assert caught.value.params == {"key": "a.switch", "value": text, "type": "bool"}


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("100", 100), ("007", 7)])
def test_a_number_is_taken_within_its_bounds(text: str, value: int) -> None:
    assert LIMIT.parse(text) == value


@pytest.mark.parametrize("text", ["0", "101", "-5", "", "1.5", "--1", "ten", "1 0", "1e1"])
def test_a_number_out_of_bounds_or_none_is_refused(text: str) -> None:
    with pytest.raises(SettingInvalid) as caught:
        LIMIT.parse(text)

    assert caught.value.params == {"key": "a.limit", "value": text, "type": "int"}


def test_a_text_is_taken_as_it_is_unless_refused() -> None:
    assert NAME.parse(" y ") == " y "
    with pytest.raises(SettingInvalid):
        NAME.parse("")


@pytest.mark.parametrize("value", [True, "10", 10.0, None, 0])
def test_a_value_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(SettingInvalid):
        LIMIT.checked(value)


def test_a_value_of_the_type_is_given_back() -> None:
    assert LIMIT.checked(7) == 7
    assert SWITCH.checked(True) is True


def test_kill_switches_let_business_go_on_by_default() -> None:
    assert {flag.key: flag.default for flag in FLAGS} == {"intake.apply": True, "read_only": False}
    assert FLAGS == (INTAKE_APPLY, READ_ONLY)
