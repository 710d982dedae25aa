-- hour: what a worker has done lately, added to the history of the last hour: a ring of points,
-- each for half a minute.
--
-- Parts    base room
-- KEYS[1]  prefix
-- ARGV     1 tasks done since the last time · 2 of these failed · 3 slots that are busy · 4 slots
--          5 seconds since the last time · then the queues it takes from
-- Returns  0

local SPAN, POINTS = 30000, 120 -- ms; store/hour.py has them, too
local key, number = PREFIX .. 'hour', math.floor(NOW / SPAN)
local field = number % POINTS
local FORMAT = '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$'
local old = { string.match(redis.call('HGET', key, field) or '', FORMAT) }
if tonumber(old[1]) ~= number then
  old = { number, 0, 0, 0, 0, 0 }
end

local waiting = 0
for at = 6, #ARGV do
  waiting = waiting + count_waiting(ARGV[at])
end
-- Workers come about once in each point; one that comes more often counts for its share.
local share = math.min(1, tonumber(ARGV[5]) * 1000 / SPAN)
local point = {
  number,
  old[2] + ARGV[1],
  old[3] + ARGV[2],
  old[4] + math.floor(ARGV[3] * share * 100),
  old[5] + math.floor(ARGV[4] * share * 100),
  math.max(tonumber(old[6]), waiting),
}
redis.call('HSET', key, field, table.concat(point, ' '))
redis.call('PEXPIRE', key, SPAN * POINTS)
return 0
