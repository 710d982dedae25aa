-- note: remember what a notebook has sent; only the newest are kept. Safe to repeat.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     1 notebook · 2 how many are kept · 3 for how many ms after the last one · then what was
--          sent (JSON), the oldest first
-- Returns  0

local key = PREFIX .. 'nb:' .. ARGV[1]
for at = 4, #ARGV do
  redis.call('ZADD', key, NOW + at / 1000, ARGV[at]) -- in one millisecond still in order
end
redis.call('ZREMRANGEBYRANK', key, 0, -tonumber(ARGV[2]) - 1)
redis.call('PEXPIRE', key, ARGV[3])
return 0
