-- report: what running members tell: that they run, how far they are, what they wrote. Counts only
-- with the lease; senders merge reports to about ten a second.
--
-- Parts    base events
-- KEYS[1]  prefix
-- ARGV     1 worker · 2 id of this report, then items of five: kind, lease, record, index, data
--            's'  it has been running for a while      data: ms since it began
--            'p'  progress                             data: JSON
--            'k'  the answer to a question (ask.lua)     data: client, question, signed JSON
--            'o'  output                               data: one letter for the stream, then text
-- Returns  items dropped for want of the lease or of the record

local LOG_LIMIT = 1000000 -- bytes kept of what one member writes; the older half goes first
local SEPARATOR = '\30' -- before each part of a log; senders take it out of the text
local WHOLE = '^[dV]' -- displays: senders keep them below the limit, for half of one is none
local DROPPED = '\30x0 0 ' -- a part that says how many bytes were dropped

-- The newest half; where the last part alone is longer, its end is kept, under its own letter.
local function newest(key, data)
  local kept = redis.call('GETRANGE', key, -LOG_LIMIT / 2, -1)
  local first = string.find(kept, SEPARATOR, 1, true)
  local last = string.find(data, WHOLE) and data or string.sub(data, 1, 1) .. kept
  return first and string.sub(kept, first) or SEPARATOR .. last
end

local function log(key, data)
  local size = redis.call('APPEND', key, SEPARATOR .. data)
  if size > LOG_LIMIT then
    local before = string.match(redis.call('GETRANGE', key, 0, 40), '^' .. DROPPED .. '(%d+)')
    local kept = newest(key, data)
    redis.call('SET', key, DROPPED .. string.format('%d', (before or 0) + size - #kept) .. kept)
  end
  redis.call('PEXPIRE', key, DAY)
end

go_on_when_full()
if seen_before('out:' .. ARGV[1], ARGV[2]) then
  return 0
end

local dropped = 0
for at = 3, #ARGV, 5 do
  local kind, lease, rid, i, data = unpack(ARGV, at, at + 4)
  local key = record_key(rid)
  local clients = redis.call('HGET', key, 'c')
  if not clients or not is_leased(lease) then
    dropped = dropped + 1
  elseif kind == 's' then
    local began = NOW - tonumber(data)
    redis.call('HSET', key, 'w' .. i, ARGV[1] .. ' ' .. began)
    emit(clients, 's', { rid, i, ARGV[1], began })
  elseif kind == 'p' then
    redis.call('HSET', key, 'p' .. i, data)
    emit(clients, 'p', { rid, i, data })
  elseif kind == 'k' then
    local client, question, answer = string.match(data, '^(%S+) (%S+) (.*)$')
    emit(client, 'k', { rid, i, question, answer })
  else
    log(PREFIX .. 'o:' .. rid .. ':' .. i, data)
    emit(clients, 'o', { rid, i, data })
  end
end
flush_events()
return dropped
