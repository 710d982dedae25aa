-- requeue: failed members wait again, as if they had just been submitted. One that failed only
-- because another had: that one runs again instead, and all that hangs on it.
--
-- Parts    revive
-- KEYS[1]  prefix
-- ARGV     1 nonce of this request: asked again with it, nothing changes · 2 record · 3.. indices
-- Returns  for each index how often it has been queued again, 0 where it has not failed; behind
--          these record, index and number of each other member that waits again;
--          or -1 when the record is not stored, -2 when its code is not

local nonce, rid = ARGV[1], ARGV[2]
local found = redis.call('HMGET', record_key(rid), 'h', 'own')
if not found[1] then
  return -1
elseif found[2] or redis.call('EXISTS', PREFIX .. 'fn:' .. code_of(found[1])) == 0 then
  return -2
end

local numbers, asked = {}, {}

for at = 3, #ARGV do
  asked[slice_name(rid, ARGV[at], '')] = true
  local number, last = times(rid, ARGV[at])
  local cause, i = cause_of(rid, tonumber(ARGV[at]))
  local is_failed = redis.call('GETRANGE', states_key(rid), ARGV[at], ARGV[at]) == FAILURE
  numbers[at - 2] = last == nonce and number or 0
  if is_failed and last ~= nonce then
    -- What ended by itself may have been revoked, or be gone.
    if redis.call('GETRANGE', states_key(cause), i, i) == FAILURE then
      restart(cause, i, PENDING, times(cause, i) + 1, nonce)
      redis.call('ZREM', PREFIX .. 'dead', slice_name(cause, i, i + 1))
      enqueue(cause, i, i + 1)
    end
    revive(nonce)
    numbers[at - 2] = times(rid, ARGV[at])
  end
end
for _, each in ipairs(revived) do
  local other, i = each[1], each[2]
  if not asked[slice_name(other, i, '')] then
    numbers[#numbers + 1] = other
    numbers[#numbers + 1] = i
    numbers[#numbers + 1] = times(other, i)
  end
end
flush_events()
return numbers
