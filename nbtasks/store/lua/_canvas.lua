-- Canvas: records that wait for others. Fields of such a record (cv says that it is one):
--   pa   its sources, as in inputs.py, those first whose values it takes · in  how many those are,
--        or E for an errback · on  its rule, S D F (all succeed, all done, one failed)
--   wt   edges that have not fired yet · ig  one of its sources was ignored · by  what failed first
--   out  its edges: span (w whole, e each), kind (c chain, h chord), target
--   y<i> edges of member i alone: kind, target · ym  there are such
--   ch   edges to records that have not ended: until then its values stay · g  root of the canvas
--   rv   it has failed before, and waits once more · pb  sources that were added while it waited
--   rp   sources of members that were replaced · hold  not all of its canvas is stored yet
--   lk   sources that were submitted before it, to be linked to when it begins · kd  kind of those
--        edges · ended  members had ended when it was submitted once more
--   dl   ms to delay it, and ex until it expires, from when it is ready
--   +<rid>/<i>/<k>  signed note of the shape of what a task of a header has added as its k-th
-- A target is a record, or `<rid>/<i>`: a member that was replaced, and waits under wt<i> in<i>.

-- A target -> record, its members [from, to) (to is 0 where it is gone), and the suffix of its
-- fields.
local function target_of(text)
  local rid, i = string.match(text, '^([^/]+)/(%d+)$')
  local n = tonumber(redis.call('HGET', record_key(rid or text), 'n') or 0)
  if rid then
    return rid, tonumber(i), n > 0 and i + 1 or 0, i
  end
  return text, 0, n, ''
end

-- A source -> its span, record and member.
local function source_of(text)
  local span, rid, i = string.match(text, '^(.)([^/]+)/?(%d*)$')
  return span, rid, tonumber(i)
end

-- Members [from, to) that wait are turned into this state, in runs: each(first, stop).
local function each_waiting(rid, from, to, each)
  local states = redis.call('GETRANGE', states_key(rid), from, to - 1)
  for first, stop in string.gmatch(states, '()' .. WAITING .. '+()') do
    each(from + first - 1, from + stop - 1)
  end
end
