-- entries: what there is to say of schedule entries.
--
-- Parts    entry
-- KEYS[1]  prefix
-- ARGV     names
-- Returns  {now, {name, due, at, off, er, failures, running, program, added, words, version}..}:
--          '' where there is none

local reply = { NOW }
for _, name in ipairs(ARGV) do
  local key = entry_key(name)
  local found =
    redis.call('HMGET', key, 'due', 'at', 'off', 'er', 'bad', 'on', 'pg', 't0', 'tx', 'v')
  if found[10] then
    local item = { name }
    for at = 1, 10 do
      item[at + 1] = found[at] or ''
    end
    reply[#reply + 1] = item
  end
end
return reply
