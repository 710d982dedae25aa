-- inspect: what is stored of some slices, for who looks on.
--
-- Parts    base usual
-- KEYS[1]  prefix
-- ARGV     1 members listed of each, at most · 2 bytes of arguments, at most
--          3 states of which members are listed · then slices
-- Returns  for each false when it is not stored, else {header, queue, priority, members of the
--          record, submitted ms, retries and deaths of the first, states, then of each listed
--          member its number, where it runs and since when, '' for unknown, and its arguments}

local MOST = 256
local most, bytes, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), '()[' .. ARGV[3] .. ']'

-- Add the members. Of coroutines all that are leased run.
local function list(reply, key, from, states, record)
  local fields, members, left = {}, {}, most
  if string.find(record[1], '"async":true', 1, true) then
    left = math.max(left, MOST)
  end
  for at in string.gmatch(states, wanted) do
    if left == 0 then
      break
    end
    local i = from + at - 1
    left = left - 1
    members[#members + 1] = i
    fields[#fields + 1] = 'w' .. i
    fields[#fields + 1] = (tonumber(record[8]) or 0) <= bytes and 'm' .. i or ''
  end
  local found = #fields > 0 and redis.call('HMGET', key, unpack(fields)) or {}
  for at, i in ipairs(members) do
    reply[#reply + 1] = i
    reply[#reply + 1] = found[2 * at - 1] or ''
    reply[#reply + 1] = found[2 * at] or ''
  end
end

local reply = {}
for at = 4, #ARGV do
  local rid, from, to = parse_slice(ARGV[at])
  local key = record_key(rid)
  local found = redis.call('HMGET', key, 'h', 'q', 'pr', 'n', 't0', 'k' .. from, 'd' .. from, 'sz')
  reply[at - 3] = false
  if found[1] then
    local states = redis.call('GETRANGE', states_key(rid), from, to - 1)
    local one = { unpack(found, 1, 7) }
    one[2], one[3], one[8] = found[2] or QUEUE, found[3] or '0', states
    list(one, key, from, states, found)
    reply[at - 3] = one
  end
end
return reply
