-- forget: remove a finished record and all that belongs to it.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     1 record
-- Returns  1 removed · 0 not stored · -1 refused: it, or what takes its values, is unfinished

local rid = ARGV[1]
local found = redis.call('HMGET', record_key(rid), 'left', 'n', 'ch')
if not found[1] then
  return 0
end
if tonumber(found[1]) > 0 or tonumber(found[3] or 0) > 0 then
  return -1
end
redis.call('UNLINK', record_key(rid), states_key(rid))
for i = 0, tonumber(found[2]) - 1 do
  redis.call('UNLINK', PREFIX .. 'o:' .. rid .. ':' .. i)
end
return 1
