"""The demo's report files to drop on the page."""

from pathlib import Path
from typing import Any

from vhm24r.platform.i18n import say
from vhm24r.settings import Mode, Settings

FOLDER = "reports"
SAMPLES = "samples"


def samples_folder(settings: Settings) -> Path | None:
    """Where they lie; None outside of the demo."""
    if settings.mode is not Mode.DEMO:
        return None
    return settings.data_dir / FOLDER / SAMPLES


def list_samples(settings: Settings, language: str) -> list[dict[str, Any]] | None:
    """Name, what it shows, size and address of every sample; None outside of the demo."""
    folder = samples_folder(settings)
    if folder is None or not folder.exists():
        return None
    return [
        {
            "name": path.name,
            "description": say(f"demo.sample.{path.stem}", language),
            "size": path.stat().st_size,
            "url": f"/api/v1/demo/samples/{path.name}",
        }
        for path in sorted(folder.iterdir())
        if path.is_file()
    ]


def find_sample(settings: Settings, name: str) -> Path | None:
    """The sample of this name; None for anything else in the world."""
    folder = samples_folder(settings)
    if folder is None or not folder.exists():
        return None
    return next((path for path in folder.iterdir() if path.name == name and path.is_file()), None)
