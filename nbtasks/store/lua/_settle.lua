-- The end of members, whether or not they have ended before.
-- Parts    ends

-- Final states and bodies for members of which some may be finished already: those keep what they
-- have. What it takes and returns is as in `settle_run`.
local function settle(rid, from, states, body, worker)
  local old = redis.call('GETRANGE', states_key(rid), from, from + #states - 1)
  if old == string.rep(STARTED, #states) then
    return settle_run(rid, from, states, body, worker)
  end
  local at = 1
  while at <= #old do
    local stop = at
    while stop <= #old and string.byte(old, stop) >= FIRST_UNFINISHED do
      stop = stop + 1
    end
    if stop > at then
      settle_run(rid, from + at - 1, string.sub(states, at, stop - 1), body, worker)
    end
    at = stop + 1
  end
end

LATER.settle = settle
