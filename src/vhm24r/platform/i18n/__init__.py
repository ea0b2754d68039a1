"""Every text the server says, by code, in three languages: `ru.json`, `en.json`, `uz.json`.

Owns the catalogues and the filling of their parameters. A test walks every error class and every
language; another looks for keys nobody uses.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

LANGUAGES = ("ru", "en", "uz")
DEFAULT_LANGUAGE = "ru"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of one language, by code."""
    text = files(__package__).joinpath(f"{language}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def chosen(wanted: str | None) -> str:
    """The first of our languages in an Accept-Language header or a language tag; else the default."""
    for part in (wanted or "").split(","):
        tag = part.split(";")[0].strip().lower()[:2]
        if tag in LANGUAGES:
            return tag
    return DEFAULT_LANGUAGE


class _Params(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "…"


def say(code: str, language: str, params: Mapping[str, object] | None = None) -> str:
    """The text of `code` in `language`, filled; the code itself when a text is missing (a test forbids it).

    Where a parameter `problem` tells cases of one code apart, `code.problem` has the sentence for it.
    """
    texts = catalogue(language)
    of_case = texts.get(f"{code}.{params['problem']}") if params and "problem" in params else None
    template = of_case or texts.get(code, code)
    return template.format_map(_Params({k: "—" if v is None else v for k, v in (params or {}).items()}))
