-- Ending what waits in a queue, some of it at a time.

local MOST_SLICES = 100 -- each of its own record takes about 20 us, a member 1
local MOST_MEMBERS = 1000
local NEWEST_PYTHON = 40

-- Names of a queue that hold something: its own, its suspects', those of each Python, and of each
-- of these what waits for a limit.
local function names_of(queue)
  local found, seen = {}, {}
  for minor = 0, NEWEST_PYTHON do
    for _, each in ipairs(sources({ queue }, '3.' .. minor, true)) do
      for _, name in ipairs(seen[each] and {} or { each, each .. '%' }) do
        seen[each] = true
        if redis.call('EXISTS', PREFIX .. 'ready:' .. name) == 1 then
          found[#found + 1] = name
        end
      end
    end
  end
  return found
end

-- End what waits of a slice of `key`, of its first members where it is long. Returns how many did.
local function purge_slice(key, name, place, most)
  local rid, from, stop = parse_slice(name)
  local to = math.min(stop, from + most)
  redis.call('ZREM', key, name)
  if string.sub(key, -1) == '%' then
    key = string.sub(key, 1, -2) -- what is left is parked again when it is looked at
    limits().forget(string.sub(key, #PREFIX + 7), name)
  end
  if to < stop then
    redis.call('ZADD', key, place, slice_name(rid, to, stop))
  end
  local states, count = redis.call('GETRANGE', states_key(rid), from, to - 1), 0
  for at, run in string.gmatch(states, '()([' .. PENDING .. RETRY .. ']+)') do
    local first = from + at - 1
    retire(rid, first, first + #run, REVOKED, { type = 'TaskRevoked', reason = 'purged' })
    count = count + #run
  end
  return count
end

-- What waits for its time.
local function purge_scheduled(queue, cursor)
  local key, members = PREFIX .. 'sched', 0
  local page = redis.call('ZSCAN', key, cursor, 'COUNT', MOST_SLICES)
  for at = 1, #page[2], 2 do
    local name, place = page[2][at], page[2][at + 1]
    local own = redis.call('HGET', record_key(parse_slice(name) or ''), 'q') or QUEUE
    if name ~= '%' and own == queue then
      members = members + purge_slice(key, name, place, MOST_MEMBERS - members)
      if members >= MOST_MEMBERS then
        return { members, 1, cursor } -- what is left of this page comes again
      end
    end
  end
  return { members, page[1] == '0' and 0 or 1, page[1] }
end
