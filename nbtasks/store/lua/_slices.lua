-- Slices: how members wait, and how they come back from a worker that did not finish them.

local BAND = 1e15 -- a band per priority, microseconds since 2025 in it: first come, first served
local EPOCH_US = 1735689600000000

local function wake(queue)
  local key = PREFIX .. 'wake:' .. queue
  redis.call('ZADD', key, 0, '1')
  redis.call('PEXPIRE', key, WAKE_TTL)
end

local function score(priority, is_first)
  local band = (9 - priority) * BAND
  return is_first and band or band + TIME[1] * 1000000 + TIME[2] - EPOCH_US
end

-- Queue a slice, at the end of its priority or (is_first) before all others of it.
local function enqueue(rid, from, to, is_first)
  local found = redis.call('HMGET', record_key(rid), 'q', 'pr')
  if found[1] then
    local place = score(tonumber(found[2]), is_first)
    redis.call('ZADD', PREFIX .. 'ready:' .. found[1], place, slice_name(rid, from, to))
    wake(found[1])
  end
end

local function enqueue_later(rid, from, to, due)
  redis.call('ZADD', PREFIX .. 'sched', due, slice_name(rid, from, to))
end

-- A member waits again (PENDING or RETRY); its followers are told.
local function unstart(rid, i, state)
  redis.call('SETRANGE', states_key(rid), i, state)
  emit(redis.call('HGET', record_key(rid), 'c'), 'b', { rid, i, state })
end

-- Its process died while member i ran, or may have run. It travels alone from now on, so that its
-- neighbours do not share its fate, and is given up after `cap` deaths.
local function lose(rid, i, worker, reason)
  local key = record_key(rid)
  local deaths = redis.call('HINCRBY', key, 'd' .. i, 1)
  local cap = tonumber(redis.call('HGET', key, 'cap'))
  if deaths < cap then
    unstart(rid, i, PENDING)
    return enqueue(rid, i, i + 1, true)
  end
  local body = system_body({ type = 'WorkerLost', deaths = deaths, reason = reason })
  bury(rid, i)
  settle(rid, i, FAILURE, function()
    return body
  end, worker)
end
