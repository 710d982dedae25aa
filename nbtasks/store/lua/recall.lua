-- recall: what only events have told of some members, for a client that comes later.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     1 client · 2 record · 3 bytes of each log, its end · then members
-- Returns  flat list: the id of the client's last event, then of each member where it runs or ran
--          and since when (ms), its progress (JSON) and its log; '' for what is not known

local stream, last = PREFIX .. 'ev:' .. ARGV[1], '0-0'
if redis.call('EXISTS', stream) == 1 then
  local facts = redis.call('XINFO', 'STREAM', stream)
  for at = 1, #facts, 2 do
    if facts[at] == 'last-generated-id' then
      last = facts[at + 1]
    end
  end
end

local reply = { last }
for at = 4, #ARGV do
  local i = ARGV[at]
  local found = redis.call('HMGET', record_key(ARGV[2]), 'w' .. i, 'p' .. i)
  reply[#reply + 1] = found[1] or ''
  reply[#reply + 1] = found[2] or ''
  local log = PREFIX .. 'o:' .. ARGV[2] .. ':' .. i
  reply[#reply + 1] = redis.call('GETRANGE', log, -tonumber(ARGV[3]), -1)
end
return reply
