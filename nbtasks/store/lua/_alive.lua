-- What a worker says of itself.
-- Parts    monitor

local LONG = 200 -- bytes; a longer fact is not told to monitors

-- Its facts stand in ARGV from 5 to `last`; it counts as live for so many ms.
local function heartbeat(worker, alive, last)
  local key, fleet = PREFIX .. 'w:' .. worker, PREFIX .. 'fleet'
  if is_watched() then
    local until_ms = redis.call('ZSCORE', fleet, worker)
    local is_new = not until_ms or tonumber(until_ms) < NOW
    local fields = { worker, is_new and 'online' or 'heartbeat' }
    for at = 5, last, 2 do
      if #ARGV[at + 1] <= LONG then
        fields[#fields + 1] = ARGV[at]
        fields[#fields + 1] = ARGV[at + 1]
      end
    end
    tell('w', fields)
  end
  redis.call('HSET', key, 'seen', NOW, unpack(ARGV, 5, last))
  redis.call('PEXPIRE', key, alive)
  redis.call('ZADD', fleet, NOW + alive, worker)
  redis.call('ZREMRANGEBYSCORE', fleet, '-inf', NOW - DAY)
  redis.call('PEXPIRE', fleet, DAY)
end
