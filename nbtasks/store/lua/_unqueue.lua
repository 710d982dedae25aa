-- Taking waiting members out of the queue. What is missed here is skipped by the next take.

local function remove_slices(rid, names)
  if #names > 0 then
    local found = redis.call('HMGET', record_key(rid), 'q', 'h')
    local _, python = code_of(found[2])
    redis.call('ZREM', PREFIX .. 'sched', unpack(names))
    for _, name in ipairs(sources({ found[1] or QUEUE }, python, true)) do
      redis.call('ZREM', PREFIX .. 'ready:' .. name, unpack(names))
      if redis.call('ZREM', PREFIX .. 'ready:' .. name .. '%', unpack(names)) > 0 then
        for _, slice in ipairs(names) do
          limits().forget(name, slice)
        end
      end
    end
  end
end

-- Runs, as takes have cut them, and those that travel alone.
local function unqueue(rid, from, states)
  local names = {}
  for at, run in string.gmatch(states, '()(' .. PENDING .. '+)') do
    names[#names + 1] = slice_name(rid, from + at - 1, from + at - 1 + #run)
  end
  for at in string.gmatch(states, '()[' .. PENDING .. RETRY .. ']') do
    names[#names + 1] = slice_name(rid, from + at - 1, from + at)
  end
  remove_slices(rid, names)
end
