-- What was parked and is revoked or purged.

-- A slice has gone from `ready:<list>%`: it waits for no limit any more.
local function forget(list, slice)
  local limit = look_into(slice)
  local key = PREFIX .. 'parked:' .. (limit and limit.name or '')
  if redis.call('ZREM', key, list .. ' ' .. slice) == 1 and redis.call('EXISTS', key) == 0 then
    look_at(limit.name, nil)
    set_timer()
  end
end
