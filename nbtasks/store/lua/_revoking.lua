-- Revoking members, and with a task that was replaced what runs in its place.
-- Parts    limit settle sources unqueue revoked

local MOST_REVOKED = 1000 -- records in one script

local waiting_for_end = {} -- records and members that are still to be revoked

-- What a member waits for that was replaced: all records of the canvas that was sent for it.
local function add_stand_ins(rid, i)
  for text in string.gmatch(redis.call('HGET', record_key(rid), 'in' .. i) or '', '%S+') do
    local _, other = string.match(text, '^(.)([^/]+)')
    local root = redis.call('HGET', record_key(other), 'g')
    local plan = root and redis.call('HGET', PREFIX .. 'g:' .. root, 'plan')
    local nodes = plan and cjson.decode(plan).nodes or { { rid = other } }
    for at = #nodes, 1, -1 do -- what comes after first: it is revoked, and does not fail
      waiting_for_end[#waiting_for_end + 1] = { nodes[at].rid, 0, NEVER }
    end
  end
end

-- Revoke members [from, to) of a record, and note those that run for a signal ('' for none).
-- Returns how many had not ended, how many were revoked before, and how many run.
local function revoke_members(rid, from, to, signal)
  local key, marks, revoked, before = record_key(rid), {}, 0, 0
  local states = redis.call('GETRANGE', states_key(rid), from, to - 1)
  local is_replaced = redis.call('HGET', key, 'cv') == '2'
  for at = 1, #states do
    local byte, i = string.sub(states, at, at), from + at - 1
    if string.byte(byte) >= FIRST_UNFINISHED then
      revoked = revoked + 1
      if byte == STARTED and signal ~= '' then
        marks[#marks + 1] = 'x' .. i
        marks[#marks + 1] = signal
      elseif byte == WAITING and is_replaced then
        add_stand_ins(rid, i)
      end
    elseif byte == REVOKED then
      before = before + 1
    end
  end
  if #marks > 0 then
    redis.call('HSET', key, unpack(marks))
  end
  if revoked > 0 then
    settle(rid, from, string.rep(REVOKED, #states), function() end, '')
    unqueue(rid, from, states)
    note_revoked(rid, from, from + #states)
  end
  return revoked, before, #marks / 2
end
