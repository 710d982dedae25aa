-- Filling a slot, and what an exchange does besides: it promotes, recovers and passes wake-ups on.

local BYTES_A_US = 1000

-- Take one slice for a slot. Returns the time it may need and its members; nil: nothing is queued.
local function take_slice(slot, queues, budget, room, reply)
  local key, queue, name, place = pop(queues, ARGV[8])
  if not key then
    return nil
  end
  local rid, from, to = parse_slice(name)
  local found = redis.call('HMGET', record_key(rid), 'h', 'fn', 'py', 'exp', 'us', 'n', 'sz')
  if not found[1] then
    return 0, 0
  end
  local expires = tonumber(found[4]) or 0 -- who writes to Redis may write anything
  if expires > 0 and expires <= NOW then
    retire(rid, from, to, REVOKED, { type = 'TaskRevoked', reason = 'expired' })
    return 0, 0
  end
  if found[3] ~= '' and found[3] ~= ARGV[8] then
    hand_over(rid, from, to, place, queue, found[3])
    return 0, 0
  end
  -- Bytes take time as well: no reply is to carry more than a few MB of arguments, or one member.
  local us, bytes = tonumber(found[5] or ARGV[4]) or 1, tonumber(found[7] or 0) or 0
  local each = math.max(us, bytes / BYTES_A_US)
  local count = math.min(to - from, room, math.max(1, math.floor(budget / each)))
  if from + count < to then
    redis.call('ZADD', key, place, slice_name(rid, from + count, to))
  end
  local first, stop = waiting_run(rid, from, from + count, key, place)
  if not first then
    return 0, 0
  end
  lease_out(slot, rid, first, stop, found, reply)
  return (stop - first) * each, stop - first
end

-- Fill one slot. Returns false where the queues are empty.
local function fill(slot, queues, reply)
  local budget, room = tonumber(ARGV[3]), tonumber(ARGV[5])
  for _ = 1, MAX_SLICES do
    local cost, count = take_slice(slot, queues, budget, room, reply)
    if not cost then
      return false
    end
    budget, room = budget - cost, room - count
    if budget <= 0 or room <= 0 then
      return true
    end
  end
  return true
end
