-- describe: what records are, for whoever keeps a history. Changes nothing.
--
-- Parts    base usual
-- KEYS[1]  prefix
-- ARGV     records
-- Returns  for each: false when it is not stored, else {header, members, queue, submitted ms,
--          priority, expires ms or 0, states}

local reply = {}
for at, rid in ipairs(ARGV) do
  local found = redis.call('HMGET', record_key(rid), 'h', 'n', 'q', 't0', 'pr', 'exp')
  reply[at] = false
  if found[1] then
    found[3], found[5], found[6] = found[3] or QUEUE, found[5] or '0', found[6] or '0'
    found[7] = redis.call('GET', states_key(rid)) or ''
    reply[at] = found
  end
end
return reply
