-- fetch: fields of a record, as many as one reply may carry. Changes nothing.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     1 record · 2 bytes for all · then fields
-- Returns  the value of each, or '' where it is not there: fewer than were asked for where these
--          are as large as that together; the first one, however large it is

local room, reply = tonumber(ARGV[2]), {}
for at = 3, #ARGV do
  local value = redis.call('HGET', record_key(ARGV[1]), ARGV[at]) or ''
  room = room - #value
  if room < 0 and at > 3 then
    break
  end
  reply[#reply + 1] = value
end
return reply
