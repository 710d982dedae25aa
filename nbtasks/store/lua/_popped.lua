-- A slice that was popped: whether it may be taken here.

-- What is to be known of its record (header, code, Python, expiry, us and number of members, their
-- bytes, deaths allowed, deaths, kind of canvas, limit); nil where that is gone, or has seen to it:
-- it had expired, or waits for a worker that can load its code.
local function takable(rid, from, to, place)
  local key, deaths = record_key(rid), 'd' .. from
  local got = redis.call('HMGET', key, 'h', 'exp', 'us', 'n', 'sz', 'cap', deaths, 'cv', 'lim')
  if not got[1] then
    return nil
  end
  local code, python = code_of(got[1])
  table.insert(got, 2, code)
  table.insert(got, 3, python)
  local expires = tonumber(got[4]) or 0 -- who writes to Redis may write anything
  if expires > 0 and expires <= NOW then
    return retire(rid, from, to, REVOKED, { type = 'TaskRevoked', reason = 'expired' })
  end
  if python ~= '' and python ~= ARGV[8] then
    return hand_over(rid, from, to, place, python)
  end
  return got
end
