-- What was revoked lately, for who looks on.

local NOTED = 10000 -- slices
local NOTED_TTL = 10800000 -- ms

local function note_revoked(rid, from, to)
  local key = PREFIX .. 'revoked'
  redis.call('ZADD', key, NOW, slice_name(rid, from, to))
  local over = redis.call('ZCARD', key) - NOTED
  if over > 0 then
    redis.call('ZPOPMIN', key, over)
  end
  redis.call('PEXPIRE', key, NOTED_TTL)
end
