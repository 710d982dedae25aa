-- Telling monitors of members that are queued, or have ended.
-- Parts    monitor usual

local SPAN = 2000 -- members in an item
local ERROR = 32768 -- bytes of an error, which carries its traceback

-- Members [from, to) are queued, or will be at `due` (0: now).
local function tell_sent(rid, from, to, due)
  if not is_watched() then
    return
  end
  local names, room = { 'n', 'q', 'c', 'pr', 'exp', 'h' }, room_for_bodies()
  for i = from, room > 0 and to - 1 or from - 1 do
    names[#names + 1] = 'm' .. i
  end
  local found = redis.call('HMGET', record_key(rid), unpack(names))
  local n, queue, clients, priority, expires, header = unpack(found, 1, 6)
  queue, priority, expires = queue or QUEUE, priority or '0', expires or '0'
  header = #header <= HEADER and header or ''
  local client = string.match(clients, '^%S*')
  local fields = { rid, from, to, n, queue, client, priority, due, expires, header }
  for at = 7, #found do
    fields[#fields + 1] = found[at] and #found[at] <= room and found[at] or ''
  end
  tell('q', fields)
end

local tell_end
-- Members from.. have ended, as in `settle_run`: of each when it began and the signal it got, if
-- that is known; then the bodies, or none of them.
function tell_end(rid, from, states, worker, body)
  if not is_watched() then
    return
  elseif #states > SPAN then
    tell_end(rid, from, string.sub(states, 1, SPAN), worker, body)
    return tell_end(rid, from + SPAN, string.sub(states, SPAN + 1), worker, body)
  end
  local names, room = { 'n' }, room_for_bodies()
  for i = from, from + #states - 1 do
    names[#names + 1] = 'w' .. i
    names[#names + 1] = 'x' .. i
  end
  local found = redis.call('HMGET', record_key(rid), unpack(names))
  local fields = { rid, from, states, found[1], worker, spent_us }
  for at = 2, #found, 2 do
    local began = string.match(found[at] or '', '^%S+ (%d+)') or '0'
    fields[#fields + 1] = found[at + 1] and began .. ' ' .. found[at + 1] or began
  end
  for at = 1, room > 0 and #states or 0 do
    local value = body(from + at - 1)
    local most = string.sub(states, at, at) == SUCCESS and room or ERROR
    fields[#fields + 1] = value and #value <= most and value or ''
  end
  tell('f', fields)
end
