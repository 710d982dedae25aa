-- alter: pause, resume or remove a schedule entry, or have it due at other times.
--
-- Parts    base code entry
-- KEYS[1]  prefix
-- ARGV     1 name · 2 p pause, r resume, x remove, e it cannot be fired,
--          b Redis' clock was set back: times that are to come again are looked at again
--          p, e: 3 why, and e: 4 its version · r: 3 next due time, ms, '' for none · 4 when
--          b: 3, 4 as r · 5 its version · 6 its due time so far
--          w another schedule: 3 its version · 4 to 6 what is sent, and when, its mark, and words
--          7, 8 as 3, 4 of r · 9 its schedule, as text
-- Returns  1 · 0 there is no such entry (e, b, w: it has changed)

local name, what, key = ARGV[1], ARGV[2], entry_key(ARGV[1])
local found = redis.call('HMGET', key, 'v', 'fn', 'off', 'due')
if not found[1] then
  return 0
end
if what == 'p' then
  redis.call('HSET', key, 'off', ARGV[3])
  redis.call('HDEL', key, 'buf')
  look_at(name, NEVER)
elseif what == 'e' then
  if found[1] ~= ARGV[4] then
    return 0
  end
  redis.call('HSET', key, 'er', ARGV[3])
elseif what == 'b' then
  if found[1] ~= ARGV[5] or found[4] ~= ARGV[6] or found[3] then
    return 0
  end
  redis.call('HSET', key, 'due', ARGV[3], 'at', ARGV[4])
  look_at(name, tonumber(ARGV[4]))
elseif what == 'w' then
  if found[1] ~= ARGV[3] then
    return 0
  end
  redis.call('HSET', key, 'b', ARGV[4], 'mk', ARGV[5], 'tx', ARGV[6], 'wh', ARGV[9])
  redis.call('HSET', key, 'due', ARGV[7], 'at', ARGV[8], 'bad', 0)
  redis.call('HINCRBY', key, 'v', 1)
  redis.call('HDEL', key, 'buf', 'er')
  look_at(name, (found[3] or ARGV[7] == '') and NEVER or tonumber(ARGV[8]))
elseif what == 'r' then
  redis.call('HDEL', key, 'off', 'buf', 'er')
  redis.call('HSET', key, 'due', ARGV[3], 'at', ARGV[4], 'bad', 0)
  look_at(name, ARGV[3] == '' and NEVER or tonumber(ARGV[4]))
else
  for hash in string.gmatch(found[2], '%S+') do
    release_code(hash)
  end
  redis.call('UNLINK', key, PREFIX .. 'ro:' .. name, PREFIX .. 'rn:' .. name)
  redis.call('ZREM', PREFIX .. 'due', name)
end
return 1
