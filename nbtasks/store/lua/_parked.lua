-- Who waits for a limit stands in `ready:<list>%`, as in `ready:<list>` before, for whoever counts
-- and removes what waits; and in parked:<limit> as '<list> <slice>', in the same order, for the
-- limit; that may name what has gone. `limited` says when to look at a limit, `%` in sched when at
-- the first of them.

local MOST_BACK = 200 -- slices that go back in one step
local MOST_LIMITS = 20

local is_armed = {} -- limits for which this script has set the timer

local function set_timer()
  local first = first_score('limited')
  if first then
    redis.call('ZADD', PREFIX .. 'sched', first, '%')
  else
    redis.call('ZREM', PREFIX .. 'sched', '%')
  end
end

local function look_at(name, due)
  if due then
    redis.call('ZADD', PREFIX .. 'limited', due, name)
  else
    redis.call('ZREM', PREFIX .. 'limited', name)
  end
end

-- `ready` is the key that the slice was popped from.
local function park(limit, due, ready, place, slice)
  local list = string.sub(ready, #PREFIX + 7)
  redis.call('ZADD', ready .. '%', place, slice)
  redis.call('ZADD', PREFIX .. 'parked:' .. limit.name, place, list .. ' ' .. slice)
  if not is_armed[limit.name] then
    is_armed[limit.name] = true
    look_at(limit.name, due)
    set_timer()
  end
end

-- The limit of a slice that was parked, and how many of its members still wait for it.
local function look_into(slice)
  local rid, from, to = parse_slice(slice)
  local found = redis.call('HMGET', record_key(rid or ''), 'lim', 'h', 'l' .. (from or ''), 'exp')
  local expires = tonumber(found[4]) or 0
  if not found[2] or (expires > 0 and expires <= NOW) then
    return nil, 0
  end
  local states = redis.call('GETRANGE', states_key(rid), from, to - 1)
  local _, count = string.gsub(states, '[' .. PENDING .. RETRY .. ']', '')
  return limit_of(found[1], found[2], found[3]), count
end

local function unpark(key, entry, place)
  local list, slice = string.match(entry, '^(.+) (%S+)$')
  redis.call('ZREM', key, entry)
  if redis.call('ZREM', PREFIX .. 'ready:' .. list .. '%', slice) == 1 then
    redis.call('ZADD', PREFIX .. 'ready:' .. list, place, slice)
  end
  wake(list) -- in any case, as there may be more than one step takes
end
