-- The end of members: the only place where a state byte turns final and `left` goes down.
-- Parts    base events code slices
-- Lazy     canvas = canvas blame ready told each follow spread run finish link values inputs
--          ready spread spread_on finish link append inputs_of

-- Store final states and bodies (`body(i)` or nil) of members from.., all unfinished. A value
-- takes the arguments' place (m<i>); an error stands beside (e<i>). Returns how many are left.
local function settle_run(rid, from, states, body, worker)
  local key, count = record_key(rid), #states
  local clients, keep, code, is_canvas = unpack(redis.call('HMGET', key, 'c', 'keep', 'fn', 'cv'))
  local limit = inline_limit(clients)
  local event, fields = { rid, from, states, worker, NOW }, {}
  for at = 1, count do
    local i, value = from + at - 1, body(from + at - 1)
    local success = string.sub(states, at, at) == SUCCESS
    if value then
      fields[#fields + 1] = (success and 'm' or 'e') .. i
      fields[#fields + 1] = value
    end
    -- An error may be longer than a value: its traceback is what a board shows.
    local room = success and limit or 8 * limit
    event[#event + 1] = (value and #value <= room) and value or ''
  end
  if #fields > 0 then
    redis.call('HSET', key, unpack(fields))
  end
  redis.call('SETRANGE', states_key(rid), from, states)
  emit(clients, 'f', event)
  local left = redis.call('HINCRBY', key, 'left', -count)
  if left == 0 then
    release_code(code)
    local stop = is_canvas and canvas().finish or expire
    stop(rid, keep)
  end
  if is_canvas then
    canvas().spread(rid, from, states)
  end
  return left
end

-- The same for members of which some may be finished already: those keep what they have.
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
