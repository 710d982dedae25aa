-- What waits for a limit goes back, as much as may begin now.

local steps_left = MOST_BACK

-- Returns when the limit is to be looked at again; nil: nobody waits for it.
local function go_on(name)
  local key, back = PREFIX .. 'parked:' .. name, 0
  while steps_left > 0 do
    steps_left = steps_left - 1
    local entry, place = unpack(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES'))
    if not entry then
      return nil
    end
    local limit, count = look_into(string.match(entry, '%S+$'))
    -- What waits for another limit by now, as its task was paused or resumed, is parked anew there.
    if limit and limit.name == name and count > 0 then
      local may, due = allow(limit, back + 1)
      if may <= back then
        return due
      end
      back = back + count
    end
    unpark(key, entry, place)
  end
  return NOW
end

-- Limits that are due.
local function look()
  local key = PREFIX .. 'limited'
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, MOST_LIMITS)) do
    look_at(name, go_on(name))
  end
  set_timer()
end

-- A lease ends that counted for a limit.
local function release(lease)
  local name = string.gsub(string.match(lease, '%+(.*)$'), ';', ':')
  is_out = {}
  redis.call('ZREM', PREFIX .. 'held:' .. name, lease)
  if redis.call('ZSCORE', PREFIX .. 'limited', name) then
    look_at(name, go_on(name))
    set_timer()
  end
end

-- Look at all limits of a task, or at all there are, as soon as may be: another rate holds.
local function look_soon(task)
  for _, name in ipairs(redis.call('ZRANGE', PREFIX .. 'limited', 0, -1)) do
    if not task or name == task or string.sub(name, 1, #task + 1) == task .. '/' then
      look_at(name, NOW)
    end
  end
  look()
end
