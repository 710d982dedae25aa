-- A slice that was popped: whether it may be taken here.

-- What is to be known of its record; nil where that is gone, or has seen to it: it had expired, or
-- waits for a worker that can load its code.
local function takable(rid, from, to, place)
  local deaths = 'd' .. from
  local got = redis.call(
    'HMGET',
    record_key(rid),
    'h',
    'fn',
    'py',
    'exp',
    'us',
    'n',
    'sz',
    'cap',
    deaths,
    'cv',
    'lim'
  )
  if not got[1] then
    return nil
  end
  local expires = tonumber(got[4]) or 0 -- who writes to Redis may write anything
  if expires > 0 and expires <= NOW then
    return retire(rid, from, to, REVOKED, { type = 'TaskRevoked', reason = 'expired' })
  end
  if got[3] ~= '' and got[3] ~= ARGV[8] then
    return hand_over(rid, from, to, place, got[3])
  end
  return got
end
