"""How texts of other kinds begin, so that nobody takes a JSON document for a table with odd cells."""

import re

_SCALAR = r'(?:"(?:[^"\\]|\\.){0,500}"|-?[0-9][0-9.eE+-]{0,99}|true|false|null)'
_JSON = re.compile(
    rf"""\s*(?: \{{ \s* (?: "(?:[^"\\]|\\.){{0,500}}" \s* : | \}} \s* $ )
          | \[ \s* (?: \{{ \s* (?: " | \}} ) | \[ \s* (?: {_SCALAR} \s* [,\]] | \] ) | \] \s* $
                     | {_SCALAR} \s* (?: , | \] \s* $ ) ) )""",
    re.VERBOSE | re.DOTALL,
)
_ATTRIBUTE = r"""[^\s=<>"'/;,|]+ \s* = \s* (?: "[^"<]{0,10000}" | '[^'<]{0,10000}' )"""
_XML = re.compile(
    rf"""\s*(?: <\?xml \s | <!DOCTYPE \s | <!--
          | < [^\W\d][\w.:-]* (?: \s+ {_ATTRIBUTE} ){{0,200}} \s* (?: /> \s* $ | > \s* < ) )""",
    re.VERBOSE,
)
_HTML = re.compile(r"\s*(?:<!--.{0,10000}?-->\s*)*<(?:!doctype\s+html|html|head|body|table|meta|style)\b", re.I | re.S)


def begins_json(text: str) -> bool:
    """Whether `text` begins as a JSON array or object does: two tokens in, a table begins otherwise."""
    return _JSON.match(text.removeprefix("\ufeff")) is not None


def begins_html(text: str) -> bool:
    """Whether `text` begins as a web page, or as a table cut out of one."""
    return _HTML.match(text.removeprefix("\ufeff")) is not None


def begins_xml(text: str) -> bool:
    """Whether `text` begins as an XML document that is no web page."""
    return _XML.match(text.removeprefix("\ufeff")) is not None and not begins_html(text)


def begins_structured(text: str) -> bool:
    """Whether `text` is JSON or markup by its beginning, and no table of plain text."""
    return begins_json(text) or begins_xml(text) or begins_html(text)
