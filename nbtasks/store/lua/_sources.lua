-- Where workers look for something to take.

local function keys_of(kind, names)
  local keys = {}
  for i, name in ipairs(names) do
    keys[i] = PREFIX .. kind .. name
  end
  return unpack(keys)
end

-- Where a worker looks, in this order: a queue's suspects, then the others, and of both first what
-- only its Python can load.
local function sources(queues, python, with_suspects)
  local names = {}
  for _, queue in ipairs(queues) do
    for _, suffix in ipairs(with_suspects and { '!', '' } or { '' }) do
      names[#names + 1] = queue .. '@' .. python .. suffix
      names[#names + 1] = queue .. suffix
    end
  end
  return names
end

-- Where there is something to take now, as far as one question tells: most of the time only the
-- plain queues hold anything. Rare is also what was sent to this worker alone.
local function likely_sources(queues, python, with_suspects)
  if not queues[1] then
    return nil
  end
  local names, plain, rare = sources(queues, python, with_suspects), {}, {}
  for _, name in ipairs(names) do
    local kind = string.find(name, '[@!]') and rare or plain
    kind[#kind + 1] = name
  end
  return redis.call('EXISTS', keys_of('ready:', rare)) == 0 and plain or names
end
