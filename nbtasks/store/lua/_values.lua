-- What others may take of a record.

local BATCH = 4000 -- values asked for at a time: Lua's unpack takes 8000

-- An error; behind one that was passed on stands the one that it came from.
local function with_cause(body)
  local blamed = blamed_in(body)
  local cause = blamed and redis.call('HGET', record_key(blamed.rid), 'e' .. blamed.i)
  return cause and body .. '\n' .. cause or body
end

-- The states of members [from, to), then the value or error of each.
local function values_of(rid, from, to)
  local states = redis.call('GETRANGE', states_key(rid), from, to - 1)
  local item, last = { states }, from + #states - 1
  for start = from, last, BATCH do
    local fields = {}
    for i = start, math.min(last, start + BATCH - 1) do
      local byte = string.sub(states, i - from + 1, i - from + 1)
      fields[#fields + 1] = (byte == SUCCESS and 'm' or 'e') .. i
    end
    for _, body in ipairs(redis.call('HMGET', record_key(rid), unpack(fields))) do
      item[#item + 1] = with_cause(body or '')
    end
  end
  return item
end

-- Of what failed first: its record, index and number of members, then its state, error, header and
-- arguments.
local function failure_of(by, pa, i)
  if not by then
    local _, rid = source_of(pa)
    by = rid .. '/' .. i .. '/' .. redis.call('HGET', record_key(rid), 'n')
  end
  local rid, index = string.match(by, '^([^/]+)/(%d+)')
  local item = values_of(rid, tonumber(index), index + 1)
  local own = redis.call('HMGET', record_key(rid), 'h', 'm' .. index)
  return { { by, item[1], item[2] or '', own[1] or '', own[2] or '' } }
end
