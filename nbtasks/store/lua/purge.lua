-- purge: end some of what waits in a queue, as if it were revoked; what runs goes on. Called again
-- and again, each time for a few, so that no call holds Redis for long.
--
-- Parts    limit settle sources take purging
-- KEYS[1]  prefix
-- ARGV     1 queue · 2 r what is ready, s what is scheduled for it · 3 where to go on: '' to begin,
--          then what the last call gave
-- Returns  {members ended, 1 if there may be more, where to go on}

-- What is ready and came before `cutoff` (see score): what is sent meanwhile stays.
local function purge_ready(queue, cutoff)
  local slices, members = 0, 0
  for _, name in ipairs(names_of(queue)) do
    local key = PREFIX .. 'ready:' .. name
    for band = 0, 9 * BAND, BAND do
      local found = redis.call(
        'ZRANGEBYSCORE',
        key,
        band,
        string.format('%.0f', band + cutoff),
        'WITHSCORES',
        'LIMIT',
        0,
        MOST_SLICES - slices
      )
      for at = 1, #found, 2 do
        members = members + purge_slice(key, found[at], found[at + 1], MOST_MEMBERS - members)
        slices = slices + 1
        if slices >= MOST_SLICES or members >= MOST_MEMBERS then
          return { members, 1, cutoff }
        end
      end
    end
  end
  return { members, 0, cutoff }
end

go_on_when_full()

local reply
if ARGV[2] == 'r' then
  reply = purge_ready(ARGV[1], tonumber(ARGV[3]) or TIME[1] * 1000000 + TIME[2] - EPOCH_US)
else
  reply = purge_scheduled(ARGV[1], ARGV[3] == '' and '0' or ARGV[3])
end
flush_events()
return reply
