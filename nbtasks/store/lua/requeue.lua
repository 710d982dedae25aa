-- requeue: failed members wait again, as if they had just been submitted.
--
-- Parts    base events slices code
-- KEYS[1]  prefix
-- ARGV     1 nonce of this request: asked again with it, nothing changes · 2 record · 3.. indices
-- Returns  for each index how often it has been queued again, 0 where it has not failed;
--          or -1 when the record is not stored, -2 when its code is not

local PER_MEMBER = { 'e', 'd', 'k', 'p', 'u', 'w', 'x' }

local nonce, rid = ARGV[1], ARGV[2]
local key = record_key(rid)
local found = redis.call('HMGET', key, 'fn', 'left', 'c')
if not found[1] then
  return -1
elseif redis.call('EXISTS', PREFIX .. 'fn:' .. found[1]) == 0 then
  return -2
end

local numbers, some = {}, false

-- Says how often member i has been queued again, this time included; 0 where it has not failed.
local function requeue(i)
  local before, last = string.match(redis.call('HGET', key, 'z' .. i) or '0 ', '^(%d+) (.*)$')
  local number = tonumber(before)
  if last == nonce then
    return number
  elseif redis.call('GETRANGE', states_key(rid), i, i) ~= FAILURE then
    return 0
  end
  redis.call('HSET', key, 'z' .. i, (number + 1) .. ' ' .. nonce)
  for _, letter in ipairs(PER_MEMBER) do
    redis.call('HDEL', key, letter .. i)
  end
  redis.call('HINCRBY', key, 'left', 1)
  redis.call('SETRANGE', states_key(rid), i, PENDING)
  redis.call('ZREM', PREFIX .. 'dead', slice_name(rid, i, i + 1))
  emit(found[3], 'q', { rid, i, number + 1 })
  enqueue(rid, i, i + 1)
  some = true -- asked again, it may have ended since: then it stays as it is
  return number + 1
end

for at = 3, #ARGV do
  numbers[at - 2] = requeue(tonumber(ARGV[at]))
end
if some then
  redis.call('PERSIST', key)
  redis.call('PERSIST', states_key(rid))
end
if some and found[2] == '0' then
  retain_code(found[1])
  redis.call('HSET', key, 'exp', 0) -- nobody else waits, and this one is to run
end
flush_events()
return numbers
