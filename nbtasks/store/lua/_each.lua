-- Edges from member to member, as between the steps of equal chains.

local function is_failure(byte)
  return byte == FAILURE or byte == REVOKED
end

-- Members [from, ..) of a record ended, and member i of the target follows member i.
local function follow_each(target, kind, rid, from, states)
  local rule = redis.call('HGET', record_key(target), 'on')
  local is_errback = redis.call('HGET', record_key(target), 'in') == 'E'
  local at = 1
  while at <= #states do
    local byte = string.sub(states, at, at)
    local _, stop = string.find(states, '^' .. byte .. '+', at)
    local first, to = from + at - 1, from + stop
    if not is_failure(byte) then
      all_ended(target, first, to, rule, byte == IGNORED)
    elseif rule == 'D' then
      ready(target, first, to)
    elseif rule == 'F' then
      for i = first, to - 1 do
        if is_errback and was_passed_on(rid, i) then
          give_up(target, i, i + 1, IGNORED, nothing)
        else
          ready(target, i, i + 1)
        end
      end
    else
      give_up(target, first, to, FAILURE, function(i)
        return dependency(kind, rid, i)
      end)
    end
    at = stop + 1
  end
end
