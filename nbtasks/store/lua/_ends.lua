-- The end of members: the only place where a state byte turns final and `left` goes down.
-- Parts    base events tell code slices kept unique
-- Lazy     canvas = canvas blame ready told each follow spread run finish link values inputs
--          ready spread spread_on finish link append inputs_of

local MOST_AT_ONCE = 2000 -- two fields each: Lua's unpack takes 8000

-- Store final states and bodies (`body(i)` or nil) of members from.., all unfinished. A value
-- takes the arguments' place (m<i>); an error stands beside (e<i>). Returns how many are left.
local settle_run
function settle_run(rid, from, states, body, worker)
  if #states > MOST_AT_ONCE then
    settle_run(rid, from, string.sub(states, 1, MOST_AT_ONCE), body, worker)
    return settle_run(rid, from + MOST_AT_ONCE, string.sub(states, MOST_AT_ONCE + 1), body, worker)
  end
  local key, count = record_key(rid), #states
  local found = redis.call('HMGET', key, 'c', 'keep', 'h', 'cv', 'kp', 'un')
  local clients, keep, header, is_canvas, has_kept, claim = unpack(found)
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
  tell_end(rid, from, states, worker, body)
  if has_kept then
    drop_checkpoints(rid, from, states)
  end
  local left = redis.call('HINCRBY', key, 'left', -count)
  if left == 0 then
    release_code(code_of(header))
    if claim then
      release_key(rid, claim, states == SUCCESS)
    end
    local stop = is_canvas and canvas().finish or expire
    stop(rid, keep or KEPT)
  end
  if is_canvas then
    canvas().spread(rid, from, states)
  end
  return left
end
