-- stamped: which of some records have stamps, and members that have not ended.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     records
-- Returns  for each of these {record, members, header}

local reply = {}
for _, rid in ipairs(ARGV) do
  local found = redis.call('HMGET', record_key(rid), 'h', 'n', 'left')
  if found[1] and found[3] ~= '0' and string.find(found[1], '"stamps":', 1, true) then
    reply[#reply + 1] = { rid, found[2], found[1] }
  end
end
return reply
