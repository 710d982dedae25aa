-- Letting a canvas begin, whose records are stored and on hold.
-- Parts    settle room

-- ARGV from behind `base` on: what commit.lua gets. Nothing is written before it is sure that all
-- may be. Returns what commit.lua returns.
local function commit(base)
  local drawing = PREFIX .. 'g:' .. ARGV[base + 1]
  local first = base + 8 + 2 * tonumber(ARGV[base + 6])
  local last = first + tonumber(ARGV[base + 7]) - 1
  for at = first, #ARGV do
    if redis.call('EXISTS', record_key(ARGV[at])) == 0 then
      return -1
    end
  end
  for at = base + 8, first - 1, 2 do
    local waiting = crowd(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[base + 5]))
    if waiting then
      return -3 - waiting
    end
  end

  if redis.call('EXISTS', drawing) == 0 then
    redis.call('HSET', drawing, 'plan', ARGV[base + 3], 'left', ARGV[base + 4], 't0', NOW)
  end
  for at = first, last do
    local rid = ARGV[at]
    local found = redis.call('HMGET', record_key(rid), 'hold', 'h', 'left', 'keep')
    if redis.call('HDEL', record_key(rid), 'hold') == 1 then
      redis.call('PERSIST', record_key(rid))
      redis.call('PERSIST', states_key(rid))
      if found[3] == '0' then
        canvas().finish(rid, found[4] or KEPT)
      else
        retain_code(code_of(found[2]))
      end
    end
  end
  for at = last + 1, #ARGV do
    local rid, key = ARGV[at], record_key(ARGV[at])
    local found = redis.call('HMGET', key, 'lk', 'kd', 'n', 'pa')
    if redis.call('HDEL', key, 'ended') == 1 then
      for from, run in string.gmatch(redis.call('GET', states_key(rid)), '()(%u+)') do
        canvas().spread(rid, from - 1, run)
      end
    end
    if redis.call('HDEL', key, 'lk') == 1 then
      redis.call('HINCRBY', key, 'wt', -select(2, string.gsub(found[1], '%S+', ''))) -- link counts
      canvas().link(rid, found[2], found[1])
    elseif found[4] == '' then
      canvas().ready(rid, 0, tonumber(found[3]))
    end
  end
  return 0
end
