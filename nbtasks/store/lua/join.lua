-- join: what a running task of a chord's header adds to it (add_to_chord). The body waits for it,
-- and takes its value after the declared ones. What a lost try has added already stays. Only a
-- declared task may add: what was added is known to the body by the signed note of one.
--
-- Parts    settle
-- KEYS[1]  prefix
-- ARGV     1 record · 2 index of the task · 3 how many it has added before · 4 sources · 5 signed
--          note of their shape; without sources nothing is added
-- Returns  bodies that wait for the task; -1 where its record is not stored

local rid, i = ARGV[1], ARGV[2]
local found = redis.call('HMGET', record_key(rid), 'out', 'y' .. i, 'n')
if not found[3] then
  return -1
end
local name, joined = '+' .. rid .. '/' .. i .. '/' .. ARGV[3], 0

local function is_declared(sources)
  local list = ' ' .. sources .. ' '
  return string.find(list, ' w' .. rid .. ' ', 1, true)
    or string.find(list, ' 1' .. rid .. '/' .. i .. ' ', 1, true)
end

local function add(target)
  local key = record_key(target)
  if not is_declared(redis.call('HGET', key, 'pa') or '') then
    return
  end
  local is_over = redis.call('HGET', key, 'left') == '0' -- the header has failed already
  if ARGV[4] ~= '' and not is_over and redis.call('HSETNX', key, name, ARGV[5]) == 1 then
    canvas().append(key, 'pb', name .. ' ' .. ARGV[4])
    canvas().link(target, 'h', ARGV[4])
  end
  joined = joined + 1
end

for target in string.gmatch(' ' .. (found[1] or ''), ' wh(%S+)') do
  add(target)
end
for target in string.gmatch(' ' .. (found[2] or ''), ' h(%S+)') do
  add(target)
end
flush_events()
return joined
