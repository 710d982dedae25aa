"""How often tasks may begin: rates as people write them, `10/s` (pure)."""

import re
from typing import Any, Final

from nbtasks.errors import ConfigError

US_OF: Final = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
LONGEST_US: Final = 10**14
"""From one task to the next: about three years."""

_RATE: Final = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(?:/\s*([smh])\s*)?")


def rate_us(rate: Any, what: str = "rate_limit") -> int:
    """From one task to the next, in us; 0 for no limit.

    Args:
        rate: `"10/s"`, `"5/m"`, `"1/h"`, or a number of tasks a second; 0 and None for no limit.
        what: What it is the value of, for wording.

    Raises:
        ConfigError: It is none of these.
    """
    if rate is None:
        return 0
    is_number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    found = _RATE.fullmatch(str(rate)) if is_number or isinstance(rate, str) else None
    count = float(found[1]) if found else -1.0
    every = round(US_OF[(found and found[2]) or "s"] / count) if count > 0 else 0
    if found is None or (count and not 0 < every <= LONGEST_US):
        raise ConfigError(
            f'{what} is {rate!r}: write "10/s", "5/m" or "1/h", or a number of tasks a second; 0 or'
            " None for no limit"
        )
    return every


def rate_text(every_us: int) -> str:
    """As `rate_us` reads it; `0` for no limit."""
    if not every_us:
        return "0"
    unit = next((unit for unit, us in US_OF.items() if us >= every_us), "h")
    return f"{US_OF[unit] / every_us:.6g}/{unit}"
