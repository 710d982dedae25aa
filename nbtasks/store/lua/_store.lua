-- Writing a record, as submit gets it (its ARGV is in submit.lua).

local LIGHT = 1000 -- bytes of a member that are not worth a word

-- Each field of a single task costs Redis some 50 bytes: what is as usual is not said.
local function say(fields, name, value, usual)
  if tostring(value) ~= usual then
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
end

-- Its states; returns the fields of its head.
local function store_states(rid, n)
  local after, states = tonumber(ARGV[13]), ARGV[15]
  if states == '' then
    states = string.rep(MORE.g and WAITING or PENDING, n)
  end
  local _, left = string.gsub(states, '%l', '')
  redis.call('SET', states_key(rid), states)
  local fields = { 'h', ARGV[4], 'n', n, 'left', left, 'q', ARGV[5], 'c', ARGV[6], 't0', NOW }
  say(fields, 'pr', ARGV[7], '0')
  say(fields, 'cap', ARGV[10], DELIVERIES)
  say(fields, 'keep', ARGV[11], KEPT)
  say(fields, 'exp', after > 0 and NOW + after or 0, '0')
  for name, value in pairs(MORE) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  return fields
end

-- The bodies that stand in ARGV from `first` on, with the fields of the head; `size` is the mean of
-- those before, in bytes. `up` stands in a record of several chunks only.
local function store_bodies(key, from, n, first, size, fields)
  local bytes = 0
  for at = first, #ARGV do
    bytes = bytes + #ARGV[at]
    fields[#fields + 1] = 'm' .. (from + at - first)
    fields[#fields + 1] = ARGV[at]
    if #fields >= 4000 then
      redis.call('HSET', key, unpack(fields))
      fields = {}
    end
  end
  local count = #ARGV - first + 1
  size = math.max(math.ceil(bytes / count), size)
  if size > LIGHT then
    fields[#fields + 1] = 'sz'
    fields[#fields + 1] = size
  end
  say(fields, 'up', from + count, from == 0 and tostring(n) or '')
  if #fields > 0 then
    redis.call('HSET', key, unpack(fields))
  end
end

-- A client that dies while it sends must not leave half a record behind for ever.
local function secure(rid, from, is_part)
  if is_part then
    redis.call('PEXPIRE', record_key(rid), DAY)
    redis.call('PEXPIRE', states_key(rid), DAY)
    return
  elseif from > 0 then
    redis.call('PERSIST', record_key(rid))
    redis.call('PERSIST', states_key(rid))
  end
  retain_code(ARGV[9])
end
