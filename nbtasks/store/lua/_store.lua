-- Writing a record, as submit gets it (its ARGV is in submit.lua).

local function store_head(key, rid, n)
  local after, states = tonumber(ARGV[13]), ARGV[15]
  if states == '' then
    states = string.rep(PENDING, n)
  end
  local _, left = string.gsub(states, '%l', '')
  local expires = after > 0 and NOW + after or 0
  local fields = { 'h', ARGV[4], 'n', n, 'left', left, 'q', ARGV[5], 'c', ARGV[6], 'pr', ARGV[7] }
  redis.call('HSET', key, 'py', ARGV[8], 'fn', ARGV[9], 'cap', ARGV[10], unpack(fields))
  redis.call('HSET', key, 'keep', ARGV[11], 'exp', expires, 't0', NOW)
  redis.call('SET', states_key(rid), states)
end

-- The bodies that stand in ARGV from `first` on; `size` is the mean of those before, in bytes.
local function store_bodies(key, from, first, size)
  local fields, bytes = {}, 0
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
