-- What a target is told of its sources: that one has failed, or that one more has ended.
local function all_ended(rid, from, to, rule, is_ignored)
  if rule == 'F' or (is_ignored and rule ~= 'D') then
    give_up(rid, from, to, IGNORED, nothing)
  else
    ready(rid, from, to)
  end
end

-- A source of a target has failed, at member i. An errback is not told of what a chain passed on.
local function one_failed(target, kind, prid, i)
  local rid, from, to, suffix = target_of(target)
  local found = redis.call('HMGET', record_key(rid), 'on', 'in')
  local rule = suffix == '' and found[1] or 'S'
  if rule == 'F' then
    if found[2] == 'E' and was_passed_on(prid, i) then
      return
    end
    local n = redis.call('HGET', record_key(prid), 'n')
    redis.call('HSETNX', record_key(rid), 'by', prid .. '/' .. i .. '/' .. n)
    ready(rid, from, to)
  elseif rule == 'S' then
    local body
    give_up(rid, from, to, FAILURE, function()
      body = body or dependency(kind, prid, i, suffix ~= '')
      return body
    end)
  end
end

-- One of these sources that has failed, as {record, index}; nil where none has.
local function failed_source(sources)
  for text in string.gmatch(sources or '', '%S+') do
    local _, rid, i = source_of(text)
    local states = redis.call('GETRANGE', states_key(rid), i or 0, i or -1)
    local bad = string.find(states, '[' .. FAILURE .. REVOKED .. ']')
    if bad then
      return { rid, (i or 0) + bad - 1 }
    end
  end
end

-- One edge to a target less.
local function one_ended(target, is_ignored)
  local rid, from, to, suffix = target_of(target)
  local key = record_key(rid)
  if is_ignored and to > 0 then
    redis.call('HSET', key, 'ig' .. suffix, 1)
  end
  -- Where `to` is 0, its record is gone.
  if to > 0 and redis.call('HINCRBY', key, 'wt' .. suffix, -1) <= 0 then
    local found = redis.call('HMGET', key, 'on', 'ig' .. suffix, 'rv', 'pa', 'kd')
    local bad = found[3] and failed_source(found[4])
    if bad and found[1] == 'S' then
      return one_failed(target, found[5], unpack(bad))
    end
    all_ended(rid, from, to, suffix == '' and found[1] or 'S', found[2])
  end
end
