-- dead: the tasks that were given up, the oldest first. Those whose record is gone leave the list.
--
-- Parts    base usual
-- KEYS[1]  prefix
-- ARGV     1 how many to skip · 2 how many to look at
-- Returns  {how many were looked at, how many of them left the list,
--           {slice, when in ms, header, queue, members of the record, deaths, error}..}

local key, first = PREFIX .. 'dead', tonumber(ARGV[1])
local found = redis.call('ZRANGE', key, first, first + tonumber(ARGV[2]) - 1, 'WITHSCORES')
local reply, gone = { #found / 2, 0 }, {}
for at = 1, #found, 2 do
  local rid, i = parse_slice(found[at])
  local fields = redis.call('HMGET', record_key(rid), 'h', 'q', 'n', 'd' .. i, 'e' .. i)
  if fields[1] then
    fields[2] = fields[2] or QUEUE
    reply[#reply + 1] = { found[at], found[at + 1], unpack(fields) }
  else
    gone[#gone + 1] = found[at]
  end
end
if #gone > 0 then
  reply[2] = redis.call('ZREM', key, unpack(gone))
end
return reply
