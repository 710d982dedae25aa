-- Following edges: members have ended, and what waits for them is told.

-- The target waits for all members of the record; `all` are its states.
local function follow_whole(target, kind, rid, from, states, all)
  local bad = string.find(states, '[' .. FAILURE .. REVOKED .. ']')
  if bad then
    one_failed(target, kind, rid, from + bad - 1)
  end
  if not string.find(all, '%l') then
    one_ended(target, string.find(all, IGNORED, 1, true))
  end
end

local function follow_member(target, kind, rid, i, byte)
  if is_failure(byte) then
    one_failed(target, kind, rid, i)
  end
  one_ended(target, byte == IGNORED)
end

local function follow(rid, from, states)
  local key, all = record_key(rid), nil
  local found = redis.call('HMGET', key, 'out', 'ym')
  for span, kind, target in string.gmatch(found[1] or '', '(%l)(%l)(%S+)') do
    if span == 'e' then
      follow_each(target, kind, rid, from, states)
    else
      all = all or redis.call('GET', states_key(rid))
      follow_whole(target, kind, rid, from, states, all)
    end
  end
  for at = 1, found[2] and #states or 0 do
    local i = from + at - 1
    local own = redis.call('HGET', key, 'y' .. i) or ''
    for kind, target in string.gmatch(own, '(%l)(%S+)') do
      follow_member(target, kind, rid, i, string.sub(states, at, at))
    end
  end
end
