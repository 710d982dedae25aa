-- What members keep for their next try: a checkpoint, and the parts they have yielded. Of member i
-- cp<i> is the number of parts before its checkpoint, a space and that; pc<i> the number of parts,
-- pt<i>:<at> one of them. `kp` says that there is any. It goes with the record.

local function keep_checkpoint(rid, i, data)
  redis.call('HSET', record_key(rid), 'kp', 1, 'cp' .. i, data)
end

-- A part with its place before it; only a place, where there are no more. A try that begins anew
-- begins at an earlier place, and what was there and behind it does not count any more.
local function keep_part(rid, i, data)
  local key, place, part = record_key(rid), string.match(data, '^(%d+) (.*)$')
  local at = tonumber(place)
  local count = tonumber(redis.call('HGET', key, 'pc' .. i) or 0) or 0
  if at > count then
    return count -- what was before it is lost: whoever reads must not take it for the next
  end
  if part ~= '' then
    redis.call('HSET', key, 'pt' .. i .. ':' .. place, part)
    at = at + 1
  end
  redis.call('HSET', key, 'pc' .. i, at)
  return at
end

-- For whoever takes members [from, to): of each that has a checkpoint {index, checkpoint, part..}.
local function kept_by(rid, from, to)
  local key, found = record_key(rid), {}
  for i = from, to - 1 do
    local checkpoint = redis.call('HGET', key, 'cp' .. i)
    if checkpoint then
      local item = { i, checkpoint }
      for at = 0, tonumber(string.match(checkpoint, '^%d+') or 0) - 1 do
        item[#item + 1] = redis.call('HGET', key, 'pt' .. i .. ':' .. at) or ''
      end
      found[#found + 1] = item
    end
  end
  return found
end

-- Members have reached these final states: one that has failed may be queued again, and goes on.
local function drop_checkpoints(rid, from, states)
  for at in string.gmatch(states, '()[' .. SUCCESS .. REVOKED .. IGNORED .. ']') do
    redis.call('HDEL', record_key(rid), 'cp' .. (from + at - 1))
  end
end
