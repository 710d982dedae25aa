-- The end of a record: how long it stays, and who needs its values until then.

-- A record needs the values of its sources no longer.
local function let_go(sources)
  for source in string.gmatch(sources or '', '%S+') do
    local _, rid = source_of(source)
    local key = record_key(rid or '')
    local found = redis.call('HMGET', key, 'left', 'keep')
    if found[1] and redis.call('HINCRBY', key, 'ch', -1) <= 0 and found[1] == '0' then
      expire(rid, found[2] or KEPT)
    end
  end
end

-- All members of a record in a canvas have ended.
local function finish(rid, keep)
  local key = record_key(rid)
  local found = redis.call('HMGET', key, 'pa', 'pb', 'ch', 'g', 'rp')
  if tonumber(found[3] or 0) <= 0 then
    expire(rid, keep)
  end
  let_go(found[1])
  let_go(found[2])
  let_go(found[5])
  local drawing = PREFIX .. 'g:' .. (found[4] or '')
  if found[4] and redis.call('EXISTS', drawing) == 1 then
    if redis.call('HINCRBY', drawing, 'left', -1) <= 0 then
      redis.call('PEXPIRE', drawing, keep)
      local entry = redis.call('HGET', drawing, 'se')
      if entry then
        run_ended(entry, found[4])
      end
    end
  end
end
