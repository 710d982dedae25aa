-- pause: a queue is paused, or goes on. What waits in a paused queue is not taken; what runs goes
-- on, and what is due joins the queue. It stays so whatever becomes of workers and clients.
--
-- Parts    base slices
-- KEYS[1]  prefix
-- ARGV     1 queue · 2 '1' to pause it, '' to let it go on
-- Returns  1 · 0 where it was so already

local key = PREFIX .. 'paused'
if ARGV[2] == '1' then
  return redis.call('HSETNX', key, ARGV[1], NOW)
end
if redis.call('HDEL', key, ARGV[1]) == 0 then
  return 0
end
-- Wake-ups were spent on it meanwhile; each worker looks in all queues that it knows of.
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'fleet', NOW, '+inf')) do
  wake('@' .. worker)
end
wake(ARGV[1])
return 1
