-- ended: store members of a record that a client has run itself, in the place of one of the same id
-- that has ended, too. Nothing is queued. Safe to repeat.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     1 record id · 2 index of the first member here · 3 members in all · 4 header (JSON)
--          5 queue · 6 ms to keep it · 7 final states of all members · 8.. signed bodies, '' none
-- Returns  0, also where a record of this id has not ended: then that stays as it is

local FIRST_BODY = 8
local rid, from, n, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[6])
local key, states = record_key(rid), ARGV[7]

local left = redis.call('HGET', key, 'left')
if left and left ~= '0' then
  return 0
end
redis.call('SET', states_key(rid), states, 'PX', keep)
if from == 0 then
  redis.call('UNLINK', key)
end

-- Its own: what ran there cannot be queued again here.
local fields = { 'h', ARGV[4], 'n', n, 'left', 0, 'q', ARGV[5], 'c', '', 't0', NOW, 'own', 1 }
for at = FIRST_BODY, #ARGV do
  if ARGV[at] ~= '' then
    local i = from + at - FIRST_BODY
    local success = string.sub(states, i + 1, i + 1) == SUCCESS
    fields[#fields + 1] = (success and 'm' or 'e') .. i
    fields[#fields + 1] = ARGV[at]
  end
end
redis.call('HSET', key, 'keep', keep, unpack(fields))
redis.call('PEXPIRE', key, keep)
return 0
