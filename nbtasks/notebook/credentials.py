"""Which inputs look like secrets, by their names or by what they are (pure)."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

_NAME: Final = re.compile(
    r"(?:^|_)(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|(?:api|access|private|secret|"
    r"auth|encryption)_?key)s?(?:_|$)",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where a word begins in `apiKey`."""

_VALUE: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|^[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@"  # a password in a URL
    r"|^(?:AKIA|ASIA)[0-9A-Z]{16}$"  # AWS
    r"|^gh[pousr]_\w{30,}$|^github_pat_\w{30,}$|^glpat-[\w-]{20,}$"  # GitHub, GitLab
    r"|^sk-[\w-]{20,}$|^xox[abprs]-[\w-]{10,}$"  # OpenAI and others, Slack
    r"|^eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*$"  # a JSON web token
)
_LOOKED_AT: Final = 10_000
"""Characters of a text: a private key stands at its begin."""


def find_secret(inputs: Mapping[str, Any]) -> str:
    """The name of the first input that looks like a secret; '' where none does.

    A text whose name says so (`password`, `api_key`), or that has the form of a key, a token or a
    URL with a password; also where it is a value of a dict. What it really is, nobody can tell.
    """
    for name, value in inputs.items():
        if _is_secret(name, value):
            return name
        is_dict = type(value) is dict
        parts: Mapping[object, object] = cast("dict[object, object]", value) if is_dict else {}
        if any(_is_secret(key, part) for key, part in parts.items()):
            return name
    return ""


def _is_secret(name: object, value: object) -> bool:
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value[:_LOOKED_AT]).decode("latin-1")
    if not isinstance(value, str) or not value:
        return False
    named = isinstance(name, str) and _NAME.search(_WORDS.sub("_", name)) is not None
    return named or _VALUE.search(value[:_LOOKED_AT]) is not None
