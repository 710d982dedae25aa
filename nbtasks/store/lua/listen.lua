-- listen: somebody follows the monitoring stream from now on, for a while; or stops.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     1 name of the listener · 2 ms until it has to come again, 0 to stop · 3 'b' to get
--          bodies, too, else '-' · 4 entries to keep for it
-- Returns  {1 if it was registered, id of the last entry, number of the last entry}

local key, name, ttl = PREFIX .. 'monitors', ARGV[1], tonumber(ARGV[2])
local stream = PREFIX .. 'ev'
local most, kind, entries, was_there, number = 0, '-', 0, 0, 0

if ttl > 0 then
  redis.call('HSETNX', key, name, '0 - 0')
end
local all = redis.call('HGETALL', key)
for at = 1, #all, 2 do
  local ends, wants, keeps = string.match(all[at + 1], '^(%d+) (.) (%d+)$')
  if all[at] == '#' then
    number = all[at + 1]
  else
    ends, keeps = tonumber(ends) or 0, tonumber(keeps) or 0
    if all[at] == name then
      was_there = ends > NOW and 1 or 0
      ends, wants, keeps = ttl > 0 and NOW + ttl or 0, ARGV[3], tonumber(ARGV[4])
      redis.call('HSET', key, name, ends .. ' ' .. wants .. ' ' .. keeps)
    end
    if ends <= NOW then
      redis.call('HDEL', key, all[at])
    else
      most, entries = math.max(most, ends - NOW), math.max(entries, keeps)
      kind = wants == 'b' and 'b' or kind
    end
  end
end

if most == 0 then
  redis.call('UNLINK', PREFIX .. 'monitor', key, stream)
else
  local flag = kind .. ' ' .. entries .. ' ' .. math.max(most, DAY)
  redis.call('SET', PREFIX .. 'monitor', flag, 'PX', most)
  redis.call('PEXPIRE', key, most)
end
local last = '0-0'
if redis.call('EXISTS', stream) == 1 then
  local facts = redis.call('XINFO', 'STREAM', stream)
  for at = 1, #facts, 2 do
    last = facts[at] == 'last-generated-id' and facts[at + 1] or last
  end
end
return { was_there, last, number }
