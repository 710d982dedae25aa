-- weigh: how long the values of some members are, before anybody asks for them. Changes nothing.
-- Of one that has not succeeded it is the length of its arguments: they stand in that place.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     1 record · then members
-- Returns  of each the bytes of its signed value; 0 where nothing is stored

local reply = {}
for at = 2, #ARGV do
  reply[at - 1] = redis.call('HSTRLEN', record_key(ARGV[1]), 'm' .. ARGV[at])
end
return reply
