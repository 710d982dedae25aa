-- roll: when some records were submitted.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     records
-- Returns  for each the ms since 1970; '' where it is not stored

local reply = {}
for at = 1, #ARGV do
  reply[at] = redis.call('HGET', record_key(ARGV[at]), 't0') or ''
end
return reply
