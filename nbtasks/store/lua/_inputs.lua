-- What is delivered with a slice of a record that takes values from others.
-- Parts    canvas blame values

-- Sources, at most `most` of them; what was added to a chord begins with `+` and has a signed note.
local function deliver(key, sources, most, from, to, reply)
  for text in string.gmatch(sources or '', '%S+') do
    local span, rid, i = source_of(text)
    if most == 0 then
      break
    elseif not rid then
      reply[#reply + 1] = { text, redis.call('HGET', key, text) or '' }
    elseif span == '1' then
      reply[#reply + 1] = values_of(rid, i, i + 1)
    elseif span == 'w' then
      reply[#reply + 1] = values_of(rid, 0, NEVER)
    else
      reply[#reply + 1] = values_of(rid, from, to)
    end
    most = most - 1
  end
end

local function inputs_of(rid, from, to)
  local key, reply = record_key(rid), {}
  local found = redis.call('HMGET', key, 'in', 'pa', 'by', 'pb', 'in' .. from)
  if found[5] then
    deliver(key, found[5], NEVER, from, to, reply)
  elseif found[1] == 'E' then
    return failure_of(found[3], found[2], from)
  else
    deliver(key, found[2], tonumber(found[1] or 0), from, to, reply)
    deliver(key, found[4], NEVER, from, to, reply)
  end
  return #reply > 0 and reply or 0
end
