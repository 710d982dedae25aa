-- What had failed only because a member had, or was not needed, waits for that member again.
-- Parts    again

local function revive_members(rid, from, to, nonce)
  local states = redis.call('GETRANGE', states_key(rid), from, to - 1)
  for at, byte in string.gmatch(states, '()([' .. FAILURE .. IGNORED .. '])') do
    local i = from + at - 1
    local _, _, _, _, is_passed_on = cause_of(rid, i)
    if byte == IGNORED or is_passed_on then
      redis.call('HSET', record_key(rid), 'rv', 1)
      redis.call('HDEL', record_key(rid), 'ig')
      restart(rid, i, WAITING, times(rid, i) + 1, nonce)
    end
  end
end

-- One edge to a target more; `to` is 0 where its record is gone.
local function wait_again(rid, to, suffix)
  if to > 0 then
    redis.call('HINCRBY', record_key(rid), 'wt' .. suffix, 1)
  end
end

local followed = 0 -- of those in `revived`: each is followed once

local function revive(nonce)
  while revived[followed + 1] do
    followed = followed + 1
    local rid, i, was_done = unpack(revived[followed])
    local found = redis.call('HMGET', record_key(rid), 'out', 'y' .. i)
    for span, target in string.gmatch(found[1] or '', '(%l)%l(%S+)') do
      local child, from, to, suffix = target_of(target)
      if span == 'e' then
        from, to = i, i + 1
      elseif was_done then
        wait_again(child, to, suffix)
      end
      revive_members(child, from, to, nonce)
    end
    for target in string.gmatch(found[2] or '', '%l(%S+)') do
      local child, from, to, suffix = target_of(target)
      wait_again(child, to, suffix)
      revive_members(child, from, to, nonce)
    end
  end
end
