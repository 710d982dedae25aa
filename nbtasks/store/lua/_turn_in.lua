-- What a worker hands in, by the kind of chunk (the contract is in exchange.lua). Each takes
-- (held, rid, index, at, worker) with `at` the next argument, and returns the one after its own.

local TURN_IN = {}
-- Members have finished: states, us a member, then their bodies.
function TURN_IN.f(held, rid, from, at, worker)
  local states, each, first = ARGV[at], ARGV[at + 1], at + 2
  if held then
    local function body(i)
      return ARGV[first + i - from]
    end
    spent_us = each
    if settle(rid, from, states, body, worker) ~= 0 then
      redis.call('HSET', record_key(rid), 'us', each)
    end
    spent_us = 0
  end
  return first + #states
end

-- A member failed and is tried again later.
function TURN_IN.r(held, rid, i, at, worker)
  if held and redis.call('GETRANGE', states_key(rid), i, i) == STARTED then
    local due, clients = NOW + tonumber(ARGV[at]), redis.call('HGET', record_key(rid), 'c')
    redis.call('HINCRBY', record_key(rid), 'k' .. i, 1)
    redis.call('SETRANGE', states_key(rid), i, RETRY)
    enqueue_later(rid, i, i + 1, due)
    emit(clients, 'r', { rid, i, due, ARGV[at + 1] })
    tell('r', { rid, i, due, worker, ARGV[at + 1] })
  end
  return at + 2
end
