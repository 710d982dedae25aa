-- Slices: how members wait, and how they come back from a worker that did not finish them.
-- Parts    usual

local BAND = 1e15 -- a band per priority, microseconds since 2025 in it: first come, first served
local EPOCH_US = 1735689600000000

local function wake(queue)
  local key = PREFIX .. 'wake:' .. queue
  if redis.call('ZADD', key, 0, '1') == 1 then
    redis.call('PEXPIRE', key, WAKE_TTL)
  end
end

local scores = 0 -- what one script queues stays in order, too; above 2^53 a double counts by twos

local function score(priority, is_first)
  local band = (9 - priority) * BAND
  scores = scores + 2
  return is_first and band or band + TIME[1] * 1000000 + TIME[2] - EPOCH_US + scores
end

-- A member whose next death would be its last waits apart, for a worker that holds no other such
-- one: whichever task kills that worker, no neighbour is given up for it.
local function is_suspect(deaths, cap)
  local count = tonumber(deaths or 0)
  return count > 0 and count >= tonumber(cap or DELIVERIES) - 1
end

-- Queue a slice, at the end of its priority or (is_first) before all others of it.
local function put(name, priority, rid, from, to, is_first)
  local place = score(tonumber(priority), is_first)
  redis.call('ZADD', PREFIX .. 'ready:' .. name, place, slice_name(rid, from, to))
  wake(name)
end

-- Queue a slice where its record belongs.
local function enqueue(rid, from, to, is_first)
  local found = redis.call('HMGET', record_key(rid), 'q', 'pr', 'h', 'cap', 'd' .. from)
  local name = found[1] or QUEUE
  if found[3] then
    if to - from == 1 and is_suspect(found[5], found[4]) then
      local _, python = code_of(found[3])
      name = name .. (python == '' and '!' or '@' .. python .. '!')
    end
    put(name, found[2] or 0, rid, from, to, is_first)
  end
end

local function enqueue_later(rid, from, to, due)
  redis.call('ZADD', PREFIX .. 'sched', due, slice_name(rid, from, to))
end
