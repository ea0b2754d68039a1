"""The mark of a database: a demo and a real business never share one (decisions 24)."""

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from vhm24r.kit.errors import Conflict
from vhm24r.settings import Mode

REGULAR, DEMO = "regular", "demo"


class WrongInstallation(Conflict):
    """The database is marked for the other kind of use."""

    code = "platform.wrong_installation"


def claim_installation(url: str, mode: Mode) -> None:
    """Mark an unmarked database, or prove that the mark fits.

    Raises:
        WrongInstallation: a demo on a real database, or anything else on a demo one.
    """
    wanted = DEMO if mode is Mode.DEMO else REGULAR
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO installation (id, kind, created_at) VALUES (1, :kind, now()) ON CONFLICT DO NOTHING"),
            {"kind": wanted},
        )
        found = connection.execute(text("SELECT kind FROM installation WHERE id = 1")).scalar_one()
    if found != wanted:
        raise WrongInstallation(found=found, wanted=wanted)
