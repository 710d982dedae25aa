-- What is due: every exchange and heartbeat sees to it, so there is no sweeper process to lose.

local PROMOTE = 200
local RECOVER = 32

-- Countdowns and retries whose time has come join the queue, and who waited for a limit.
local function promote_due()
  local key, first = PREFIX .. 'sched', first_score('sched')
  if not first or first > NOW then
    return
  end
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, PROMOTE)
  for _, name in ipairs(due) do
    redis.call('ZREM', key, name)
    if name == '%' then
      limits().look()
    else
      enqueue(parse_slice(name))
    end
  end
end

-- Leases that nobody has renewed: their worker is dead, stopped or cut off. Returns when the next
-- look makes sense, or nil.
local function recover_lost(lease_ms)
  local first = first_score('lease')
  if not first or first > NOW then
    return first
  end
  local grace = grace_left(lease_ms)
  if grace > 0 then
    return NOW + grace
  end
  local lost = redis.call('ZRANGEBYSCORE', PREFIX .. 'lease', '-inf', NOW, 'LIMIT', 0, RECOVER)
  local leases = redis.call('ZRANGE', PREFIX .. 'lease', 0, -1)
  for _, lease in ipairs(lost) do
    lose_lease(lease, lease_ms, leases)
  end
  return first_score('lease')
end

-- What canvases have left over.
local function spread_left_over()
  if redis.call('EXISTS', PREFIX .. 'spread') == 1 then
    canvas().spread_on()
  end
end

-- When a worker has to look again, besides for what it is woken for.
local function next_due()
  return redis.call('EXISTS', PREFIX .. 'spread') == 1 and NOW or first_score('sched') or NEVER
end
