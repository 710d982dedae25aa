"""When something is due: by the clock of a zone, at equal distances, or by the sun (pure).

    crontab(hour=7, minute=0, day_of_week="mon-fri", tz="Europe/Paris")
    cron("0 7 * * mon-fri", tz="Europe/Paris")      # the same
    every("10m"), every(hours=2), every(10)
    solar("sunset", 48.85, 2.35)

A schedule answers one question, when it is next due after some moment, from the rule alone: it
knows no clock of its own, and no history.
"""

from nbtasks.schedule.base import Schedule, jittered_ms
from nbtasks.schedule.cron import cron, crontab
from nbtasks.schedule.every import every
from nbtasks.schedule.reading import amended, schedule, schedule_from_json
from nbtasks.schedule.solar import solar

__all__ = [
    "Schedule",
    "amended",
    "cron",
    "crontab",
    "every",
    "jittered_ms",
    "schedule",
    "schedule_from_json",
    "solar",
]
