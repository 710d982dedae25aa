-- Filling a slot, and what an exchange does besides: it promotes, recovers and passes wake-ups on.

local BYTES_A_US = 1000

-- Take one slice. Returns the time it may need, its members, whether it is a suspect; nil: nothing.
local function take_slice(slot, names, budget, room, reply)
  local queue, name, place = pop(names)
  if not queue then
    return nil
  end
  local rid, from, to = parse_slice(name)
  local key = record_key(rid)
  local deaths = 'd' .. from
  local got = redis.call('HMGET', key, 'h', 'fn', 'py', 'exp', 'us', 'n', 'sz', 'cap', deaths, 'cv')
  if not got[1] then
    return 0, 0
  end
  local expires = tonumber(got[4]) or 0 -- who writes to Redis may write anything
  if expires > 0 and expires <= NOW then
    retire(rid, from, to, REVOKED, { type = 'TaskRevoked', reason = 'expired' })
    return 0, 0
  end
  if got[3] ~= '' and got[3] ~= ARGV[8] then
    hand_over(rid, from, to, place, got[3])
    return 0, 0
  end
  -- Bytes take time as well: no reply is to carry more than a few MB of arguments, or one member.
  local us, bytes = tonumber(got[5] or ARGV[4]) or 1, tonumber(got[7] or 0) or 0
  local each = got[10] == '2' and budget or math.max(us, bytes / BYTES_A_US) -- one replaced: alone
  local count = math.min(to - from, room, math.max(1, math.floor(budget / each)))
  if from + count < to then
    redis.call('ZADD', queue, place, slice_name(rid, from + count, to))
  end
  local first, stop = waiting_run(rid, from, from + count, queue, place)
  if not first then
    return 0, 0
  end
  local alone = to - from == 1 and is_suspect(got[9], got[8])
  lease_out(slot, rid, first, stop, got, reply, alone)
  return (stop - first) * each, stop - first, alone
end

-- Fill one slot. Returns the names of where to look for the next one; nil where all is empty.
local function fill(slot, queues, names, reply)
  local budget, room = tonumber(ARGV[3]), tonumber(ARGV[5])
  for _ = 1, MAX_SLICES do
    local cost, count, alone = take_slice(slot, names, budget, room, reply)
    if not cost then
      return nil
    end
    if alone then
      return sources(queues, ARGV[8], false) -- one a worker
    end
    budget, room = budget - cost, room - count
    if budget <= 0 or room <= 0 then
      break
    end
  end
  return names
end
