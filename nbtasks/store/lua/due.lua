-- due: which schedule entries are to be fired now. Whoever asks has them to himself for a while; if
-- he dies, another gets them then. The first who asks leads: he is told the very time at which to
-- ask again, the others a later one, so that they take over without a crowd at each time.
--
-- Parts    base grace entry
-- KEYS[1]  prefix
-- ARGV     1 who asks · 2 ms that he leads · 3 ms that he has an entry to himself
--          4 most entries · 5 ms that the others leave to the leader
-- Returns  {now, ms until he is to ask again or -1, ms by which Redis' clock was set back since it
--           was last asked, {name, version, due, '1' if a run of it has
--           not ended, '1' if it waited for that}..}

local leader = redis.call('GET', PREFIX .. 'lead')
if not leader or leader == ARGV[1] then
  redis.call('SET', PREFIX .. 'lead', ARGV[1], 'PX', ARGV[2])
  leader = nil
end
local later = leader and tonumber(ARGV[5]) or 0

-- Whether a run has not ended. What Redis has lost does not run.
local function is_running(name, count)
  if tonumber(count or 0) <= 0 then
    return false
  end
  for _, id in ipairs(redis.call('ZREVRANGE', PREFIX .. 'ro:' .. name, 0, RUNS)) do
    if tonumber(redis.call('HGET', PREFIX .. 'g:' .. id, 'left') or 0) > 0 then
      return true
    end
  end
  redis.call('HSET', entry_key(name), 'on', 0)
  return false
end

local last_asked = tonumber(redis.call('GET', PREFIX .. 'asked') or NOW)
redis.call('SET', PREFIX .. 'asked', NOW, 'PX', DAY)
local reply = { NOW, -1, math.max(0, last_asked - NOW) }
local due = PREFIX .. 'due'
local last = NOW - later
for _, name in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', last, 'LIMIT', 0, ARGV[4])) do
  local found = redis.call('HMGET', entry_key(name), 'v', 'due', 'on', 'buf')
  if found[1] then
    redis.call('ZADD', due, NOW + tonumber(ARGV[3]), name)
    local running = is_running(name, found[3]) and '1' or ''
    reply[#reply + 1] = { name, found[1], found[2], running, found[4] or '' }
  else
    redis.call('ZREM', due, name)
  end
end
local first = first_score('due')
if first and first < NEVER then
  reply[2] = math.max(0, first - NOW) + later
end
return reply
