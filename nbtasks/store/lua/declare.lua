-- declare: a program says which schedule entries are its own; of those it no longer has, the
-- names are returned, to be removed. Of two versions of a program that of the higher number
-- counts, and of the same number the one that was started last.
--
-- Parts    entry
-- KEYS[1]  prefix
-- ARGV     1 program · 2 number of its version · 3 when it was started, ms, '' for now
--          then the names of its entries
-- Returns  {ms when it was started, names..}, or {-1} where another version counts

local programs, born = PREFIX .. 'programs', tonumber(ARGV[3]) or NOW
local version, since = string.match(redis.call('HGET', programs, ARGV[1]) or '', '^(%d+) (%d+)$')
if version then
  version, since = tonumber(version), tonumber(since)
  local own = tonumber(ARGV[2])
  if own < version or (own == version and born < since) then
    return { -1 }
  end
end
local reply, names = { born }, {}
for at = 4, #ARGV do
  names[ARGV[at]] = true
end
for _, name in ipairs(redis.call('ZRANGE', PREFIX .. 'due', 0, -1)) do
  if not names[name] and redis.call('HGET', entry_key(name), 'pg') == ARGV[1] then
    reply[#reply + 1] = name
  end
end
if #ARGV > 3 then
  redis.call('HSET', programs, ARGV[1], ARGV[2] .. ' ' .. born)
else
  redis.call('HDEL', programs, ARGV[1])
end
return reply
