-- How long code stays: as long as an unfinished record needs it, and for a while after the last.
-- Parts    usual

local CODE_TTL = 7 * DAY
local DEAD_TTL = 30 * DAY

-- One more record needs this code.
local function retain_code(hash)
  redis.call('HINCRBY', PREFIX .. 'refs', hash, 1)
  redis.call('PERSIST', PREFIX .. 'fn:' .. hash)
end

-- One record less. A task in the dead set may be queued again, so its code stays as long as that.
local function release_code(hash)
  if redis.call('HINCRBY', PREFIX .. 'refs', hash, -1) <= 0 then
    redis.call('HDEL', PREFIX .. 'refs', hash)
    local until_dead_expire = redis.call('PTTL', PREFIX .. 'fd:' .. hash)
    redis.call('PEXPIRE', PREFIX .. 'fn:' .. hash, math.max(CODE_TTL, until_dead_expire))
  end
end

-- A member is given up: it is listed, and its record and its code stay for as long.
local function bury(rid, i)
  local key, dead = record_key(rid), PREFIX .. 'dead'
  local found = redis.call('HMGET', key, 'keep', 'h')
  redis.call('ZADD', dead, NOW, slice_name(rid, i, i + 1))
  redis.call('ZREMRANGEBYSCORE', dead, '-inf', NOW - DEAD_TTL)
  redis.call('PEXPIRE', dead, DEAD_TTL)
  redis.call('HSET', key, 'keep', math.max(tonumber(found[1] or KEPT), DEAD_TTL))
  redis.call('SET', PREFIX .. 'fd:' .. code_of(found[2]), 1, 'PX', DEAD_TTL)
end

-- All of a record has ended, and nobody needs it.
local function expire(rid, keep)
  redis.call('PEXPIRE', record_key(rid), keep)
  redis.call('PEXPIRE', states_key(rid), keep)
end
