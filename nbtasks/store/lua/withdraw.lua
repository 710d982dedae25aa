-- withdraw: remove a record that is stored only in part, because the rest of it was refused. What
-- waits leaves the queue. A member that has begun runs to its end; what it hands in is dropped.
--
-- Parts    limit sources unqueue
-- KEYS[1]  prefix
-- ARGV     1 record · then the bounds of its chunks: 0, .., members in all
-- Returns  1 removed · 0 not stored, or stored whole

go_on_when_full()

local rid = ARGV[1]
local found = redis.call('HMGET', record_key(rid), 'up', 'n')
if not found[1] or found[1] == found[2] then
  return 0
end
local states, names = redis.call('GET', states_key(rid)), {}
for at = 2, #ARGV - 1 do
  local from, to = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  -- Takes cut a slice from its front: what waits still is one run up to its end.
  local first = string.match(string.sub(states, from + 1, to), '()' .. PENDING .. '+$')
  if first then
    names[#names + 1] = slice_name(rid, from + first - 1, to)
  end
end
remove_slices(rid, names)
redis.call('UNLINK', record_key(rid), states_key(rid))
return 1
