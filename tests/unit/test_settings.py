"""Settings: sane defaults, usual spellings accepted, a refused value named with an example."""

import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from vhm24r.settings import BadSettings, Mode, Settings, default_data_dir

pytestmark = pytest.mark.unit


def test_without_any_variable_the_house_is_closed_and_local() -> None:
    settings = Settings.load()

    assert settings.mode is Mode.PRODUCTION
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database_url is None
    assert settings.worker_metrics_port is None
    assert settings.timezone == "Asia/Tashkent"
    assert (settings.db_pool, settings.upload_limit_mb) == (10, 100)
    assert settings.data_dir == default_data_dir()
    assert settings.storage == str(default_data_dir() / "files")


def test_variables_are_read_and_given_values_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VHM24R_PORT", "9000")
    monkeypatch.setenv("VHM24R_MODE", "development")

    assert Settings.load().port == 9000
    assert Settings.load(port=9001).port == 9001
    assert Settings.load(port=None).port == 9000
    assert Settings.load().mode is Mode.DEVELOPMENT


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgres://u@h:5433/d?sslmode=require", "postgresql+psycopg://u@h:5433/d?sslmode=require"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("", None),
    ],
)
def test_the_usual_spellings_of_a_database_are_accepted(
    monkeypatch: pytest.MonkeyPatch, given: str, kept: str | None
) -> None:
    monkeypatch.setenv("VHM24R_DATABASE_URL", given)

    assert Settings.load().database_url == kept


@pytest.mark.parametrize(
    ("name", "value", "reason", "example"),
    [
        ("DATABASE_URL", "mysql://h/d", "must be a PostgreSQL URL", "postgresql://vhm24r@db.example/vhm24r"),
        ("DATABASE_URL", "sqlite:///x.db", "must be a PostgreSQL URL", "postgresql://vhm24r@db.example/vhm24r"),
        ("DATABASE_URL", "h/d", "must be a PostgreSQL URL", "postgresql://vhm24r@db.example/vhm24r"),
        ("TIMEZONE", "Asia/Nowhere", "must be a zone name", "Asia/Tashkent"),
        ("TIMEZONE", "Asia", "must be a zone name", "Asia/Tashkent"),
        ("TIMEZONE", "../../etc/passwd", "must be a zone name", "Asia/Tashkent"),
        ("MODE", "open", "'production', 'development' or 'demo'", "production"),
        ("PORT", "70000", "less than or equal to 65535", "8000"),
        ("PORT", "eighty", "valid integer", "8000"),
        ("WORKER_METRICS_PORT", "0", "greater than or equal to 1", "9101"),
        ("LOG_LEVEL", "loud", "should match pattern", "info"),
        ("LOG_FORMAT", "xml", "should match pattern", "auto"),
        ("DB_POOL", "0", "greater than or equal to 1", "10"),
        ("UPLOAD_LIMIT_MB", "0", "greater than or equal to 1", "100"),
    ],
)
def test_a_refused_value_names_the_variable_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str, example: str
) -> None:
    monkeypatch.setenv(f"VHM24R_{name}", value)

    with pytest.raises(BadSettings) as caught:
        Settings.load()

    assert caught.value.params["variable"] == f"VHM24R_{name}"
    assert reason in str(caught.value.params["reason"])
    assert caught.value.params["example"] == example


def test_a_refused_value_is_not_repeated_where_it_may_be_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VHM24R_DATABASE_URL", "mysql://admin:hunter2@h/d")

    with pytest.raises(BadSettings) as caught:
        Settings.load()

    assert "hunter2" not in str(caught.value)


def test_the_zone_is_the_business_zone() -> None:
    assert Settings.load(timezone="Europe/Berlin").zone == ZoneInfo("Europe/Berlin")


def test_originals_go_where_the_storage_url_says(tmp_path: Path) -> None:
    assert Settings.load(storage_url="s3://reports/2025").storage == "s3://reports/2025"
    assert Settings.load(data_dir=tmp_path).storage == str(tmp_path / "files")


def test_settings_do_not_change_after_boot() -> None:
    settings = Settings.load()

    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # the refusal at run time is what is tested


@pytest.mark.parametrize(
    ("platform", "data_home", "folder"),
    [
        ("linux", None, "home/.local/share/vhm24r"),
        ("linux", "xdg", "xdg/vhm24r"),
        ("darwin", None, "home/Library/Application Support/vhm24r"),
    ],
)
def test_data_lies_where_the_user_keeps_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, data_home: str | None, folder: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    if data_home:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / data_home))

    assert default_data_dir() == tmp_path / folder


def test_data_of_root_lies_where_an_unprivileged_server_can_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)

    assert default_data_dir() == Path("/var/lib/vhm24r")


def test_an_empty_variable_is_as_good_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VHM24R_TIMEZONE", "")
    monkeypatch.setenv("VHM24R_DATABASE_URL", "")

    settings = Settings.load()

    assert settings.timezone == "Asia/Tashkent"
    assert settings.database_url is None
