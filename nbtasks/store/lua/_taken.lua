-- Filling a slot, and what an exchange does besides: it promotes, recovers and passes wake-ups on.

-- Lease members [from, to) and add them to the reply.
local function lease_out(slot, rid, from, to, record, reply)
  local lease = slice_name(rid, from, to) .. ':' .. ARGV[7]
  redis.call('ZADD', PREFIX .. 'lease', NOW + tonumber(ARGV[6]), lease)
  redis.call('SETRANGE', states_key(rid), from, string.rep(STARTED, to - from))
  local fields = { 'k' .. from }
  for i = from, to - 1 do
    fields[#fields + 1] = 'm' .. i
  end
  local got = redis.call('HMGET', record_key(rid), unpack(fields))
  local taken = { slot, lease, rid, from, record[1], record[2], record[6], tonumber(got[1] or 0) }
  for i = 2, #got do
    taken[#taken + 1] = got[i]
  end
  reply[#reply + 1] = taken
end

-- Take one slice for a slot. Returns the time it may need and its members; nil: nothing is queued.
local function take_slice(slot, queues, budget, room, reply)
  local key, queue, name, place = pop(queues, ARGV[8])
  if not key then
    return nil
  end
  local rid, from, to = parse_slice(name)
  local found = redis.call('HMGET', record_key(rid), 'h', 'fn', 'py', 'exp', 'us', 'n')
  if not found[1] then
    return 0, 0
  end
  if tonumber(found[4]) > 0 and tonumber(found[4]) <= NOW then
    retire(rid, from, to, REVOKED, { type = 'TaskRevoked', reason = 'expired' })
    return 0, 0
  end
  if found[3] ~= '' and found[3] ~= ARGV[8] then
    hand_over(rid, from, to, place, queue, found[3])
    return 0, 0
  end
  local each = tonumber(found[5] or ARGV[4])
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
