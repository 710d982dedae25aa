-- revoke: end members that have not finished. Holds with no worker running: takes skip them, and a
-- result that comes later finds a final state. What runs in place of a replaced task ends too.
--
-- Parts    revoking
-- KEYS[1]  prefix
-- ARGV     1 record · 2 from · 3 to
--          4 name of a signal for what runs, '' to let it run out unseen, '-' to leave it alone
--          5 '1' when it was asked before and the answer was lost: what is revoked already counts
-- Returns  members revoked; -1 when the record is not stored, or not yet whole

-- As revoke_members, of all but those that run, which go on.
local function revoke_waiting(rid, from, to)
  local states, revoked, before = redis.call('GETRANGE', states_key(rid), from, to - 1), 0, 0
  for at, run in string.gmatch(states, '()([^' .. STARTED .. ']+)') do
    local first = from + at - 1
    local more, old = revoke_members(rid, first, first + #run, '')
    revoked, before = revoked + more, before + old
  end
  return revoked, before, 0
end

go_on_when_full()

local rid, from, to = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.call('HMGET', record_key(rid), 'up', 'n', 'hold')
if not found[2] or (found[1] and found[1] ~= found[2]) or found[3] then
  return -1
end

local revoke = ARGV[4] == '-' and revoke_waiting or revoke_members
local revoked, before, running = revoke(rid, from, to, ARGV[4])
local at = 1
while waiting_for_end[at] and at <= MOST_REVOKED do
  local other, first, stop = unpack(waiting_for_end[at])
  local _, _, more = revoke(other, first, stop, ARGV[4])
  running, at = running + more, at + 1
end
if running > 0 then
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'fleet', NOW, '+inf')) do
    wake('@' .. worker)
  end
end
flush_events()
return revoked + (ARGV[5] == '1' and before or 0)
