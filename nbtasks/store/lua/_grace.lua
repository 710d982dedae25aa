-- Gaps in Redis' own time: it stood still, was down, or its clock was set. All leases may look
-- overdue then, though their workers live: they get the time of a heartbeat to renew them.

-- The least score of a sorted set, or nil.
local function first_score(name)
  return tonumber(redis.call('ZRANGE', PREFIX .. name, 0, 0, 'WITHSCORES')[2])
end

-- Called before leases are taken back, and by every heartbeat. Returns how many ms are left, and
-- whether the clock was set back.
local function grace_left(lease_ms)
  local key = PREFIX .. 'beat'
  local last = tonumber(redis.call('GET', key) or NOW)
  if NOW - last > lease_ms / 2 then
    redis.call('SET', key, NOW, 'PX', DAY)
    redis.call('SET', PREFIX .. 'grace', '', 'PX', math.ceil(lease_ms / 3))
  elseif NOW < last then
    -- The clock was set back: a lease of a dead worker would seem to last for as long.
    local far = NOW + 2 * lease_ms
    local leases = redis.call('ZRANGEBYSCORE', PREFIX .. 'lease', far, '+inf', 'LIMIT', 0, 1000)
    for _, lease in ipairs(leases) do
      redis.call('ZADD', PREFIX .. 'lease', NOW + lease_ms, lease)
    end
  end
  return math.max(0, redis.call('PTTL', PREFIX .. 'grace')), NOW < last
end
