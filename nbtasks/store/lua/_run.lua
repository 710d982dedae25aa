-- The end of a run of a schedule entry (_entry.lua).

-- A run has failed where one of its tasks has; else it is revoked where one is.
local function state_of_run(plan)
  local found = SUCCESS
  for _, node in ipairs(cjson.decode(plan).nodes) do
    local states = redis.call('GET', states_key(node.rid)) or ''
    if string.find(states, FAILURE, 1, true) then
      return FAILURE
    elseif string.find(states, REVOKED, 1, true) then
      found = REVOKED
    end
  end
  return found
end

local function count_failures(key, state)
  if state == FAILURE then
    return redis.call('HINCRBY', key, 'bad', 1)
  elseif state == SUCCESS then
    redis.call('HSET', key, 'bad', 0)
  end
  return 0
end

-- All records of a run have ended; it may end once more, when one of them was queued again.
local function run_ended(name, root)
  local key, drawing, runs =
    PREFIX .. 'en:' .. name, PREFIX .. 'g:' .. root, PREFIX .. 'rn:' .. name
  local found = redis.call('HMGET', key, 'lim', 'off', 'buf', 'v')
  if not found[4] then
    return -- it was removed
  end
  local state = state_of_run(redis.call('HGET', drawing, 'plan'))
  local text = redis.call('HGET', runs, root)
  if text then
    local head = string.match(text, '^%d+ %d+ %a %d+ ')
    redis.call('HSET', runs, root, head .. NOW .. ' ' .. state)
  end
  local bad = count_failures(key, state)
  if redis.call('HSETNX', drawing, 'over', 1) == 1 and redis.call('HINCRBY', key, 'on', -1) < 0 then
    redis.call('HSET', key, 'on', 0)
  end
  if not found[2] and tonumber(found[1]) > 0 and bad >= tonumber(found[1]) then
    redis.call('HSET', key, 'off', bad .. ' runs in a row have failed')
    redis.call('ZADD', PREFIX .. 'due', NEVER, name)
  elseif found[3] and not found[2] then
    redis.call('ZADD', PREFIX .. 'due', NOW, name)
    wake('%beat')
  end
end
