-- Leasing: what is taken is under a lease at once, whether or not the reply arrives.

-- The first run of waiting members of a slice, or nil; what stands behind it is queued again.
local function waiting_run(rid, from, to, key, place)
  local old = redis.call('GETRANGE', states_key(rid), from, to - 1)
  local first, last = string.find(old, '[' .. PENDING .. RETRY .. ']+')
  if not first then
    return nil
  end
  if last < #old then
    redis.call('ZADD', key, place, slice_name(rid, from + last, to))
  end
  return from + first - 1, from + last
end

-- Lease members [from, to) and add them to the reply. Of a suspect it is kept who has it, and of
-- who has a limit that they have begun.
local function lease_out(slot, rid, from, to, record, reply, alone, limit)
  local lease = slice_name(rid, from, to) .. ':' .. ARGV[7]
  if limit then
    lease = limits().begin(limit, to - from, lease)
  end
  redis.call('ZADD', PREFIX .. 'lease', NOW + tonumber(ARGV[6]), lease)
  if alone then
    redis.call('SET', PREFIX .. 'sus:' .. string.sub(ARGV[7], 1, OWNER), lease, 'PX', DAY)
  end
  redis.call('SETRANGE', states_key(rid), from, string.rep(STARTED, to - from))
  local fields = { 'k' .. from, 'kp' }
  for i = from, to - 1 do
    fields[#fields + 1] = 'm' .. i
  end
  local got = redis.call('HMGET', record_key(rid), unpack(fields))
  local retries = tonumber(got[1] or 0) or 0
  local deaths = alone and 1 or record[9] and 2 or 0
  local taken = { slot, lease, rid, from, record[1], record[2], record[6], retries, deaths }
  if is_watched() then
    tell('t', { rid, from, to, record[6], ARGV[1], retries })
  end
  taken[10] = record[10] and canvas().inputs_of(rid, from, to) or 0
  taken[11] = got[2] and kept_by(rid, from, to) or 0
  for i = 3, #got do
    taken[#taken + 1] = got[i]
  end
  reply[#reply + 1] = taken
end
