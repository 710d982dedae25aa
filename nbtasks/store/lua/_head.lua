-- The head of a record, as submit gets it.
-- Parts    base usual more unique

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
  local fields = { 'h', ARGV[4], 'n', n, 'left', left, 'c', ARGV[6], 't0', NOW }
  say(fields, 'q', ARGV[5], QUEUE)
  say(fields, 'pr', ARGV[7], '0')
  say(fields, 'cap', ARGV[10], DELIVERIES)
  say(fields, 'keep', ARGV[11], KEPT)
  say(fields, 'un', claim_key(ARGV[8], rid, tonumber(ARGV[12])), '')
  say(fields, 'exp', after > 0 and NOW + after or 0, '0')
  for name, value in pairs(MORE) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  return fields
end
