-- commit: a canvas is stored whole. Its records stay, and what waits for nothing is queued.
--
-- Parts    settle room
-- KEYS[1]  prefix
-- ARGV     1 root · 2 ms to keep it once all has ended · 3 the plan (JSON) · 4 records in all
--          5 most members that may wait in a queue, 0 any number · 6 number of queues (in the
--          first call) · 7 number of records to keep · then name and members of each queue · those
--          records · when all are kept, those that wait for none of the canvas, to be queued, and
--          before them those that wait for records submitted before
-- Returns  0 · -1 a record is not stored · -3 less the members that wait, when a queue is full

local drawing, first = PREFIX .. 'g:' .. ARGV[1], 8 + 2 * tonumber(ARGV[6])
local last = first + tonumber(ARGV[7]) - 1

-- Nothing is written until it is sure that all may be.
for at = first, #ARGV do
  if redis.call('EXISTS', record_key(ARGV[at])) == 0 then
    return -1
  end
end
for at = 8, first - 1, 2 do
  local waiting = crowd(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[5]))
  if waiting then
    return -3 - waiting
  end
end

if redis.call('EXISTS', drawing) == 0 then
  redis.call('HSET', drawing, 'plan', ARGV[3], 'left', ARGV[4], 't0', NOW)
end
for at = first, last do
  local rid = ARGV[at]
  local found = redis.call('HMGET', record_key(rid), 'hold', 'fn', 'left', 'keep')
  if redis.call('HDEL', record_key(rid), 'hold') == 1 then
    redis.call('PERSIST', record_key(rid))
    redis.call('PERSIST', states_key(rid))
    if found[3] == '0' then
      canvas().finish(rid, found[4])
    else
      retain_code(found[2])
    end
  end
end
for at = last + 1, #ARGV do
  local rid, key = ARGV[at], record_key(ARGV[at])
  local found = redis.call('HMGET', key, 'lk', 'kd', 'n', 'pa')
  if redis.call('HDEL', key, 'ended') == 1 then
    for from, run in string.gmatch(redis.call('GET', states_key(rid)), '()(%u+)') do
      canvas().spread(rid, from - 1, run)
    end
  end
  if redis.call('HDEL', key, 'lk') == 1 then
    redis.call('HINCRBY', key, 'wt', -select(2, string.gsub(found[1], '%S+', ''))) -- link counts
    canvas().link(rid, found[2], found[1])
  elseif found[4] == '' then
    canvas().ready(rid, 0, tonumber(found[3]))
  end
end
flush_events()
return 0
