-- How many members of a task may begin now.

local KEPT_US = 100000 -- a token that nobody could fetch at its time is kept for so long
local NOW_US = TIME[1] * 1000000 + TIME[2]
local LOOK_AGAIN = 10000 -- ms; the end of what runs tells earlier, unless Redis has lost that
local STALE = 20 -- leases that are looked at

local is_out = {} -- by limit, when to ask again; this script has found that nothing may begin

-- How many run; those whose lease has ended unseen do not.
local function count_running(limit)
  local key = PREFIX .. 'held:' .. limit.name
  local count = redis.call('ZCARD', key)
  for _, lease in ipairs(count >= limit.most and redis.call('ZRANGE', key, 0, STALE) or {}) do
    if not is_leased(lease) then
      count = count - redis.call('ZREM', key, lease)
    end
  end
  return count
end

-- When the next token comes or came, us: so long after the last one was used. Redis keeps when that
-- was, not when the next one comes, as the rate may have changed; later than now is from before
-- Redis' clock was set back.
local function next_token(limit)
  local last = tonumber(redis.call('GET', PREFIX .. 'rate:' .. limit.name) or '')
  if not last or last > NOW_US then
    return NOW_US
  end
  return math.max(last + limit.every, NOW_US - KEPT_US)
end

-- How many of so many members may begin now; where not all may, when to ask again (ms).
local function allow(limit, wanted)
  local may, due = wanted, NOW + LOOK_AGAIN
  local known = limit.name .. ' ' .. limit.every .. ' ' .. limit.most
  if limit.is_paused or is_out[known] then
    return 0, is_out[known] or NEVER
  elseif limit.most > 0 then
    may = math.min(may, math.max(0, limit.most - count_running(limit)))
  end
  if limit.every > 0 then
    local at = next_token(limit)
    local tokens = at > NOW_US and 0 or math.floor((NOW_US - at) / limit.every) + 1
    if tokens < may then
      may, due = tokens, math.ceil((at + tokens * limit.every) / 1000)
    end
  end
  is_out[known] = may == 0 and due or nil
  return may, due
end
