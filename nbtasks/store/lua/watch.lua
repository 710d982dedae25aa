-- watch: follow a record that another client submitted, or that this one lost sight of.
--
-- KEYS[1]  prefix
-- ARGV     1 record · 2 client
-- Returns  nil when it is not stored, else {header, queue, members, submitted ms, states}

go_on_when_full()

local key = record_key(ARGV[1])
local found = redis.call('HMGET', key, 'h', 'q', 'n', 't0', 'c')
if not found[1] then
  return nil
end
if not string.find(' ' .. found[5] .. ' ', ' ' .. ARGV[2] .. ' ', 1, true) then
  redis.call('HSET', key, 'c', found[5] .. ' ' .. ARGV[2])
end
return { found[1], found[2], found[3], found[4], redis.call('GET', states_key(ARGV[1])) }
