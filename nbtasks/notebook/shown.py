"""What a task displays, made safe to show: pictures as they are, of HTML what cannot do anything.

A task may show what came from anywhere, and a notebook trusts its outputs. So only these elements
and attributes are written anew, and nothing is loaded from elsewhere.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from html.parser import HTMLParser
from itertools import groupby
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote

from IPython.core.getipython import get_ipython

from nbtasks.notebook.words import Run, escape, runs
from nbtasks.output import DISPLAYED, RICH, Output
from nbtasks.record import SHOW, Dropped
from nbtasks.serializers import decode_json, encode_json

SHOWN: Final = "show"
"""In place of a style: the text is a display as it came."""

VALUES: Final = ("value", RICH)

MOST_SHOWN: Final = 20
"""Of one task at a time on a card, the newest."""

MOST_OF_VALUE: Final = 1_000_000
"""Characters of a value's display."""

_FORMATS: Final = ("image/png", "image/svg+xml", "text/html")
_PICTURES: Final = ("image/png", "image/jpeg", "image/gif", "image/svg+xml")
_DEEPEST: Final = 100
_TAGS: Final = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
    ]
)
_EMPTY: Final = frozenset(("br", "col", "hr", "img"))
_SILENT: Final = frozenset(
    ("head", "iframe", "math", "noscript", "script", "style", "svg", "title")
)
_ATTRIBUTES: Final = frozenset(
    [
        "align",
        "alt",
        "border",
        "colspan",
        "height",
        "open",
        "rowspan",
        "scope",
        "start",
        "title",
        "valign",
        "width",
    ]
)
_LINK: Final = re.compile(r"https?://|mailto:|#", re.IGNORECASE)
_PICTURE: Final = re.compile(
    r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*\Z"
)
_RULE: Final = re.compile(
    r"\s*(color|background-color|font-weight|font-style|text-align|white-space|width|height)\s*:"
    r"\s*([#\w.%-]+|rgba?\([\d\s.,%]+\))\s*",
    re.IGNORECASE,
)


Node = str | tuple[str, dict[str, str], "list[Node]"]
"""A text, or an element: its name, its attributes, and what is in it."""


class Shown(NamedTuple):
    """A display that is safe to show, and what it is known by: the same has the same key.

    A browser makes elements of the `nodes`: it is given no HTML.
    """

    key: str
    nodes: list[Node]
    html: str


@lru_cache(maxsize=64)
def shown(text: str) -> Shown:
    """What a display as it came (`record.SHOW`) shows."""
    key = blake2b(text.encode("utf-8", "backslashreplace"), digest_size=9).hexdigest()
    nodes = _nodes(_kinds(text))
    return Shown(key, nodes, to_html(nodes))


def display_of(value: object) -> str:
    """A value as `record.SHOW` has it, as this notebook would show it; empty for just its words."""
    shell: Any = get_ipython()
    if shell is None:
        return ""
    for kind in _FORMATS:
        content: Any = shell.display_formatter.formatters[kind](value)
        if isinstance(content, tuple):  # with metadata
            content, _ = cast("tuple[Any, Any]", content)
        if isinstance(content, bytes):
            content = b64encode(content).decode()
        if isinstance(content, str) and len(content) <= MOST_OF_VALUE:
            return f"{SHOW}\n{encode_json({kind: content}).decode()}"
    return ""


def plain_text(text: str) -> str:
    """A display as it came, as plain text."""
    return str(_kinds(text).get("text/plain", ""))


def _kinds(text: str) -> dict[str, Any]:
    try:
        found: object = decode_json(text.partition("\n")[2].encode())
    except ValueError:  # its beginning was dropped
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def output_runs(parts: Sequence[tuple[str, str]], limit: int) -> list[Run]:
    """The newest `limit` characters of what was written, with the newest displays among them."""
    found: list[Run] = []
    left = MOST_SHOWN
    for is_shown, group in groupby(reversed(parts), key=lambda part: part[0] == DISPLAYED):
        if is_shown:
            texts = [text for _, text in group][:left]
            left -= len(texts)
            found.extend((SHOWN, text) for text in texts)
        else:
            piece = runs(list(group)[::-1], max(0, limit))
            limit -= sum(len(text) for _, text in piece)
            found.extend(piece[::-1])
    return found[::-1]


def value_runs(parts: Sequence[tuple[str, str]], limit: int) -> list[Run]:
    """The newest value, as a display where it is more than words."""
    stream, text = next((part for part in reversed(parts) if part[0] in VALUES), ("", ""))
    return [(SHOWN, text)] if stream == RICH else runs([(stream, text)], limit)


def without_values(parts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What was written and displayed."""
    return [part for part in parts if part[0] not in VALUES]


def dropped_words(output: Output) -> str:
    """What a card has no room for: `3 lines and 1 display`; empty for nothing."""
    kept = sum(stream == DISPLAYED for stream, _ in output.parts.copy())
    displays = output.dropped_displays + max(0, kept - MOST_SHOWN)
    return Dropped(output.dropped_lines, displays).words()


def _nodes(kinds: dict[str, Any]) -> list[Node]:
    plain = str(kinds.get("text/plain", ""))
    for kind in _PICTURES:
        if kind in kinds:
            source = _source(kind, str(kinds[kind]))
            picture = {"alt": plain, "src": source, "style": "max-width:100%"}
            return [("img", picture, [])] if source else []
    if "text/html" in kinds:
        return safe_nodes(str(kinds["text/html"]))
    return [("pre", {"style": "white-space:pre-wrap"}, [plain])]


def _source(kind: str, data: str) -> str:
    if kind == "image/svg+xml":  # as a picture it runs no script
        return f"data:image/svg+xml,{quote(data)}"
    source = f"data:{kind};base64,{''.join(data.split())}"
    return source if _PICTURE.match(source) else ""


def safe_nodes(text: str) -> list[Node]:
    """HTML without anything that runs, loads or leaves its place."""
    cleaner = _Cleaner()
    cleaner.feed(text)
    cleaner.close()
    return cleaner.nodes


def to_html(nodes: Iterable[Node]) -> str:
    """The same as HTML."""
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(escape(node))
        else:
            tag, attributes, inner = node
            given = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
            parts.append(f"<{tag}{given}>{to_html(inner)}")
            parts.append("" if tag in _EMPTY else f"</{tag}>")
    return "".join(parts)


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.nodes: list[Node] = []
        self._open: list[tuple[str, list[Node]]] = [("", self.nodes)]
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        if self._silent or tag not in _TAGS or len(self._open) > _DEEPEST:
            return
        inner: list[Node] = []
        self._open[-1][1].append((tag, dict(_attributes(tag, attrs)), inner))
        if tag not in _EMPTY:
            self._open.append((tag, inner))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif not self._silent and any(tag == name for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._open[-1][1].append(data)


def _attributes(tag: str, found: Iterable[tuple[str, str | None]]) -> Iterable[tuple[str, str]]:
    for name, given in found:
        value = given or ""
        if name == "style":
            rules = (_RULE.fullmatch(rule) for rule in value.split(";"))
            value = ";".join(f"{rule[1]}:{rule[2]}" for rule in rules if rule)
        is_kept = (
            name in _ATTRIBUTES
            or (name == "style" and bool(value))
            or (tag == "a" and name == "href" and bool(_LINK.match(value)))
            or (tag == "img" and name == "src" and bool(_PICTURE.match(value)))
        )
        if is_kept:
            yield name, value
    if tag == "a":
        yield "rel", "noopener noreferrer"
        yield "target", "_blank"
