"""What people have said about the columns of files nobody has declared."""

from typing import Annotated

from fastapi import Depends

from vhm24r.api.routing import GuardedRouter
from vhm24r.api.schemas import ListOf, MappingOut
from vhm24r.api.security import Needs, ReadSession, ServicesOf, WriteSession
from vhm24r.identity.permissions import Permission
from vhm24r.intake.service import mapping
from vhm24r.kit.actor import Actor

router = GuardedRouter(prefix="/mappings", tags=["imports"])


@router.get("", response_model=ListOf[MappingOut])
async def list_mappings(
    session: ReadSession, actor: Annotated[Actor, Depends(Needs(Permission.IMPORTS_READ))]
) -> object:
    """The mappings, by name."""
    return {"items": await mapping.list_mappings(session, actor), "next_cursor": None}


@router.delete("/{name:path}", status_code=204)
async def forget_mapping(
    name: str,
    services: ServicesOf,
    session: WriteSession,
    actor: Annotated[Actor, Depends(Needs(Permission.IMPORTS_WRITE))],
) -> None:
    """Forget a mapping; what was imported with it stays."""
    await mapping.forget(session, actor, name, services.clock.now())
