-- Taking: pick slices for a free slot until its time budget is used up.

local MAX_SLICES = 64 -- a slot: a script must not hold Redis for longer than about a millisecond

local function retire(rid, from, to, state, fields)
  local body = system_body(fields)
  settle(rid, from, string.rep(state, to - from), function()
    return body
  end, '')
end

-- The versions of the live workers on this queue, for a function only one of them can load.
local function live_pythons(queue)
  local found = {}
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'fleet', NOW, '+inf')) do
    local info = redis.call('HMGET', PREFIX .. 'w:' .. worker, 'python', 'queues')
    if info[1] and string.find(' ' .. info[2] .. ' ', ' ' .. queue .. ' ', 1, true) then
      found[info[1]] = true
    end
  end
  return found
end

-- A slice whose code this worker's Python cannot load waits for one that can, or fails.
local function hand_over(rid, from, to, place, python)
  local queue = redis.call('HGET', record_key(rid), 'q') or QUEUE
  local found = live_pythons(queue)
  if found[python] then
    local name = queue .. '@' .. python
    redis.call('ZADD', PREFIX .. 'ready:' .. name, place, slice_name(rid, from, to))
    return wake(name)
  end
  local versions = {}
  for version in pairs(found) do
    versions[#versions + 1] = version
  end
  local list = table.concat(versions, ', ')
  retire(rid, from, to, FAILURE, { type = 'VersionMismatch', sent = python, found = list })
end

-- The next slice: where it was, its name and place; nil where all are empty.
local function pop(names)
  for _, name in ipairs(names) do
    local got = redis.call('ZPOPMIN', PREFIX .. 'ready:' .. name)
    if got[1] then
      return PREFIX .. 'ready:' .. name, got[1], got[2]
    end
  end
end
