-- Taking back what nobody renews: what a lost lease still has of unfinished members waits again.

local UNSEEN = 5

-- Members of a slice that somebody has by now under a lease of their own: they were given back, or
-- tried again, while the rest was still held. Such a lease is always the smaller one.
local function passed_on(rid, from, to, leases)
  local found, start = {}, rid .. ':'
  for _, lease in ipairs(to - from > 1 and leases or {}) do
    if string.sub(lease, 1, #start) == start then
      local _, first, stop = parse_slice(string.match(lease, '^(.*):[^:]*$'))
      if first and first >= from and stop <= to and stop - first < to - from then
        for i = first, stop - 1 do
          found[i] = true
        end
      end
    end
  end
  return found
end

-- Whether a member is held to have run: it was reported as started, about 20 ms after it began. One
-- that was not may just have been handed over. That passes UNSEEN times, since it may also be what
-- takes its worker down before anybody sees it run.
local function has_run(rid, i)
  local key = record_key(rid)
  return redis.call('HEXISTS', key, 'w' .. i) == 1
    or redis.call('HINCRBY', key, 'u' .. i, 1) > UNSEEN
end

local function lose_lease(lease, lease_ms, leases)
  drop_lease(lease)
  local name, token = string.match(lease, '^(.*):([^:]*)$')
  local rid, from, to = parse_slice(name or '')
  if not rid then
    return -- no worker of ours wrote it
  end
  local old = redis.call('GETRANGE', states_key(rid), from, to - 1)
  local others, mine = passed_on(rid, from, to, leases), {}
  for at in string.gmatch(old, '()' .. STARTED) do
    if not others[from + at - 1] then
      mine[#mine + 1] = from + at - 1
    end
  end
  local is_innocent = held_suspect(lease, token, lease_ms)
  for _, i in ipairs(mine) do
    local is_counted = has_run(rid, i) and not is_innocent
    lose(rid, i, '', 'its worker stopped renewing the lease', is_counted)
  end
end
