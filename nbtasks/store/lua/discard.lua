-- discard: remove the records of a canvas that was refused: none of them has begun.
--
-- Parts    base code
-- KEYS[1]  prefix
-- ARGV     1 root · then records
-- Returns  how many there were

local removed = 0
for at = 2, #ARGV do
  local key = record_key(ARGV[at])
  local found = redis.call('HMGET', key, 'h', 'hold')
  local states = redis.call('GET', states_key(ARGV[at])) or ''
  if found[1] and not string.find(states, '[^' .. WAITING .. ']') then
    if not found[2] then
      release_code(code_of(found[1]))
    end
    removed = removed + redis.call('UNLINK', key)
    redis.call('UNLINK', states_key(ARGV[at]))
  end
end
redis.call('UNLINK', PREFIX .. 'g:' .. ARGV[1])
return removed
