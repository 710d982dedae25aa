-- fire: a due time of a schedule entry is over: it is fired, skipped or missed. Counts only while
-- it is the entry's due time, so that each is fired once, whoever asks, and how often.
--
-- Parts    commit entry
-- KEYS[1]  prefix
-- ARGV     1 entry · 2 its version · 3 due time, ms · 4 kind of run (_entry.lua); w: it is to wait
--          for the one that runs · 5 how many times, where it is not fired · 6 the last of them
--          7 next due time, '' for none · 8 when to fire that · then, to fire it, as in commit.lua
--          With the kinds n and b the run is beside the schedule, which goes on as it was.
-- Returns  1 · 0 it is over already, or has changed · or less, as commit

local name, kind, key = ARGV[1], ARGV[4], entry_key(ARGV[1])
local beside = kind == 'n' or kind == 'b'
local found = redis.call('HMGET', key, 'v', 'due', 'off')
if not found[1] then
  return 0
elseif not beside and (found[1] ~= ARGV[2] or found[2] ~= ARGV[3] or found[3]) then
  return 0
end

if kind == 'w' then
  redis.call('HSET', key, 'buf', 1)
  redis.call('ZADD', PREFIX .. 'due', NOW + BUFFER, name)
  return 1
end

if ARGV[9] then
  local root = ARGV[9]
  local drawing = PREFIX .. 'g:' .. root
  if redis.call('EXISTS', drawing) == 1 then
    if beside then
      return 0
    end
  else
    local done = commit(8)
    if done < 0 then
      return done
    end
    redis.call('HSET', drawing, 'se', name)
    redis.call('HINCRBY', key, 'on', 1)
    note(name, root, table.concat({ ARGV[3], NOW, kind, 1, 0, '-' }, ' '))
  end
else
  note_none(name, kind, ARGV[3], tonumber(ARGV[5]), ARGV[6])
end
if not beside then
  redis.call('HSET', key, 'due', ARGV[7], 'at', ARGV[8])
  redis.call('HDEL', key, 'buf', 'er')
  look_at(name, ARGV[7] == '' and NEVER or tonumber(ARGV[8]))
end
flush_events()
return 1
