"""What someone may have meant who wrote a word that is not known (pure)."""

from collections.abc import Sequence
from difflib import get_close_matches


def nearest(word: str, known: Sequence[str]) -> str:
    """``: did you mean 'x'?`` where one of the known words is near, else what is known."""
    found = get_close_matches(word, known, 1)
    if found:
        return f": did you mean {found[0]!r}?"
    return f": there are {', '.join(sorted(known))}"
