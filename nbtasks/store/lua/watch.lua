-- watch: follow records that another client submitted, or that this one lost sight of.
--
-- Parts    base usual
-- KEYS[1]  prefix
-- ARGV     1 client · then records
-- Returns  for each: false when it is not stored, else {header, queue, submitted ms, states}

go_on_when_full()

local reply = {}
for at = 2, #ARGV do
  local key = record_key(ARGV[at])
  local found = redis.call('HMGET', key, 'h', 'q', 't0', 'c')
  if not found[1] then
    reply[#reply + 1] = false
  else
    if not string.find(' ' .. found[4] .. ' ', ' ' .. ARGV[1] .. ' ', 1, true) then
      redis.call('HSET', key, 'c', found[4] .. ' ' .. ARGV[1])
    end
    local states = redis.call('GET', states_key(ARGV[at]))
    reply[#reply + 1] = { found[1], found[2] or QUEUE, found[3], states }
  end
end
return reply
