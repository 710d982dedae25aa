-- enter: add a schedule entry, or change one. Its runs, its pause and, where nothing has changed,
-- its due time stay.
--
-- Parts    base code entry
-- KEYS[1]  prefix
-- ARGV     1 name · 2 what is sent, and when (signed) · 3 a mark of it · 4 the same in words (JSON)
--          5 first due time, ms, '' for none · 6 when to fire it, ms · 7 failures that pause it
--          8 program that declares it, '' for none · 9 its schedule, as text: with another one the
--          due time counts anew · 10 how the program stands, as declare has it: where another
--          version of it counts by now, nothing is changed · then hashes of the code
-- Returns  1 added or changed · 0 it is just so already · -1 code is not stored
--          or the name of the program that has an entry of this name, '' for none

local name, key, program = ARGV[1], entry_key(ARGV[1]), ARGV[8]
local found = redis.call('HMGET', key, 'mk', 'fn', 'pg', 'off', 'wh')
if found[1] and found[3] ~= program then
  return found[3]
end
local standing = program ~= '' and redis.call('HGET', PREFIX .. 'programs', program)
if found[1] == ARGV[3] or (standing and standing ~= ARGV[10]) then
  return 0
end
for at = 11, #ARGV do
  if redis.call('EXISTS', PREFIX .. 'fn:' .. ARGV[at]) == 0 then
    return -1
  end
end

redis.call('HSET', key, 'b', ARGV[2], 'mk', ARGV[3], 'tx', ARGV[4], 'lim', ARGV[7], 'pg', program)
redis.call('HSET', key, 'fn', table.concat(ARGV, ' ', 11))
redis.call('HSETNX', key, 't0', NOW)
redis.call('HINCRBY', key, 'v', 1)
redis.call('HDEL', key, 'er')
for at = 11, #ARGV do
  retain_code(ARGV[at])
end
for hash in string.gmatch(found[2] or '', '%S+') do
  release_code(hash)
end
if found[5] ~= ARGV[9] then
  redis.call('HSET', key, 'due', ARGV[5], 'at', ARGV[6], 'wh', ARGV[9], 'bad', 0)
  redis.call('HDEL', key, 'buf')
  look_at(name, (found[4] or ARGV[5] == '') and NEVER or tonumber(ARGV[6]))
end
return 1
