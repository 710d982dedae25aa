-- The monitoring stream: what happens to all tasks and workers. It is written only while somebody
-- listens (listen.lua). An entry begins with its number, `#` `1` number, by which readers see that
-- some are missing; then come items as in _events.lua, at most one entry a script call (more only
-- when it is very long). What they hold is in tidings.py.
-- Parts    base

local BODY = 4096 -- bytes: what is larger, and all while readers are far behind, is to be fetched
local FAR_BEHIND = 10000 -- entries
local HEADER = 8192 -- bytes, likewise
local MAX_FIELDS = 6000 -- Lua's unpack takes 8000

local monitor -- '-' or 'b' (with bodies), entries to keep, ms to keep them; false: nobody listens
local told = {}
local spent_us = 0 -- that each of the members took that are handed in now

local function is_watched()
  if monitor == nil then
    monitor = redis.call('GET', PREFIX .. 'monitor')
  end
  return monitor
end

local function flush_monitor()
  if #told == 0 then
    return
  end
  if #told % 2 == 0 then
    told[#told + 1] = ''
  end
  local entries, ttl = string.match(monitor, '^. (%d+) (%d+)$')
  local key, number = PREFIX .. 'ev', redis.call('HINCRBY', PREFIX .. 'monitors', '#', 1)
  if number == 1 then -- Redis may have dropped the list of listeners, and this has made it anew
    redis.call('PEXPIRE', PREFIX .. 'monitors', redis.call('PTTL', PREFIX .. 'monitor'))
  end
  redis.call('XADD', key, 'MAXLEN', '~', entries, '*', '#', 1, number, unpack(told))
  redis.call('PEXPIRE', key, ttl)
  told = {}
end

-- Tell all who listen.
local function tell(kind, fields)
  if not is_watched() then
    return
  elseif #told + #fields > MAX_FIELDS then
    flush_monitor()
  end
  told[#told + 1] = kind
  told[#told + 1] = #fields
  for i = 1, #fields do
    told[#told + 1] = fields[i]
  end
end

-- How large a body may be to be told.
local function room_for_bodies()
  local is_wanted = string.sub(monitor, 1, 1) == 'b'
  return is_wanted and redis.call('XLEN', PREFIX .. 'ev') < FAR_BEHIND and BODY or 0
end
