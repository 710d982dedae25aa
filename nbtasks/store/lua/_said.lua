-- What was said of tasks at run time, over what their records say.
-- Parts    base

local said -- by the names of tasks: us from one to the next, and !<task>: it is paused

local function said_of_tasks()
  if not said then
    local found = redis.call('HGETALL', PREFIX .. 'limits')
    said = {}
    for at = 1, #found, 2 do
      said[found[at]] = found[at + 1]
    end
  end
  return said
end

-- The limit that a member has by its record's `lim` and header, and its own key; nil for none.
local function limit_of(lim, header, own)
  local every, most, name = string.match(lim or '', '^(%d+) (%d+) (.+)$')
  local task = next(said_of_tasks()) and string.match(header or '', '"task":"([^" ]+)"')
  if task and said['!' .. task] then
    return { name = task, every = 0, most = 0, is_paused = true }
  end
  every = tonumber(string.match(task and said[task] or every or '', '^%d+$')) or 0
  most, name = tonumber(most) or 0, name or task
  if every + most == 0 then
    return nil
  end
  name = string.sub(name, -1) == '/' and name .. (own or '') or name
  return { name = name, every = every, most = most }
end
