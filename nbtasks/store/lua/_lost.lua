-- Taking back what nobody renews: what a lost lease still has of unfinished members waits again.

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

local function lose_lease(lease, lease_ms, leases)
  redis.call('ZREM', PREFIX .. 'lease', lease)
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
    local ran = #mine == 1 or redis.call('HEXISTS', record_key(rid), 'w' .. i) == 1
    lose(rid, i, '', 'its worker stopped renewing the lease', ran and not is_innocent)
  end
end
