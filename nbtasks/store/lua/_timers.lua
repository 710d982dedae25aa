-- What is due: every exchange and heartbeat sees to it, so there is no sweeper process to lose.

local PROMOTE = 200
local RECOVER = 32

-- Countdowns and retries whose time has come join the queue.
local function promote_due()
  local key = PREFIX .. 'sched'
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, PROMOTE)
  for _, name in ipairs(due) do
    redis.call('ZREM', key, name)
    enqueue(parse_slice(name))
  end
end

-- Every started member of [from, to) was on a worker that is gone.
local function lose_range(rid, from, to, reason)
  local old = redis.call('GETRANGE', states_key(rid), from, to - 1)
  for at = 1, #old do
    if string.sub(old, at, at) == STARTED then
      lose(rid, from + at - 1, '', reason)
    end
  end
end

-- Leases that nobody has renewed: their worker is dead, stopped or cut off.
local function recover_lost()
  local key = PREFIX .. 'lease'
  local lost = redis.call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, RECOVER)
  for _, lease in ipairs(lost) do
    redis.call('ZREM', key, lease)
    local rid, from, to = parse_slice(string.match(lease, '^(.*):[^:]*$'))
    lose_range(rid, from, to, 'its worker stopped renewing the lease')
  end
end

-- Ms until the next countdown or lease runs out; -1 where there is neither.
local function next_due()
  local soonest
  for _, key in ipairs({ 'sched', 'lease' }) do
    local first = redis.call('ZRANGE', PREFIX .. key, 0, 0, 'WITHSCORES')
    if first[2] and (not soonest or tonumber(first[2]) < soonest) then
      soonest = tonumber(first[2])
    end
  end
  return soonest and math.max(0, soonest - NOW) or -1
end

-- A wake-up is for one worker: while something is left, the next one is woken too. Returns 1 then.
local function pass_wake_on(queues, python)
  local left = 0
  for _, queue in ipairs(queues) do
    for _, name in ipairs({ queue, queue .. '@' .. python }) do
      if redis.call('EXISTS', PREFIX .. 'ready:' .. name) == 1 then
        wake(name)
        left = 1
      end
    end
  end
  return left
end
