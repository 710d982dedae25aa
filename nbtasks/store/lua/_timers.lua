-- What is due: every exchange and heartbeat sees to it, so there is no sweeper process to lose.

local PROMOTE = 200

-- Countdowns and retries whose time has come join the queue.
local function promote_due()
  local key = PREFIX .. 'sched'
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, PROMOTE)
  for _, name in ipairs(due) do
    redis.call('ZREM', key, name)
    enqueue(parse_slice(name))
  end
end

-- Ms until the next countdown or lease runs out; -1 where there is neither. Leases are not taken
-- back for `grace` ms.
local function next_due(grace)
  local soonest
  for key, wait in pairs({ sched = 0, lease = grace }) do
    local first = redis.call('ZRANGE', PREFIX .. key, 0, 0, 'WITHSCORES')
    local left = first[2] and math.max(wait, first[2] - NOW)
    if left and (not soonest or left < soonest) then
      soonest = left
    end
  end
  return soonest or -1
end

-- A wake-up is for one worker: while something is left, the next one is woken too. Returns 1 where
-- something is left.
local function pass_wake_on(queues, python)
  local left = 0
  for _, name in ipairs(sources(queues, python, true)) do
    if redis.call('EXISTS', PREFIX .. 'ready:' .. name) == 1 then
      wake(name)
      left = 1
    end
  end
  return left
end
