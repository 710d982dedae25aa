-- Members whose process or worker died: they travel alone from now on. A death is counted (d<i>)
-- only where the member is known to have run. A suspect, whose next death would be its last, is
-- taken by a worker that holds no other; when that worker dies, its neighbours are not blamed.

-- A member waits again (PENDING or RETRY); its followers are told.
local function unstart(rid, i, state)
  redis.call('SETRANGE', states_key(rid), i, state)
  redis.call('HDEL', record_key(rid), 'w' .. i)
  emit(redis.call('HGET', record_key(rid), 'c'), 'b', { rid, i, state })
end

-- A death that is `counted` goes on the member's account; after `cap` of them it is given up. With
-- a cap of 1 (at most once) a member that may have run is not tried again.
local function lose(rid, i, worker, reason, counted)
  local key = record_key(rid)
  local cap = tonumber(redis.call('HGET', key, 'cap') or DELIVERIES)
  local deaths = redis.call('HINCRBY', key, 'd' .. i, (counted or cap == 1) and 1 or 0)
  if deaths < cap then
    unstart(rid, i, PENDING)
    tell('b', { rid, i, i + 1, worker, reason })
    return enqueue(rid, i, i + 1, true)
  end
  local body = system_body({ type = 'WorkerLost', deaths = deaths, reason = reason })
  bury(rid, i)
  settle(rid, i, FAILURE, function()
    return body
  end, worker)
end

-- Whether the worker of a lost lease held a suspect under another lease, when it died.
local function held_suspect(lease, token, lease_ms)
  local key = PREFIX .. 'sus:' .. string.sub(token, 1, OWNER)
  local suspect = redis.call('GET', key)
  if suspect == lease then
    redis.call('SET', key, 'lost', 'PX', 2 * lease_ms)
    return false
  end
  return suspect == 'lost' or (suspect and is_leased(suspect))
end
