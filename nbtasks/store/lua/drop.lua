-- drop: take slices off the list of the dead. Their records stay until they expire.
--
-- Parts    base
-- KEYS[1]  prefix
-- ARGV     slices
-- Returns  how many were there

return redis.call('ZREM', PREFIX .. 'dead', unpack(ARGV))
