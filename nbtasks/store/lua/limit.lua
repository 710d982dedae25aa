-- limit: say something of a task, whatever its records say, or take that back. What waits for the
-- task is looked at now, and by the next exchanges.
--
-- Parts    limit
-- KEYS[1]  prefix
-- ARGV     1 task · 2 rate or pause · 3 us from one task to the next, 0 for no rate; any other text
--          for a pause; '' takes it back
-- Returns  what was said before; '' for nothing

local key, field = PREFIX .. 'limits', (ARGV[2] == 'pause' and '!' or '') .. ARGV[1]
local before = redis.call('HGET', key, field) or ''
if ARGV[3] == '' then
  redis.call('HDEL', key, field)
elseif ARGV[2] == 'rate' then
  redis.call('HSET', key, field, ARGV[3])
else
  redis.call('HSETNX', key, field, NOW)
end
limits().look_soon(ARGV[1])
return before
