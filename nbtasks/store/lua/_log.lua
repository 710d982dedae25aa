-- What members write.

local LOG_LIMIT = 1000000 -- bytes kept of what one member writes; the older half goes first
local SEPARATOR = '\30' -- before each part of a log; senders take it out of the text
local WHOLE = '^[dV]' -- displays: senders keep them below the limit, for half of one is none
local DROPPED = '\30x0 0 ' -- a part that says how many bytes were dropped

-- The newest half; where the last part alone is longer, its end is kept, under its own letter.
local function newest(key, data)
  local kept = redis.call('GETRANGE', key, -LOG_LIMIT / 2, -1)
  local first = string.find(kept, SEPARATOR, 1, true)
  local last = string.find(data, WHOLE) and data or string.sub(data, 1, 1) .. kept
  return first and string.sub(kept, first) or SEPARATOR .. last
end

local function log(key, data)
  local size = redis.call('APPEND', key, SEPARATOR .. data)
  if size > LOG_LIMIT then
    local before = string.match(redis.call('GETRANGE', key, 0, 40), '^' .. DROPPED .. '(%d+)')
    local kept = newest(key, data)
    redis.call('SET', key, DROPPED .. string.format('%d', (before or 0) + size - #kept) .. kept)
  end
  redis.call('PEXPIRE', key, DAY)
end
