-- Members that have waited for others: they are queued, fail as those did, or are not needed.

local SLICE = 2000 -- members queued as one slice, as a submit does it

local function ready(rid, from, to)
  local found
  each_waiting(rid, from, to, function(first, stop)
    found = found or redis.call('HMGET', record_key(rid), 'dl', 'ex', 'q')
    local delay = tonumber(found[1] or 0)
    if found[2] then
      redis.call('HSET', record_key(rid), 'exp', NOW + found[2])
    end
    redis.call('SETRANGE', states_key(rid), first, string.rep(PENDING, stop - first))
    for at = first, stop - 1, SLICE do
      local last = math.min(stop, at + SLICE)
      tell_sent(rid, at, last, delay > 0 and NOW + delay or 0)
      if delay > 0 then
        enqueue_later(rid, at, last, NOW + delay)
        wake(found[3] or QUEUE)
      else
        enqueue(rid, at, last)
      end
    end
  end)
end

local function give_up(rid, from, to, state, body)
  each_waiting(rid, from, to, function(first, stop)
    LATER.settle(rid, first, string.rep(state, stop - first), body, '')
  end)
end

local nothing = function() end
