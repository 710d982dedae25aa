-- Queues that are not paused: only from those is anything taken, only for those is anybody woken.
-- Parts    sources

local function open_queues(queues)
  local open, since = {}, redis.call('HMGET', PREFIX .. 'paused', unpack(queues))
  for i, queue in ipairs(queues) do
    open[#open + 1] = not since[i] and queue or nil
  end
  return open
end

-- A wake-up is for one worker: while something is left, the next one is woken too. Where nothing is
-- left and this one was free, nobody need come: it has taken what others were woken for, as the
-- next step of a chain, and is told what is due later. Returns 1 where something is left.
local function pass_wake_on(queues, python, is_free)
  local names, left = sources(queues, python, true), 0
  if not names[1] then
    return 0
  end
  if redis.call('EXISTS', keys_of('ready:', names)) == 0 then
    if is_free then
      redis.call('UNLINK', keys_of('wake:', names))
    end
    return 0
  end
  for _, name in ipairs(names) do
    if redis.call('EXISTS', PREFIX .. 'ready:' .. name) == 1 then
      wake(name)
      left = 1
    end
  end
  return left
end
