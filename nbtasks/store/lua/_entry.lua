-- Schedule entries. Fields of en:<name>:
--   b    what is sent, and when: signed · mk  a mark of it · v  counts its changes · tx  the same
--        in words (JSON), for lists · fn  code hashes, with spaces between
--   due  the time that is fired next, ms, '' for none · at  when: that and its jitter
--   wh   its schedule, as text
--   off  why it is paused · er  why it cannot be fired · lim  failures in a row that pause it
--   bad  failures in a row · on  runs that have not ended · buf  `due` waits for the last run
--   pg   the program that declares it, '' for none · t0  when it was added, ms
-- A run in rn:<name> is '<due> <fired> <kind> <times> <ended> <state>'; kinds: r by schedule, n by
-- hand, b backfilled, s skipped since another ran, m missed. Skips and misses in a row are one, and
-- have in the place of <ended> the last due time.
-- Parts    base slices

local RUNS = 100 -- runs remembered of an entry
local BUFFER = 60000 -- ms after which it is looked whether the run that is waited for is lost

local function entry_key(name)
  return PREFIX .. 'en:' .. name
end

-- When it is to be looked at next; the beat sleeps until then, and is told of what comes earlier.
local function look_at(name, at)
  local first = tonumber(redis.call('ZRANGE', PREFIX .. 'due', 0, 0, 'WITHSCORES')[2]) or NEVER
  redis.call('ZADD', PREFIX .. 'due', at, name)
  if at < first then
    wake('%beat')
  end
end

-- Remember a run; the oldest is forgotten.
local function note(name, id, text)
  local order, runs = PREFIX .. 'ro:' .. name, PREFIX .. 'rn:' .. name
  redis.call('ZADD', order, NOW, id)
  redis.call('HSET', runs, id, text)
  while redis.call('ZCARD', order) > RUNS do
    redis.call('HDEL', runs, redis.call('ZPOPMIN', order)[1])
  end
end

-- Times that were not fired, from `due` to `last`: one line with those before them.
local function note_none(name, kind, due, count, last)
  local id = redis.call('ZRANGE', PREFIX .. 'ro:' .. name, -1, -1)[1]
  local text = id and redis.call('HGET', PREFIX .. 'rn:' .. name, id) or ''
  local first, times = string.match(text, '^(%d+) %d+ ' .. kind .. ' (%d+)')
  if first then
    due, count = first, count + times
  end
  id = first and id or kind .. due
  note(name, id, table.concat({ due, NOW, kind, count, last, '-' }, ' '))
end
