-- Filling a slot, and what an exchange does besides: it promotes, recovers and passes wake-ups on.

local BYTES_A_US = 1000

-- Take one slice. Returns the time it may need, its members, whether it is a suspect; nil: nothing.
local function take_slice(slot, names, budget, room, reply)
  local queue, name, place = pop(names)
  if not queue then
    return nil
  end
  local rid, from, to = parse_slice(name)
  local got = takable(rid, from, to, place)
  if not got then
    return 0, 0
  end
  -- Bytes take time as well: no reply is to carry more than a few MB of arguments, or one member.
  local us, bytes = tonumber(got[5] or ARGV[4]) or 1, tonumber(got[7] or 0) or 0
  local each = got[10] == '2' and budget or math.max(us, bytes / BYTES_A_US) -- one replaced: alone
  local count = math.min(to - from, room, math.max(1, math.floor(budget / each)))
  local alone = to - from == 1 and is_suspect(got[9], got[8])
  local limit, run
  if got[11] or next(said_of_tasks()) then
    limit, run = limits().limit_at(got, rid, from, to)
    if limit then
      count = limits().allow(limit, limit.most > 0 and 1 or math.min(count, run - from))
    end
  end
  local first, stop
  if count > 0 then
    first, stop = waiting_run(rid, from, from + count, queue, place)
  end
  if first then
    lease_out(slot, rid, first, stop, got, reply, alone, limit)
  end
  if limit then
    limits().leave(limit, queue, place, rid, from + count, run, to)
  elseif from + count < to then
    redis.call('ZADD', queue, place, slice_name(rid, from + count, to))
  end
  return first and (stop - first) * each or 0, first and stop - first or 0, first and alone
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
