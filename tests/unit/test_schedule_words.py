"""What schedules say of themselves, in words."""

import pytest

from nbtasks.schedule import cron, crontab, every, solar

CLOCKS = [
    ("* * * * *", "every minute"),
    ("*/15 * * * *", "every 15 minutes"),
    ("0,30 * * * *", "every 30 minutes"),
    ("0 * * * *", "every hour"),
    ("30 * * * *", "every hour at :30"),
    ("5,20 * * * *", "every hour at :05 and :20"),
    ("17-59 * * * *", "every hour at :17 to :59"),
    ("*/7 * * * *", "every 7th minute of each hour, from :00"),
    ("0 7 * * *", "every day at 07:00, UTC"),
    ("0 7,19 * * *", "every day at 07:00 and 19:00, UTC"),
    ("0 */2 * * *", "every 2 hours, UTC"),
    ("30 */2 * * *", "every 2 hours at :30, UTC"),
    ("0 */5 * * *", "every day at 00:00, 05:00, 10:00, 15:00 and 20:00, UTC"),
    ("* 5 * * *", "every minute from 05:00 to 05:59, UTC"),
    ("*/10 8-18 * * *", "every 10 minutes from 08:00 to 18:50, UTC"),
    ("30 8-18 * * *", "every hour from 08:30 to 18:30, UTC"),
    ("5,35 8-18 * * *", "every hour at :05 and :35, in the hours 08 to 18, UTC"),
    ("1-7 3 * * *", "every hour at :01 to :07, in the hour 03, UTC"),
    ("*/7 1,3 * * *", "every 7th minute of each hour, from :00, in the hours 01 and 03, UTC"),
]
DAYS = [
    ("mon-fri", "*", "*", "Monday to Friday"),
    ("mon", "*", "*", "every Monday"),
    ("sat,sun", "*", "*", "Saturday and Sunday"),
    ("fri-mon", "*", "*", "Monday and Friday to Sunday"),
    ("*", "1", "*", "on the 1st"),
    ("*", "1,2,3,11,22,23,31", "*", "on the 1st to 3rd, 11th, 22nd, 23rd and 31st"),
    ("*", "*/2", "*", "on the 1st and every 2 days after it"),
    ("*", "29", "feb", "on 29 February"),
    ("*", "1,15", "jan,jul", "on the 1st and 15th, January and July"),
    ("*", "*", "6-8", "June to August"),
    ("mon", "*", "jan", "every Monday, January"),
    ("fri", "13", "*", "on the 13th if it is Friday"),
    ("mon-fri", "1-7", "*", "on the 1st to 7th if it is Monday to Friday"),
    ("sun", "24", "dec", "on 24 December if it is Sunday"),
]


@pytest.mark.parametrize(("text", "words"), CLOCKS)
def test_times_of_the_day_in_words(text, words):
    assert cron(text).describe() == words


@pytest.mark.parametrize(("week", "days", "months", "words"), DAYS)
def test_days_in_words(week, days, months, words):
    rule = crontab(0, 7, week, days, months, tz="Europe/Paris")
    assert rule.describe() == f"at 07:00, {words}, Europe/Paris"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (every(1), "every second"),
        (every("10m"), "every 10 minutes"),
        (every("1h30m"), "every 1 hour 30 minutes"),
        (every("1d"), "every day at 00:00 UTC"),
        (every("1w"), "every week on Monday at 00:00 UTC"),
        (
            every("2h", anchor="2026-01-01T08:00+01:00"),
            "every 2 hours, counted from 2026-01-01 07:00 UTC",
        ),
        (solar("sunset", 48.85, -2.35), "at sunset, 48.85° N 2.35° W"),
        (solar("solar_noon", 0, 0), "at solar noon, 0° N 0° E"),
        (solar("dawn_civil", -33.9, 151.2), "at civil dawn, 33.9° S 151.2° E"),
        (
            cron("0 7 * * mon", tz="Europe/Paris", jitter="5m", until="2026-12-31"),
            "at 07:00, every Monday, Europe/Paris, up to 5 minutes later, until 2026-12-31 23:59",
        ),
    ],
    ids=map(str, range(10)),
)
def test_other_schedules_and_what_limits_them_in_words(rule, words):
    assert rule.describe() == words
