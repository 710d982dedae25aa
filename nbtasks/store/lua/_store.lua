-- Writing a record, as submit gets it (its ARGV is in submit.lua).
-- Parts    head

local LIGHT = 1000 -- bytes of a member that are not worth a word

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
