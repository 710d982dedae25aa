-- Once more: a failed member waits again, and with it what has failed only because of it.
-- Parts    base events slices code canvas blame

local PER_MEMBER = { 'e', 'd', 'k', 'p', 'u', 'w', 'x' }

local revived = {} -- members whose followers are still to be looked at

-- A record that had ended has not ended any more: it stays, and holds what it takes values from.
local function reopen(rid)
  local key = record_key(rid)
  local found = redis.call('HMGET', key, 'h', 'pa', 'pb', 'g', 'rp')
  redis.call('PERSIST', key)
  redis.call('PERSIST', states_key(rid))
  redis.call('HDEL', key, 'exp') -- nobody else waits, and this one is to run
  retain_code(code_of(found[1]))
  local sources = { found[2] or '', found[3] or '', found[5] or '' }
  for source in string.gmatch(table.concat(sources, ' '), '%S+') do
    local _, parent = source_of(source)
    if parent and redis.call('EXISTS', record_key(parent)) == 1 then
      redis.call('HINCRBY', record_key(parent), 'ch', 1)
      redis.call('PERSIST', record_key(parent))
      redis.call('PERSIST', states_key(parent))
    end
  end
  if found[4] and redis.call('EXISTS', PREFIX .. 'g:' .. found[4]) == 1 then
    redis.call('HINCRBY', PREFIX .. 'g:' .. found[4], 'left', 1)
    redis.call('PERSIST', PREFIX .. 'g:' .. found[4])
  end
end

-- Member i, which has ended, is PENDING or WAITING, as if just submitted, for the `number`-th time.
local function restart(rid, i, state, number, nonce)
  local key = record_key(rid)
  redis.call('HSET', key, 'z' .. i, number .. ' ' .. nonce)
  for _, letter in ipairs(PER_MEMBER) do
    redis.call('HDEL', key, letter .. i)
  end
  local left = redis.call('HINCRBY', key, 'left', 1)
  redis.call('SETRANGE', states_key(rid), i, state)
  emit(redis.call('HGET', key, 'c'), 'q', { rid, i, number })
  tell('a', { rid, i, number })
  revived[#revived + 1] = { rid, i, left == 1 }
  if left == 1 then
    reopen(rid)
  end
end

-- How often member i has been queued again, and the nonce of the last time.
local function times(rid, i)
  local found = redis.call('HGET', record_key(rid), 'z' .. i) or '0 '
  local number, nonce = string.match(found, '^(%d+) (.*)$')
  return tonumber(number), nonce
end
