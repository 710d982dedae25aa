-- extend: a worker's heartbeat. Renews its leases and tells it what to stop: the one way of
-- cancelling that cannot be missed, since a worker that does not come here loses its leases, and
-- is told again until the lease ends. Also sees to what is due, so that an idle worker takes over
-- from one that died.
--
-- Parts    limit settle suspects lost timers alive ask
-- KEYS[1]  prefix
-- ARGV     1 worker · 2 lease, ms · 3 how long the worker counts as live, ms
--          4 number of facts, then name and value of each · then leases
-- Returns  flat list of: 'l', lease (no longer this worker's)
--                        'x', lease, index, signal (this member is revoked, and is to get it)
--                        'q', question (see ask.lua, order.lua)

local worker, alive = ARGV[1], tonumber(ARGV[3])
local first = 5 + 2 * tonumber(ARGV[4])

go_on_when_full()
heartbeat(worker, alive, first - 1)
watch_clock(tonumber(ARGV[2]))
redis.call('SET', PREFIX .. 'beat', NOW, 'PX', DAY)

local reply = {}
for at = first, #ARGV do
  local lease = ARGV[at]
  if not is_leased(lease) then
    reply[#reply + 1] = 'l'
    reply[#reply + 1] = lease
  else
    redis.call('ZADD', PREFIX .. 'lease', 'XX', NOW + tonumber(ARGV[2]), lease)
    local rid, from, to = parse_slice(string.match(lease, '^(.*):[^:]*$'))
    local states = redis.call('GETRANGE', states_key(rid), from, to - 1)
    local i = string.find(states, REVOKED, 1, true)
    while i do
      local signal = redis.call('HGET', record_key(rid), 'x' .. (from + i - 1))
      if signal then
        reply[#reply + 1] = 'x'
        reply[#reply + 1] = lease
        reply[#reply + 1] = from + i - 1
        reply[#reply + 1] = signal
      end
      i = string.find(states, REVOKED, i + 1, true)
    end
  end
end

local questions = redis.call('ZPOPMIN', PREFIX .. 'ask:' .. worker, 100)
for at = 1, #questions, 2 do
  if tonumber(questions[at + 1]) > NOW - ASK_TTL then
    reply[#reply + 1] = 'q'
    reply[#reply + 1] = questions[at]
  end
end
promote_due()
spread_left_over()
recover_lost(tonumber(ARGV[2]))
flush_events()
return reply
