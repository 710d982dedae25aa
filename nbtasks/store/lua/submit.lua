-- submit: store a chunk of a record's members and queue it as a slice. Safe to repeat.
--
-- KEYS[1]  prefix
-- ARGV     1 record id · 2 index of the first member here · 3 members in all · 4 header (JSON)
--          5 queue · 6 client · 7 priority 0-9 · 8 Python tag or '' · 9 code hash · 10 code ttl, ms
--          11 deliveries allowed · 12 ms to keep it once finished · 13 delay, ms
--          14 expires after ms, 0 never · 15.. signed arguments
-- Returns  members stored so far: less than asked where a chunk before this one is missing;
--          -1 when the code is not stored (nothing was written)
--          -2 when a record of another size has this id (nothing was written)

local FIRST_BODY = 15

local rid, from, n = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local key = record_key(rid)

if redis.call('PEXPIRE', PREFIX .. 'fn:' .. ARGV[9], ARGV[10]) == 0 then
  return -1
end

local found = redis.call('HMGET', key, 'up', 'n', 'sz')
if found[2] and tonumber(found[2]) ~= n then
  return -2
end
local stored = tonumber(found[1] or 0)
if stored ~= from then
  return stored
end

local fields = {}
if from == 0 then
  local after = tonumber(ARGV[14])
  local expires = after > 0 and NOW + after or 0
  fields = { 'h', ARGV[4], 'n', n, 'left', n, 'q', ARGV[5], 'c', ARGV[6], 'pr', ARGV[7] }
  redis.call('HSET', key, 'py', ARGV[8], 'fn', ARGV[9], 'cap', ARGV[11], unpack(fields))
  fields = { 'keep', ARGV[12], 'exp', expires, 't0', NOW }
  redis.call('SET', states_key(rid), string.rep(PENDING, n))
end

local to, size = from + #ARGV - FIRST_BODY + 1, 0
for at = FIRST_BODY, #ARGV do
  size = size + #ARGV[at]
  fields[#fields + 1] = 'm' .. (from + at - FIRST_BODY)
  fields[#fields + 1] = ARGV[at]
  if #fields >= 4000 then
    redis.call('HSET', key, unpack(fields))
    fields = {}
  end
end
size = math.max(math.ceil(size / (to - from)), tonumber(found[3] or 0))
redis.call('HSET', key, 'up', to, 'sz', size, unpack(fields))

local delay = tonumber(ARGV[13])
if delay > 0 then
  enqueue_later(rid, from, to, NOW + delay)
  wake(ARGV[5])
else
  enqueue(rid, from, to)
end
return to
