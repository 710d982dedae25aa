-- revoke: end members that have not finished. Holds with no worker running: takes skip them, and a
-- result that comes later finds a final state.
--
-- Parts    settle sources unqueue
-- KEYS[1]  prefix
-- ARGV     1 record · 2 from · 3 to · 4 name of a signal for what runs, '' to let it run out unseen
--          5 '1' when it was asked before and the answer was lost: what is revoked already counts
-- Returns  members revoked; -1 when the record is not stored, or not yet whole

go_on_when_full()

local rid, from, to = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local states = redis.call('GETRANGE', states_key(rid), from, to - 1)
local found = redis.call('HMGET', record_key(rid), 'up', 'n', 'hold')
if #states == 0 or found[1] ~= found[2] or found[3] then
  return -1
end

local marks, revoked, before = {}, 0, 0
for at = 1, #states do
  local byte = string.byte(states, at)
  if byte >= FIRST_UNFINISHED then
    revoked = revoked + 1
    if byte == string.byte(STARTED) and ARGV[4] ~= '' then
      marks[#marks + 1] = 'x' .. (from + at - 1)
      marks[#marks + 1] = ARGV[4]
    end
  elseif byte == string.byte(REVOKED) and ARGV[5] == '1' then
    before = before + 1
  end
end
if revoked == 0 then
  return before
end

if #marks > 0 then
  redis.call('HSET', record_key(rid), unpack(marks))
end
settle(rid, from, string.rep(REVOKED, #states), function() end, '')
unqueue(rid, from, states)
if #marks > 0 then
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'fleet', NOW, '+inf')) do
    wake('@' .. worker)
  end
end
flush_events()
return revoked + before
