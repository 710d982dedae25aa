-- Handing in members that have not ended (see _turn_in.lua).

-- Members that were taken and not finished wait again, before all others. `each` above 0 says that
-- the record's members take at least so many us, so that nobody takes too many again.
function TURN_IN.b(held, rid, from, at, worker)
  local to, each = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  if held then
    if each > 0 then
      redis.call('HSET', record_key(rid), 'us', each)
    end
    local old = redis.call('GETRANGE', states_key(rid), from, to - 1)
    local new = string.gsub(old, STARTED, PENDING)
    redis.call('SETRANGE', states_key(rid), from, new)
    -- Only the first can have begun (its process was killed): then its followers have seen it run.
    local was_seen = redis.call('HEXISTS', record_key(rid), 'w' .. from) == 1
    if was_seen and string.sub(old, 1, 1) == STARTED then
      unstart(rid, from, PENDING)
    end
    if string.find(new, PENDING, 1, true) then
      enqueue(rid, from, to, true)
      tell('b', { rid, from, to, worker, '' })
    end
  end
  return at + 2
end

-- The process that ran a member has died.
function TURN_IN.d(held, rid, i, at, worker)
  if held and redis.call('GETRANGE', states_key(rid), i, i) == STARTED then
    lose(rid, i, worker, ARGV[at], true)
  end
  return at + 1
end
