-- The time as a test has set it: put behind Redis' own in each script of a process that has a
-- FakeClock (testbed.py), and nowhere else. The key says by how many ms.
local MOVED = tonumber(redis.call('GET', KEYS[1] .. 'moved') or 0) * 1000
MOVED = TIME[1] * 1000000 + TIME[2] + MOVED
TIME = { math.floor(MOVED / 1000000), MOVED % 1000000 }
