-- Linking: a target is made to wait for sources that may have ended already.

local function append(key, name, text)
  redis.call('HSET', key, name, (redis.call('HGET', key, name) or '') .. ' ' .. text)
end

-- Returns the states of the source's record; '' where it is not stored.
local function add_edge(span, rid, i, kind, target)
  local key, states = record_key(rid), redis.call('GET', states_key(rid))
  if not states then
    return ''
  end
  redis.call('HSETNX', key, 'cv', 1)
  if redis.call('HINCRBY', key, 'ch', 1) > 0 then -- or the target has ended, and let go of it
    redis.call('PERSIST', key)
    redis.call('PERSIST', states_key(rid))
  end
  if span == '1' then
    append(key, 'y' .. i, kind .. target)
    redis.call('HSET', key, 'ym', 1)
  else
    append(key, 'out', span .. kind .. target)
  end
  return states
end

local function follow_new(span, target, kind, rid, i, states)
  if span == 'w' then
    follow_whole(target, kind, rid, 0, states, states)
  elseif span == '1' then
    local byte = string.sub(states, i + 1, i + 1)
    if string.find(byte, '%u') then
      follow_member(target, kind, rid, i, byte)
    end
  else
    for at, run in string.gmatch(states, '()(%u+)') do
      follow_each(target, kind, rid, at - 1, run)
    end
  end
end

local function link(target, kind, list)
  local rid, from, to, suffix = target_of(target)
  local _, count = string.gsub(list, '%S+', '')
  redis.call('HINCRBY', record_key(rid), 'wt' .. suffix, count)
  for text in string.gmatch(list, '%S+') do
    local span, prid, i = source_of(text)
    local states = add_edge(span, prid, i, kind, target)
    if states == '' then
      local body = system_body({ type = 'UnknownTask', of = prid })
      give_up(rid, from, to, FAILURE, function()
        return body
      end)
    else
      follow_new(span, target, kind, prid, i, states)
    end
  end
end
