-- Handing in a member that was replaced (see _turn_in.lua).

-- It waits for others, and goes on with these arguments.
function TURN_IN.w(held, rid, i, at)
  if held and redis.call('GETRANGE', states_key(rid), i, i) == STARTED then
    local key = record_key(rid)
    redis.call('HSET', key, 'cv', 2, 'm' .. i, ARGV[at], 'in' .. i, ARGV[at + 1], 'wt' .. i, 0)
    canvas().append(key, 'rp', ARGV[at + 1])
    unstart(rid, i, WAITING)
    canvas().link(rid .. '/' .. i, 'c', ARGV[at + 1])
  end
  return at + 2
end
