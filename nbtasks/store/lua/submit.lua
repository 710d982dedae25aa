-- submit: store a chunk of a record's members and queue it as a slice. Safe to repeat.
-- Parts    base slices code room more store tell
-- KEYS[1]  prefix
-- ARGV     1 record id · 2 index of the first member here · 3 members in all · 4 header (JSON)
--          5 queue · 6 client · 7 priority 0-9 · 8 key of a unique task and
--          for how many ms it stays taken after the end, or '' · 9 code hash
--          10 deliveries allowed · 11 ms to keep it once finished · 12 delay, ms
--          13 expires after ms, 0 never · 14 most members that may wait in the queue, 0 any number
--          15 states, or '' where all are pending · 16 more fields of it, and keys of limits of
--          these members (JSON), or ''; with `g` it is part of a canvas, which waits for a commit
--          17.. signed bodies: arguments, or the value of who has finished
-- Returns  members stored so far: less than asked where a chunk before this one is missing;
--          -1 when the code is not stored · -2 when a record of another size has this id ·
--          -3 less the members that wait, when the queue is full (nothing was written by these);
--          {record} that has the key already (likewise)

local FIRST_BODY = 17
local rid, from, n = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local key, code = record_key(rid), PREFIX .. 'fn:' .. ARGV[9]

-- Nothing is written until it is sure that all may be: at maxmemory Redis refuses only the first
-- write of a script.
local found = redis.call('HMGET', key, 'up', 'n', 'sz', 'g')
local stored = tonumber(found[1] or found[2] or 0)
if redis.call('EXISTS', code) == 0 then
  return -1
elseif found[2] and (tonumber(found[2]) ~= n or is_other_canvas(found[4])) then
  return -2
elseif stored ~= from then
  if redis.call('HEXISTS', PREFIX .. 'refs', ARGV[9]) == 1 then
    redis.call('PERSIST', code) -- it had been lost, and was just stored again
  end
  return stored
end
local is_canvas, holder = MORE.g ~= nil, holder_of(ARGV[8], rid)
if holder then
  return { holder }
end
if from == 0 and not is_canvas then
  local waiting = crowd(ARGV[5], n, tonumber(ARGV[14]))
  if waiting then
    return -3 - waiting
  end
end
local head = from == 0 and store_states(rid, n) or keys_of_limits()
store_bodies(key, from, n, FIRST_BODY, tonumber(found[3] or 0), head)

local to, delay = from + #ARGV - FIRST_BODY + 1, tonumber(ARGV[12])
secure(rid, from, to < n or is_canvas)
if delay > 0 then
  enqueue_later(rid, from, to, NOW + delay)
  wake(ARGV[5])
elseif not is_canvas then
  put(ARGV[5], ARGV[7], rid, from, to)
end
if not is_canvas then
  tell_sent(rid, from, to, delay > 0 and NOW + delay or 0)
  flush_monitor()
end
return to
