-- Asking a worker something: it looks at its next heartbeat, which it is woken for.
-- Parts    slices

local ASK_TTL = 10000 -- ms: by then nobody waits for the answer

local function ask(worker, question)
  local key = PREFIX .. 'ask:' .. worker
  redis.call('ZADD', key, NOW, question)
  redis.call('PEXPIRE', key, ASK_TTL)
  wake('@' .. worker)
end
