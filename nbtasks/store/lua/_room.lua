-- Room in a bounded queue.

local SAMPLE = 500 -- slices looked at on each end of a queue
local COUNT_TTL = 250 -- ms that a count is good for

-- Members that wait in a list: exact up to 2 * SAMPLE slices; of more, those in the middle are
-- taken to be as long as the others, so that a count never holds Redis for long.
local function count_list(list)
  local key = PREFIX .. 'ready:' .. list
  local slices, members, seen = redis.call('ZCARD', key), 0, 0
  for _, first in ipairs({ 0, math.max(SAMPLE, slices - SAMPLE) }) do
    for _, name in ipairs(redis.call('ZRANGE', key, first, first + SAMPLE - 1)) do
      local _, from, to = parse_slice(name)
      members, seen = members + to - from, seen + 1
    end
  end
  return seen == 0 and 0 or math.ceil(members * slices / seen)
end

-- With those that wait for a limit.
local function count_waiting(queue)
  return count_list(queue) + count_list(queue .. '%')
end

-- Make room for n more members among at most `limit` (0: any number); where there is none, how
-- many wait. A count is kept for a moment, and what comes meanwhile is added to it.
local function crowd(queue, n, limit)
  if limit == 0 then
    return nil
  end
  local key = PREFIX .. 'room:' .. queue
  local waiting = tonumber(redis.call('GET', key))
  if not waiting then
    waiting = count_waiting(queue)
    redis.call('SET', key, waiting, 'PX', COUNT_TTL)
  end
  if waiting + n > limit then
    return waiting
  end
  redis.call('INCRBY', key, n)
end
