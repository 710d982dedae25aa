-- Writing a record, as submit gets it (its ARGV is in submit.lua).

-- Its states; returns the fields of its head.
local function store_states(rid, n)
  local after, states = tonumber(ARGV[13]), ARGV[15]
  if states == '' then
    states = string.rep(ARGV[16] == '' and PENDING or WAITING, n)
  end
  local _, left = string.gsub(states, '%l', '')
  local expires = after > 0 and NOW + after or 0
  redis.call('SET', states_key(rid), states)
  local fields = { 'h', ARGV[4], 'n', n, 'left', left, 'q', ARGV[5], 'c', ARGV[6], 'pr', ARGV[7] }
  for i, name in ipairs({ 'py', 'fn', 'cap', 'keep' }) do
    fields[#fields + 1] = name
    fields[#fields + 1] = ARGV[7 + i]
  end
  local more = ARGV[16] == '' and {} or cjson.decode(ARGV[16])
  more.exp, more.t0 = expires, NOW
  for name, value in pairs(more) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  return fields
end

-- The bodies that stand in ARGV from `first` on, with the fields of the head; `size` is the mean of
-- those before, in bytes.
local function store_bodies(key, from, first, size, fields)
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
  redis.call('HSET', key, 'up', from + count, 'sz', size, unpack(fields))
end

-- A canvas cannot take up a record of another one: that waits for other tasks, or has ended.
local function is_other_canvas(root)
  return ARGV[16] ~= '' and cjson.decode(ARGV[16]).g ~= root
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
