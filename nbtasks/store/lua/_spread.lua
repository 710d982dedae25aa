-- The end of members spreads along edges: breadth first, so many steps in one script.

local MOST = 500 -- steps in one script; the rest is left to the next exchanges
local steps, is_spreading = {}, false

local function spread(rid, from, states)
  steps[#steps + 1] = { rid, from, states }
  if is_spreading then
    return
  end
  is_spreading = true
  local at = 1
  while steps[at] do
    if at <= MOST then
      follow(unpack(steps[at]))
    else
      local rid_left, first, left = unpack(steps[at])
      redis.call('ZADD', PREFIX .. 'spread', NOW, slice_name(rid_left, first, first + #left))
      wake(redis.call('HGET', record_key(rid_left), 'q') or QUEUE)
    end
    at = at + 1
  end
  steps, is_spreading = {}, false
end

-- Steps that were left over.
local function spread_on()
  for _ = 1, 10 do
    local got = redis.call('ZPOPMIN', PREFIX .. 'spread')
    if not got[1] then
      return
    end
    local rid, from, to = parse_slice(got[1])
    spread(rid, from, redis.call('GETRANGE', states_key(rid), from, to - 1))
  end
end
