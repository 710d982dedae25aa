-- Taking what has a limit.

local AHEAD = 100 -- members whose keys are read

-- The limit of the first members of a slice, and where those end that have the same.
local function limit_at(record, rid, from, to)
  local own, run = nil, to
  if string.sub(record[11] or '', -1) == '/' then
    local fields = {}
    for i = from, math.min(to, from + AHEAD) - 1 do
      fields[#fields + 1] = 'l' .. i
    end
    local keys = redis.call('HMGET', record_key(rid), unpack(fields))
    own, run = keys[1], from + 1
    while run - from < #keys and keys[run - from + 1] == own do
      run = run + 1
    end
  end
  local limit = limit_of(record[11], record[1], own)
  if limit and string.find(ARGV[9], 'n', 1, true) then
    limit.every = 0 -- this worker heeds no rates
    limit = (limit.is_paused or limit.most > 0) and limit or nil
  end
  return limit, limit and run or to
end

-- Members of a slice begin. Returns the name of their lease: what a task counts by that runs, ends
-- with it.
local function begin(limit, count, lease)
  if limit.every > 0 then
    local last = next_token(limit) + (count - 1) * limit.every
    local ttl = math.min(math.ceil(limit.every / 1000) + 1000, 365 * DAY)
    redis.call('SET', PREFIX .. 'rate:' .. limit.name, last, 'PX', ttl)
  end
  if limit.most > 0 then
    lease = lease .. '+' .. string.gsub(limit.name, ':', ';')
    redis.call('ZADD', PREFIX .. 'held:' .. limit.name, NOW, lease)
  end
  return lease
end

-- What is left of a slice: who waits for the limit is parked, [from, run) at most.
local function leave(limit, ready, place, rid, from, run, to)
  if from < run then
    local may, due = allow(limit, 1)
    if may == 0 then
      park(limit, due, ready, place, slice_name(rid, from, run))
      from = run
    end
  end
  if from < to then
    redis.call('ZADD', ready, place, slice_name(rid, from, to))
  end
end
