"""Who acts is asked before anything is done."""

import pytest

from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.errors import Forbidden

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("kind", [ActorKind.PERSON, ActorKind.API_KEY])
def test_an_actor_may_do_what_it_holds_and_nothing_else(kind: ActorKind) -> None:
    actor = Actor(kind, 7, "Dilnoza", frozenset({"orders:read"}))

    actor.require("orders:read")

    assert actor.can("orders:read")
    assert not actor.can("orders:write")
    with pytest.raises(Forbidden) as caught:
        actor.require("orders:write")
    assert caught.value.params == {"permission": "orders:write"}


def test_an_actor_holds_nothing_by_default() -> None:
    assert not Actor(ActorKind.PERSON, 7, "Dilnoza").can("orders:read")


def test_the_system_may_do_everything_and_has_a_name_for_the_log() -> None:
    actor = Actor.system("intake.resume")

    actor.require("people:write")

    assert (actor.kind, actor.id, actor.name) == (ActorKind.SYSTEM, None, "intake.resume")
    assert actor.permissions == frozenset()
